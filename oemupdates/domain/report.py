"""What a node reports of the systemd-sysext images on it: typed and bounded, whoever sent it."""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

SCHEMA = 1
MAX_BYTES = 64 * 1024
MAX_EXTENSIONS, MAX_FILES, MAX_ENABLED = 64, 128, 64
_MAX_TEXT = 200
_MAX_SIZE = 2**53
_MACHINE_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,63}", re.ASCII)
_BOOT_ID = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+@-]{0,99}", re.ASCII)
_PATH = re.compile(r"/[0-9A-Za-z._+@/-]{1,199}", re.ASCII)
OEM_PREFIX = "oem-"
T = TypeVar("T")


class BadReport(ValueError):
    """A document that no node's report can be; the text says what is wrong."""


class Extension(NamedTuple):
    """One image by its name without `.raw`: whether it is merged, as what, and what is linked.

    `version_id`, `sysext_level` and `payload_version` are what a merged one says of itself.
    `target` is where its link leads; empty if there is none.
    """

    name: str
    merged: bool = False
    version_id: str = ""
    sysext_level: str = ""
    payload_version: str = ""
    target: str = ""
    target_exists: bool = False


class StoredFile(NamedTuple):
    """An image that is stored on the node, and its size in bytes."""

    path: str
    size: int = 0

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]


class Report(NamedTuple):
    """One report. `oem` is the id as the OEM partition has it, quotes and all.

    The flags are of that OEM: its sysext is in use, this OS knows how to migrate it, and the next
    boot will. `boot_id` has no braces around it.
    """

    machine_id: str = ""
    boot_id: str = ""
    application: str = ""
    os_version: str = ""
    os_version_id: str = ""
    board: str = ""
    oem: str = ""
    oem_release_version: str = ""
    oem_flag_active: bool = False
    oem_known_to_os: bool = False
    oem_migration_pending: bool = False
    enabled_sysext: tuple[str, ...] = ()
    extensions: tuple[Extension, ...] = ()
    files: tuple[StoredFile, ...] = ()

    @property
    def oem_id(self) -> str:
        """The id without quotes, as images are named by."""
        return self.oem.strip("\"'")

    def extension(self, name: str) -> Extension | None:
        """What is reported of an image of that name."""
        return next((one for one in self.extensions if one.name == name), None)

    @property
    def oem_extension(self) -> Extension | None:
        """What is reported of the OEM's image."""
        return self.extension(f"{OEM_PREFIX}{self.oem_id}") if self.oem_id else None

    def is_of_boot(self, boot_id: str) -> bool:
        """Whether it was made in the boot that a check-in tells, which puts braces around it."""
        return bool(self.boot_id) and self.boot_id == boot_id.strip("{}")

    def stores(self, name: str, version: str) -> bool:
        """Whether the image of an extension for an OS version is on the node."""
        wanted = f"{name}-{version}.raw"
        return any(file.name == wanted for file in self.files)

    @property
    def needs(self) -> tuple[str, ...]:
        """The payloads that an update of this node must bring, or its post-install step fails."""
        needed = []
        if self.oem_flag_active and _NAME.fullmatch(self.oem):
            needed.append(f"{OEM_PREFIX}{self.oem}.gz")
        needed += [f"{flatcar_name(name)}.gz" for name in self.extensions_by_update]
        return tuple(needed)

    @property
    def extensions_by_update(self) -> tuple[str, ...]:
        """The short names of extensions that are switched on and come with updates.

        containerd and docker are within the OS image.
        """
        return tuple(name for name in self.enabled_sysext if not name.endswith("-flatcar"))


def flatcar_name(name: str) -> str:
    """How the image of an extension is called that `enabled-sysext.conf` calls by a short name."""
    return f"flatcar-{name}"


