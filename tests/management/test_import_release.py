from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from oemupdates.models import Channel, Release
from tests.domain.payload_maker import make_payload

pytestmark = pytest.mark.django_db
REAL = Path(__file__).parents[1] / "payloads"


@pytest.fixture(autouse=True)
def _hosted(tmp_path, settings):
    settings.PAYLOAD_DIR = tmp_path / "hosted"


def run(*given, directory=REAL / "4593.2.1", version="4593.2.1", channel="stable"):
    out = StringIO()
    call_command(
        "import_release",
        str(directory),
        f"--version={version}",
        "--board=amd64-usr",
        f"--channel={channel}",
        *given,
        stdout=out,
    )
    return out.getvalue()


def target():
    return Channel.objects.get(name="stable", architecture="amd64").target


class TestImportRelease:
    def test_prints_what_is_registered_and_where_nodes_find_it(self):
        assert run().splitlines() == [
            "flatcar_production_update.gz      3.1 MB  4e6992cccf165d7e  new",
            "oem-azure.gz                    491.8 KB  f1a63ba9b9ab8906  new",
            "Registered 4593.2.1 (amd64); nodes find it at"
            " http://testserver/payloads/amd64-usr/4593.2.1/",
            "Nodes of channel stable (amd64) update to 4593.2.1 from now.",
        ]
        assert target() == Release.objects.get()

    def test_says_that_the_same_folder_again_changes_nothing(self):
        run()
        assert run().splitlines()[-1] == (
            "4593.2.1 (amd64) is registered like this already; nothing changed."
        )

    def test_says_what_was_added(self, tmp_path):
        (tmp_path / "one").mkdir()
        os_payload = REAL / "4593.2.1" / "flatcar_production_update.gz"
        (tmp_path / "one" / os_payload.name).write_bytes(os_payload.read_bytes())
        run(directory=tmp_path / "one")
        assert "Added 1 payloads to 4593.2.1 (amd64)" in run()

    def test_takes_the_url_of_another_host(self):
        assert "nodes find it at https://mirror.example.net/4593.2.1/" in run(
            "--url=https://mirror.example.net/4593.2.1"
        )

    def test_says_which_images_it_could_not_look_into(self, tmp_path):
        for name in ("flatcar_production_update.gz", "oem-azure.gz", "flatcar-zfs.gz"):
            (tmp_path / name).write_bytes(make_payload(b"any"))
        assert "btrfs: flatcar-zfs.gz, oem-azure.gz" in run(directory=tmp_path)

    def test_leaves_the_target_when_told_so(self):
        assert "from now" not in run("--no-target")
        assert target() is None

    def test_names_what_it_ignores_and_warns(self, tmp_path):
        for name in ("flatcar_production_update.gz", "oem-vmware.gz", "version.txt"):
            (tmp_path / name).write_bytes(make_payload(b"any"))
        out = StringIO()
        call_command(
            "import_release",
            str(tmp_path),
            "--version=4593.2.1",
            "--board=arm64-usr",
            "--channel=stable",
            stdout=out,
        )
        assert "version.txt ignored: no name that nodes ask for" in out.getvalue()
        assert "warning: oem-vmware.gz" in out.getvalue()

    def test_refuses_in_a_sentence(self):
        with pytest.raises(CommandError, match="holds no flatcar_production_update"):
            run(directory=REAL / "4757.1.0")

    def test_names_the_channels_that_there_are(self):
        with pytest.raises(CommandError, match="only alpha, beta, edge, lts, stable"):
            run(channel="stabel")

    def test_refuses_a_board_that_there_is_not(self):
        with pytest.raises(CommandError, match="riscv"):
            call_command("import_release", ".", "--version=1.0.0", "--board=riscv", "--channel=x")


class TestAdd:
    def test_adds_a_single_oem_to_a_release(self, tmp_path):
        folders = [tmp_path / "os", tmp_path / "oem"]
        for folder, name in zip(
            folders, ("flatcar_production_update.gz", "oem-azure.gz"), strict=True
        ):
            folder.mkdir()
            (folder / name).write_bytes((REAL / "4593.2.1" / name).read_bytes())
        with pytest.raises(CommandError, match=r"no release 4593.2.1 for amd64-usr"):
            add(folders[1])
        run(directory=folders[0])
        lines = add(folders[1]).splitlines()
        assert lines[0].split()[-1] == "new"
        assert lines[-1] == "oem-azure.gz is added to 4593.2.1 (amd64), and was verified."
        assert Release.objects.get().payloads.count() == 2
        with pytest.raises(CommandError, match="takes neither"):
            add(folders[1], "--channel=stable")
        with pytest.raises(CommandError, match="Say which --channel"):
            call_command("import_release", str(REAL), "--version=1.2.3", "--board=amd64-usr")


def add(folder, *given):
    out = StringIO()
    call_command(
        "import_release",
        str(folder),
        "--version=4593.2.1",
        "--board=amd64-usr",
        "--add",
        *given,
        stdout=out,
    )
    return out.getvalue()
