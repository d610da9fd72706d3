"""The life of update_engine 0.4.10: checks, updates, failures, reboots and rollbacks."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random

from oemupdates.domain import oem as oems
from oemupdates.domain.event import (
    COMPLETE,
    DEFERRED,
    DEFERRED_BACKOFF,
    DOWNLOAD_FINISHED,
    DOWNLOAD_STARTED,
    ERROR,
    OMAHA_HTTP,
    POSTINST,
    ROLLBACK,
    SUCCESS,
)
from oemupdates.domain.policy import MAX_POLL_SECONDS, MIN_POLL_SECONDS
from oemupdates.domain.shipped import SHIPPED
from oemupdates.management.simulation import request
from oemupdates.management.simulation.answer import BadAnswer, Offer, Package, read
from oemupdates.management.simulation.attempts import Attempts
from oemupdates.management.simulation.habits import FIRST_CHECK, Fate, Habits
from oemupdates.management.simulation.request import Facts
from oemupdates.management.simulation.step import (
    OK,
    Acts,
    Digests,
    Fetch,
    Fetched,
    Heard,
    Kind,
    Node,
)

POLL_FUZZ = 300
RETRIES, RETRY_SECONDS = 3, 10
SYSEXT_TRIES = 20
TRANSFER_ERROR, HASH_MISMATCH = 9, 10
# The payload's header, which a resumed download reads again before it goes on.
HEADER_BYTES = 685


@dataclass(frozen=True, slots=True)
class _Broken:
    """A download that was interrupted: where it stood when the daemon stopped."""

    offer: Offer
    digests: Digests | None
    size: int


class StockNode(Node):
    """A node with the stock client. `score` counts what happens; `fates` come before chance."""

    def __init__(
        self,
        facts: Facts,
        rng: Random,
        *,
        habits: Habits,
        score: Counter[str] | None = None,
        fates: Iterable[Fate] = (),
    ) -> None:
        self.habits = habits
        self.score: Counter[str] = Counter() if score is None else score
        self.fates = deque(fates)
        self.previous_version = ""
        self._news = request.FIRST_BOOT if habits.is_new else request.ROUTINE
        self._nominal = MIN_POLL_SECONDS
        self._checks = 0
        self._rolls_back_at: int | None = None
        self._broken: _Broken | None = None
        self._is_cursed = False
        self._attempts = Attempts(rng)
        super().__init__(facts, rng)

    # --- Checks ---------------------------------------------------------------------------------

    def _live(self) -> Acts[None]:
        self._tell_oem()
        wait = self.rng.uniform(*self.habits.first_wait)
        while self._checks != self.habits.goes_dark_after:
            if self._checks == self._rolls_back_at:
                self._go_back()
            self._checks += 1
            wait = yield from self._check(wait)
        self.score["went dark"] += 1

    def _check(self, wait: float) -> Acts[float]:
        """One update check and all that follows from it; returns the wait before the next."""
        parts = (request.PING, request.UPDATE_CHECK, self._news)
        self._news = request.ROUTINE
        heard = yield from self._post(wait, Kind.CHECK, *parts)
        for _ in range(RETRIES):
            if heard.status is not None:
                break
            heard = yield from self._post(RETRY_SECONDS, Kind.CHECK, *parts)
        if heard.status != OK:
            return (yield from self._check_failed(heard))
        try:
            answer = read(heard.body)
        except BadAnswer as bad:
            yield from self._say(request.failure(bad.code))
            return self._next_check(MIN_POLL_SECONDS)
        interval = answer.poll_interval or MIN_POLL_SECONDS
        wait = self._next_check(min(max(interval, MIN_POLL_SECONDS), MAX_POLL_SECONDS))
        if answer.offer is not None:
            restarted = yield from self._update(answer.offer)
            wait = wait if restarted is None else restarted
        return wait

    def _check_failed(self, heard: Heard) -> Acts[float]:
        yield from self._say(request.failure(OMAHA_HTTP + (heard.status or 0)))
        if heard.status in {500, 503}:
            self._nominal = min(2 * self._nominal, MAX_POLL_SECONDS)
            return self.rng.uniform(self._nominal / 2, self._nominal * 1.5)
        return self._next_check(MIN_POLL_SECONDS)

    def _next_check(self, nominal: int) -> float:
        self._nominal = nominal
        fuzz = POLL_FUZZ if nominal == MIN_POLL_SECONDS else nominal / 2
        return self.rng.uniform(nominal - fuzz, nominal + fuzz)

    def _say(self, event: str, wait: float = 1.0) -> Acts[None]:
        """Tell an event; nobody looks at the answer."""
        yield from self._post(wait, Kind.EVENT, event)

    # --- Updates --------------------------------------------------------------------------------

    def _update(self, offer: Offer) -> Acts[float | None]:
        """Take an offer; returns the wait before the first check of a client started anew."""
        self._notice_offer(offer)
        if self._attempts.backs_off(offer, self.clock):
            self.score["deferred"] += 1
            code = DEFERRED_BACKOFF | request.CUSTOM_SERVER
            yield from self._say(request.event(COMPLETE, DEFERRED, code))
            return None
        fate = self._draw_fate()
        yield from self._say(request.event(DOWNLOAD_STARTED, SUCCESS))
        if fate is Fate.INTERRUPTED and self._broken is None:
            yield from self._break_off(offer)
            return self.rng.uniform(*FIRST_CHECK)
        code = yield from self._download(offer, fate)
        if code == 0:
            yield from self._say(request.event(DOWNLOAD_FINISHED, SUCCESS))
            code = yield from self._postinst(offer, fate)
        if code:
            self.score["failed"] += 1
            yield from self._say(request.failure(code))
            return None
        yield from self._say(request.event(COMPLETE, SUCCESS), wait=20)
        left = yield from self._wait_for_reboot()
        self._reboot(offer, fate)
        return left + self.rng.uniform(*FIRST_CHECK)

    def _notice_offer(self, offer: Offer) -> None:
        """Another offer than before makes the client forget what it had of the last."""
        if self._attempts.notice(offer):
            self.score["offered"] += 1
            self._is_cursed = False
            self._broken = None

    def _draw_fate(self) -> Fate:
        """What becomes of this attempt; where post-install failed once, it does so again."""
        if self.fates:
            return self.fates.popleft()
        if self._is_cursed:
            return Fate.POSTINST
        fate = self.habits.chances.draw(self.rng)
        self._is_cursed = fate is Fate.POSTINST
        return fate

    def _download(self, offer: Offer, fate: Fate) -> Acts[int]:
        """Download the OS payload; returns the error code, 0 for none."""
        flag = 0 if self._broken is None else request.RESUMED
        fetched = None
        if fate is not Fate.NOT_FOUND:
            fetched = yield from self._fetch_os(offer)
        if fetched is None:
            self._attempts.transfer_failed(offer, self.clock)
            return TRANSFER_ERROR | flag
        is_corrupt = fetched.digests is not None and not fetched.digests.match(offer.packages[0])
        if is_corrupt or fate is Fate.HASH_MISMATCH:
            self._attempts.next_url(offer, self.clock)
            return HASH_MISMATCH | flag
        self._attempts.complete(self.clock)
        return 0

    def _os_payload(self, offer: Offer) -> Fetch:
        wait = self.rng.uniform(*self.habits.download_seconds)
        return Fetch(wait, self._attempts.os_url(offer), offer.packages[0])

    def _break_off(self, offer: Offer) -> Acts[None]:
        """Start the download and stop half way, as the daemon is restarted."""
        half = offer.packages[0].size // 2
        fetch = replace(self._os_payload(offer), stop=half, breaks_off=True)
        fetched = yield from self._fetch(fetch)
        self.score["interrupted"] += 1
        if fetched.is_good(fetch):
            self._broken = _Broken(offer, fetched.digests, half)

    def _fetch_os(self, offer: Offer) -> Acts[Fetched | None]:
        """The whole OS payload, or the rest of an interrupted download; None if it fails."""
        broken, self._broken = self._broken, None
        fetch = self._os_payload(offer)
        if broken is not None:
            header = replace(fetch, wait=1, stop=min(HEADER_BYTES, broken.size))
            fetched = yield from self._fetch(header)
            if not fetched.is_good(header):
                return None
            fetch = replace(fetch, start=broken.size, carried=broken.digests)
        fetched = yield from self._fetch(fetch)
        return fetched if fetched.is_good(fetch) else None

    def _postinst(self, offer: Offer, fate: Fate) -> Acts[int]:
        """Stage the payload of the node's OEM, from where it was offered or the public host."""
        if fate is Fate.POSTINST:
            return POSTINST
        if not self._needs_oem_payload(offer.version):
            return 0
        if self.habits.uses_public_host:
            return 0
        package = offer.package_ending(oems.payload_name(self.facts.oem))
        if package is None or not (package.sha1 or package.sha256):
            return POSTINST
        for _ in range(SYSEXT_TRIES):
            if (yield from self._fetch_sysext(offer, package)):
                return 0
        return POSTINST

    def _fetch_sysext(self, offer: Offer, package: Package) -> Acts[bool]:
        fetched = yield from self._fetch(Fetch(1, offer.codebases[0] + package.name, package))
        if fetched.digests is not None and not fetched.digests.match(package):
            return False
        return fetched.status == OK

    # --- Boots and the OEM ----------------------------------------------------------------------

    def _wait_for_reboot(self) -> Acts[float]:
        """Ping until the reboot is near; returns the seconds that are left."""
        left = self.rng.uniform(*self.habits.reboots_after)
        wait = self._next_check(MIN_POLL_SECONDS)
        while wait < left:
            yield from self._post(wait, Kind.PING, request.PING)
            left -= wait
            wait = self._next_check(MIN_POLL_SECONDS)
        return left

    def _reboot(self, offer: Offer, fate: Fate) -> None:
        self.facts.boot_id = self.boot_id()
        if fate is Fate.FALLBACK:
            self.score["rolled back"] += 1
            self._news = request.event(COMPLETE, ERROR, ROLLBACK)
            return
        self.score["updated"] += 1
        self.previous_version = self.facts.version
        self.facts.version = offer.version
        self._news = request.news(self.previous_version)
        self._tell_oem()
        if fate is Fate.ROLLBACK:
            self._rolls_back_at = self._checks + self.rng.randint(2, 6)

    def _go_back(self) -> None:
        """Boot the other slot by hand: no event tells of it, only a lower version."""
        self.score["rolled back"] += 1
        self.facts.version, self.previous_version = self.previous_version, self.facts.version
        self.facts.boot_id = self.boot_id()
        self._tell_oem()

    def _tell_oem(self) -> None:
        """Let the beacon write what is merged since this boot."""
        builds, facts = self.habits.oem_builds, self.facts
        if builds is None:
            return
        is_merged = SHIPPED.is_shipped(
            facts.oem, version=facts.version, architecture=_architecture(facts)
        )
        build = builds.get(facts.version, "-")
        facts.oem_version = f"sysext/{facts.version}/{build}" if is_merged else "sysext/none"

    def _needs_oem_payload(self, version: str) -> bool:
        return SHIPPED.is_mandatory(
            self.facts.oem,
            running=self.facts.version,
            target=version,
            architecture=_architecture(self.facts),
        )


def _architecture(facts: Facts) -> str:
    return facts.board.removesuffix("-usr")
