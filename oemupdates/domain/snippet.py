"""Texts to paste elsewhere: what makes a node ask this server, and what shows a badge."""

import base64
import gzip
import json
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

# What would end or mark the text of a link in Markdown.
_MARKS = {ord(mark): f"\\{mark}" for mark in "\\[]!`*_<>"}


def server(url: str, secret: str) -> str:
    """The update endpoint as nodes address it."""
    return f"{url}/v1/update/{secret}" if secret else f"{url}/v1/update"


def update_conf(track: str, server: str) -> str:
    """`/etc/flatcar/update.conf`."""
    return f"GROUP={track}\nSERVER={server}\n"


class NodeFile(NamedTuple):
    """A program that a node is given, and where."""

    path: str
    text: str


class Unit(NamedTuple):
    """A systemd unit that a node is given."""

    name: str
    text: str

    @property
    def is_enabled(self) -> bool:
        """Whether something starts it besides another unit."""
        return "[Install]" in self.text


def butane(
    track: str, server: str, files: Sequence[NodeFile] = (), units: Sequence[Unit] = ()
) -> str:
    """A Butane document that writes `update.conf` on a new node, with programs and units."""
    text = (
        "variant: flatcar\n"
        "version: 1.0.0\n"
        "storage:\n"
        "  files:\n"
        "    - path: /etc/flatcar/update.conf\n"
        "      overwrite: true\n"
        "      mode: 0644\n"
        "      contents:\n"
        "        inline: |\n"
        f"          GROUP={track}\n"
        f"          SERVER={server}\n"
    )
    for file in files:
        text += (
            f"    - path: {file.path}\n"
            "      overwrite: true\n"
            "      mode: 0755\n"
            "      contents:\n"
            f"        inline: |\n{block(file.text, 10)}"
        )
    if units:
        text += "systemd:\n  units:\n"
    for unit in units:
        text += f"    - name: {unit.name}\n"
        text += "      enabled: true\n" if unit.is_enabled else ""
        text += f"      contents: |\n{block(unit.text, 8)}"
    return text


def block(text: str, indent: int) -> str:
    """A text as a block of YAML, where lines without anything stay so."""
    return "".join(f"{' ' * indent}{line}\n" if line else "\n" for line in text.splitlines())


def ignition(
    track: str, server: str, files: Sequence[NodeFile] = (), units: Sequence[Unit] = ()
) -> str:
    """The same as Ignition, which Butane is made into, for who boots nodes with it directly."""
    conf = {
        "path": "/etc/flatcar/update.conf",
        "overwrite": True,
        "mode": 0o644,
        "contents": {"source": f"data:,{quote(update_conf(track, server), safe='/:=')}"},
    }
    document: dict[str, object] = {
        "ignition": {"version": "3.3.0"},
        "storage": {"files": [conf, *(_packed(file) for file in files)]},
    }
    if units:
        document["systemd"] = {
            "units": [
                {"name": unit.name, "enabled": unit.is_enabled, "contents": unit.text}
                for unit in units
            ]
        }
    return json.dumps(document, indent=2)


def _packed(file: NodeFile) -> dict[str, object]:
    packed = base64.b64encode(gzip.compress(file.text.encode(), mtime=0)).decode()
    return {
        "path": file.path,
        "overwrite": True,
        "mode": 0o755,
        "contents": {"source": f"data:;base64,{packed}", "compression": "gzip"},
    }


def install_line(url: str) -> str:
    """What brings the beacon and the report to a node that runs."""
    return f"curl -fsSL {url}/static/node/install | sudo bash -s -- {url}"


def badge(name: str, *, image: str, page: str) -> str:
    """A group's badge in Markdown, leading to the group's page."""
    return f"[![{name.translate(_MARKS)}]({image})]({page})"
