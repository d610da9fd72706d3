"""Texts to paste elsewhere: what makes a node ask this server, and what shows a badge."""

import json
from urllib.parse import quote

# What would end or mark the text of a link in Markdown.
_MARKS = {ord(mark): f"\\{mark}" for mark in "\\[]!`*_<>"}


def server(url: str, secret: str) -> str:
    """The update endpoint as nodes address it."""
    return f"{url}/v1/update/{secret}" if secret else f"{url}/v1/update"


def update_conf(track: str, server: str) -> str:
    """`/etc/flatcar/update.conf`."""
    return f"GROUP={track}\nSERVER={server}\n"


def butane(track: str, server: str) -> str:
    """A Butane document that writes `update.conf` on a new node."""
    return (
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


def ignition(track: str, server: str) -> str:
    """The same as Ignition, which Butane is made into, for who boots nodes with it directly."""
    file = {
        "path": "/etc/flatcar/update.conf",
        "overwrite": True,
        "mode": 0o644,
        "contents": {"source": f"data:,{quote(update_conf(track, server), safe='/:=')}"},
    }
    return json.dumps({"ignition": {"version": "3.3.0"}, "storage": {"files": [file]}}, indent=2)


def badge(name: str, *, image: str, page: str) -> str:
    """A group's badge in Markdown, leading to the group's page."""
    return f"[![{name.translate(_MARKS)}]({image})]({page})"
