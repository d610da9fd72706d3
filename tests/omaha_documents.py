"""Responses for the tests of the reader: one that both clients take, and how to change it."""

import base64
import hashlib

BASE = "https://updates.example.net/payloads/amd64-usr/4593.2.1/"
OS, AZURE, PYTHON = b"the OS payload", b"the OEM payload of azure", b"the extension python"
FILES = {
    f"{BASE}flatcar_production_update.gz": OS,
    f"{BASE}oem-azure.gz": AZURE,
    f"{BASE}flatcar-python.gz": PYTHON,
}


def sha1(content: bytes) -> str:
    return base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()


def sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def hex_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


APPID = "{e96281a6-d1af-4bde-9a0a-97b76e56dc57}"
URL = f'<url codebase="{BASE}"></url>'
OS_PACKAGE = (
    f'<package name="flatcar_production_update.gz" hash="{sha1(OS)}" size="{len(OS)}"'
    ' required="true"></package>'
)
AZURE_PACKAGE = (
    f'<package name="oem-azure.gz" hash="{sha1(AZURE)}" hash_sha256="{hex_of(AZURE)}"'
    f' size="{len(AZURE)}" required="false"></package>'
)
PYTHON_PACKAGE = (
    f'<package name="flatcar-python.gz" hash="{sha1(PYTHON)}" hash_sha256="{hex_of(PYTHON)}"'
    f' size="{len(PYTHON)}" required="false"></package>'
)
ACTION = (
    f'<action event="postinstall" sha256="{sha256(OS)}" DisablePayloadBackoff="true"></action>'
)
MANIFEST = f"""<manifest version="4593.2.1">
        <packages>
          {OS_PACKAGE}
          {AZURE_PACKAGE}
          {PYTHON_PACKAGE}
        </packages>
        <actions>{ACTION}</actions>
      </manifest>"""
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
SAFE = f"""{DECLARATION}<response protocol="3.0" server="ours">
  <daystart elapsed_seconds="0"></daystart>
  <app appid="{APPID}" status="ok">
    <ping status="ok"></ping>
    <updatecheck status="ok" PollInterval="2700">
      <urls>{URL}</urls>
      {MANIFEST}
    </updatecheck>
    <event status="ok"></event>
  </app>
</response>
"""
NO_UPDATE = f"""{DECLARATION}<response protocol="3.0" server="ours">
  <app appid="{APPID}" status="ok"><updatecheck status="noupdate"></updatecheck></app>
</response>
"""
OTHER_APP = (
    '<app appid="11111111-2222-3333-4444-555555555555" status="ok">'
    '<updatecheck status="noupdate"></updatecheck></app>'
)


def but(*changes: tuple[str, str]) -> str:
    """The safe response with each first text replaced by the second."""
    text = SAFE
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text
