"""Every other class of drift, with both sides of its rule, and the words of all."""

from typing import Any

import pytest

from oemupdates.domain.checkin import DERIVED, OBSERVED
from oemupdates.domain.drift import keep, measure
from oemupdates.domain.drift_facts import Basis, Drift, Found, Severity, Shipped
from oemupdates.domain.drift_words import BASES, MEANINGS, in_words
from oemupdates.domain.node import State
from oemupdates.domain.report import Extension, Report, StoredFile
from tests.domain.drift_maker import (
    BEACON,
    BUILD,
    NEXT,
    NO_FLAG,
    OLDER,
    RUNS,
    V,
    drifts,
    facts,
    first,
    image,
    report,
    stored,
    target,
)


class TestReports:
    def test_of_another_boot_are_stale_and_no_longer_count(self) -> None:
        said = report(boot_id="boot-0", extensions=())
        given = facts(said)
        found = drifts(given)
        assert found[0] is Drift.ASSUMED_IN_SYNC
        assert Drift.REPORT_STALE in found
        assert Drift.REPORT_NEVER not in found

    def test_of_this_boot_are_not_stale(self) -> None:
        found = drifts(facts(report()))
        assert Drift.REPORT_STALE not in found
        assert Drift.REPORT_NEVER not in found

    def test_that_never_came_are_told(self) -> None:
        assert Drift.REPORT_NEVER in drifts(facts())

    def test_win_over_the_beacon(self) -> None:
        assert first(facts(report(extensions=()), about=BEACON)).basis is Basis.REPORT

    @pytest.mark.parametrize(
        ("born", "wanted", "basis", "expected"),
        [
            ("2.9.1.1-r4", BUILD, DERIVED, True),
            (BUILD, BUILD, DERIVED, False),
            ("2.13.0", BUILD, DERIVED, False),
            ("2.9.1.1-r4", "", DERIVED, False),
            ("", BUILD, DERIVED, False),
            ("2.9.1.1-r4", BUILD, OBSERVED, False),
        ],
    )
    def test_birth_versions_are_told_where_nothing_better_is_known(
        self, born: str, wanted: str, basis: str, *, expected: bool
    ) -> None:
        runs = Shipped(V, frozenset(), wanted)
        given = facts(about={"birth_version": born, "oem_basis": basis}, runs=runs)
        assert (Drift.OEM_INSTALL_AGE in drifts(given)) is expected


class TestTheNextRelease:
    @pytest.mark.parametrize(
        ("said", "about", "next_", "drift"),
        [
            (report(), {}, target(), Drift.OEM_CUSTOM_UNSERVED),
            (report(), {}, target("oem-azure.gz"), None),
            (report(**NO_FLAG), {}, target(), None),
            (None, {}, target(), None),
            (report(), {}, target(version=V), None),
            (report(), {}, target(version=OLDER), None),
            (report(), {}, None, None),
            (None, {"oem": "packet"}, target(version="4722.0.0"), Drift.OEM_DROPPED_UPSTREAM),
            (None, {"oem": "packet"}, target(version="4721.0.0"), None),
            (None, {"oem": "packet"}, target("oem-packet.gz", version="4722.0.0"), None),
        ],
    )
    def test_lacks_what_its_oem_needs(
        self,
        said: Report | None,
        about: dict[str, Any],
        next_: Shipped | None,
        drift: Drift | None,
    ) -> None:
        found = drifts(facts(said, about=about, target=next_))[1:]
        unserved = {Drift.OEM_CUSTOM_UNSERVED, Drift.OEM_DROPPED_UPSTREAM} & set(found)
        assert unserved == ({drift} if drift else set())


PYTHON = image("flatcar-python", payload_version="")
HERE = stored(f"oem-azure-{V}.raw", f"flatcar-python-{V}.raw")


class TestExtensions:
    @pytest.mark.parametrize(
        ("images", "files", "next_", "drift"),
        [
            ((image(), PYTHON), HERE, RUNS, None),
            ((image(),), HERE, RUNS, Drift.EXT_NOT_MERGED),
            ((image(),), stored(f"oem-azure-{V}.raw"), RUNS, Drift.EXT_MISSING),
            ((image(), PYTHON._replace(target_exists=False)), HERE, RUNS, Drift.EXT_MISSING),
            ((image(), PYTHON), HERE, target("oem-azure.gz"), Drift.EXT_UNSERVED),
            ((image(), PYTHON), HERE, target("oem-azure.gz", "flatcar-python.gz"), None),
        ],
    )
    def test_that_are_switched_on(
        self,
        images: tuple[Extension, ...],
        files: tuple[StoredFile, ...],
        next_: Shipped,
        drift: Drift | None,
    ) -> None:
        said = report(enabled_sysext=("python",), extensions=images, files=files)
        found = [one for one in drifts(facts(said, target=next_)) if one.startswith("ext_")]
        assert found == ([drift] if drift else [])

    def test_that_are_not_or_are_within_the_os_are_not_asked_for(self) -> None:
        for enabled in ((), ("containerd-flatcar",)):
            said = report(enabled_sysext=enabled)
            assert not [one for one in drifts(facts(said)) if one.startswith("ext_")]


