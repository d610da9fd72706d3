import pytest

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.published import expected, names
from oemupdates.domain.shipped import SHIPPED


class TestNames:
    @pytest.mark.parametrize("architecture", ["amd64", "arm64"])
    def test_starts_with_what_every_release_has(self, architecture):
        assert names(SHIPPED, architecture)[0] == OS_PAYLOAD
        assert len(set(names(SHIPPED, architecture))) == len(names(SHIPPED, architecture))

    def test_knows_what_is_for_one_architecture_only(self):
        assert "oem-vmware.gz" in names(SHIPPED, "amd64")
        assert "oem-vmware.gz" not in names(SHIPPED, "arm64")
        assert "flatcar-nvidia-drivers-550.gz" not in names(SHIPPED, "arm64")


class TestExpected:
    def test_expects_oems_only_of_releases_that_have_them_as_sysexts(self):
        assert "oem-azure.gz" in expected(SHIPPED, "4593.2.1", "amd64")
        assert expected(SHIPPED, "3000.0.0", "amd64") == frozenset()

    def test_is_among_the_names_that_are_tried(self):
        assert expected(SHIPPED, "4593.2.1", "arm64") <= set(names(SHIPPED, "arm64"))
