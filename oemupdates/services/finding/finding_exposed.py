"""Which nodes have a known hole, as a query asks for them."""

from oemupdates.domain.query import BadQuery, Key, Term
from oemupdates.models import Advisory
from oemupdates.models.cells import Cells, Test
from oemupdates.models.ran import as_text, from_text
from oemupdates.services.security import exposure


def exposed(term: Term, cells: Cells) -> Test:
    """Of all that nodes run, what has a hole that a term names, or what nobody can say it of.

    Raises `BadQuery` if there is no such advisory.
    """
    every = [from_text(str(one)) for one in cells.distinct("ran")]
    found: set[str] = set()
    for name in term.texts:
        row = Advisory.objects.filter(name__iexact=name).first()
        if row is None:
            raise BadQuery(f"There is no advisory {name!r}.")
        holed, unknown = exposure.tell_apart(row, every)
        found.update(as_text(ran) for ran in (holed if term.key is Key.EXPOSED else unknown))
    return Test(str(term), "ran", found, term.is_negated)