class TestComponents:
    """What systemd-sysupdate brings, against what the group's list begins with."""

    @pytest.mark.parametrize(
        ("has", "wanted", "drift"),
        [
            ("v1.31.0", "v1.31.0", None),
            ("v1.30.9", "v1.31.0", Drift.SYSUPDATE_BEHIND),
            ("v1.9.0", "v1.10.0", Drift.SYSUPDATE_BEHIND),
            ("v1.31.1", "v1.31.0", Drift.SYSUPDATE_AHEAD),
        ],
    )
    def test_are_behind_or_ahead(self, has: str, wanted: str, drift: Drift | None) -> None:
        path = f"../../opt/extensions/kubernetes/kubernetes-{has}-x86-64.raw"
        said = report(extensions=(image(), image("kubernetes", target=path)))
        given = facts(said, components=(("kubernetes", wanted), ("wasmtime", "1.0")))
        found = [one for one in measure(given) if one.drift.startswith("sysupdate_")]
        subject = [Found(drift, Basis.REPORT, "kubernetes", wanted)] if drift else []
        assert found == subject

    @pytest.mark.parametrize(
        "said",
        [
            None,
            report(),
            report(boot_id="another", extensions=(image(), image("kubernetes"))),
            report(extensions=(image(), image("kubernetes", target="/opt/kubernetes.raw"))),
        ],
    )
    def test_are_neither_where_nobody_says_which_version_is_there(
        self, said: Report | None
    ) -> None:
        given = facts(said, components=(("kubernetes", "v1.31.0"),))
        assert not [one for one in drifts(given) if one.startswith("sysupdate_")]


@pytest.mark.parametrize(
    ("about", "own", "drift", "expected"),
    [
        ({"postinst_failures": 3}, {}, Drift.UPDATE_BLOCKED, True),
        ({"postinst_failures": 2}, {}, Drift.UPDATE_BLOCKED, False),
        ({"postinst_failures": 2}, {"max_postinst_failures": 2}, Drift.UPDATE_BLOCKED, True),
        ({"rolled_back_version": NEXT}, {}, Drift.ROLLED_BACK, True),
        ({}, {}, Drift.ROLLED_BACK, False),
        ({}, {"is_duplicate": True}, Drift.DUPLICATE_MACHINE_ID, True),
        ({}, {}, Drift.DUPLICATE_MACHINE_ID, False),
        ({}, {"fetched_at_boot": True}, Drift.BOOT_FETCH, True),
        ({}, {}, Drift.BOOT_FETCH, False),
        ({}, {"took_elsewhere": True}, Drift.PUBLIC_FALLBACK, True),
        ({}, {}, Drift.PUBLIC_FALLBACK, False),
        ({}, {"was_reset": True}, Drift.NODE_RESET, True),
        ({}, {}, Drift.NODE_RESET, False),
        ({"state": State.REBOOT_PENDING}, {"reboot_days": 6.9}, Drift.REBOOT_PENDING, True),
        ({"state": State.REBOOT_PENDING}, {"reboot_days": 7.0}, Drift.REBOOT_PENDING, False),
        ({"state": State.REBOOT_PENDING}, {"reboot_days": 7.0}, Drift.REBOOT_OVERDUE, True),
        ({"state": State.REBOOT_PENDING}, {"reboot_days": 6.9}, Drift.REBOOT_OVERDUE, False),
        ({}, {"reboot_days": 9.0}, Drift.REBOOT_OVERDUE, False),
        ({}, {"target": target()}, Drift.OS_BEHIND, True),
        ({}, {}, Drift.OS_BEHIND, False),
        ({}, {"target": target(version=OLDER)}, Drift.OS_AHEAD, True),
        ({}, {"target": None}, Drift.OS_AHEAD, False),
        ({"version": "own build"}, {"target": target()}, Drift.OS_BEHIND, False),
        ({}, {"runs": None}, Drift.OS_UNKNOWN, True),
        ({}, {}, Drift.OS_UNKNOWN, False),
    ],
)
def test_what_becomes_of_its_updates(
    about: dict[str, Any], own: dict[str, Any], drift: Drift, *, expected: bool
) -> None:
    assert (drift in drifts(facts(about=about, **own))) is expected


def test_what_is_kept_of_it_leaves_out_what_moves_with_every_release() -> None:
    about = {"rolled_back_version": NEXT, "birth_version": ""}
    given = facts(about=about, target=target())
    assert Drift.OS_BEHIND in drifts(given)
    assert keep(measure(given)) == ("assumed_in_sync report_never rolled_back", "derived")


@pytest.mark.parametrize("drift", list(Drift))
def test_every_class_has_its_words(drift: Drift) -> None:
    said = in_words(Found(drift, Basis.REPORT, "azure", V))
    assert (said.sentence[-1], said.way_out[-1]) == (".", ".")
    assert "{" not in said.sentence
    assert said.label


def test_no_class_and_no_basis_is_without_words() -> None:
    assert set(MEANINGS) == set(Drift)
    assert set(BASES) == set(Basis)
    assert {meaning.severity for meaning in MEANINGS.values()} == set(Severity)


def test_nothing_that_is_well_is_more_than_an_information() -> None:
    given = [in_words(found) for found in measure(facts(report()))]
    assert [said.drift for said in given] == [Drift.IN_SYNC]
    assert [said.severity for said in given] == [Severity.OK]
