"""What another server answers: taken in the form that it must have, and refused in words."""

import base64
import hashlib
import uuid
from xml.etree import ElementTree

import pytest

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.upstream import omaha
from oemupdates.upstream.omaha import BadAnswer, Question
from oemupdates.upstream.session import Route, Session, Unreachable
from tests.upstream.public_server import PublicServer

pytestmark = pytest.mark.once
APP = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
QUESTION = Question(uuid.UUID(APP), "stable", "amd64", uuid.UUID(int=7))
SHA1 = base64.b64encode(bytes(20)).decode()
SHA256 = base64.b64encode(bytes(32)).decode()
FILE = f'<package name="update.gz" hash="{SHA1}" size="10" required="true"/>'


def manifest(version: str = "2.0.0", files: str = FILE, marks: str = "", inside: str = "") -> str:
    return f'<manifest version="{version}" {marks}>{inside}<packages>{files}</packages></manifest>'


def answer(*manifests: str, app: str = APP, status: str = "ok", check: str = "ok") -> bytes:
    return (
        f'<response protocol="3.0"><app appid="{{{app}}}" status="{status}">'
        f'<updatecheck status="{check}"><urls><url codebase="http://a/2.0.0"/></urls>'
        f"{''.join(manifests)}</updatecheck></app></response>"
    ).encode()


class TestAsk:
    def test_asks_as_a_server_that_has_nothing_and_takes_several_manifests(
        self, public: PublicServer
    ) -> None:
        with Session(Route()) as session:
            omaha.ask(session, public.address, QUESTION)
            omaha.ask(session, public.address, QUESTION)
        first, second = (question.find("app") for question in public.questions)
        assert first is not None
        assert second is not None
        assert first.get("version") == "0.0.0"
        assert first.get("multi_manifest_ok") == "true"
        assert first.get("track") == "stable"
        assert first.get("board") == "amd64-usr"
        assert first.get("machineid") == second.get("machineid") == QUESTION.machine_id.hex
        assert [one.tag for one in first] == ["updatecheck"]

    def test_finds_all_files_with_sizes_hashes_and_addresses(self, public: PublicServer) -> None:
        files = {OS_PAYLOAD: b"system", "oem-azure.gz": b"azure"}
        public.publish("4593.2.1", files)
        with Session(Route()) as session:
            target = omaha.ask(session, public.address, QUESTION).target
        assert target is not None
        assert [one.name for one in target.packages] == [OS_PAYLOAD, "oem-azure.gz"]
        for package in target.packages:
            content = files[package.name]
            assert package.size == len(content)
            assert package.sha1 == hashlib.sha1(content, usedforsecurity=False).hexdigest()
            assert package.sha256 == hashlib.sha256(content).hexdigest()
        assert target.codebases == (f"{public.folder}/4593.2.1/",)

    def test_says_where_nothing_listens(self) -> None:
        with Session(Route()) as session, pytest.raises(Unreachable, match="nothing listens"):
            omaha.ask(session, "http://127.0.0.1:9/", QUESTION)

    def test_reads_no_more_than_an_answer_may_have(self, public: PublicServer) -> None:
        public.answer = b" " * (omaha.MAX_BYTES + 1)
        with Session(Route()) as session, pytest.raises(Unreachable, match="is longer than"):
            omaha.ask(session, public.address, QUESTION)


