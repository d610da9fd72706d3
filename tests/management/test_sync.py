from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Proposal, Upstream
from tests.domain.payload_maker import make_payload
from tests.services.makers import seeded_channel


def run(*given):
    out = StringIO()
    call_command(*given, stdout=out)
    return out.getvalue()


class TestUpstream:
    pytestmark = pytest.mark.django_db

    def test_lists_what_there_is(self):
        run("upstream", "add", "flatcar")
        run("upstream", "follow", "flatcar", "stable")
        run("upstream", "follow", "flatcar", "lts", "--track", "lts-2026")
        lines = run("upstream", "list").splitlines()
        assert lines[0].startswith("flatcar  public  propose  https://")
        assert "  lts (amd64) follows lts-2026, never synced" in lines
        assert "  stable (amd64) follows stable, never synced" in lines

    def test_switches_and_removes(self):
        run("upstream", "add", "flatcar")
        assert run("upstream", "off", "flatcar") == "flatcar is off.\n"
        assert not Upstream.objects.get().is_enabled
        run("upstream", "remove", "flatcar")
        assert not Upstream.objects.exists()

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            (("off", "nobody"), "There is no upstream 'nobody', only flatcar."),
            (("follow", "flatcar", "canary"), "amd64-usr has no channel 'canary'"),
            (("add", "flatcar"), "already"),
            (("accept", "7"), "There is no proposal 7."),
        ],
    )
    def test_refuses(self, given, words):
        run("upstream", "add", "flatcar")
        with pytest.raises(CommandError, match=words):
            run("upstream", *given)


@pytest.mark.django_db(transaction=True)
class TestSync:
    def test_tells_what_came_of_it_up_to_the_moved_channel(self, public, tmp_path, settings):
        settings.PAYLOAD_DIR = tmp_path
        files = {OS_PAYLOAD: make_payload(b"new")}
        public.publish("4593.2.1", files)
        run(
            "upstream",
            "add",
            "own",
            "--kind=nebraska",
            f"--address={public.address}",
            "--hash-only",
        )
        run("upstream", "follow", "own", "stable")
        assert "would be imported" in run("sync", "--dry-run")
        assert run("sync").splitlines()[-1] == "  4593.2.1 is proposed for stable (amd64)."
        assert run("sync") == "Nothing is due; --now does not wait for it.\n"
        assert "  Nothing changed." in run("sync", "--now").splitlines()
        assert "Proposal" in run("upstream", "list")
        run("upstream", "accept", str(Proposal.objects.get().pk))
        assert seeded_channel().target.version == "4593.2.1"

        public.faults["update"] = ["500"] * 100
        with pytest.raises(CommandError, match="1 of 1 failed"):
            run("sync", "--now", "--upstream=own", "--channel=stable")

    def test_needs_to_know_where_a_version_comes_from(self):
        with pytest.raises(CommandError, match="needs --upstream"):
            run("sync", "--version=4593.2.1")
