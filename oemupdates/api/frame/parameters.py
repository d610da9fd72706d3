"""The parameters that every list knows, and those of whatever has fields."""

from collections.abc import Callable, Mapping
from typing import Any

from rest_framework import serializers

from oemupdates.api.frame.fields import Words

ROWS, MAX_ROWS = 50, 500
# The parameter that asks for a moment of the past.
AT = "at"

Makers = Mapping[str, Callable[[], serializers.Field[Any, Any, Any, Any]]]

FIELDS: Makers = {
    "fields": lambda: Words(
        required=False,
        allow_blank=False,
        help_text="Show these fields alone: their names, separated by commas.",
    )
}
LISTED: Makers = {
    **FIELDS,
    "limit": lambda: serializers.IntegerField(
        default=ROWS, min_value=1, max_value=MAX_ROWS, help_text="How many rows a page has."
    ),
    "cursor": lambda: Words(
        required=False,
        max_length=1000,
        help_text="Which page: out of `next` or `previous` of another page of the same list.",
    ),
    "format": lambda: serializers.ChoiceField(
        ["json", "csv"],
        required=False,
        help_text="`csv` gives the whole list, not a page of it, as a table.",
    ),
}
