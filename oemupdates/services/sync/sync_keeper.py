"""Keeping a run of the sync while it is worked on, and telling how far it is."""

import threading
from datetime import timedelta
from types import TracebackType
from typing import Self

from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.utils import timezone

from oemupdates.models import SyncRun

# A worker that says nothing for so long has died.
LEASE = timedelta(seconds=60)
_RENEWAL_SECONDS, _PROGRESS_SECONDS = 10.0, 1.0


class Lost(Exception):
    """The run was cancelled, or somebody else took it over."""


def mine(run: SyncRun) -> QuerySet[SyncRun]:
    """The run's row, as long as it is worked on by whoever took it as `run`."""
    return SyncRun.objects.filter(pk=run.pk, state=SyncRun.State.RUNNING, attempt=run.attempt)


class Keeper:
    """Keeps a run ours while it is worked on, and tells how far it is.

    A thread renews the lease and writes progress down, at most once a second; it learns so that
    the run was cancelled or taken over, and then every word to it raises `Lost`.
    """

    def __init__(self, run: SyncRun) -> None:
        self._run = run
        self._lost, self._over = threading.Event(), threading.Event()
        self._told: dict[str, object] = {}
        self.doing, self.files_done, self.files_total = "", 0, 0
        self._bytes_before, self._bytes, self.bytes_total = 0, 0, 0
        self._thread = threading.Thread(target=self._keep, daemon=True, name="sync-keeper")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def check(self) -> None:
        """Raise `Lost` if the run is not ours any more."""
        if self._lost.is_set():
            raise Lost

    def say(self, doing: str) -> None:
        """Tell what is being done."""
        self.check()
        self.doing = doing[:200]

    def expect(self, *, files: int, size: int) -> None:
        """Tell of files that are to be fetched, and how many bytes they have."""
        self.files_total += files
        self.bytes_total += size

    def heard(self, size: int) -> None:
        """Tell how many bytes of the present file there are."""
        self.check()
        self._bytes = size

    def finished(self, size: int) -> None:
        """Tell that the present file is whole."""
        self.check()
        self.files_done += 1
        self._bytes_before, self._bytes = self._bytes_before + size, 0

    def make_sure(self) -> None:
        """Ask the database once more whether the run is ours, before something that lasts."""
        self.check()
        if not self._write():
            raise Lost

    def _keep(self) -> None:
        renewed = 0.0
        try:
            while not self._over.wait(_PROGRESS_SECONDS) and not self._lost.is_set():
                renewed += _PROGRESS_SECONDS
                if self._progress() == self._told and renewed < _RENEWAL_SECONDS:
                    continue
                renewed = 0.0
                try:
                    self._write()
                except DatabaseError:
                    continue  # the lease is longer than a hiccup
            if not self._lost.is_set():
                self._write()
        except DatabaseError:
            pass  # the end of the run writes for itself
        finally:
            connection.close()  # this thread's own

    @property
    def bytes_done(self) -> int:
        """How many bytes of all files there are."""
        return self._bytes_before + self._bytes

    def _progress(self) -> dict[str, object]:
        return {
            "doing": self.doing,
            "files_done": self.files_done,
            "files_total": self.files_total,
            "bytes_done": self.bytes_done,
            "bytes_total": self.bytes_total,
        }

    def _write(self) -> bool:
        progress = self._progress()
        lease = {"lease_until": timezone.now() + LEASE}
        if mine(self._run).update(**progress, **lease):
            self._told = progress
            return True
        self._lost.set()
        return False
