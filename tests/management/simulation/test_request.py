"""Bodies of simulated nodes against those of the real client, byte for byte."""

import html
import re
from pathlib import Path

import pytest

from oemupdates.management.simulation import request
from oemupdates.management.simulation.request import Facts

pytestmark = pytest.mark.once
RECORDED = sorted((Path(__file__).parents[2] / "wire/update_engine-0.4.10").glob("*.xml"))


def value(text: str, name: str) -> str:
    match = re.search(rf'(?<= ){name}="(.*?)"(?= [a-z_]+=|[ >])', text)
    assert match is not None, name
    return html.unescape(match[1])


def facts_in(text: str) -> Facts:
    app = text[text.index("<app ") :]
    return Facts(
        machine_id=value(app, "machineid"),
        version=value(app, "version"),
        track=value(app, "track"),
        boot_id=value(app, "bootid").strip("{}"),
        oem=value(app, "oem"),
        oem_version=value(app, "oemversion"),
        aleph_version=value(app, "alephversion"),
        alias=value(app, "machinealias"),
        board=value(app, "board"),
        machine=value(text, "sp").removeprefix(value(app, "version") + "_"),
        install_source=value(text, "installsource"),
    )


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name.split(".request")[0])
def test_writes_what_the_real_client_wrote(path: Path) -> None:
    text = path.read_text()
    parts = re.findall(r"^        (<.*>)$", text, re.MULTILINE)
    assert request.stock(facts_in(text), *parts) == path.read_bytes()


def parts_of(name: str) -> list[str]:
    [path] = [path for path in RECORDED if path.name.startswith(name)]
    return re.findall(r"^        (<.*>)$", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("routine-check-noupdate.01", [request.PING, request.UPDATE_CHECK, request.ROUTINE]),
        ("first-check-noupdate.01", [request.PING, request.UPDATE_CHECK, request.FIRST_BOOT]),
        (
            "first-check-after-reboot-into-new.01",
            [request.PING, request.UPDATE_CHECK, request.news("4459.2.1")],
        ),
        ("update-success.02", [request.event(13, 1)]),
        ("update-success.04", [request.event(14, 1)]),
        ("update-success.05", [request.event(3, 1)]),
        ("payload-404.04", [request.failure(9)]),
        ("hash-mismatch.04", [request.failure(10)]),
        ("server-503.02", [request.failure(2503)]),
        ("invalid-status.02", [request.failure(34)]),
        ("rollback-check.01", [request.PING, request.UPDATE_CHECK, request.event(3, 0, 44)]),
    ],
)
def test_has_the_real_clients_parts(name: str, parts: list[str]) -> None:
    assert parts_of(name) == parts


def test_a_stub_neither_pings_nor_asks() -> None:
    body = request.stub(Facts("ab" * 16, "4757.0.0", "alpha", "boot", oem="diskless")).decode()
    assert request.ROUTINE in body
    assert "FlatcarUpdateEngine-0.1.0.0" in body
    for absent in ("<ping", "<updatecheck", "board=", "alephversion=", "oemversion=", "x86_64"):
        assert absent not in body


def test_a_syncer_says_that_it_takes_several_manifests() -> None:
    body = request.syncer(Facts("ab" * 16, "0.0.0", "stable", "boot")).decode()
    assert 'multi_manifest_ok="true"' in body
    assert 'version="CoreOSUpdateEngine-0.1.0.0"' in body
    assert request.UPDATE_CHECK in body
    assert "<ping" not in body
