"""How what a node reported of its images changes what is remembered of it."""

from typing import Any

import pytest

from oemupdates.domain.hearing import hear, hear_report
from oemupdates.domain.report import Extension, Report
from oemupdates.domain.reported import end
from tests.domain.plain import (
    BOOT,
    NEW,
    NEXT_BOOT,
    NOW,
    check,
    node,
)

IMAGE = Extension("oem-azure", merged=True, version_id=NEW, payload_version="2.13.0")


def report(image: Extension | None = IMAGE, **changes: Any) -> Report:
    said = {"boot_id": BOOT.strip("{}"), "oem": "azure", "extensions": (image,) if image else ()}
    return Report(**said | changes)


class TestReports:
    """Without a beacon, what a report of this boot saw is observed too."""

    known = node(version=NEW, oem="azure", oem_basis="derived", oem_version=NEW)

    @pytest.mark.parametrize(
        ("image", "seen"),
        [
            (IMAGE, ("observed", NEW, "2.13.0")),
            (IMAGE._replace(payload_version=""), ("observed", NEW, "")),
            (IMAGE._replace(payload_version="a/b"), ("observed", NEW, "")),
            (
                IMAGE._replace(version_id="", sysext_level="1.0"),
                ("observed", "level-1.0", "2.13.0"),
            ),
            (IMAGE._replace(version_id=""), ("observed", "_any", "2.13.0")),
            (IMAGE._replace(merged=False), ("observed", "", "")),
            (None, ("observed", "", "")),
            # What no row has room for is not told.
            (IMAGE._replace(version_id="9" * 61), ("derived", NEW, "")),
        ],
    )
    def test_tell_what_is_merged(
        self, image: Extension | None, seen: tuple[str, str, str]
    ) -> None:
        told = hear_report(self.known, report(image))
        assert (told.oem_basis, told.oem_version, told.oem_build) == seen
        again = hear(told, check(version=NEW, oem="azure"), NOW).node
        assert (again.oem_basis, again.oem_version, again.oem_build) == seen

    def test_that_came_before_the_check_in_of_their_boot_count_from_then(self) -> None:
        early = hear_report(self.known, report(boot_id=NEXT_BOOT.strip("{}")))
        assert early.oem_basis == "derived"
        heard = hear(early, check(version=NEW, oem="azure", boot_id=NEXT_BOOT), NOW).node
        assert (heard.oem_basis, heard.oem_build) == ("observed", "2.13.0")

    @pytest.mark.parametrize(
        "changes", [{"boot_id": NEXT_BOOT}, {"oem": "ami"}, {"boot_id": ""}], ids=repr
    )
    def test_of_another_boot_or_oem_count_no_more(self, changes: dict[str, str]) -> None:
        told = hear_report(self.known, report())
        if not changes.get("boot_id", "x"):
            told.reported, told.boot_id = end(told.reported), ""
        heard = hear(told, check(**{"version": NEW, "oem": "azure"} | changes), NOW).node
        assert (heard.oem_basis, heard.oem_build) == ("derived", "")

    def test_give_way_to_the_beacon(self) -> None:
        said = check(version=NEW, oem="azure", oem_version=f"sysext/{NEW}/2.12.0")
        beacon = hear(self.known, said, NOW).node
        told = hear_report(beacon, report())
        assert (told.oem_build, told.reported != "") == ("2.12.0", True)
        assert hear(told, said, NOW).node.oem_build == "2.12.0"

    def test_follow_one_another(self) -> None:
        first = hear_report(self.known, report())
        then = hear_report(first, report(IMAGE._replace(payload_version="2.14.0")))
        assert (then.oem_basis, then.oem_build) == ("observed", "2.14.0")
