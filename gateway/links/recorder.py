"""The trip recorder: what was on the buses and what masters wrote, from before a trip until after it.

Frames are kept in a ring, packed once a cycle (13 bytes and the data each). The ring is bounded in time
and in bytes; what it gives up for want of room is the oldest. A trip's part of it goes to a writer thread.
"""

import struct
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import structlog

from gateway.canbus.frame import Frame
from gateway.links.recording import Recording, TripWriter, Written

_FRESH = 100_000
"Frames of a bus that wait to be packed: three seconds of everything, should cycles stall."
_WRITES = 20_000
"Writes of masters kept."
_HEAD = struct.Struct("<dIB")
"Time, key, bytes of data."

log = structlog.get_logger()


class _Chunk(NamedTuple):
    """The frames of a bus from one cycle."""

    bus: str
    last: float
    packed: bytes


class Recorder:
    """The ring and the recording; all methods are for the loop's thread."""

    def __init__(
        self,
        folder: Path,
        *,
        before: float = 30.0,
        after: float = 5.0,
        files: int = 50,
        memory: int = 32 << 20,
        utc: Callable[[], float] = time.time,
    ) -> None:
        """`files` trips are kept in the folder; `memory` bytes of frames at most in the ring."""
        self.site = ""
        "Named in `trip.json`."
        self.on_error: Callable[[str], None] | None = None
        "Called by `cycle` when a trip could not be written."
        self._before, self._after, self._memory, self._utc = before, after, memory, utc
        self._fresh: dict[str, deque[Frame]] = defaultdict(lambda: deque(maxlen=_FRESH))
        self._ring: deque[_Chunk] = deque()
        self._bytes = 0
        self._writes: deque[Written] = deque(maxlen=_WRITES)
        self._recording: _Running | None = None
        self._writer = TripWriter(folder, files)

    def frame(self, bus: str, frame: Frame) -> None:
        """Take a frame, received or sent."""
        self._fresh[bus].append(frame)

    def write(
        self, now: float, origin: str, table: str, address: int, words: Sequence[int]
    ) -> None:
        """Take what a master wrote; a coil is a word of 0 or 1."""
        self._writes.append(Written(now, origin, table, address, tuple(words)))

    def trip(self, now: float, name: str, seq: int = 0) -> None:
        """Begin a recording, or go on with the one that runs; `seq` is the trip's in the journal."""
        running = self._recording
        if running is None:
            offset = self._utc() - now
            self._recording = running = _Running(now, now + self._after, offset)
        # A trip that comes again and again must not keep the recording from its end.
        running.until = max(
            running.until, min(now + self._after, running.start + max(self._before, self._after))
        )
        running.trips.append((now, name, seq))

    def cycle(self, now: float) -> None:
        """Pack what came in, give up what is too old, and end a recording that is complete."""
        self._pack()
        running = self._recording
        self._trim((now if running is None else running.start) - self._before)
        if running is not None and now >= running.until:
            self._finish(running)
        for trouble in self._writer.troubles():
            log.warning("trip_not_recorded", reason=trouble)
            if self.on_error is not None:
                self.on_error(trouble)

    def close(self) -> bool:
        """End a recording that runs, and wait until all is written, within a bound; whether it is."""
        self._pack()
        if self._recording is not None:
            self._finish(self._recording)
        return self._writer.close()

    def _pack(self) -> None:
        pack = _HEAD.pack
        for bus, fresh in self._fresh.items():
            if not fresh:
                continue
            packed = b"".join(
                [
                    pack(time, key, len(data)) + data for time, key, data in fresh
                ]  # an object less each
            )
            self._ring.append(_Chunk(bus, fresh[-1].time, packed))
            self._bytes += len(packed)
            fresh.clear()

    def _trim(self, oldest: float) -> None:
        ring, writes = self._ring, self._writes
        while ring and (ring[0].last < oldest or self._bytes > self._memory):
            self._bytes -= len(ring.popleft().packed)
        while writes and writes[0].at < oldest:
            writes.popleft()

    def _finish(self, running: "_Running") -> None:
        self._recording = None
        chunks = list(self._ring)
        self._writer.take(
            Recording(
                site=self.site,
                trips=running.trips,
                offset=running.offset,
                since=running.start - self._before,
                buses=tuple(dict.fromkeys(chunk.bus for chunk in chunks)),
                frames=lambda bus: _frames(chunk.packed for chunk in chunks if chunk.bus == bus),
                writes=tuple(self._writes),
            )
        )


@dataclass(slots=True)
class _Running:
    """A recording that runs."""

    start: float
    until: float
    offset: float
    "Wall time less monotonic time."
    trips: list[tuple[float, str, int]] = field(default_factory=list)


def _frames(chunks: Iterator[bytes]) -> Iterator[Frame]:
    """The frames of chunks, as they were taken."""
    for packed in chunks:
        place, end = 0, len(packed)
        while place < end:
            moment, key, size = _HEAD.unpack_from(packed, place)
            place += _HEAD.size
            yield Frame(moment, key, packed[place : place + size])
            place += size
