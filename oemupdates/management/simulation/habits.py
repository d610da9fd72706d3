"""What stock nodes differ in besides their facts: their luck, their pace, and what they carry."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

# Seconds between the daemon's start and its first check, lowest and highest.
FIRST_CHECK = (120.0, 720.0)


class Fate(StrEnum):
    """How an update that a node accepts is going to end."""

    SUCCESS = "success"
    NOT_FOUND = "not_found"
    HASH_MISMATCH = "hash_mismatch"
    POSTINST = "postinst"
    INTERRUPTED = "interrupted"
    FALLBACK = "fallback"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Chances:
    """How often updates end badly, each from 0 to 1; the rest succeed.

    `rollback` is shared by GRUB's fallback and operators who go back days later. `dark` is the
    share of nodes that fall silent some day.
    """

    failure: float = 0.0
    postinst: float = 0.0
    rollback: float = 0.0
    interrupted: float = 0.0
    dark: float = 0.0

    def draw(self, rng: Random) -> Fate:
        """Cast one update's lot."""
        bad = {
            Fate.NOT_FOUND: self.failure / 2,
            Fate.HASH_MISMATCH: self.failure / 2,
            Fate.FALLBACK: self.rollback / 2,
            Fate.ROLLBACK: self.rollback / 2,
            Fate.POSTINST: self.postinst,
            Fate.INTERRUPTED: self.interrupted,
        }
        good = {Fate.SUCCESS: max(0.0, 1 - sum(bad.values()))}
        lots = bad | good
        return rng.choices(tuple(lots), tuple(lots.values()))[0]


@dataclass(frozen=True, slots=True)
class Habits:
    """How a stock node lives. Times are seconds, lowest and highest.

    `is_new` is a node whose first check ever this is. `oem_builds` makes it carry the beacon: the
    build of its OEM sysext by OS version. After `goes_dark_after` checks it falls silent.
    With `uses_public_host` post-install takes its OEM from there, as some updaters do, whatever
    was offered.
    """

    chances: Chances = Chances()
    first_wait: tuple[float, float] = FIRST_CHECK
    download_seconds: tuple[float, float] = (60, 600)
    reboots_after: tuple[float, float] = (300, 3 * 3600)
    oem_builds: dict[str, str] | None = None
    goes_dark_after: int | None = None
    is_new: bool = False
    uses_public_host: bool = False
