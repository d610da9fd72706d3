"""Values as JSON has them: a number is no text, a text no time, and nothing is guessed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import models
from rest_framework import serializers

MAX_KEY = 2**63 - 1
# Times beyond stand for these, from which some days can be taken or added to them.
_FIRST, _LAST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


class Text(serializers.CharField):
    """A text, as it is; a number is none. What it may say is the service's to judge."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{"trim_whitespace": False} | given)

    def to_internal_value(self, data: Any) -> str:
        """Take texts alone."""
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Words(serializers.CharField):
    """What a parameter says, as it is."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{"trim_whitespace": False, "allow_blank": True} | given)


class Whole(serializers.IntegerField):
    """A whole number; neither `"1"` nor `true` is one."""

    def to_internal_value(self, data: Any) -> int:
        """Take whole numbers alone, those with an empty fraction among them, as JSON has it."""
        if isinstance(data, bool) or not isinstance(data, int | float) or data != int(data):
            self.fail("invalid")
        return int(super().to_internal_value(int(data)))


class Flag(serializers.BooleanField):
    """True or false, in no other words."""

    def to_internal_value(self, data: Any) -> bool:
        """Take booleans alone."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Moment(serializers.DateTimeField):
    """A time of RFC 3339, with its zone."""

    def to_internal_value(self, value: Any) -> datetime:
        """Take texts with a zone alone."""
        if not isinstance(value, str):
            self.fail("invalid", format="2026-09-01T12:00:00Z")
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            self.fail("invalid", format="2026-09-01T12:00:00Z")
        if read.tzinfo is None:
            self.fail("invalid", format="2026-09-01T12:00:00Z")
        if not _FIRST.year <= read.year <= _LAST.year:
            return _FIRST if read.year < _FIRST.year else _LAST
        # PostgreSQL knows no zone that is sixteen hours off or more.
        return read.astimezone(UTC)


def key(**given: Any) -> Whole:
    """The key of a row."""
    return Whole(min_value=1, max_value=MAX_KEY, **given)


class Body(serializers.Serializer[Any]):
    """What a request says; a field that is not known is refused, and never ignored."""

    is_strict = True

    def to_internal_value(self, data: Any) -> Any:
        """Read the fields, after refusing those that nobody knows."""
        if not isinstance(data, Mapping):
            raise serializers.ValidationError(
                {"non_field_errors": ["The body must be an object."]}
            )
        unknown = set(data) - set(self.fields)
        if unknown:
            raise serializers.ValidationError(
                dict.fromkeys(sorted(unknown), "There is no such field.")
            )
        return super().to_internal_value(data)


class Reasoned(Body):
    """Why something is done, for colleagues to read; it may be left out."""

    why = Text(required=False, allow_blank=True, max_length=500)


class Asked(serializers.Serializer[Any]):
    """What the parameters of a URL say, beyond those that every list knows."""

    is_strict = True


class Plain(serializers.Serializer[Any]):
    """How something that is no row is shown."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """The fields, none of which can be written."""
        return _read_only(super().get_fields())


class Shape(serializers.ModelSerializer[models.Model]):
    """How a row is shown."""

    def build_standard_field(
        self,
        field_name: str,
        model_field: "models.Field[Any, Any]",
    ) -> tuple[type[serializers.Field[Any, Any, Any, Any]], dict[str, Any]]:
        """Promise no more of a number than its sign: its range is the database's own."""
        found, given = super().build_standard_field(field_name, model_field)
        given.pop("max_value", None)
        if given.get("min_value", 0) < 0:
            del given["min_value"]
        return found, given

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """The fields, none of which can be written."""
        return _read_only(super().get_fields())


def _read_only(
    fields: dict[str, serializers.Field[Any, Any, Any, Any]],
) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
    for field in fields.values():
        field.read_only = True
        field.required = False
        for one in (field, getattr(field, "child", None)):
            if isinstance(one, serializers.CharField):
                one.allow_blank = True  # what is shown may be empty
    return fields
