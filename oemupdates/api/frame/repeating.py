"""Requests that are sent again: with an Idempotency-Key they are done once."""

import re
from collections.abc import Callable

from django.http import HttpResponse

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.problems import Fault, Invalid
from oemupdates.services.shared import idempotency

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_KEY = re.compile(r"[!-~]{1,255}")
_HEADERS = ("Content-Type", "ETag", "Cache-Control", "Location")


def once(call: Call, change: Callable[[], HttpResponse]) -> HttpResponse:
    """Do something unless it was done with this key; then answer as it was answered."""
    request = call.request
    key = request.headers[HEADER]
    if not _KEY.fullmatch(key):
        fault = Fault(HEADER, "1 to 255 letters, digits or signs of ASCII, without spaces.")
        raise Invalid("See errors for what is wrong.", faults=[fault])
    # Two tokens of one operator may do different things: neither sees what the other did.
    caller = f"{call.by.pk}:{getattr(request.auth, 'pk', 'session')}"
    fingerprint = idempotency.fingerprint(
        str(request.method),
        request.get_full_path(),
        request._request.body,  # noqa: SLF001
    )
    with idempotency.once(caller=caller, key=key, fingerprint=fingerprint) as record:
        if record.kept is not None:
            return _replay(record.kept)
        response = change()
        headers = {name: response[name] for name in _HEADERS if name in response}
        record.keep(idempotency.Kept(response.status_code, headers, response.content))
        return response


def _replay(kept: idempotency.Kept) -> HttpResponse:
    response = HttpResponse(kept.body, status=kept.status)
    del response["Content-Type"]
    for name, value in kept.headers.items():
        response[name] = value
    response[REPLAYED] = "true"
    return response
