"""What `flatcar-update` takes and refuses, written from its options: a judge of what we print.

The options are those of `flatcar-update --help`; the refusals come in the tool's order.
"""

import getopt
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

_SHORT = "hV:P:E:O:L:M:DFA"
_LONG = [
    "help",
    "to-version=",
    "to-payload=",
    "extension=",
    "oem-payloads=",
    "listen-port-1=",
    "listen-port-2=",
    "force-dev-key",
    "force-flatcar-key",
    "disable-afterwards",
]
_SAME = {
    "--to-version": "-V",
    "--to-payload": "-P",
    "--extension": "-E",
    "--oem-payloads": "-O",
    "--listen-port-1": "-L",
    "--listen-port-2": "-M",
    "--force-dev-key": "-D",
    "--force-flatcar-key": "-F",
    "--disable-afterwards": "-A",
}


class WouldNotBegin(Exception):
    """The tool ends with an error before it changes anything."""


@dataclass
class OnNode:
    """A node as the tool sees it: its OEM, if the system takes that for a sysext, and more."""

    oem: str = ""
    extensions: tuple[str, ...] = ()


@dataclass
class Run:
    """What the tool was told, in the order of its arguments."""

    version: str = ""
    payload: str = ""
    extensions: list[str] = field(default_factory=list)
    oem_payloads: str = "yes"


def run(arguments: list[str], node: OnNode) -> Run:
    """Begin as the tool would; raises `WouldNotBegin` with what it would complain about."""
    try:
        options, rest = getopt.gnu_getopt(arguments, _SHORT, _LONG)
    except getopt.GetoptError as error:
        raise WouldNotBegin(str(error)) from error
    told = Run()
    for option, value in options:
        _take(told, _SAME.get(option, option), value)
    if rest:
        raise WouldNotBegin(f"unexpected {rest}")
    if told.extensions and not told.payload:
        raise WouldNotBegin("extensions need a payload")
    if not told.version:
        raise WouldNotBegin("no version")
    if told.payload:
        _check_all_are_given(told, node)
    return told


def _take(told: Run, option: str, value: str) -> None:
    if option in {"-P", "-E", "-L", "-M"} and not value:
        raise WouldNotBegin(f"{option} is empty")
    if option == "-V":
        told.version = value
    elif option == "-P":
        told.payload = value
    elif option == "-E":
        if not re.search(r"^(flatcar|oem).*gz$", PurePosixPath(value).name):
            raise WouldNotBegin(f"{value} is no extension")
        told.extensions.append(value)
    elif option == "-O":
        if value not in {"yes", "no"}:
            raise WouldNotBegin(f"-O {value}")
        told.oem_payloads = value


def _check_all_are_given(told: Run, node: OnNode) -> None:
    given = {PurePosixPath(name).name for name in told.extensions}
    if node.oem and told.oem_payloads == "yes" and f"oem-{node.oem}.gz" not in given:
        raise WouldNotBegin(f"the OEM {node.oem} was not given")
    for name in node.extensions:
        if f"flatcar-{name}.gz" not in given:
            raise WouldNotBegin(f"the extension {name} was not given")
