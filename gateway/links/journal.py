"""The journal: what happened and what survives a restart, on disk before it is acknowledged (R15, R41).

One thread writes; the loop never waits for the disk. Batches that wait are committed together. While
the disk cannot be written, the newest events are held in memory and written once it can be again.
"""

import asyncio
import math
import secrets
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from gateway.errors import LinkError
from gateway.links.journal_file import JournalFile, Row, is_damage, left_in, set_aside
from gateway.model.event import KINDS, Event

_HELD = 10_000
"Events that wait in memory at most; the oldest go first."
_AGAIN = 1.0
"Seconds between tries while the disk cannot be written."
_STALL = 5.0
"Seconds after which a disk that does not answer counts as failed."
_DRAIN = 5.0
"Seconds that closing waits for what is not written yet."
_TROUBLES = (sqlite3.Error, OSError, LinkError)
_TOLD = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it may not be written",
    sqlite3.SQLITE_BUSY: "another program holds its lock",
}


class _Batch(NamedTuple):
    """What one call wrote."""

    ticket: int
    rows: Sequence[Row]
    kept: Mapping[str, str]

    @property
    def size(self) -> int:
        """How much room it takes: what is kept alone takes some, too."""
        return max(1, len(self.rows))


class Journal:
    """An open journal; all methods are for the loop's thread."""

    def __init__(
        self,
        path: Path,
        *,
        rows: int = 200_000,
        utc: Callable[[], float],
        synchronised: Callable[[], bool | None],
        on_state: Callable[[str], None] | None = None,
    ) -> None:
        """Open or begin a journal; LinkError if the file is not ours or cannot be made.

        A journal that can be read but not written is opened as failed: the gateway serves (R41).
        """
        self.on_state = on_state
        "Called in the loop with the new `failed`."
        self.boot = secrets.randbelow(0xFFFF_FFFE) + 1
        "This start's number, by chance."
        self.set_aside = ""
        "Where a damaged file went when this one was begun; '' if none was damaged."
        self._path, self._limit, self._utc, self._synchronised = path, rows, utc, synchronised
        self._wake = threading.Condition()
        self._pending: deque[_Batch] = deque()
        self._held = 0
        self._whole = False
        "Whether the next commit writes everything that is kept."
        self._gone: deque[range] = deque(maxlen=100)
        "Tickets whose events were dropped unwritten."
        self._ticket = self._settled = 0
        self._failed = self._told = ""
        self._busy = math.inf
        "Since when the disk is at work, on the monotonic clock."
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[tuple[int, Callable[[], None]]] = []
        self._look: asyncio.TimerHandle | None = None
        self._file: JournalFile | None = None
        self.last, self._kept = self._open()
        "Sequence number of the last event that was handed over."
        self._restored = dict(self._kept)
        if self.set_aside:
            self._tell_damage()
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    def _open(self) -> tuple[int, dict[str, str]]:
        """Open the file; gives the last sequence number and what was kept."""
        try:
            self._file = file = JournalFile(self._path)
            return file.last(), file.kept()
        except LinkError:
            raise
        except (sqlite3.Error, OSError) as error:
            last, kept = left_in(self._path)
            if is_damage(error):
                return self._begin_again(last, kept)
            self._failed, self._whole = _reason(error), True
            if not last:
                remedy = "make room or give rights there, or name another file"
                raise LinkError(
                    f"{self._path}: cannot be opened: {self._failed}; {remedy}"
                ) from None
            return last, kept

    def _begin_again(self, last: int, kept: dict[str, str]) -> tuple[int, dict[str, str]]:
        try:
            self.set_aside = str(set_aside(self._path, self._utc()))
            self._file = JournalFile(self._path)
        except (sqlite3.Error, OSError) as error:
            text = f"{self._path}: is damaged, and cannot be replaced: {_reason(error)}"
            raise LinkError(f"{text}; move it away") from None
        self._whole = True
        # Its last numbers may be lost; seconds since 1970 are above any that it can have reached.
        return max(last, int(self._utc())), kept

    def _tell_damage(self) -> None:
        detail = f"{self.set_aside}, {len(self._kept)} kept values saved"
        self.write([Event(KINDS["journal_damaged"], time.monotonic(), detail=detail)])

    def restored(self) -> Mapping[str, str]:
        """What was kept when the journal was opened (R15)."""
        return self._restored

    @property
    def failed(self) -> str:
        """Why the journal cannot be written; '' while it can (R41: closes are blocked then)."""
        stalled = time.monotonic() - self._busy > _STALL
        if stalled or not (self._thread.is_alive() or self._closing):
            return "the disk does not answer" if stalled else "its writer has ended"
        return self._failed

    def write(self, events: Sequence[Event], kept: Mapping[str, str] | None = None) -> int:
        """Hand a batch to the writer; gives its ticket at once."""
        now, sure = self._utc(), self._synchronised()
        rows = [self._row(event, now, sure) for event in events]
        with suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()
        with self._wake:
            self._ticket += 1
            values = {key: _sound(value) for key, value in (kept or {}).items()}
            self._kept.update(values)
            self._pending.append(_Batch(self._ticket, rows, values))
            self._held += self._pending[-1].size
            while self._held > _HELD and len(self._pending) > 1:
                self._drop()
            self._wake.notify_all()
            return self._ticket

    def _row(self, event: Event, now: float, sure: bool | None) -> Row:  # noqa: FBT001 - one more field
        self.last += 1
        return Row(
            self.last, now, sure, self.boot, event.at, event.kind.number, event.kind.name,
            int(event.kind.severity), event.container, event.rack, _sound(event.row),
            None if math.isnan(event.value) else event.value, _sound(event.origin),
            _sound(event.detail), _sound(str(event)),
        )  # fmt: skip

    def _drop(self) -> None:
        """Give up the oldest events, but never what is kept."""
        batch = self._pending.popleft()
        self._held -= batch.size
        self._whole = True
        first = batch.ticket
        if self._gone and self._gone[-1].stop == first:
            first = self._gone.pop().start
        self._gone.append(range(first, batch.ticket + 1))

    def settled(self, ticket: int) -> bool:
        """Whether a batch is on disk."""
        return ticket <= self._settled and not any(ticket in span for span in self._gone)

    def when_settled(self, ticket: int, callback: Callable[[], None]) -> None:
        """Call back in the loop once a batch is on disk, or cannot be now: ask `settled` which."""
        self._loop = loop = asyncio.get_running_loop()
        with self._wake:
            if ticket <= self._settled or self.failed:
                loop.call_soon(callback)
                return
            self._waiting.append((ticket, callback))
            self._look = self._look or loop.call_later(_AGAIN, self._deliver)

    def _deliver(self) -> None:
        """Tell a new state and call back who need not wait any more; in the loop."""
        failed = self.failed
        if failed != self._told:
            self._told = failed
            if self.on_state is not None:
                self.on_state(failed)
        loop, still = asyncio.get_running_loop(), list[tuple[int, Callable[[], None]]]()
        for ticket, callback in self._waiting:
            if ticket <= self._settled or failed:
                loop.call_soon(callback)
            else:
                still.append((ticket, callback))
        self._waiting = still  # the writer must not see it empty before
        if self._look is not None:
            self._look.cancel()
        self._look = loop.call_later(_AGAIN, self._deliver) if self._waiting else None

    def close(self) -> bool:
        """Write what waits, within a bound, and let go; whether all was written."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        self._thread.join(_DRAIN)
        if self._look is not None:
            self._look.cancel()
        return not self._thread.is_alive() and not self._pending

    def _work(self) -> None:
        """The writer."""
        self._report()
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._pending or self._closing or self._failed)
                batches = list(self._pending)
                kept = dict(self._kept) if self._whole else _together(batches)
                self._whole = False
                self._busy = time.monotonic()
            trouble = self._commit(batches, kept) if batches or self._failed else ""
            with self._wake:
                self._busy = math.inf
                self._failed = trouble
                self._whole |= bool(trouble)
                if batches and not trouble:
                    self._take_off(batches[-1].ticket)
                is_last = self._closing and (bool(trouble) or not self._pending)
            self._report()
            if is_last:
                break
            if trouble:
                with self._wake:
                    self._wake.wait_for(lambda: self._closing, _AGAIN)
        if self._file is not None:
            self._file.close()

    def _commit(self, batches: Sequence[_Batch], kept: Mapping[str, str]) -> str:
        """Write batches; gives why it did not work, and opens the file anew the next time."""
        try:
            if self._file is None:
                self._file = JournalFile(self._path)
            rows = [row for batch in batches for row in batch.rows]
            self._file.commit(rows, kept, self._limit)
        except _TROUBLES as error:
            if self._file is not None:
                self._file.close()
            self._file = None
            if is_damage(error):
                with suppress(OSError):
                    self.set_aside = str(set_aside(self._path, self._utc()))
                    self._tell_damage()
            return _reason(error)
        return ""

    def _take_off(self, ticket: int) -> None:
        while self._pending and self._pending[0].ticket <= ticket:
            self._held -= self._pending.popleft().size
        self._settled = ticket

    def _report(self) -> None:
        """Have the loop look at what is new, if anybody wants to know."""
        if not self._waiting and self._told == self._failed:
            return
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._deliver)


def _together(batches: Sequence[_Batch]) -> dict[str, str]:
    return {key: value for batch in batches for key, value in batch.kept.items()}


def _sound(text: str) -> str:
    """A text that can be stored: half characters are replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _reason(error: Exception) -> str:
    """What is wrong, in words for people."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return _TOLD.get(code, text)
