"""Reports as strangers may send them: what is taken, and what is refused and why."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oemupdates.domain.report import BadReport, Extension, Report, dump, load, read

EXTENSION = {
    "name": "oem-azure",
    "merged": True,
    "version_id": "4593.2.1",
    "sysext_level": "",
    "payload_version": "2.12.0.4-r2",
    "target": "/oem/sysext/oem-azure-4593.2.1.raw",
    "target_exists": True,
}
DOCUMENT: dict[str, Any] = {
    "schema": 1,
    "machineid": "0f3c9a7d1e5b4a2f8c6d7e8f90a1b2c3",
    "bootid": "0afc72a3-4de1-4095-a9eb-76ef2317d90a",
    "application": "{E96281A6-D1AF-4BDE-9A0A-97B76E56DC57}",
    "os_version": "4593.2.1",
    "os_version_id": "4593.2.1",
    "board": "amd64-usr",
    "oem": "azure",
    "oem_release_version": "2.9.1.1-r4",
    "oem_flag_active": True,
    "oem_known_to_os": True,
    "oem_migration_pending": False,
    "enabled_sysext": ["python", "containerd-flatcar"],
    "extensions": [EXTENSION],
    "files": [{"path": "/oem/sysext/oem-azure-4593.2.1.raw", "size": 17}],
}


def report(**changes: Any) -> bytes:
    return json.dumps(DOCUMENT | changes).encode()


def test_a_report_is_read_whole() -> None:
    read_ = read(report())
    assert read_.machine_id == DOCUMENT["machineid"]
    assert read_.application == "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
    assert read_.oem_extension == Extension(**EXTENSION)
    assert read_.stores("oem-azure", "4593.2.1")
    assert not read_.stores("oem-azure", "4593.2.2")
    assert read_.is_of_boot("{0afc72a3-4de1-4095-a9eb-76ef2317d90a}")
    assert not read_.is_of_boot("{boot-2}")


def test_what_is_kept_is_what_was_read() -> None:
    assert load(dump(read(report()))) == read(report())
    assert dump(read(report())) == dump(read(json.dumps(DOCUMENT, indent=4).encode()))


@pytest.mark.parametrize(
    ("changes", "needs"),
    [
        ({}, ("oem-azure.gz", "flatcar-python.gz")),
        ({"oem_flag_active": False}, ("flatcar-python.gz",)),
        ({"enabled_sysext": []}, ("oem-azure.gz",)),
        ({"oem": ""}, ("flatcar-python.gz",)),
        ({"oem": '"azure"'}, ("flatcar-python.gz",)),
        ({"oem": "a b"}, ("flatcar-python.gz",)),
    ],
)
def test_what_an_update_must_bring(changes: dict[str, Any], needs: tuple[str, ...]) -> None:
    assert read(report(**changes)).needs == needs


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"1",
        b'"text"',
        b"{",
        b"\xff\xfe",
        b'{"schema": 1',
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b'{"schema": 1, "schema": 1}',
        b" " * (64 * 1024 + 1),
        b"1" * 60_000,
        json.dumps(DOCUMENT).replace("17", "NaN").encode(),
        json.dumps(DOCUMENT).replace("17", "1e400").encode(),
    ],
    ids=range(15),
)
def test_what_is_no_document_is_refused(body: bytes) -> None:
    with pytest.raises(BadReport):
        read(body)


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 2},
        {"schema": "1"},
        {"schema": True},
        {"schema": None},
        {"machineid": ""},
        {"machineid": "../../etc"},
        {"machineid": "a" * 65},
        {"machineid": 7},
        {"bootid": ""},
        {"bootid": "{braces}"},
        {"os_version": "4" * 201},
        {"os_version": "a\nb"},
        {"os_version": "a\u202eb"},
        {"os_version": "\ud800"},
        {"oem": {"id": "azure"}},
        {"oem_flag_active": 1},
        {"oem_flag_active": "yes"},
        {"oem_known_to_os": None},
        {"enabled_sysext": "python"},
        {"enabled_sysext": ["../x"]},
        {"enabled_sysext": [1]},
        {"enabled_sysext": ["x"] * 65},
        {"extensions": {}},
        {"extensions": [EXTENSION] * 65},
        {"extensions": [{}]},
        {"extensions": [[]]},
        {"extensions": [EXTENSION | {"name": "a/b"}]},
        {"extensions": [EXTENSION | {"merged": "true"}]},
        {"files": None},
        {"files": [{"path": "/a", "size": 1}] * 129},
        {"files": [{"path": "relative", "size": 1}]},
        {"files": [{"path": "/a b", "size": 1}]},
        {"files": [{"path": "/" + "a" * 200, "size": 1}]},
        {"files": [{"path": "/a", "size": -1}]},
        {"files": [{"path": "/a", "size": 2**53}]},
        {"files": [{"path": "/a", "size": 1.5}]},
        {"files": [{"path": "/a", "size": True}]},
    ],
    ids=repr,
)
def test_a_value_that_no_node_has_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadReport):
        read(report(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"machineid": "a" * 64},
        {"os_version": "4" * 200},
        {"enabled_sysext": ["x"] * 64},
        {"extensions": [EXTENSION] * 64},
        {"files": [{"path": "/" + "a" * 199, "size": 2**53 - 1}] * 128},
    ],
    ids=["machineid", "text", "enabled", "extensions", "files"],
)
def test_the_bounds_themselves_are_taken(changes: dict[str, Any]) -> None:
    read(report(**changes))


@pytest.mark.parametrize("name", sorted(set(DOCUMENT) - {"schema"}))
def test_a_field_of_another_type_is_refused(name: str) -> None:
    for wrong in (3.7, {"a": 1}, [[]]):
        with pytest.raises(BadReport):
            read(report(**{name: wrong}))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(name=st.sampled_from(sorted(DOCUMENT)), value=_JSON)
def test_whatever_comes_is_read_or_refused(name: str, value: object) -> None:
    try:
        found = read(json.dumps(DOCUMENT | {name: value}).encode())
    except BadReport:
        return
    assert isinstance(found, Report)
    assert load(dump(found)) == found


@given(body=st.binary(max_size=400))
def test_bytes_are_read_or_refused(body: bytes) -> None:
    with pytest.raises(BadReport):
        read(body)
