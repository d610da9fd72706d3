"""All that a node runs as one text, so that a list can ask for any number of combinations."""

from django.db.models import CharField, Value
from django.db.models.functions import Concat

from oemupdates.domain.exposure import Ran

# No check-in may hold it.
_BETWEEN = "\x1f"

_parts: list[str | Value] = [Ran._fields[0]]
for _name in Ran._fields[1:]:
    _parts += [Value(_BETWEEN), _name]
RAN = Concat(*_parts, output_field=CharField())


def as_text(ran: Ran) -> str:
    """The same of values that were read."""
    return _BETWEEN.join(ran)


def from_text(text: str) -> Ran:
    """The values of such a text."""
    return Ran(*text.split(_BETWEEN))
