"""The judge is judged: each row of what the real clients were seen to do, as a case."""

import gzip
from dataclasses import dataclass, field

import pytest

from tests import omaha_install, omaha_rules
from tests.omaha_documents import (
    ACTION,
    APPID,
    AZURE,
    AZURE_PACKAGE,
    BASE,
    DECLARATION,
    FILES,
    MANIFEST,
    NO_UPDATE,
    OS,
    OS_PACKAGE,
    OTHER_APP,
    PYTHON,
    PYTHON_PACKAGE,
    SAFE,
    URL,
    but,
    hex_of,
    sha1,
    sha256,
)
from tests.omaha_install import NotExtracted
from tests.omaha_reader import (
    NoUpdate,
    Offer,
    Refused,
    UeRsPanicked,
    UeRsRefused,
    UpdateEngineRefused,
    read_as_ue_rs,
    read_as_update_engine,
    read_both,
)

OK, NONE, REJECT, PANIC, FAIL, SKIP = "ok", "no update", "reject", "panic", "20 tries", "no file"


@dataclass(frozen=True)
class Row:
    """One variant: what update_engine and ue-rs do with it, None where nobody looked.

    A number is update_engine's error code, whether it comes from reading or from installing.
    """

    name: str
    body: str | bytes
    update_engine: str | int | None
    ue_rs: str | None
    files: dict[str, bytes] = field(default_factory=lambda: FILES)

    @property
    def octets(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else self.body.encode()


DECOY = b"another's payload that ends alike"
FAR = "https://elsewhere.example.net/"
APPENDIX_A = [
    Row("minimal valid", SAFE, OK, OK),
    Row("no XML declaration", but((DECLARATION, "")), OK, OK),
    Row("BOM", b"\xef\xbb\xbf" + SAFE.encode(), OK, OK),
    Row("comments", but(("<urls>", "<!-- here --><urls>")), None, OK),
    Row("DOCTYPE", but((DECLARATION, f"{DECLARATION}<!DOCTYPE response>\n")), None, OK),
    Row("single quotes", but(('protocol="3.0"', "protocol='3.0'")), None, OK),
    Row("unknown attribute", but(('status="ok">\n', 'status="ok" odd="1">\n')), None, OK),
    Row("unknown element", but(("<urls>", "<odd></odd><urls>")), None, OK),
    Row("newline before the declaration", "\n" + SAFE, 31, None),
    Row(
        "default namespace on the root",
        but(("<response ", '<response xmlns="http://example.net/omaha" ')),
        34,
        None,
    ),
    Row(
        "manifest before urls",
        but((f"<urls>{URL}</urls>", ""), ("</manifest>", f"</manifest><urls>{URL}</urls>")),
        OK,
        OK,
    ),
    Row("manifest without version", but((' version="4593.2.1"', "")), OK, REJECT),
    Row("no protocol", but((' protocol="3.0"', "")), None, REJECT),
    Row("no app status", but((f'"{APPID}" status="ok"', f'"{APPID}"')), None, REJECT),
    Row("appid that is no UUID", but((APPID, "io.example.os")), OK, REJECT),
    Row(
        "app status error, updatecheck ok",
        but((f'"{APPID}" status="ok"', f'"{APPID}" status="error-unknownApplication"')),
        OK,
        None,
    ),
    Row(
        "second app with noupdate after",
        but(("</response>", f"{OTHER_APP}</response>")),
        None,
        REJECT,
    ),
    Row("first app noupdate, second ok", but(("  <app ", f"{OTHER_APP}<app ")), NONE, None),
    Row("updatecheck status OK", but(('status="ok" Poll', 'status="OK" Poll')), 34, None),
    Row(
        "codebase without slash",
        but((BASE, BASE.rstrip("/"))),
        OK,
        FAIL,  # asks one folder too high, where nothing is
    ),
    Row(
        "second codebase empty",
        but((URL, f'{URL}<url codebase=""></url>')),
        34,
        None,
    ),
    Row("two urls, first 404", but((URL, f'<url codebase="{FAR}"></url>{URL}')), 9, FAIL),
    Row("leading space in codebase", but((f'"{BASE}', f'" {BASE}')), 9, None),
    Row("no actions", but((ACTION, "")), 34, None),
    Row("no postinstall", but(('event="postinstall"', 'event="install"')), 34, None),
    Row("postinstall without sha256", but((f' sha256="{sha256(OS)}"', "")), 34, REJECT),
    Row(
        "extra action without sha256",
        but(("</actions>", '<action event="update"></action></actions>')),
        OK,
        REJECT,
    ),
    Row(
        "unknown action event",
        but(("</actions>", f'<action event="odd" sha256="{sha256(OS)}"></action></actions>')),
        None,
        REJECT,
    ),
    Row("DisablePayloadBackoff 1", but(('Backoff="true"', 'Backoff="1"')), None, OK),
    Row("DisablePayloadBackoff x", but(('Backoff="true"', 'Backoff="x"')), None, REJECT),
    Row("action sha256 in hex", but((f'"{sha256(OS)}"', f'"{hex_of(OS)}"')), 10, REJECT),
    Row("package size 0", but((f'size="{len(OS)}"', 'size="0"')), 34, None),
    Row("package size empty", but((f'size="{len(OS)}"', 'size=""')), 34, REJECT),
    Row("package size missing", but((f' size="{len(OS)}"', "")), 34, REJECT),
    Row("size off by one", but((f'size="{len(OS)}"', f'size="{len(OS) + 1}"')), 11, OK),
    Row("OS package hash wrong", but((sha1(OS), sha1(AZURE))), OK, None),
    Row("OS package hash missing", but((f' hash="{sha1(OS)}"', "")), OK, OK),
    Row("OS package hash of wrong length", but((sha1(OS), "AAAA")), OK, REJECT),
    Row("empty hash of the OS", but((sha1(OS), "")), None, REJECT),
    Row("empty hash of another OEM", but((sha1(PYTHON), "")), None, REJECT),
    Row("empty hash_sha256", but((hex_of(PYTHON), "")), None, REJECT),
    Row("hash_sha256 of odd length", but((hex_of(AZURE), hex_of(AZURE)[1:])), None, PANIC),
    Row("only sha1", but((f' hash_sha256="{hex_of(AZURE)}"', "")), None, OK),
    Row("only sha256", but((f' hash="{sha1(AZURE)}"', "")), None, OK),
    Row(
        "no hash on the OEM",
        but((f' hash="{sha1(AZURE)}"', ""), (f' hash_sha256="{hex_of(AZURE)}"', "")),
        None,
        SKIP,
    ),
    Row("wrong sha256", but((hex_of(AZURE), hex_of(OS))), None, FAIL),
    Row("wrong sha1", but((sha1(AZURE), sha1(OS))), None, FAIL),
    Row("required missing", but((' required="false"', "")), None, REJECT),
    Row("required False", but(('required="false"', 'required="False"')), None, REJECT),
    Row("required 0", but(('required="false"', 'required="0"')), None, OK),
    Row(
        "OEM package first",
        but((f"{OS_PACKAGE}\n", ""), (PYTHON_PACKAGE, f"{PYTHON_PACKAGE}{OS_PACKAGE}")),
        10,
        OK,
    ),
    Row(
        "prefixed OEM name",
        but(('"oem-azure.gz"', '"extrafile-amd64-4593.2.1-oem-azure.gz"')),
        None,
        OK,
        {f"{BASE}extrafile-amd64-4593.2.1-oem-azure.gz": AZURE},
    ),
    Row(
        "decoy earlier",
        but(
            (
                AZURE_PACKAGE,
                f'<package name="my-oem-azure.gz" hash="{sha1(DECOY)}" size="1" required="false"/>'
                f"{AZURE_PACKAGE}",
            )
        ),
        None,
        "takes the decoy",
        {**FILES, f"{BASE}my-oem-azure.gz": DECOY},
    ),
    Row(
        "name with subfolder",
        but(('"oem-azure.gz"', '"oems/oem-azure.gz"'), ('"flatcar_prod', '"os/flatcar_prod')),
        OK,
        FAIL,
        {f"{BASE}os/flatcar_production_update.gz": OS, f"{BASE}oems/oem-azure.gz": AZURE},
    ),
    Row(
        "two manifests",
        but((MANIFEST, MANIFEST + MANIFEST.replace("4593.2.1", "4600.0.0"))),
        "4593.2.1",
        "4600.0.0",
    ),
    Row("empty body", b"", 30, None),
    Row("gzip-encoded body", gzip.compress(SAFE.encode()), 31, None),
]
# Its rows on redirects, chunks, content types and Range speak of transport, not of a document.


def update_engine_does(row: Row) -> str | int:
    try:
        heard = read_as_update_engine(row.octets)
    except UpdateEngineRefused as refusal:
        return refusal.code
    if isinstance(heard, NoUpdate):
        return NONE
    code = omaha_install.install(heard, row.files.get)
    if code:
        return code
    return heard.version if row.name == "two manifests" else OK


def ue_rs_does(row: Row) -> str:
    tries: list[str] = []

    def fetch(url: str) -> bytes | None:
        tries.append(url)
        return row.files.get(url)

    try:
        document = read_as_ue_rs(row.octets)
        if row.name == "two manifests":
            return document.version
        found = omaha_install.extract(document, "oem-azure", fetch)
    except UeRsPanicked:
        return PANIC
    except UeRsRefused:
        return REJECT
    except NotExtracted:
        assert len(tries) == 20
        return FAIL
    if found is None:
        return SKIP
    return {AZURE: OK, DECOY: "takes the decoy"}[found]


SEEN_BY_UPDATE_ENGINE = [row for row in APPENDIX_A if row.update_engine is not None]
SEEN_BY_UE_RS = [row for row in APPENDIX_A if row.ue_rs is not None]


@pytest.mark.parametrize("row", SEEN_BY_UPDATE_ENGINE, ids=lambda row: row.name)
def test_update_engine_does_as_the_real_one_did(row: Row) -> None:
    assert update_engine_does(row) == row.update_engine


@pytest.mark.parametrize("row", SEEN_BY_UE_RS, ids=lambda row: row.name)
def test_ue_rs_does_as_the_real_one_did(row: Row) -> None:
    assert ue_rs_does(row) == row.ue_rs


def test_the_table_has_each_row_once() -> None:
    names = [row.name for row in APPENDIX_A]
    assert len(set(names)) == len(names)


def test_codebase_without_slash_loses_its_last_folder_in_ue_rs() -> None:
    asked: list[str] = []
    document = read_as_ue_rs(but((BASE, BASE.rstrip("/"))).encode())
    with pytest.raises(NotExtracted):
        omaha_install.extract(document, "oem-azure", asked.append)
    assert set(asked) == {"https://updates.example.net/payloads/amd64-usr/oem-azure.gz"}


def test_update_engine_keeps_what_it_later_compares() -> None:
    assert read_as_update_engine(SAFE.encode()) == Offer(
        urls=(BASE,),
        name="flatcar_production_update.gz",
        size=len(OS),
        sha256=sha256(OS),
        disables_backoff=True,
        version="4593.2.1",
        poll_seconds=2700,
    )


@pytest.mark.parametrize(
    ("attribute", "seconds"),
    [
        ('PollInterval="7200"', 7200),
        ('PollInterval="60"', 2700),
        ('PollInterval="99999"', 14400),
        ('PollInterval="soon"', 2700),
        ("", 2700),
    ],
)
@pytest.mark.parametrize("status", ["ok", "noupdate"])
def test_update_engine_clamps_the_interval(attribute: str, seconds: int, status: str) -> None:
    changed = but(('status="ok" PollInterval="2700"', f'status="{status}" {attribute}'))
    assert read_as_update_engine(changed.encode()).poll_seconds == seconds


def test_ue_rs_refuses_what_is_no_xml() -> None:
    with pytest.raises(UeRsRefused):
        read_as_ue_rs(b"<html>")


def test_read_both_reads_an_offer_and_a_refusal() -> None:
    assert isinstance(read_both(SAFE.encode()), Offer)
    assert read_both(NO_UPDATE.encode()) == NoUpdate(2700)


# Plain spellings, and wrong bytes behind right shapes: only a download would tell those.
PASSES_OUR_RULES = {
    "minimal valid",
    "single quotes",
    "manifest before urls",
    "OS package hash missing",
    "OS package hash wrong",
    "only sha256",
    "size off by one",
    "wrong sha256",
    "wrong sha1",
    "two urls, first 404",
}


@pytest.mark.parametrize("row", APPENDIX_A, ids=lambda row: row.name)
def test_only_plain_spellings_pass_the_whole_reader(row: Row) -> None:
    if row.name in PASSES_OUR_RULES:
        read_both(row.octets)
    else:
        with pytest.raises((Refused, omaha_rules.Unsound)):
            read_both(row.octets)
