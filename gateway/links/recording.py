"""A trip's folder: candump logs that `essgw replay` reads, the writes of masters, and what tripped.

Written by a thread, in small slices, so that the loop has its turns. A folder appears whole or not at
all; the oldest go when there are too many.
"""

import json
import os
import queue
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO

import structlog

from gateway.canbus.frame import ERROR, EXTENDED, IDENTIFIER, REMOTE, STANDARD_IDENTIFIER, Frame

_SLICE = 250
"Frames written between two pauses."
_PAUSE = 0.001  # s
_QUEUED = 2
"Trips that may wait to be written; another is refused."
_LONGEST = 60
"Characters of a trip's name in its folder's."
_DRAIN = 10.0
"Seconds that closing waits."
_FOLDER = re.compile(r"\.?\d{8}T\d{6}\.\d{3}Z-[\w.-]+")
_ERROR_CLASS = IDENTIFIER | ERROR

log = structlog.get_logger()


class Written(NamedTuple):
    """What a master wrote."""

    at: float
    origin: str
    table: str
    address: int
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """A trip with what came before and after it, ready to be written."""

    site: str
    trips: Sequence[tuple[float, str, int]]
    "Monotonic time, what tripped, its number in the journal."
    offset: float
    "Wall time less monotonic time, at the trip."
    since: float
    buses: Sequence[str]
    frames: Callable[[str], Iterator[Frame]]
    "Those of a bus, in the order of their arrival."
    writes: Sequence[Written]

    def utc(self, moment: float) -> str:
        """A monotonic time as wall time."""
        return _iso(moment + self.offset)


class TripWriter:
    """The thread that writes trips; it starts with the first."""

    def __init__(self, folder: Path, files: int) -> None:
        self._folder, self._files = folder, files
        self._waiting: queue.Queue[Recording | None] = queue.Queue(_QUEUED)
        self._troubles: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def take(self, recording: Recording) -> None:
        """Write a trip when its turn comes."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait(recording)
        except queue.Full:
            name = recording.trips[0][1]
            self._troubles.put(f"{name}: {_QUEUED} trips wait to be written already")

    def troubles(self) -> Iterator[str]:
        """What went wrong since this was asked last."""
        with suppress(queue.Empty):
            while not self._troubles.empty():
                yield self._troubles.get_nowait()

    def close(self) -> bool:
        """Wait until all is written, within a bound; whether it is."""
        if self._thread is None:
            return True
        with suppress(queue.Full):
            self._waiting.put(None, timeout=_DRAIN)
        self._thread.join(_DRAIN)
        return not self._thread.is_alive() and self._troubles.empty()

    def _work(self) -> None:
        while (recording := self._waiting.get()) is not None:
            try:
                folder = write_trip(self._folder, recording)
                log.info("trip_recorded", folder=str(folder))
                _remove_oldest(self._folder, self._files, folder)
            except OSError as error:
                reason = error.strerror or str(error)
                self._troubles.put(f"{error.filename or self._folder}: {reason}")


def write_trip(folder: Path, recording: Recording) -> Path:
    """Write a trip into a folder of its own; gives that."""
    at, name, _ = recording.trips[0]
    stamp = datetime.fromtimestamp(at + recording.offset, UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3]
    target = folder / f"{stamp}Z-{_file_name(name)[:_LONGEST]}"
    part = target.with_name("." + target.name)
    try:
        part.mkdir(parents=True, exist_ok=True)
        logs = {bus: f"{_file_name(bus)}.log" for bus in recording.buses}
        counts = {bus: _write_log(part / logs[bus], bus, recording) for bus in recording.buses}
        writes = [
            {"utc": recording.utc(row.at), "monotonic": row.at, "origin": row.origin,
             "table": row.table, "address": row.address, "words": list(row.words)}
            for row in recording.writes if row.at >= recording.since
        ]  # fmt: skip
        _write_json(part / "writes.json", writes)
        trips = [
            {"name": what, "utc": recording.utc(moment), "monotonic": moment, "seq": seq or None}
            for moment, what, seq in recording.trips
        ]
        told = {"site": recording.site, "trips": trips, "logs": logs, "frames": counts}
        _write_json(part / "trip.json", told)
        if target.exists():
            shutil.rmtree(target)
        part.rename(target)
    except OSError:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return target


def _write_log(path: Path, bus: str, recording: Recording) -> int:
    """Write the frames of a bus as candump would; gives how many."""
    offset, count, channel = round(recording.offset * 1e6), 0, _file_name(bus)
    frames = (frame for frame in recording.frames(bus) if frame.time >= recording.since)
    with path.open("w", encoding="ascii") as file:
        while lines := [candump_line(frame, channel, offset) for frame in islice(frames, _SLICE)]:
            file.write("".join(lines))
            count += len(lines)
            time.sleep(_PAUSE)  # the loop's turn
        _sync(file)
    return count


def candump_line(frame: Frame, channel: str, offset: int) -> str:
    """A frame as `candump -L` writes it; `offset` in microseconds makes its time wall time."""
    seconds, micros = divmod(round(frame.time * 1e6) + offset, 1_000_000)
    key = frame.key
    if key & ERROR:
        identifier = f"{key & _ERROR_CLASS:08X}"
    elif key & EXTENDED:
        identifier = f"{key & IDENTIFIER:08X}"
    else:
        identifier = f"{key & STANDARD_IDENTIFIER:03X}"
    if key & REMOTE:
        return f"({seconds}.{micros:06d}) {channel} {identifier}#R\n"
    mark = "#" if len(frame.data) <= 8 else "##0"  # noqa: PLR2004 - more is CAN FD
    return f"({seconds}.{micros:06d}) {channel} {identifier}{mark}{frame.data.hex().upper()}\n"


def _write_json(path: Path, content: object) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(content, indent=1) + "\n")
        _sync(file)


def _sync(file: TextIO) -> None:
    """Have it on disk: the power may go after a trip."""
    file.flush()
    os.fsync(file.fileno())


def _remove_oldest(folder: Path, files: int, newest: Path) -> None:
    """Keep so many trips; never remove the one just written, whatever the clock says.

    What was not finished has a dot before its name, and goes first.
    """
    ours = (place for place in folder.iterdir() if _FOLDER.fullmatch(place.name))
    trips = sorted(place for place in ours if place != newest)
    whole = [place for place in trips if not place.name.startswith(".")]
    for place in trips[: len(trips) - len(whole) + max(len(whole) + 1 - files, 0)]:
        shutil.rmtree(place)


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", name, flags=re.ASCII) or "_"


def _iso(utc: float) -> str:
    return datetime.fromtimestamp(utc, UTC).isoformat(timespec="microseconds")
