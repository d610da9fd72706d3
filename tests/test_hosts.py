"""Whoever calls the server by a name that it does not know is told so, and the log in a line."""

import http.client
import json
import logging

import pytest
from django.conf import LazySettings
from django.test import Client

from tests.stream.listening import running

pytestmark = pytest.mark.django_db
NAME = "fleet.example.net"


@pytest.mark.parametrize("path", ["/api/v1/nodes", "/api/v1/nowhere", "/api/openapi.yaml"])
def test_scripts_are_told_by_a_problem(path: str) -> None:
    answer = Client().get(path, headers={"Host": NAME})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    told = answer.json()
    assert told["type"] == "/api/problems/unknown-host"
    assert "FLEET_ALLOWED_HOSTS" in told["detail"]
    assert Client().get(told["type"]).status_code == 200


@pytest.mark.parametrize("path", ["/", "/livez", "/metrics", "/login/"])
def test_everybody_else_is_told_by_a_line_of_text(path: str) -> None:
    answer = Client().get(path, headers={"Host": NAME})
    assert (answer.status_code, answer["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert answer.content.decode().count("\n") == 1
    assert "FLEET_ALLOWED_HOSTS" in answer.content.decode()
    assert NAME not in answer.content.decode()


@pytest.mark.parametrize("path", ["/api/v1/nodes", "/"])
def test_the_log_has_one_line_and_no_traceback(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    Client().get(path, headers={"Host": f"{NAME}\x1b[31m{'x' * 200}"})
    (record,) = caplog.records
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    assert f'host "{NAME}\\x1b[31mxxx' in record.getMessage()
    assert len(record.getMessage()) < 200


def test_names_that_it_knows_are_answered(settings: LazySettings) -> None:
    settings.ALLOWED_HOSTS = [NAME]
    assert Client().get("/livez", headers={"Host": f"{NAME}:8443"}).status_code == 200
    assert Client().get("/livez").status_code == 400


@pytest.mark.django_db(transaction=True)
def test_the_server_says_so_over_a_socket() -> None:
    with running() as server:
        connection = http.client.HTTPConnection(*server.address, timeout=20)
        connection.request("GET", "/api/v1/me", headers={"Host": NAME})
        answer = connection.getresponse()
        told = json.loads(answer.read())
        connection.close()
    assert (answer.status, told["type"]) == (400, "/api/problems/unknown-host")
