"""What releases show of OEMs is proposed, and decided on by operators."""

from datetime import timedelta

import pytest

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Oem, OemProposal, Release
from oemupdates.services.oem import catalogue, oem_proposals
from oemupdates.services.oem.oem_proposals import CannotDecide
from tests.services.makers import (
    NOW,
    last_activity,
    make_application,
    make_node,
    make_operator,
    make_release,
)

pytestmark = pytest.mark.django_db


def acme(version: str, **given: object) -> Release:
    return make_release(version, payloads=(OS_PAYLOAD, "oem-acme.gz"), **given)


def test_an_unknown_oem_is_added_with_where_it_was_seen() -> None:
    acme("4593.2.1")
    acme("4757.1.0")
    acme("4000.2.1", application=make_application())
    assert oem_proposals.look(NOW) == 1
    assert oem_proposals.look(NOW + timedelta(hours=1)) == 1
    row = OemProposal.objects.get()
    assert (row.first_version, row.last_version, row.made_at) == ("4593.2.1", "4757.1.0", NOW)
    added = oem_proposals.accept(row, by=make_operator())
    assert (added.is_custom, added.alpha_since, added.architectures) == (True, "4593.2.1", "amd64")
    assert added.source == "payloads of 4593.2.1 to 4757.1.0"
    assert last_activity().verb == "oem.added"
    assert oem_proposals.look(NOW) == 0
    with pytest.raises(CannotDecide):
        oem_proposals.accept(row, by=None)


def test_one_of_flatcars_is_corrected() -> None:
    make_release("4722.0.0", payloads=(OS_PAYLOAD, "oem-packet.gz"))
    oem_proposals.look(NOW)
    changed = oem_proposals.accept(OemProposal.objects.get(), by=None, why="It is back")
    assert (changed.dropped_in, changed.is_corrected) == ("", True)
    assert changed.source == "release branches; payloads of 4722.0.0"
    assert last_activity().why == "It is back"


def test_what_was_dismissed_is_proposed_again_only_if_releases_show_something_else() -> None:
    acme("4593.2.1")
    oem_proposals.look(NOW)
    oem_proposals.dismiss(OemProposal.objects.get(), by=None, why="Not ours")
    assert (last_activity().verb, last_activity().subject) == ("oem.proposal_dismissed", "acme")
    assert oem_proposals.look(NOW) == 0
    acme("4459.2.1")
    assert oem_proposals.look(NOW) == 1
    assert not Oem.objects.filter(oem_id="acme").exists()


def test_one_that_no_release_shows_any_more_is_gone() -> None:
    release = acme("4593.2.1")
    oem_proposals.look(NOW)
    release.payloads.filter(name="oem-acme.gz").delete()
    assert oem_proposals.look(NOW) == 0
    assert not OemProposal.objects.exists()


def test_unknown_oems_of_releases_and_nodes_are_asked_for() -> None:
    acme("4593.2.1")
    make_node(oem="ours")
    for oem in ("azure", "", "diskless", "../../etc", "UPPER"):
        make_node(oem=oem)
    names = oem_proposals.also_published(catalogue.load())
    assert names == ["oem-acme.gz", "oem-ours.gz"]
