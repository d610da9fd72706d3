"""What the client counts of an offer: which URL is next, and how long it backs off."""

from random import Random

from oemupdates.management.simulation.answer import Offer

FAILURES_PER_URL = 10
DAY = 24 * 3600
MAX_BACKOFF_DAYS, BACKOFF_FUZZ = 16, 6 * 3600


class Attempts:
    """The attempts at one offer; another offer starts them anew."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._offer: Offer | None = None
        self._forget()

    def _forget(self) -> None:
        self._failures = self._url_index = self._attempts = 0
        self._resumes_at = 0.0

    def notice(self, offer: Offer) -> bool:
        """Take an offer in; returns whether it differs from the last one."""
        if offer == self._offer:
            return False
        self._offer = offer
        self._forget()
        return True

    def backs_off(self, offer: Offer, now: float) -> bool:
        """Whether the client lets this offer pass for now."""
        return now < self._resumes_at and not offer.disables_backoff

    def os_url(self, offer: Offer) -> str:
        """Where the OS payload is to be had at this attempt."""
        return offer.codebases[self._url_index % len(offer.codebases)] + offer.packages[0].name

    def transfer_failed(self, offer: Offer, now: float) -> None:
        """Count a transfer that failed; ten of them, and it is the next URL's turn."""
        self._failures += 1
        if self._failures >= FAILURES_PER_URL:
            self.next_url(offer, now)

    def next_url(self, offer: Offer, now: float) -> None:
        """Give a URL up; after the last one a full attempt is over."""
        self._failures = 0
        self._url_index += 1
        if self._url_index % len(offer.codebases) == 0:
            self.complete(now)

    def complete(self, now: float) -> None:
        """After each full attempt the client waits twice as long before the next."""
        self._attempts += 1
        days = min(2 ** (self._attempts - 1), MAX_BACKOFF_DAYS)
        self._resumes_at = now + days * DAY + self._rng.uniform(-BACKOFF_FUZZ, BACKOFF_FUZZ)
