"""What the client makes of answers, one row a rule."""

import hashlib

import pytest

from oemupdates.management.simulation.answer import BadAnswer, Package, read
from tests.management.simulation.answers import OEM, OS, noupdate, offer

pytestmark = pytest.mark.once
GOOD = offer().body


def test_reads_an_offer() -> None:
    answer = read(GOOD)
    assert answer.poll_interval == 2700
    assert answer.offer is not None
    assert answer.offer.version == "4593.2.1"
    assert answer.offer.codebases == ("http://files.example.net/4593.2.1/",)
    assert answer.offer.disables_backoff
    sha1 = hashlib.sha1(OS, usedforsecurity=False).hexdigest()
    assert answer.offer.packages[0] == Package(
        "flatcar_production_update.gz", len(OS), sha1, hashlib.sha256(OS).hexdigest()
    )
    assert answer.offer.package_ending("oem-azure.gz") == Package(
        "oem-azure.gz",
        len(OEM),
        hashlib.sha1(OEM, usedforsecurity=False).hexdigest(),
        hashlib.sha256(OEM).hexdigest(),
    )
    assert answer.offer.package_ending("oem-gce.gz") is None


def test_reads_no_update() -> None:
    assert read(noupdate("7200").body).offer is None
    assert read(noupdate("7200").body).poll_interval == 7200
    assert read(noupdate().body).poll_interval is None


def test_adds_the_slash_that_a_codebase_lacks() -> None:
    answer = read(GOOD.replace(b'/4593.2.1/"', b'/4593.2.1"'))
    assert answer.offer is not None
    assert answer.offer.codebases == ("http://files.example.net/4593.2.1/",)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 30),
        (b"\n" + GOOD, 31),
        (b"<html>", 31),
        (GOOD.replace(b'status="ok" Poll', b'status="OK" Poll'), 34),
        (GOOD.replace(b'status="ok" Poll', b'status="error-osnotsupported" Poll'), 34),
        (GOOD.replace(b"<response ", b'<response xmlns="urn:x" '), 34),
        (GOOD.replace(b'codebase="http://files.example.net/4593.2.1/"', b'codebase=""'), 34),
        (GOOD.replace(f'size="{len(OS)}"'.encode(), b'size="0"'), 34),
        (GOOD.replace(b'event="postinstall"', b'event="install"'), 34),
        (GOOD.replace(b" sha256=", b" sha512="), 34),
        (b"<response></response>", 34),
    ],
)
def test_refuses_what_the_client_refuses(body: bytes, code: int) -> None:
    assert body != GOOD
    with pytest.raises(BadAnswer) as caught:
        read(body)
    assert caught.value.code == code


def test_takes_a_hash_in_hex_for_another_hash() -> None:
    answer = read(GOOD.replace(b'sha256="', b'sha256="00', 2))
    assert answer.offer is not None
    assert answer.offer.packages[0].sha256 != hashlib.sha256(OS).hexdigest()
