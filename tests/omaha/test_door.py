"""The door itself: its paths and secrets, whose address it keeps, how a body may come."""

import asyncio
import importlib
from typing import Any

import pytest
from pytest_django import Settings

import fleet.asgi
from oemupdates.models import Node, RejectedRequest
from oemupdates.omaha import endpoint
from tests.omaha.door import Door, _scope, exchange, serving
from tests.omaha.messages import (
    FLATCAR,
    check,
)

pytestmark = pytest.mark.django_db(transaction=True)


class TestSecretPath:
    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/v1/update/first", 200),
            ("/v1/update/first/", 200),
            ("/v1/update/second/part", 200),
            ("/v1/update", 404),
            ("/v1/update/", 404),
            ("/v1/update/firs", 404),
            ("/v1/update/firstx", 404),
            ("/v1/update/FIRST", 404),
            ("/v1/update/second", 404),
            ("/v1/update/first/../first", 404),
            ("/v1/update/premi\u00e8re", 404),
            ("/v1/update/\ufffd", 404),
            ("/v1/update/" + "x" * 5000, 404),
        ],
    )
    def test_any_of_several_opens(
        self, transactional_db: None, settings: Settings, path: str, status: int
    ) -> None:
        settings.UPDATE_SECRETS = ["first", "/second/part/"]
        with serving() as door:
            answer = door.post(check(), path)
        assert answer.status == status
        assert Node.objects.count() == (status == 200)

    def test_a_wrong_one_is_counted_and_never_written_down(
        self, transactional_db: None, settings: Settings
    ) -> None:
        settings.UPDATE_SECRETS = ["first"]
        with serving() as door:
            answer = door.post(check(), "/v1/update/nearly-first")
        rejected = RejectedRequest.objects.get()
        assert rejected.reason == "wrong_secret"
        kept = rejected.detail + rejected.sample + answer.body.decode()
        assert "nearly" not in kept
        assert "first" not in kept

    def test_an_empty_secret_opens_nothing(
        self, transactional_db: None, settings: Settings
    ) -> None:
        settings.UPDATE_SECRETS = ["", "/", "first"]
        with serving() as door:
            assert door.post(check()).status == 404
            assert door.post(check(), "/v1/update/first").status == 200

    def test_without_secrets_only_the_plain_path_answers(self, door: Door) -> None:
        assert door.post(check(), "/v1/update/guess").status == 404
        door.flush_rejections()
        assert RejectedRequest.objects.get().reason == "wrong_path"

    @pytest.mark.parametrize("path", ["/v1/updates", "/v1/update.xml", "/v1", "/V1/update"])
    def test_other_paths_are_not_its_own(self, door: Door, path: str) -> None:
        """Django answers them, so nothing of the protocol does."""
        scope = _scope("POST", path, [("host", "testserver")], "192.0.2.7")
        answer = door.run(exchange(door.application, scope, [check()]))
        assert answer.status in {403, 404}
        assert not Node.objects.exists()


def _behind_proxies(settings: Settings, *networks: str) -> Any:
    settings.TRUSTED_PROXIES = list(networks)
    return importlib.reload(fleet.asgi).application


