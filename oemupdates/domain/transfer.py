"""What a node is given so that systemd-sysupdate keeps a component up to date from this server.

The layout on the node is that of Flatcar's sysext-bakery: images below `/opt/extensions`, and a
link in `/etc/extensions` to the one that is in use.
"""

import base64
from collections.abc import Sequence
from typing import NamedTuple

from oemupdates.domain.snippet import Unit, block

IMAGES = "/opt/extensions"
# One in use, one to go back to, and one on its way.
_INSTANCES = 3


KEYRING = "/etc/systemd/import-pubring.gpg"


class Source(NamedTuple):
    """From where a group's nodes get components; with a public `key` they believe its lists alone.

    The key is as a keyring has it.
    """

    url: str
    track: str
    key: bytes = b""


def transfer_path(component: str) -> str:
    """Where a node's transfer file of a component is."""
    return f"/etc/sysupdate.{component}.d/{component}.conf"


def transfer(component: str, source: Source) -> str:
    """A transfer file, as sysupdate.d(5) has it; systemd fills in what follows a `%`."""
    server = source.url.replace("%", "%%")
    return (
        "[Transfer]\n"
        f"Verify={'yes' if source.key else 'no'}\n"
        "\n"
        "[Source]\n"
        "Type=url-file\n"
        f"Path={server}/sysupdate/v1/{source.track}/%m/%b/%w/{component}/\n"
        f"MatchPattern={component}-@v-%a.raw\n"
        "\n"
        "[Target]\n"
        f"InstancesMax={_INSTANCES}\n"
        "Type=regular-file\n"
        f"Path={IMAGES}/{component}\n"
        f"MatchPattern={component}-@v-%a.raw\n"
        f"CurrentSymlink=/etc/extensions/{component}.raw\n"
    )


def units(component: str) -> tuple[Unit, Unit]:
    """A service that fetches a component, and its timer; a new image waits for the next boot.

    systemd-sysupdate makes no folder for what it fetches, and would fail.
    """
    link = f"/etc/extensions/{component}.raw"
    fetch = f"/usr/lib/systemd/systemd-sysupdate --component={component} update"
    service = (
        "[Unit]\n"
        f"Description=Fetch a newer image of {component}\n"
        "Wants=network-online.target\n"
        "After=network-online.target\n"
        "\n"
        "[Service]\n"
        "Type=oneshot\n"
        f"ExecStartPre=/usr/bin/mkdir -p {IMAGES}/{component}\n"
        f"ExecStart=/usr/bin/bash -c 'was=$$(readlink {link}); {fetch} &&"
        f' if [[ $$(readlink {link}) != "$$was" ]]; then touch /run/reboot-required; fi\'\n'
    )
    timer = (
        "[Unit]\n"
        f"Description=Fetch a newer image of {component} every few hours\n"
        "\n"
        "[Timer]\n"
        "OnBootSec=20min\n"
        "OnUnitInactiveSec=6h\n"
        "RandomizedDelaySec=1h\n"
        "\n"
        "[Install]\n"
        "WantedBy=timers.target\n"
    )
    name = f"sysupdate-{component}"
    return Unit(f"{name}.service", service), Unit(f"{name}.timer", timer)


def butane(components: Sequence[str], source: Source) -> str:
    """A Butane document that gives a new node the transfer files and units of some components."""
    text = "variant: flatcar\nversion: 1.0.0\nstorage:\n  files:\n"
    for component in components:
        text += (
            f"    - path: {transfer_path(component)}\n"
            "      mode: 0644\n"
            "      contents:\n"
            f"        inline: |\n{block(transfer(component, source), 10)}"
        )
    if source.key:
        text += (
            f"    - path: {KEYRING}\n"
            "      mode: 0644\n"
            "      contents:\n"
            f"        source: data:;base64,{base64.b64encode(source.key).decode()}\n"
        )
    text += "systemd:\n  units:\n"
    for component in components:
        for unit in units(component):
            text += f"    - name: {unit.name}\n"
            text += "      enabled: true\n" if unit.is_enabled else ""
            text += f"      contents: |\n{block(unit.text, 8)}"
    return text
