"""Upstreams that are followed, and runs of them."""

from hashlib import sha1, sha256
from pathlib import Path

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.services.releases import publishing
from oemupdates.services.releases.publishing import Announced, Announcement
from oemupdates.services.sync import sync, sync_runs, upstreams
from oemupdates.services.sync.upstreams import Terms
from tests.domain.payload_maker import make_payload
from tests.services.makers import seeded_channel

KEY = Path(__file__).parents[1] / "payloads" / "update-payload-key.pub.pem"
OLD, NEW = "4459.2.1", "4593.2.1"


def terms(public, **given):
    values = {
        "name": "flatcar",
        "kind": "public",
        "address": public.address,
        "release_server": f"{public.url}/files",
        "images_server": f"{public.url}/images",
        "policy": "follow",
    } | given
    return Terms(**values)


def follow(public, channel="stable", **given):
    upstream = upstreams.add(terms(public, **given), by=None)
    return upstreams.subscribe(upstream, seeded_channel(channel), by=None)


def run(subscription, watch=None, **given):
    asked = sync_runs.ask(subscription.upstream, subscription.channel, by=None, **given)
    return sync.work(sync_runs.claim(asked.pk), watch)


def system(text):
    """The files of a release that nobody signed."""
    return {OS_PAYLOAD: make_payload(text.encode())}


def announce(public, version, files):
    """Have a publishing script tell of a release that this server does not host."""
    said = [
        Announced(name, len(content), *(one(content).hexdigest() for one in (sha1, sha256)))
        for name, content in files.items()
    ]
    where = f"{public.folder}/{version}/"
    release, _ = publishing.publish(
        Announcement(seeded_channel().application, version, "amd64", where, said), by=None
    )
    return release
