"""What update events mean: types, results, and the error codes of update_engine 0.4.10."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

# Event types and results on the wire (the only ones that the stock client sends).
COMPLETE, DOWNLOAD_STARTED, DOWNLOAD_FINISHED = 3, 13, 14
ERROR, SUCCESS, SUCCESS_REBOOT, DEFERRED = 0, 1, 2, 9
FIRST_CHECK = "0.0.0.0"  # noqa: S104 - a version that stands for none, not an address

# Flag bits that the client sets above the code itself.
FLAGS = {
    31: "developer mode",
    30: "resumed download",
    29: "test image",
    28: "custom server",
}
_CODE_MASK = 0x0FFFFFFF
_FLAG_BITS = 0xFFFFFFFF
OMAHA_HTTP = 2000
OMAHA_HTTP_LAST = 2999
POSTINST = 5
ROLLBACK = 44
DEFERRED_BACKOFF = 40


class Meaning(StrEnum):
    """What an event says about a node's update."""

    ROUTINE = "routine", "Routine check"
    FIRST_BOOT = "first_boot", "First check of this root file system"
    DOWNLOAD_STARTED = "download_started", "Download started"
    DOWNLOAD_FINISHED = "download_finished", "Download finished and verified"
    APPLIED = "applied", "Update applied, waiting for the reboot"
    UPDATED = "updated", "Rebooted into the new version"
    FAILED = "failed", "Update failed"
    CHECK_FAILED = "check_failed", "Update check failed"
    DEFERRED = "deferred", "Update deferred by the node"
    ROLLED_BACK = "rolled_back", "Rolled back"
    STATUS_RESET = "status_reset", "Update status reset by hand, not a rollback"
    OTHER = "other", "Other event"

    label: str

    def __new__(cls, value: str, label: str) -> "Meaning":
        """A member is its value on disk; its label is what people read."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """An error of update_engine: its name, and what an operator can do about it."""

    code: int
    name: str
    advice: str = ""


_ERRORS = {
    error.code: error
    for error in (
        ErrorCode(0, "success"),
        ErrorCode(1, "generic error", "Read the journal of update-engine on the node."),
        ErrorCode(2, "Omaha request error", "The update check failed; see the node's journal."),
        ErrorCode(3, "response handler error", "The node could not build its install plan."),
        ErrorCode(4, "file system copier error", "Check the node's disk."),
        ErrorCode(
            5,
            "post-install error",
            "An OEM or extension payload is missing or unsigned, the disk is full, or cgroup v1"
            " is still in use.",
        ),
        ErrorCode(6, "bootable flag error"),
        ErrorCode(7, "install device open error", "The target partition cannot be opened."),
        ErrorCode(8, "kernel device open error"),
        ErrorCode(
            9,
            "download transfer error",
            "The payload host answered an error, stalled or refused a range.",
        ),
        ErrorCode(
            10,
            "payload hash mismatch",
            "The payload host serves other bytes than this release was registered with.",
        ),
        ErrorCode(11, "payload size mismatch", "The registered size differs from the file."),
        ErrorCode(12, "payload verification error", "The payload's manifest is unusable."),
        ErrorCode(13, "new partition info error"),
        ErrorCode(14, "download write error"),
        ErrorCode(15, "new root file system verification error", "The written partition differs."),
        ErrorCode(16, "new kernel verification error", "The written kernel differs."),
        ErrorCode(17, "signed payload expected", "The payload carries no signature."),
        ErrorCode(
            18,
            "payload signature from another key",
            "A developer build was offered to a release image, or the other way round.",
        ),
        ErrorCode(19, "booted from firmware B"),
        ErrorCode(20, "state initialisation error", "The resumed download's state is unusable."),
        ErrorCode(21, "bad payload magic", "The payload host serves a page, or re-compresses."),
        ErrorCode(22, "signature missing in the manifest"),
        ErrorCode(23, "payload manifest parse error", "The payload's header is corrupt."),
        ErrorCode(24, "metadata signature error"),
        ErrorCode(25, "metadata signature verification error"),
        ErrorCode(26, "metadata signature mismatch"),
        ErrorCode(27, "operation hash verification error"),
        ErrorCode(28, "operation execution error", "Writing to the node's disk failed."),
        ErrorCode(29, "operation hash mismatch", "A chunk was corrupted on its way."),
        ErrorCode(30, "empty Omaha response", "Something between node and server ate the answer."),
        ErrorCode(31, "Omaha response is not XML", "A proxy changed or compressed the answer."),
        ErrorCode(32, "invalid metadata size"),
        ErrorCode(33, "invalid metadata signature"),
        ErrorCode(34, "Omaha response invalid", "The node's application is not known here."),
        ErrorCode(35, "ignored by policy"),
        ErrorCode(36, "deferred by policy"),
        ErrorCode(37, "Omaha HTTP error"),
        ErrorCode(38, "operation hash missing"),
        ErrorCode(39, "metadata signature missing"),
        ErrorCode(
            40,
            "deferred by the node's back-off",
            "The node failed before and waits; a new target or a reset on the node ends it.",
        ),
        ErrorCode(41, "powerwash error"),
        ErrorCode(42, "PCR policy verification error", "The TPM refused the new image."),
        ErrorCode(43, "PCR policy server error", "PCR_POLICY_SERVER did not answer."),
        ErrorCode(
            44,
            "rollback",
            "The node booted back into its old version: read its boot log on the console.",
        ),
        ErrorCode(100, "incomplete"),
    )
}
# Errors of the update check itself: nothing was attempted, so nothing failed.
_CHECK_ERRORS = frozenset({2, 3, 30, 31, 34, 35, 36, 37})


def decode(errorcode: int) -> tuple[int, tuple[str, ...]]:
    """Split an error code from the wire into its base code and the names of its flags.

    Bit 31 makes the number negative in the client's signed arithmetic; both spellings are read.
    """
    bits = errorcode & _FLAG_BITS
    return bits & _CODE_MASK, tuple(name for bit, name in FLAGS.items() if bits >> bit & 1)


def error(code: int) -> ErrorCode:
    """Name a base code; codes from 2000 to 2999 carry an HTTP status of the update check."""
    if OMAHA_HTTP <= code <= OMAHA_HTTP_LAST:
        status = code - OMAHA_HTTP
        if status == 0:
            return ErrorCode(code, "Omaha: no answer", "The node could not reach this server.")
        return ErrorCode(code, f"Omaha HTTP {status}", "The update check was answered so.")
    return _ERRORS.get(code) or ErrorCode(code, f"error {code}")


def is_check_error(code: int) -> bool:
    """Whether a base code tells of a failed update check and not of a failed update."""
    return code in _CHECK_ERRORS or OMAHA_HTTP <= code <= OMAHA_HTTP_LAST


class Event(NamedTuple):
    """One event of a check-in, as the node sent it: `error_code` still has its flags."""

    type: int
    result: int
    error_code: int = 0
    previous_version: str = ""


def meaning(event: Event) -> Meaning:
    """What an event means by itself; only a rollback needs more (`oemupdates.domain.node`)."""
    match (event.type, event.result):
        case (3, 2):
            if event.previous_version in {"", FIRST_CHECK}:
                return Meaning.FIRST_BOOT if event.previous_version else Meaning.ROUTINE
            return Meaning.UPDATED
        case (13, 1):
            return Meaning.DOWNLOAD_STARTED
        case (14, 1):
            return Meaning.DOWNLOAD_FINISHED
        case (3, 1):
            return Meaning.APPLIED
        case (3, 9):
            return Meaning.DEFERRED
        case (3, 0):
            return _failure(decode(event.error_code)[0])
        case _:
            return Meaning.OTHER


def _failure(code: int) -> Meaning:
    if code == ROLLBACK:
        return Meaning.ROLLED_BACK
    if code == DEFERRED_BACKOFF:
        return Meaning.DEFERRED
    return Meaning.CHECK_FAILED if is_check_error(code) else Meaning.FAILED
