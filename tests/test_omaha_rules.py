"""Our own rules for responses refuse what both clients would let pass."""

import hashlib

import pytest

from tests import omaha_rules
from tests.omaha_documents import (
    ACTION,
    APPID,
    AZURE,
    AZURE_PACKAGE,
    BASE,
    DECLARATION,
    MANIFEST,
    NO_UPDATE,
    OS,
    OTHER_APP,
    PYTHON_PACKAGE,
    SAFE,
    URL,
    but,
    hex_of,
    sha1,
)

UNSOUND = {
    "declaration of another kind": but(('encoding="UTF-8"', 'encoding="utf-8"')),
    "nothing after the declaration": DECLARATION,
    "text after the root": SAFE + "<!-- served in 3 ms -->",
    "comment": but(("<urls>", "<!-- here --><urls>")),
    "processing instruction": but(("<urls>", "<?here?><urls>")),
    "prefixed namespace": but(("<response ", '<response xmlns:o="http://example.net" ')),
    "self-closed response": f'{DECLARATION}<response protocol="3.0"/>',
    "text in an element": but(("<urls>", "<urls>here")),
    "element in a wrong place": but(("<ping", "<url></url><ping")),
    "http host without a path": but((BASE, "https://updates.example.net")),
    "codebase with a query": but((BASE, f"{BASE}?node=1/")),
    "codebase without a scheme": but((BASE, "//updates.example.net/payloads/")),
    "url without a codebase": but((f' codebase="{BASE}"', "")),
    "interval below the client's least": but(('"2700"', '"2699"')),
    "interval above the client's most": but(('"2700"', '"14401"')),
    "boolean as a number": but(('Backoff="true"', 'Backoff="1"')),
    "size with a leading zero": but((f'size="{len(OS)}"', f'size="0{len(OS)}"')),
    "hash in hex": but((sha1(OS), hashlib.sha1(OS, usedforsecurity=False).hexdigest())),
    "hash_sha256 in capitals": but((hex_of(AZURE), hex_of(AZURE).upper())),
    "OEM without hash_sha256": but((f' hash_sha256="{hex_of(AZURE)}"', "")),
    "same name twice": but((PYTHON_PACKAGE, AZURE_PACKAGE)),
    "name that ends as another": but(('"flatcar-python.gz"', '"oem-my-oem-azure.gz"')),
    "name with a prefix": but(('"oem-azure.gz"', '"amd64-oem-azure.gz"')),
    "second application": SAFE.replace("</response>", f"{OTHER_APP}</response>"),
    "two actions": but((ACTION, ACTION + ACTION)),
    "manifest marked as a floor": but(("<manifest ", '<manifest is_floor="true" ')),
    "error on an updatecheck": NO_UPDATE.replace("noupdate", "error-internal"),
    "no update with urls": NO_UPDATE.replace(
        "></updatecheck", f"><urls>{URL}</urls></updatecheck"
    ),
    "app in error with an offer": but((f'"{APPID}" status="ok"', f'"{APPID}" status="error-x"')),
    "urls below a manifest": but(("<packages>", f"<urls>{URL}</urls><packages>")),
    "unknown element": but(("<urls>", "<odd></odd><urls>")),
    "app without an appid": NO_UPDATE.replace(f' appid="{APPID}"', ""),
    "two updatechecks": NO_UPDATE.replace("</app>", '<updatecheck status="noupdate"/></app>'),
}


@pytest.mark.parametrize("text", UNSOUND.values(), ids=UNSOUND.keys())
def test_rules_refuse(text: str) -> None:
    with pytest.raises(omaha_rules.Unsound):
        omaha_rules.check(text.encode())


def test_rules_allow_an_app_in_error_to_say_that_there_is_nothing() -> None:
    text = NO_UPDATE.replace(f'"{APPID}" status="ok"', f'"{APPID}" status="error-x"')
    assert omaha_rules.check(text.encode()) is not None


def test_rules_count_the_applications() -> None:
    text = SAFE.replace("</response>", f"{OTHER_APP}</response>\n")
    assert omaha_rules.check(text.encode(), apps=2) is not None
    with pytest.raises(omaha_rules.Unsound):
        omaha_rules.check(SAFE.encode(), apps=2)


def test_rules_allow_a_syncer_floors_in_ascending_order() -> None:
    floor = MANIFEST.replace('"4593.2.1"', '"4459.2.4" is_floor="true" floor_reason="cgroups"')
    target = MANIFEST.replace("<manifest ", '<manifest is_target="true" ')
    target = target.replace("<packages>", f"<urls>{URL}</urls><packages>")
    assert omaha_rules.check(but((MANIFEST, floor + target)).encode(), manifests=9) is not None
    with pytest.raises(omaha_rules.Unsound):
        omaha_rules.check(but((MANIFEST, target + floor)).encode(), manifests=9)
    with pytest.raises(omaha_rules.Unsound):
        omaha_rules.check(but((MANIFEST, floor + target)).encode())