class TestAddress:
    @pytest.mark.parametrize(
        ("forwarded", "expected"),
        [
            ("203.0.113.9", "203.0.113.9"),
            ("198.51.100.1, 203.0.113.9", "203.0.113.9"),  # only the nearest is known to be true
            ("203.0.113.9, 192.0.2.7", "203.0.113.9"),  # through two of our own
            ("2001:db8::7", "2001:db8::7"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("unknown", None),
            ("203.0.113.9 OR 1=1", None),
            ("", "192.0.2.7"),
        ],
    )
    def test_a_trusted_proxy_says_whose_it_is(
        self, transactional_db: None, settings: Settings, forwarded: str, expected: str | None
    ) -> None:
        application = _behind_proxies(settings, "192.0.2.0/24")
        with serving(application) as door:
            answer = door.post(check(), headers=[("x-forwarded-for", forwarded)])
        assert answer.status == 200
        assert Node.objects.get().address == expected

    def test_nobody_else_may(self, transactional_db: None, settings: Settings) -> None:
        application = _behind_proxies(settings, "192.0.2.0/24")
        with serving(application) as door:
            door.post(
                check(), headers=[("x-forwarded-for", "203.0.113.9")], address="198.51.100.1"
            )
        assert Node.objects.get().address == "198.51.100.1"

    def test_by_default_there_is_no_proxy(self, door: Door) -> None:
        door.post(check(), headers=[("x-forwarded-for", "203.0.113.9")])
        assert Node.objects.get().address == "192.0.2.7"

    def test_an_address_that_changes_is_no_news(self, door: Door) -> None:
        door.post(check())
        door.post(check(), address="2001:db8::7")
        node = Node.objects.get()
        assert node.address == "2001:db8::7"
        assert node.intervals.count() == 1
        assert node.answers.count() == 1


class TestBody:
    def test_arrives_in_pieces(self, door: Door) -> None:
        sent = check()
        pieces = [sent[at : at + 100] for at in range(0, len(sent), 100)]
        assert door.send(pieces).status == 200
        assert door.send([b"", *pieces, b""]).status == 200

    @pytest.mark.parametrize(("size", "status"), [(64 * 1024, 200), (64 * 1024 + 1, 413)])
    @pytest.mark.parametrize("announced", [True, False])
    def test_has_a_largest_size(
        self, door: Door, size: int, status: int, announced: object
    ) -> None:
        sent = check()
        sent = sent.replace(b"?>\n", b"?>\n" + b" " * (size - len(sent)), 1)
        headers = [("content-length", str(len(sent)))] if announced else []
        assert len(sent) == size
        assert door.post(sent, headers=headers).status == status

    @pytest.mark.parametrize(("piece", "pieces"), [(30_000, 3), (64 * 1024, 2), (65_537, 1)])
    def test_is_not_read_to_its_end_when_it_is_too_large(
        self, door: Door, piece: int, pieces: int
    ) -> None:
        taken = []

        async def receive() -> dict[str, Any]:
            taken.append(1)
            return {"type": "http.request", "body": b"x" * piece, "more_body": True}

        sent: list[Any] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = _scope("POST", "/v1/update", [], "192.0.2.7")
        door.run(asyncio.wait_for(door.application(scope, receive, send), 5))
        assert sent[0]["status"] == 413
        assert len(taken) == pieces

    @pytest.mark.parametrize("announced", ["x", "-5", "9" * 50, "1e9", "0"])
    def test_does_not_believe_what_is_announced(self, door: Door, announced: str) -> None:
        assert door.post(check(), headers=[("content-length", announced)]).status == 200

    def test_arrives_too_slowly(self, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(endpoint, "BODY_SECONDS", 0.05)
        monkeypatch.setattr(endpoint, "_WATCH_SECONDS", 0.02)
        scope = _scope("POST", "/v1/update", [], "192.0.2.7")
        pieces = [bytes([byte]) for byte in check()[:50]]
        slow = door.run(exchange(door.application, scope, pieces, pause=0.01))
        assert slow.status == 408
        assert not Node.objects.exists()
        assert door.post(check()).status == 200

    def test_ends_before_it_is_whole(self, door: Door) -> None:
        messages = [
            {"type": "http.request", "body": check()[:300], "more_body": True},
            {"type": "http.disconnect"},
        ]

        async def receive() -> dict[str, Any]:
            return messages.pop(0)

        async def send(message: dict[str, Any]) -> None:
            pass

        scope = _scope("POST", "/v1/update", [], "192.0.2.7")
        door.run(asyncio.wait_for(door.application(scope, receive, send), 5))
        assert not Node.objects.exists()

    def test_an_appid_is_repeated_as_text(self, door: Door) -> None:
        odd = "<\"'&>]]>"
        assert door.post(check(appid=odd)).apps[0].get("appid") == odd
        assert door.post(check(appid=FLATCAR)).status == 200
