"""What boots, disk images and versions tell of a node's past."""

from datetime import timedelta

import pytest

from oemupdates.domain.boots import BOOTS_RETURN_WITHIN
from oemupdates.domain.checkin import DERIVED, REPORTED
from oemupdates.domain.hearing import hear
from oemupdates.domain.node import Node, State
from tests.domain.plain import FIRST, LATER, NEW, NOW, OLD, check, node

LEGACY, THIRD = "3510.2.0", "4081.2.0"


def heard(*boots: str, apart: timedelta = timedelta(hours=1)) -> Node:
    """A node whose check-ins come from these boots, one after the other."""
    known = node(boot_id=f"{{{boots[0]}}}")
    for number, boot in enumerate(boots[1:], start=1):
        known = hear(known, check(boot_id=f"{{{boot}}}"), NOW + number * apart).node
    return known


class TestBootsThatComeBack:
    @pytest.mark.parametrize(
        ("boots", "returns"),
        [("a", 0), ("aab", 0), ("abc", 0), ("aba", 1), ("abab", 2), ("abcab", 2), ("abcdea", 0)],
    )
    def test_are_counted(self, boots: str, returns: int) -> None:
        assert heard(*boots).boot_returns == returns

    def test_are_counted_anew_after_a_day(self) -> None:
        assert heard(*"abab", apart=BOOTS_RETURN_WITHIN).boot_returns == 1

    def test_leave_a_node_alone_that_tells_no_boot(self) -> None:
        known = hear(node(), check(boot_id=""), LATER).node
        assert (known.former_boots, known.boot_returns) == ("", 0)


class TestBeginningAnew:
    def test_is_seen_by_the_first_check_of_a_root_file_system(self) -> None:
        known = hear(node(), check(FIRST, boot_id="{b}"), LATER).node
        assert (known.reset_at, known.state) == (LATER, State.NEW)

    @pytest.mark.parametrize("version", [OLD, NEW])
    def test_is_seen_by_another_disk_image_on_any_version(self, version: str) -> None:
        before = node(rolled_back_version=NEW, postinst_failures=3, ported_versions=OLD)
        said = check(boot_id="{b}", aleph_version=NEW, version=version)
        known = hear(before, said, LATER).node
        assert known.reset_at == LATER
        assert (known.rolled_back_version, known.postinst_failures) == ("", 0)
        assert known.ported_versions == ""

    def test_is_no_news_of_the_same_image_nor_of_one_that_is_not_told(self) -> None:
        for aleph in (OLD, ""):
            known = hear(node(), check(boot_id="{b}", aleph_version=aleph), LATER).node
            assert known.reset_at is None

    def test_is_not_what_clones_do_that_take_turns(self) -> None:
        known = node(former_boots="{b}")
        known = hear(known, check(boot_id="{b}", aleph_version=NEW), LATER).node
        assert (known.reset_at, known.boot_returns) == (None, 1)


class TestAFormerInstallation:
    """It is migrated by two updates to versions with a sysext."""

    def test_runs_its_sysext_on_the_second_version_that_has_one(self) -> None:
        known = node(version=LEGACY, aleph_version=LEGACY, oem_basis=REPORTED)
        seen = []
        for number, version in enumerate((LEGACY, THIRD, THIRD, OLD, NEW)):
            said = check(version=version, aleph_version=LEGACY, boot_id=f"{{{number}}}")
            known = hear(known, said, LATER).node
            seen.append(known.oem_basis)
        assert seen == [REPORTED, REPORTED, REPORTED, DERIVED, DERIVED]
        assert known.ported_versions == f"{THIRD} {OLD}"

    def test_is_not_migrated_by_coming_back_to_the_same_version(self) -> None:
        known = node(version=LEGACY, aleph_version=LEGACY, oem_basis=REPORTED)
        for number, version in enumerate((THIRD, LEGACY, THIRD)):
            said = check(version=version, aleph_version=LEGACY, boot_id=f"{{{number}}}")
            known = hear(known, said, LATER).node
        assert known.oem_basis == REPORTED

    def test_of_an_oem_that_no_update_migrates_stays(self) -> None:
        known = node(version="4230.2.3", aleph_version="4230.2.3", oem="hyperv")
        for number, version in enumerate(("4459.2.4", "4593.2.1")):
            said = check(
                version=version, aleph_version="4230.2.3", oem="hyperv", boot_id=f"{{{number}}}"
            )
            known = hear(known, said, LATER).node
        assert known.oem_basis == REPORTED


def test_a_state_has_its_age() -> None:
    known = hear(None, check(FIRST), NOW).node
    assert known.state_at == NOW
    assert hear(known, check(), LATER).node.state_at == NOW
