"""What releases that came show of OEMs: proposed for the catalogue, and decided by operators."""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.db.models import F

from oemupdates.domain.oem import NO_OEM, Catalogue, is_id, payload_name
from oemupdates.domain.oem_seen import Carried, Proposal, Seen, propose, seen
from oemupdates.models import FLATCAR, NodeCount, Oem, OemProposal, Operator, Payload
from oemupdates.services.oem import catalogue
from oemupdates.services.oem.catalogue import Terms
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing

_PREFIX, _ENDING = "oem-", ".gz"
# Ids that nodes made up are asked for at another server, so not any number of them.
_MOST_ASKED = 20
_MOST_SOURCE = 200
_State = OemProposal.State


class CannotDecide(activity.Refused):
    """Somebody decided already, or releases show something else by now."""


def look(now: datetime) -> int:
    """Write down what the releases that are here show and nobody decided on; how many are open."""
    proposed = propose(catalogue.load(), _carried())
    with transaction.atomic():
        known: defaultdict[str, list[OemProposal]] = defaultdict(list)
        for row in OemProposal.objects.select_for_update().order_by("pk"):
            known[row.oem_id].append(row)
        kept = [_keep(one, known[one.oem], now) for one in proposed]
        still = [row.pk for row in kept if row.state == _State.OPEN]
        OemProposal.objects.filter(state=_State.OPEN).exclude(pk__in=still).delete()
    return len(still)


def _keep(proposal: Proposal, known: list[OemProposal], now: datetime) -> OemProposal:
    """A proposal's row: as it was decided, or as it is open."""
    changes = dict(proposal.changes)
    row = next((one for one in known if one.changes == changes), None)
    if row is not None and row.state == _State.DISMISSED:
        return row
    row = next((one for one in known if one.state == _State.OPEN), None) or OemProposal(
        oem_id=proposal.oem, made_at=now
    )
    row.is_new, row.changes = proposal.is_new, changes
    row.architectures = " ".join(proposal.seen.architectures)
    row.first_version, row.last_version = proposal.seen.first, proposal.seen.last
    row.save()
    return row


def accept(row: OemProposal, *, by: Operator | None, why: str = "") -> Oem:
    """Let the catalogue say what releases show; raises `CannotDecide` or `BadOem`."""
    with changing():
        _decide(row, _State.ACCEPTED)
        there = Oem.objects.filter(kind=Oem.Kind.OEM, oem_id=row.oem_id).first()
        if row.is_new:
            return catalogue.add(row.oem_id, _terms(Terms(), row), by=by, why=why)
        if there is None:
            raise CannotDecide(f"{row} is in the catalogue no more.")
        return catalogue.change(there, _terms(catalogue.terms_of(there), row), by=by, why=why)


def dismiss(row: OemProposal, *, by: Operator | None, why: str = "") -> None:
    """Leave the catalogue as it is; the same is not proposed again. Raises `CannotDecide`."""
    with transaction.atomic():
        _decide(row, _State.DISMISSED)
        named = activity.Named("oem_proposal", row.oem_id, row.pk)
        after = dict(row.changes)
        activity.record(verb="oem.proposal_dismissed", subject=named, by=by, after=after, why=why)


def _decide(row: OemProposal, state: OemProposal.State) -> None:
    open_row = OemProposal.objects.filter(pk=row.pk, state=_State.OPEN, changes=row.changes)
    if not open_row.update(state=state):
        raise CannotDecide(f"What releases show of {row} was decided on, or is out of date.")


def _terms(terms: Terms, row: OemProposal) -> Terms:
    changes = dict(row.changes)
    if machines := changes.pop("architectures", ""):
        changes["architectures"] = tuple(machines.split())
    seen_in = (
        row.first_version
        if row.first_version == row.last_version
        else f"{row.first_version} to {row.last_version}"
    )
    source = f"{terms.source}; payloads of {seen_in}".removeprefix("; ")
    return replace(terms, **changes, source=source[-_MOST_SOURCE:])


def seen_in_releases() -> dict[str, Seen]:
    """Between which of the releases that are here each OEM's payload was seen."""
    return seen(_carried())


def also_published(known: Catalogue) -> list[str]:
    """Names of payloads to ask a release server for, of OEMs that the catalogue does not know.

    They are those that other releases have, and those that nodes say they carry.
    """
    nodes = [oem for oem, _nodes in NodeCount.objects.by("oem") if oem not in NO_OEM]
    found = [*seen_in_releases(), *nodes]
    unknown = dict.fromkeys(oem for oem in found if oem not in known.oems and is_id(oem))
    return [payload_name(oem) for oem in unknown][:_MOST_ASKED]


def _carried() -> list[Carried]:
    """The releases of Flatcar that are here, with the OEMs that they have payloads for."""
    rows = Payload.objects.filter(
        release__application__uuid=FLATCAR, name__startswith=_PREFIX, name__endswith=_ENDING
    ).values_list(F("release__version"), F("release__architecture"), "name")
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for version, architecture, name in rows:
        oem = name.removeprefix(_PREFIX).removesuffix(_ENDING)
        if is_id(oem):
            found[version, architecture].add(oem)
    return [Carried(*release, frozenset(oems)) for release, oems in found.items()]
