"""What a node is given so that systemd-sysupdate keeps a component up to date from this server.

The layout on the node is that of Flatcar's sysext-bakery: images below `/opt/extensions`, and a
link in `/etc/extensions` to the one that is in use.
"""

from collections.abc import Sequence
from typing import NamedTuple

from oemupdates.domain.snippet import Unit, block

IMAGES = "/opt/extensions"
# One in use, one to go back to, and one on its way.
_INSTANCES = 3


class Source(NamedTuple):
    """From where a group's nodes get components, and whether they believe signed lists alone."""

    url: str
    track: str
    is_signed: bool = False


def transfer_path(component: str) -> str:
    """Where a node's transfer file of a component is."""
    return f"/etc/sysupdate.{component}.d/{component}.conf"


def transfer(component: str, source: Source) -> str:
    """A transfer file, as sysupdate.d(5) has it; systemd fills in what follows a `%`."""
    server = source.url.replace("%", "%%")
    return (
        "[Transfer]\n"
        f"Verify={'yes' if source.is_signed else 'no'}\n"
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
    text += "systemd:\n  units:\n"
    for component in components:
        for unit in units(component):
            text += f"    - name: {unit.name}\n"
            text += "      enabled: true\n" if unit.is_enabled else ""
            text += f"      contents: |\n{block(unit.text, 8)}"
    return text
