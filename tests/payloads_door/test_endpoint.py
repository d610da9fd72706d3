"""Payload bytes: the numbers are those of the conformance cases in docs/omaha.md."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from oemupdates.models import FLATCAR, Channel
from oemupdates.payloads.endpoint import PayloadEndpoint
from oemupdates.services.checkins import snapshot
from oemupdates.services.releases.releases import Source, import_release

CONTENTS = b"CrAU" + bytes(range(256)) * 4096
FOLDER = "/payloads/amd64-usr/4593.2.1"
OEM = f"{FOLDER}/oem-azure.gz"
SUM = "5" * 64 + "  oem-azure.gz\n"


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


def ask(path, *, method="GET", query="", **headers):
    """Send one request to the ASGI callable as a server would."""
    sent = []

    async def receive():
        await asyncio.sleep(60)

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(PayloadEndpoint()(scope, receive, send))
    start, *rest = sent
    return Reply(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in rest),
    )


@pytest.fixture(autouse=True)
def _hosted(tmp_path, settings):
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    folder = settings.PAYLOAD_DIR / "amd64-usr" / "4593.2.1"
    folder.mkdir(parents=True)
    (folder / "oem-azure.gz").write_bytes(CONTENTS)
    (folder / "oem-azure.gz.sha256").write_text(SUM)
    (tmp_path / "secret.gz").write_bytes(b"CrAU secret")


class TestCase40WholeFile:
    def test_is_every_byte_with_its_length(self):
        reply = ask(OEM)
        assert (reply.status, reply.body) == (200, CONTENTS)
        assert reply.headers["content-length"] == str(len(CONTENTS))
        assert reply.headers["accept-ranges"] == "bytes"
        assert reply.headers["content-type"] == "application/octet-stream"

    def test_is_never_encoded_even_if_asked(self):
        headers = ask(OEM, **{"accept-encoding": "gzip, br"}).headers
        assert "content-encoding" not in headers
        assert "no-transform" in headers["cache-control"]

    def test_is_named_by_its_sha256_which_is_the_same_everywhere(self):
        tag = '"' + "5" * 64 + '"'
        assert ask(OEM).headers["etag"] == ask(OEM, method="HEAD").headers["etag"] == tag
        assert ask(f"{OEM}.sha256").headers["etag"] != tag

    @pytest.mark.parametrize("text", ["", "no sum\n", "5" * 64 + "  oem-qemu.gz\n"])
    def test_is_named_by_its_time_and_size_without_a_sum(self, settings, text):
        place = settings.PAYLOAD_DIR / "amd64-usr" / "4593.2.1" / "oem-azure.gz.sha256"
        place.write_text(text)
        assert ask(OEM).headers["etag"].endswith(f'-{len(CONTENTS):x}"')

    def test_of_a_nightly_has_a_plus_in_its_path(self, settings):
        folder = settings.PAYLOAD_DIR / "arm64-usr" / "4799.0.0+nightly-20260821-2100"
        folder.mkdir(parents=True)
        (folder / "flatcar_production_update.gz").write_bytes(CONTENTS)
        path = "/payloads/arm64-usr/4799.0.0+nightly-20260821-2100/flatcar_production_update.gz"
        assert ask(path).body == CONTENTS


class TestCase41Ranges:
    @pytest.mark.parametrize(
        ("asked", "first", "last"),
        [
            ("bytes=0-684", 0, 684),
            ("bytes=524288-", 524288, len(CONTENTS) - 1),
            ("bytes=1000-1000", 1000, 1000),
            (f"bytes=10-{len(CONTENTS) + 99}", 10, len(CONTENTS) - 1),
            ("bytes=-16", len(CONTENTS) - 16, len(CONTENTS) - 1),
        ],
    )
    def test_are_answered_with_just_their_bytes(self, asked, first, last):
        reply = ask(OEM, range=asked)
        assert reply.status == 206
        assert reply.headers["content-range"] == f"bytes {first}-{last}/{len(CONTENTS)}"
        assert reply.headers["content-length"] == str(last - first + 1)
        assert reply.body == CONTENTS[first : last + 1]

    @pytest.mark.parametrize("asked", [f"bytes={len(CONTENTS)}-", "bytes=9999999-99999999"])
    def test_beyond_the_end_cannot_be_satisfied(self, asked):
        reply = ask(OEM, range=asked)
        assert reply.status == 416
        assert reply.headers["content-range"] == f"bytes */{len(CONTENTS)}"

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    @pytest.mark.parametrize("asked", ["{}", '"another", W/{}', "*"])
    def test_is_not_sent_again_to_a_cache_that_has_it(self, method, asked):
        etag = ask(OEM).headers["etag"]
        found = ask(OEM, method=method, range="bytes=5-", **{"if-none-match": asked.format(etag)})
        assert (found.status, found.body, found.headers["etag"]) == (304, b"", etag)
        assert "content-length" not in found.headers
        assert ask(OEM, method=method, **{"if-none-match": '"another"'}).status == 200

    def test_go_on_only_with_the_same_file(self):
        etag = ask(OEM).headers["etag"]
        assert ask(OEM, range="bytes=5-", **{"if-range": etag}).status == 206
        assert ask(OEM, range="bytes=5-", **{"if-range": '"another"'}).status == 200


class TestAWebServerInFront:
    @pytest.fixture(autouse=True)
    def _nightly(self, settings):
        folder = settings.PAYLOAD_DIR / "amd64-usr" / "4799.0.0+nightly"
        folder.mkdir()
        (folder / "oem-azure.gz").write_bytes(CONTENTS)

    PATH = "/payloads/amd64-usr/4799.0.0+nightly/oem-azure.gz"

    def test_is_told_which_of_its_own_places_to_send(self, settings):
        settings.SENDFILE = "X-Accel-Redirect:/hosted/"
        reply = ask(self.PATH, range="bytes=5-")
        assert (reply.status, reply.body) == (200, b"")
        assert reply.headers["x-accel-redirect"] == (
            "/hosted/amd64-usr/4799.0.0%2Bnightly/oem-azure.gz"
        )
        assert reply.headers["content-type"] == "application/octet-stream"
        assert "no-transform" in reply.headers["cache-control"]

    def test_is_told_the_path_of_the_file(self, settings):
        settings.SENDFILE = "X-Sendfile"
        path = settings.PAYLOAD_DIR / "amd64-usr" / "4799.0.0+nightly" / "oem-azure.gz"
        assert ask(self.PATH).headers["x-sendfile"] == str(path)

    def test_is_told_nothing_of_what_is_not_there(self, settings):
        settings.SENDFILE = "X-Sendfile"
        assert ask(f"{FOLDER}/oem-qemu.gz").status == 404
        assert ask(OEM, range=f"bytes={len(CONTENTS)}-").status == 416


class TestCase42Head:
    @pytest.mark.parametrize(("path", "size"), [(OEM, len(CONTENTS)), (f"{OEM}.sha256", len(SUM))])
    def test_says_the_length_and_sends_no_body(self, path, size):
        reply = ask(path, method="HEAD")
        assert (reply.status, reply.body) == (200, b"")
        assert reply.headers["content-length"] == str(size)

    def test_of_an_unknown_file_is_not_found(self):
        for method in ("HEAD", "GET"):
            assert ask(f"{FOLDER}/oem-qemu.gz", method=method).status == 404
            assert ask(f"{FOLDER}/oem-qemu.gz.sha256", method=method).status == 404

    def test_the_sum_is_text(self):
        reply = ask(f"{OEM}.sha256")
        assert reply.body.decode() == SUM
        assert reply.headers["content-type"] == "text/plain; charset=utf-8"

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
    def test_and_get_are_all_there_is(self, method):
        reply = ask(OEM, method=method)
        assert reply.status == 405
        assert reply.headers["allow"] == "GET, HEAD"


class TestCase43Traversal:
    @pytest.mark.parametrize(
        "path",
        [
            f"{FOLDER}/../../../secret.gz",
            f"{FOLDER}/..%2f..%2f..%2fsecret.gz",
            "/payloads/amd64-usr/../../secret.gz",
            "/payloads/amd64-usr/../secret.gz",
            "/payloads/../4593.2.1/oem-azure.gz",
            "/payloads/amd64-usr/4593.2.1//oem-azure.gz",
            "/payloads//etc/passwd",
            f"{FOLDER}/oem-azure.gz/",
            f"{FOLDER}/oem-azure.gz\n",
            f"{FOLDER}/oem-azure.gz\x00",
            f"{FOLDER}/.oem-azure.gz",
            f"{FOLDER}/",
            "/payloads/.incoming/4593.2.1/oem-azure.gz",
            "/payloads/",
        ],
    )
    def test_finds_nothing(self, path):
        assert ask(path).status == 404

    def test_finds_no_folder_that_is_named_like_a_payload(self):
        (settings.PAYLOAD_DIR / "amd64-usr" / "4593.2.1" / "oem-dir.gz").mkdir()
        assert ask(f"{FOLDER}/oem-dir.gz").status == 404

    def test_finds_nothing_through_a_link_that_leads_nowhere(self):
        link = settings.PAYLOAD_DIR / "amd64-usr" / "4593.2.1" / "oem-link.gz"
        link.symlink_to("nowhere")
        assert ask(f"{FOLDER}/oem-link.gz").status == 404


class TestCase44OneLayout:
    @pytest.mark.django_db
    def test_serves_what_we_offer_where_a_node_looks_by_itself(self):
        channel = Channel.objects.get(name="stable", architecture="amd64")
        source = Source(Path(__file__).parents[1] / "payloads" / "4593.2.1", "4593.2.1")
        import_release(source, channel=channel, by=None)
        release = snapshot.load().releases_for(str(FLATCAR), "amd64")["4593.2.1"]
        # The node's own look-up: <release file server>/<board>/<version>/<file>.
        assert release.codebase == f"{settings.FLEET_URL}/payloads/amd64-usr/4593.2.1/"
        for payload in release.payloads:
            reply = ask(urlsplit(release.codebase).path + payload.name)
            assert (reply.status, len(reply.body)) == (200, payload.size)