class TestRead:
    def test_takes_floors_in_order_with_their_reasons(self) -> None:
        found = omaha.read(
            answer(
                manifest("3.0.0", marks='is_target="true"'),
                manifest("2.0.0", marks='is_floor="true" floor_reason="new  boot&#10;loader"'),
                manifest("1.0.0", marks='is_floor="true"'),
            ),
            QUESTION,
        )
        assert [(one.version, one.floor_reason) for one in found.floors] == [
            ("1.0.0", ""),
            ("2.0.0", "new boot loader"),
        ]
        assert found.target is not None
        assert found.target.version == "3.0.0"

    def test_takes_the_last_that_is_no_floor_where_no_target_is_marked(self) -> None:
        found = omaha.read(
            answer(manifest("1.0.0", marks='is_floor="true"'), manifest("2.0.0")), QUESTION
        )
        assert found.target is not None
        assert found.target.version == "2.0.0"

    def test_has_no_target_where_all_are_floors(self) -> None:
        found = omaha.read(answer(manifest("1.0.0", marks='is_floor="true"')), QUESTION)
        assert found.target is None
        assert [one.version for one in found.floors] == ["1.0.0"]

    def test_gives_a_floor_that_says_no_address_a_folder_of_its_own(self) -> None:
        found = omaha.read(
            answer(manifest("1.0.0", marks='is_floor="true"'), manifest("2.0.0")), QUESTION
        )
        assert found.floors[0].codebases == ("http://a/1.0.0/", "http://a/2.0.0/")

    def test_has_nothing_where_there_is_no_update(self) -> None:
        assert omaha.read(answer(check="noupdate"), QUESTION) == omaha.Offered()

    def test_calls_files_that_a_nebraska_hosts_as_nodes_ask_for_them(self) -> None:
        files = FILE + (
            f'<package name="extrafile-amd64-2.0.0-oem-azure.gz" hash="{SHA1}" size="1"/>'
        )
        target = omaha.read(answer(manifest(files=files)), QUESTION).target
        assert target is not None
        assert [(one.name, one.remote_name) for one in target.packages] == [
            (OS_PAYLOAD, "update.gz"),
            ("oem-azure.gz", "extrafile-amd64-2.0.0-oem-azure.gz"),
        ]

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b"no XML", "is no XML"),
            (b"<html/>", "is no Omaha response"),
            (b"<!DOCTYPE a [<!ENTITY b 'c'>]><response/>", "has a DOCTYPE"),
            (b"<response>" + b"<a>" * 20 + b"</a>" * 20 + b"</response>", "larger than any"),
            (b"<response>" + b"<a/>" * 6000 + b"</response>", "larger than any"),
            (b"<response/>", "another application"),
            (answer(manifest(), app=str(uuid.UUID(int=1))), "another application"),
            (answer(status="error-unknownApplication"), "error-unknownApplication"),
            (answer(check="error-internal"), "error-internal"),
            (answer(), "0 manifests"),
            (answer(manifest(), manifest()), "two manifests of one version"),
            (
                answer(*(manifest(one, marks='is_target="true"') for one in ("1.0.0", "2.0.0"))),
                "two targets",
            ),
            (answer(manifest("../../etc")), "version"),
            (answer(manifest(files="")), "names no file"),
            (answer(manifest(files=FILE.replace("update.gz", "../a"))), "no name of a file"),
            (answer(manifest(files=FILE.replace('"10"', '"-1"'))), "no size"),
            (answer(manifest(files=FILE.replace('"10"', '"9999999999999999"'))), "no size"),
            (answer(manifest(files=FILE.replace(SHA1, "AAAA"))), "no hash"),
            (answer(manifest(files=FILE.replace(SHA1, ""))), "no hash"),
            (answer(manifest(files=FILE + FILE + FILE)), "names a file twice"),
        ],
    )
    def test_refuses(self, body: bytes, words: str) -> None:
        with pytest.raises(BadAnswer, match=words):
            omaha.read(body, QUESTION)

    def test_refuses_two_different_hashes_of_one_file(self) -> None:
        files = FILE.replace("size", f'hash_sha256="{"1" * 64}" size')
        action = f'<actions><action event="postinstall" sha256="{SHA256}"/></actions>'
        with pytest.raises(BadAnswer, match="two different hashes"):
            omaha.read(answer(manifest(files=files, inside=action)), QUESTION)


class TestRender:
    def test_asks_for_each_architecture_as_its_nodes_do(self) -> None:
        question = Question(QUESTION.appid, "a<b", "arm64", QUESTION.machine_id)
        root = ElementTree.fromstring(omaha.render(question))  # noqa: S314 - our own
        system, app = root.find("os"), root.find("app")
        assert system is not None
        assert app is not None
        assert (system.get("arch"), system.get("sp")) == ("arm", "0.0.0_aarch64")
        assert (app.get("board"), app.get("track")) == ("arm64-usr", "a<b")