def read(body: bytes) -> Report:
    """Read a report; `BadReport` says what no node would send."""
    if len(body) > MAX_BYTES:
        raise BadReport(f"a report holds at most {MAX_BYTES // 1024} KiB")
    try:
        found = json.loads(body, parse_constant=_no_number, object_pairs_hook=_once)
    except BadReport:
        raise
    except (ValueError, RecursionError):
        raise BadReport("it is no JSON, or nested as none is") from None
    fields = _Fields(found, "the report")
    if fields.number("schema") != SCHEMA:
        raise BadReport(f"its schema is not {SCHEMA}")
    return Report(
        machine_id=fields.matching("machineid", _MACHINE_ID),
        boot_id=fields.matching("bootid", _BOOT_ID),
        application=fields.text("application").strip().strip("{}").lower(),
        os_version=fields.text("os_version"),
        os_version_id=fields.text("os_version_id"),
        board=fields.text("board"),
        oem=fields.text("oem"),
        oem_release_version=fields.text("oem_release_version"),
        oem_flag_active=fields.flag("oem_flag_active"),
        oem_known_to_os=fields.flag("oem_known_to_os"),
        oem_migration_pending=fields.flag("oem_migration_pending"),
        enabled_sysext=fields.each("enabled_sysext", MAX_ENABLED, _name),
        extensions=fields.each("extensions", MAX_EXTENSIONS, _extension),
        files=fields.each("files", MAX_FILES, _file),
    )


def dump(report: Report) -> str:
    """A report as it is kept: the same facts give the same text."""
    values = report._asdict() | {
        "extensions": [one._asdict() for one in report.extensions],
        "files": [file._asdict() for file in report.files],
    }
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def load(text: str) -> Report:
    """A report from how it is kept, whole or in brief."""
    values = json.loads(text)
    values["enabled_sysext"] = tuple(values.get("enabled_sysext", ()))
    values["extensions"] = tuple(Extension(**one) for one in values.get("extensions", ()))
    values["files"] = tuple(StoredFile(**file) for file in values.get("files", ()))
    return Report(**values)


class _Fields:
    """One object of the document: each field is asked for by its type."""

    def __init__(self, found: object, what: str) -> None:
        if not isinstance(found, dict):
            raise BadReport(f"{what} is no object")
        self._found: dict[str, Any] = found
        self._what = what

    def text(self, name: str) -> str:
        value = self._found.get(name, "")
        if not isinstance(value, str) or len(value) > _MAX_TEXT or not value.isprintable():
            raise BadReport(f"{name} of {self._what} is no text of up to {_MAX_TEXT} characters")
        return value

    def matching(self, name: str, pattern: re.Pattern[str]) -> str:
        value = self.text(name)
        if not pattern.fullmatch(value):
            raise BadReport(f"{name} of {self._what} is none")
        return value

    def flag(self, name: str) -> bool:
        value = self._found.get(name)
        if not isinstance(value, bool):
            raise BadReport(f"{name} of {self._what} is neither true nor false")
        return value

    def number(self, name: str) -> int:
        value = self._found.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MAX_SIZE:
            raise BadReport(f"{name} of {self._what} is no number")
        return value

    def each(self, name: str, most: int, make: Callable[[object], T]) -> tuple[T, ...]:
        value = self._found.get(name)
        if not isinstance(value, list) or len(value) > most:
            raise BadReport(f"{name} of {self._what} is no list of up to {most}")
        return tuple(make(one) for one in value)


def _name(found: object) -> str:
    if not isinstance(found, str) or not _NAME.fullmatch(found):
        raise BadReport("an extension is switched on by no name")
    return found


def _extension(found: object) -> Extension:
    fields = _Fields(found, "an extension")
    return Extension(
        name=fields.matching("name", _NAME),
        merged=fields.flag("merged"),
        version_id=fields.text("version_id"),
        sysext_level=fields.text("sysext_level"),
        payload_version=fields.text("payload_version"),
        target=fields.text("target"),
        target_exists=fields.flag("target_exists"),
    )


def _file(found: object) -> StoredFile:
    fields = _Fields(found, "a file")
    return StoredFile(fields.matching("path", _PATH), fields.number("size"))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, unless it says something twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadReport("a field stands in it twice")
    return found


def _no_number(name: str) -> object:
    raise BadReport(f"{name} is no number")
