"""What a server must do, case by case: what odd clients and strangers send."""

import time
from typing import Any

import pytest

from oemupdates.domain.node import State
from oemupdates.domain.reason import Why
from oemupdates.models import Node, RejectedRequest
from oemupdates.services.checkins.kept import read_reasons
from tests.omaha.door import UPDATE, Door
from tests.omaha.messages import (
    CUSTOM,
    FLATCAR,
    MACHINE,
    NEW,
    ROUTINE,
    UPDATECHECK,
    app,
    check,
    failed,
    request,
    tell,
)
from tests.omaha.policy import publish

pytestmark = pytest.mark.django_db(transaction=True)


def the_node(machine_id: str = MACHINE) -> Node:
    return Node.objects.get(machine_id=machine_id)


def reasons(node: Node) -> list[Why]:
    return [reason.why for reason in read_reasons(node.reasons)]


def test_case_17_says_what_is_wrong_with_a_quote_in_an_alias(door: Door) -> None:
    sent = check().replace(b'"node-7"', b'"rack "7""')
    answer = door.send([sent])
    assert answer.status == 400
    assert len(answer.body) < 500
    door.flush_rejections()
    rejected = RejectedRequest.objects.get()
    assert (rejected.reason, rejected.source) == ("malformed_xml", "192.0.2.7")
    assert 'machinealias="rack "7""' in rejected.sample
    assert not Node.objects.exists()


@pytest.mark.parametrize(
    ("alias", "expected"),
    [
        (b"b&#xE4;r&lt;1&gt;&amp;2", "bär<1>&2"),
        ("機械 7 ☃".encode(), "機械 7 ☃"),
        (b"&#x1F5A5; rack", "\U0001f5a5 rack"),
        (b"rack &quot;7&quot;", 'rack "7"'),
        (b"two&#10;lines&#9;", "twolines"),
        (b"&lt;script&gt;", "<script>"),
        (b"a" * 300, "a" * 256),
    ],
)
def test_case_18_stores_an_alias_as_text(door: Door, alias: bytes, expected: str) -> None:
    answer = door.post(check().replace(b'"node-7"', b'"' + alias + b'"'))
    assert answer.status == 200
    assert the_node().alias == expected


BOMB = b"".join(
    b'<!ENTITY e%d "%s">' % (level, b"&e%d;" % (level - 1) * 10 if level else b"boom")
    for level in range(9)
)
HOSTILE: dict[str, Any] = {
    "entity bomb": b'<?xml version="1.0"?><!DOCTYPE r [' + BOMB + b"]>"
    b'<request><app machinealias="&e8;"/></request>',
    "external entity": b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY e SYSTEM'
    b' "file:///etc/passwd">]><request><app machinealias="&e;"/></request>',
    "external DTD": b'<!DOCTYPE request SYSTEM "http://127.0.0.1:9/x.dtd"><request/>',
    "plain DOCTYPE": check().replace(b"?>\n", b"?>\n<!DOCTYPE request>\n", 1),
    "10 MB": b"<request>" + b"<app/>" * 1_700_000,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_case_19_refuses_hostile_documents_quickly(door: Door, body: bytes) -> None:
    door.post(check())  # the first check-in loads the configuration
    began = time.process_time()
    answer = door.send([body])
    spent = time.process_time() - began
    assert 400 <= answer.status < 500
    assert spent < 0.1
    assert Node.objects.count() == 1


def test_case_21_answers_with_and_without_a_slash(door: Door) -> None:
    for path in (UPDATE, UPDATE.rstrip("/")):
        answer = door.post(check(), path)
        assert answer.status == 200
        assert "location" not in answer.headers


@pytest.mark.parametrize(
    "appid",
    [
        FLATCAR,
        FLATCAR.upper(),
        FLATCAR.strip("{}"),
        FLATCAR.strip("{}").upper(),
    ],
)
def test_case_22_knows_an_application_however_it_is_spelled(door: Door, appid: str) -> None:
    publish(NEW, "oem-azure.gz")
    assert door.post(check()).offered == NEW
    answer = door.post(check(appid=appid))
    assert answer.root.find("app/updatecheck[@status='ok']") is not None
    assert answer.apps[0].get("appid") == appid
    assert Node.objects.count() == 1


def test_case_22_tells_a_node_of_an_unknown_application(door: Door) -> None:
    stranger = "{11111111-2222-3333-4444-555555555555}"
    answer = door.post(check(appid=stranger))
    assert answer.status == 200
    assert answer.apps[0].get("status") == "error-unknownApplication"
    door.post(tell(failed(CUSTOM + 34), appid=stranger))
    node = the_node()
    assert (node.state, node.download_failures, node.postinst_failures) == (
        State.UNASSIGNED,
        0,
        0,
    )
    assert reasons(node) == [Why.UNKNOWN_APPLICATION]


def test_case_23_has_nothing_for_an_unknown_track(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    answer = door.post(check(track="nowhere"))
    assert answer.offered == ""
    assert answer.apps[0].get("status") == "ok"
    node = the_node()
    assert (node.state, node.track, node.group) == (State.UNASSIGNED, "nowhere", None)
    assert reasons(node) == [Why.UNKNOWN_TRACK]


def test_case_24_answers_each_application_once(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    other = "{11111111-2222-3333-4444-555555555555}"
    answer = door.post(
        request(
            app(UPDATECHECK, ROUTINE, appid=other),
            app(UPDATECHECK, ROUTINE),
        )
    )
    assert [each.get("appid") for each in answer.apps] == [other, FLATCAR]
    assert len(door.post(check()).apps) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_case_25_takes_nothing_but_posts(door: Door, method: str) -> None:
    answer = door.send([b""], method=method)
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"
