"""Asking for pages from inside the process, and what each of them cost it."""

import gzip
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any, cast

from django.conf import settings
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client

from bench.addresses import NEXT, Address, addresses
from oemupdates.models import Operator
from oemupdates.services.access import proof

OK, REDIRECTS = 200, range(300, 400)
# Verbs, which have no page, and what leads elsewhere, such as a log-in for who is logged in.
NOT_SHOWN = {405, *REDIRECTS}


@dataclass(slots=True)
class Cost:
    """What one answer cost: of a stream, up to its first bytes. Times are milliseconds."""

    status: int
    wall: float
    cpu: float
    queries: list[str]
    body: bytes
    is_stream: bool = False

    @property
    def kilobytes(self) -> float:
        """How much of it goes over the wire."""
        return len(gzip.compress(self.body, 6)) / 1000


class Asker:
    """Somebody who may see everything, and is never told that they ask too often."""

    def __init__(self, operator: Operator) -> None:
        self._client = Client(headers={"host": settings.ALLOWED_HOSTS[0]})
        self._client.force_login(operator)
        session = self._client.session
        proof.prove(session)
        session.save()

    def ask(self, url: str) -> Cost:
        """Ask once."""
        queries: list[str] = []
        with connection.execute_wrapper(_noting(queries)):
            wall, cpu = time.perf_counter(), time.process_time()
            answer: Any = self._client.get(url)
            body = _first_bytes(answer)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        if answer.streaming:
            # What is left of it must not end in the middle of another request: left to the garbage
            # collector, it crashed Python 3.11 in every second run of the tests.
            answer._iterator.close()  # noqa: SLF001 - closing the response would close the database
        return Cost(answer.status_code, wall * 1e3, cpu * 1e3, queries, body, answer.streaming)

    def pages(self) -> Iterator[tuple[Address, Cost]]:
        """Ask each address once; of each list also the next page, and of the API its tables."""
        for address in addresses():
            cost = self.ask(address.url)
            if cost.status in NOT_SHOWN:
                continue
            yield address, cost
            for further in _further(address, cost):
                yield further, self.ask(further.url)


def _noting(queries: list[str]) -> Callable[..., Any]:
    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        queries.append(sql)
        return execute(sql, *rest)

    return note


def _first_bytes(answer: HttpResponse | StreamingHttpResponse) -> bytes:
    if isinstance(answer, StreamingHttpResponse):
        return next(iter(cast(Iterator[bytes], answer.streaming_content)), b"")
    return answer.content


def _further(address: Address, cost: Cost) -> Iterator[Address]:
    """The next page of a list, and the list as a table, where there are such."""
    text = cost.body.decode(errors="replace") if cost.status == OK and not cost.is_stream else ""
    joint = "&" if "?" in address.url else "?"
    if address.route.startswith("api:"):
        if text.startswith('{"items":') or '"items":[' in text[:2000]:
            query = f"{address.query} as CSV".lstrip()
            yield Address(address.route, query, f"{address.url}{joint}format=csv")
        following = _next_of_json(text)
    else:
        found = NEXT.search(text)
        following = unescape(found[1]) if found else ""
    if following:
        url = following if following.startswith("/") else address.url.partition("?")[0] + following
        yield Address(address.route, f"{address.query} next page".lstrip(), url)


def _next_of_json(text: str) -> str:
    before, found, rest = text.partition('"next":"')
    return rest.partition('"')[0] if found and before else ""
