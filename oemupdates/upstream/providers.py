"""Identity providers, asked for JSON: once, briefly, and led nowhere else."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import requests
from urllib3.exceptions import HTTPError

from oemupdates.upstream.session import Answer, Route, Unreachable, why

# Somebody waits, and a thread with them: a provider that is slower than that is away.
CONNECT_SECONDS, READ_SECONDS, WHOLE_SECONDS = 3.0, 5.0, 15.0
MOST_BYTES = 1024 * 1024
_OK = range(200, 300)


@dataclass(frozen=True, slots=True)
class Found:
    """A document of a provider, and where the next of its kind is."""

    document: Any
    next_url: str = ""


class Conversation:
    """What is said to one provider during one log-in; over when it takes too long in all."""

    def __init__(self, route: Route) -> None:
        self._ends = time.monotonic() + WHOLE_SECONDS
        self._session = requests.Session()
        self._session.trust_env = False  # a .netrc would add passwords of its own
        self._session.verify = route.ca_file or True
        if route.proxy:
            self._session.proxies = {"http": route.proxy, "https": route.proxy}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()

    def get(self, url: str, *, bearer: str = "") -> Found:
        """A document; raises `Unreachable`."""
        return self._ask(
            "GET", url, headers={"authorization": f"Bearer {bearer}"} if bearer else {}
        )

    def post(
        self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None
    ) -> Any:
        """The answer to a form, with a name and a password if they are wanted so."""
        return self._ask("POST", url, form=form, basic=basic).document

    def _ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        basic: tuple[str, str] | None = None,
    ) -> Found:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise Unreachable(f"{url} was not asked: those before took too long.")
        try:
            with self._session.request(
                method,
                url,
                data=form,
                auth=basic,
                headers={
                    "accept": "application/json",
                    "accept-encoding": "identity",
                    "user-agent": "oem-fleet",
                    **(headers or {}),
                },
                stream=True,
                allow_redirects=False,
                timeout=(min(left, CONNECT_SECONDS), min(left, READ_SECONDS)),
            ) as response:
                return self._read(url, response)
        except (requests.RequestException, HTTPError, OSError) as problem:
            raise Unreachable(f"{url} cannot be reached: {why(problem)}.") from problem

    def _read(self, url: str, response: requests.Response) -> Found:
        if response.status_code not in _OK:
            raise Unreachable(f"{url} answers {response.status_code}.")
        content = bytearray()
        for piece in Answer(url, response).pieces():
            content += piece
            if len(content) > MOST_BYTES:
                raise Unreachable(f"{url} is longer than {MOST_BYTES} bytes.")
            if time.monotonic() > self._ends:
                raise Unreachable(f"{url} did not come to its end in time.")
        try:
            document = json.loads(bytes(content))
        except (ValueError, RecursionError) as error:
            raise Unreachable(f"{url} holds no JSON.") from error
        return Found(document, response.links.get("next", {}).get("url", ""))


def table(document: object, url: str) -> Mapping[str, Any]:
    """A document that must be a JSON object."""
    if not isinstance(document, dict):
        raise Unreachable(f"{url} holds something else than it should.")
    return document
