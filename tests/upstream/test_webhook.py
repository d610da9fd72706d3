"""What is sent to other servers, to real ones that misbehave."""

import base64
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook, WebhookVerificationError
from werkzeug import Request, Response

from oemupdates.upstream import guard, webhook
from oemupdates.upstream.webhook import headers, post
from tests.upstream.test_guard import resolve

pytestmark = pytest.mark.once
HERE = [ip_network("127.0.0.0/8")]
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
BODY = b'{"type":"test"}'


class TestHeaders:
    def sent(self) -> dict[str, str]:
        now = int(datetime.now(UTC).timestamp())
        return headers(SECRET, message_id="activity-7", timestamp=now, body=BODY)

    def test_are_what_the_standards_own_library_verifies(self) -> None:
        assert Webhook(SECRET).verify(BODY, self.sent()) == json.loads(BODY)

    def test_are_for_one_body_one_id_and_one_secret(self) -> None:
        other = "whsec_" + base64.b64encode(b"o" * 32).decode()
        for secret, body, sent in (
            (SECRET, b'{"type":"else"}', self.sent()),
            (SECRET, BODY, self.sent() | {"webhook-id": "activity-8"}),
            (other, BODY, self.sent()),
        ):
            with pytest.raises(WebhookVerificationError):
                Webhook(secret).verify(body, sent)


class TestPost:
    def test_delivers(self, httpserver: HTTPServer) -> None:
        httpserver.expect_oneshot_request("/hook", method="POST", data=BODY).respond_with_data(
            "thanks"
        )
        outcome = post(httpserver.url_for("/hook"), BODY, {"webhook-id": "1"}, networks=HERE)
        assert outcome.is_delivered
        assert (outcome.status, outcome.error, outcome.answer) == (200, "", "thanks")

    @pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
    def test_tells_a_refusal(self, httpserver: HTTPServer, status: int) -> None:
        httpserver.expect_request("/hook").respond_with_data("no", status=status)
        outcome = post(httpserver.url_for("/hook"), BODY, {}, networks=HERE)
        assert not outcome.is_delivered
        assert outcome.error == f"The other side answered {status}."

    def test_follows_no_redirect(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/hook").respond_with_data(
            "", status=307, headers={"location": httpserver.url_for("/elsewhere")}
        )
        outcome = post(httpserver.url_for("/hook"), BODY, {}, networks=HERE)
        assert (outcome.status, outcome.is_delivered) == (307, False)
        assert [request.path for request, _ in httpserver.log] == ["/hook"]

    def test_sends_nothing_to_an_address_that_is_not_allowed(self, httpserver: HTTPServer) -> None:
        outcome = post(httpserver.url_for("/hook"), BODY, {})
        assert outcome.status is None
        assert "not on the public internet" in outcome.error
        assert httpserver.log == []

    def test_asks_no_proxy(self, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        httpserver.expect_request("/hook").respond_with_data("")
        assert post(httpserver.url_for("/hook"), BODY, {}, networks=HERE).is_delivered

    def test_reads_no_more_of_an_answer_than_it_keeps(self, httpserver: HTTPServer) -> None:
        def endless(_request: Request) -> Response:
            return Response((b"x" * 1000 for _ in range(1_000_000)), mimetype="text/plain")

        httpserver.expect_request("/hook").respond_with_handler(endless)
        outcome = post(httpserver.url_for("/hook"), BODY, {}, networks=HERE)
        assert len(outcome.answer) <= webhook.ANSWER_BYTES
        assert outcome.milliseconds < 5000

    def test_says_that_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        outcome = post(f"http://127.0.0.1:{port}/", BODY, {}, networks=HERE)
        assert outcome.status is None
        assert "refused" in outcome.error

    def test_says_that_a_name_is_not_known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: object, **__: object) -> None:
            raise socket.gaierror(-2, "Name or service not known")

        monkeypatch.setattr(guard.socket, "getaddrinfo", unknown)
        assert post("https://nowhere.example/", BODY, {}).error == "The name is not known."

    def test_waits_for_no_answer_for_ever(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(webhook, "READ_SECONDS", 0.2)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            outcome = post(
                f"http://127.0.0.1:{listener.getsockname()[1]}/", BODY, {}, networks=HERE
            )
        assert outcome.error == "It did not answer in time."

    def test_waits_for_no_answer_that_drips(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each byte comes in time; the whole does not."""
        monkeypatch.setattr(webhook, "WHOLE_SECONDS", 0.5)
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def drip() -> None:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(b"HTTP/1.1 200 OK\r\n")
                    for _ in range(100):
                        try:
                            connection.sendall(b"x-drip: 1\r\n")
                        except OSError:
                            return
                        time.sleep(0.05)

            thread = threading.Thread(target=drip)
            thread.start()
            began = time.monotonic()
            post(f"http://127.0.0.1:{listener.getsockname()[1]}/", BODY, {}, networks=HERE)
            took = time.monotonic() - began
            thread.join()
        assert took < 3


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    """A server with a certificate for `hook.example.net`, which we trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hook.example.net")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("hook.example.net")]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(pem))
    monkeypatch.setattr("requests.utils.DEFAULT_CA_BUNDLE_PATH", str(pem))
    with HTTPServer(ssl_context=context) as server:
        yield server


class TestTls:
    def test_is_verified_by_name_though_the_address_is_pinned(
        self, secure: HTTPServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        secure.expect_request("/hook").respond_with_data("")
        resolve(monkeypatch, [str(ip_address("127.0.0.1"))])
        outcome = post(f"https://hook.example.net:{secure.port}/hook", BODY, {}, networks=HERE)
        assert outcome.is_delivered, outcome.error

    def test_refuses_a_certificate_of_another_name(
        self, secure: HTTPServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resolve(monkeypatch, ["127.0.0.1"])
        outcome = post(f"https://other.example.net:{secure.port}/hook", BODY, {}, networks=HERE)
        assert outcome.status is None
        assert "certificate" in outcome.error.lower()
        assert secure.log == []
