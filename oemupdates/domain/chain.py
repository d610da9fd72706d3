"""The chain of activity: each row's hash covers its content and the hash of the row before."""

import hashlib
import json
from collections.abc import Mapping

# What the first row calls the hash before it.
START = "0" * 64


def link(previous: str, content: Mapping[str, object]) -> str:
    """The hash of a row, from the hash of the row before and its content in plain JSON values.

    The same content gives the same text, whatever the order of its names, and so the same hash.
    """
    text = json.dumps([previous, content], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
