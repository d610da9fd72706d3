import pytest

from oemupdates.domain.extension import BadExtension, ExtensionRelease, check, parse

AZURE = ExtensionRelease(id="flatcar", version="4593.2.1", architecture="x86-64")


class TestParse:
    def test_reads_the_fields(self) -> None:
        text = (
            '# made by hand\n\nID=flatcar\nVERSION_ID="4757.1.0"\nSYSEXT_VERSION_ID=13.0.10\n'
            "ARCHITECTURE='x86-64'\nSYSEXT_SCOPE=system\n"
        )
        assert parse(text) == ExtensionRelease(
            id="flatcar", version="4757.1.0", own_version="13.0.10", architecture="x86-64"
        )

    def test_of_an_old_image_reads_the_level(self) -> None:
        assert parse("ID=flatcar\nSYSEXT_LEVEL=1.0\n").level == "1.0"

    @pytest.mark.parametrize("text", ["", "no field at all", "=\n==\n"])
    def test_leaves_empty_what_is_not_there(self, text: str) -> None:
        assert parse(text) == ExtensionRelease()

    @pytest.mark.parametrize(
        "text", ['ID="flatcar\n', "VERSION_ID=" + "4" * 129, "SYSEXT_VERSION_ID=1\a2"]
    )
    def test_refuses_what_no_image_says(self, text: str) -> None:
        with pytest.raises(BadExtension):
            parse(text)


class TestCheck:
    @pytest.mark.parametrize(
        "inside",
        [
            AZURE,
            ExtensionRelease(id="flatcar", version="4593.2.1"),
            ExtensionRelease(id="flatcar", level="1.0"),
            ExtensionRelease(id="_any"),
        ],
    )
    def test_takes_what_a_node_would_merge(self, inside: ExtensionRelease) -> None:
        check(inside, version="4593.2.1", architecture="amd64")

    def test_takes_the_images_of_a_nightly_which_do_not_say_its_build(self) -> None:
        nightly = "4799.0.0+nightly-20260821-2100"
        check(ExtensionRelease("flatcar", "4799.0.0"), version=nightly, architecture="amd64")
        with pytest.raises(BadExtension, match=r"built for 4799\.0\.1"):
            check(ExtensionRelease("flatcar", "4799.0.1"), version=nightly, architecture="amd64")

    @pytest.mark.parametrize(
        ("inside", "why"),
        [
            (ExtensionRelease(), "for no system at all"),
            (ExtensionRelease(id="debian", version="12"), "for debian, not for Flatcar"),
            (ExtensionRelease(id="flatcar"), "built for no version at all"),
            (ExtensionRelease(id="flatcar", version="4593.2.0"), "built for 4593.2.0"),
            (ExtensionRelease(id="flatcar", version="4593.2.10"), "built for 4593.2.10"),
            (
                ExtensionRelease(id="flatcar", version="4593.2.1", architecture="arm64"),
                "built for arm64, not for amd64",
            ),
            (
                ExtensionRelease(id="flatcar", version="4593.2.1", architecture="amd64"),
                "built for amd64, not for amd64",
            ),
        ],
    )
    def test_refuses_what_none_would(self, inside: ExtensionRelease, why: str) -> None:
        with pytest.raises(BadExtension, match=why):
            check(inside, version="4593.2.1", architecture="amd64")
