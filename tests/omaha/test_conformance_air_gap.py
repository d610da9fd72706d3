"""Conformance case 61: what came in a bundle is offered and served like anything else."""

from pathlib import Path
from typing import Any

import pytest

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Channel, Release
from oemupdates.services.carrying import bundle_keys, bundles
from oemupdates.services.carrying.bundle_import import Belief, take
from oemupdates.services.carrying.bundles import Choice
from oemupdates.services.groups import channels
from tests.omaha import messages
from tests.omaha.door import Door
from tests.payloads_door.test_endpoint import ask
from tests.services.bundle_maker import host
from tests.services.makers import seeded_channel

NEW = "4593.2.1"
FOLDER = f"/payloads/amd64-usr/{NEW}"


@pytest.mark.django_db(transaction=True)
def test_case_61_offers_and_serves_what_a_bundle_brought(
    door: Door, tmp_path: Path, settings: Any
) -> None:
    settings.PAYLOAD_DIR = tmp_path / "here"
    settings.BUNDLE_KEY = tmp_path / "key.pem"
    bundle_keys.make()
    names = ("oem-azure.gz", "oem-qemu.gz", "flatcar-zfs.gz")
    planned = bundles.plan(Choice([host(tmp_path, NEW, names)]))
    with (tmp_path / "carried.tar").open("wb") as file:
        bundles.write(planned, file)
    Release.objects.all().delete()
    settings.PAYLOAD_DIR = tmp_path / "there"

    take(tmp_path / "carried.tar", Belief(bundle_keys.trusted()), by=None)
    assert not Channel.objects.exclude(target=None).exists()
    assert door.post(messages.check(oem="azure")).offered == ""
    channels.set_target(seeded_channel(), Release.objects.get(), by=None)
    # The door puts each answer to the strict reader: cases 26 to 29.
    answer = door.post(messages.check(oem="azure"))
    assert answer.offered == NEW
    assert answer.package_names == [OS_PAYLOAD, *sorted(names)]
    for name in (OS_PAYLOAD, *names):
        content = (tmp_path / "from" / NEW / name).read_bytes()
        whole = ask(f"{FOLDER}/{name}")
        assert (whole.status, whole.body) == (200, content)
        assert int(whole.headers["content-length"]) == len(content)
        part = ask(f"{FOLDER}/{name}", range="bytes=10-19")
        assert (part.status, part.body) == (206, content[10:20])
        head = ask(f"{FOLDER}/{name}.sha256", method="HEAD")
        assert (head.status, head.body) == (200, b"")
    assert ask(f"{FOLDER}/../../secret.gz").status == 404
    assert ask(f"{FOLDER}/oem-vmware.gz").status == 404
