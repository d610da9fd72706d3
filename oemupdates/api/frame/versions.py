"""ETags: which version of something a client read, and whether it is still that one."""

import re
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from oemupdates.api.frame.answering import digest, dump, shaped
from oemupdates.api.frame.problems import Fault, Invalid, StaleVersion, VersionRequired

_TAG = re.compile(r'(W/)?"([!#-~]*)"')
_STAR = "*"
PATTERN = r'^(\*|(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*)$'


def version(shape: type[serializers.Serializer[Any]], shown: dict[str, Any]) -> str:
    """What a client may change of a thing, as one word.

    What happens by itself, a check-in for one, is no reason to refuse a change: it is no part of
    the version, where the shape says what is `changeable`.
    """
    names = getattr(shape, "changeable", None)
    return digest(dump(shown if names is None else {name: shown[name] for name in names}))


def tag(version: str, body: bytes) -> str:
    """The ETag of a representation: the version of the thing, and the very bytes."""
    return f'"{version}.{digest(body)}"'


def is_known(request: Request, etag: str) -> bool:
    """Whether the client has the representation already (If-None-Match)."""
    header = request.headers.get("If-None-Match", "").strip()
    if header == _STAR:
        return True
    return etag.strip('"') in {known for _weak, known in _TAG.findall(header)}


def check(request: Request, shape: type[serializers.Serializer[Any]], thing: Any) -> None:
    """Refuse a change of a thing that is not any more what the client read (If-Match).

    Call it where nobody else can change the thing any more until the change is done.
    """
    header = request.headers.get("If-Match", "").strip()
    if header == _STAR:
        return
    known = {word.partition(".")[0] for weak, word in _TAG.findall(header) if not weak}
    if version(shape, shaped(shape, thing)) not in known:
        raise StaleVersion("It is not any more what you read: read it again, then decide.")


def require(request: Request, *, is_needed: bool) -> None:
    """Refuse a change that does not say what it was decided on, or says it in no ETag."""
    header = request.headers.get("If-Match", "").strip()
    if header and not re.match(PATTERN, header):
        fault = Fault("If-Match", 'An ETag reads as "3f1c09a2", with its quotes.')
        raise Invalid("See errors for what is wrong.", faults=[fault])
    if is_needed and not header:
        raise VersionRequired('Send If-Match with the ETag of what you read, or "*".')
