"""Replay: frames of capture files on the buses of a site, with the capture's time as the clock.

Frames are handled in file order; the clock is the greatest time stamp so far, counted from the first
frame of the earliest file. A file with one channel feeds the bus named; of several, a bus takes its own.
"""

import asyncio
import heapq
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from gateway.canbus.frame import Frame
from gateway.errors import MappingError, Problem
from gateway.links.capture import Capture, Captured, open_capture
from gateway.mapping.parts import Bus

_BATCH = 2000
"Frames taken before masters get their turn."
_FASTEST = 1e9
_SAME_CLOCK = 86400.0
"Captures that start within a day of each other are taken to share their clock (s)."


class Replayed(NamedTuple):
    """A frame for some buses at a moment of the replay."""

    time: float
    "The clock: seconds from the first frame, never backwards."
    buses: tuple[str, ...]
    frame: Frame


@dataclass(frozen=True, slots=True)
class Feed:
    """A capture file and the buses that it feeds."""

    capture: Capture
    channels: Mapping[str, tuple[str, ...]]
    "The buses of each channel."
    first: float
    "Time of the first frame as the file counts it."
    last: float
    "The greatest time in the file."


def feeds(logs: Sequence[tuple[str, Path]], buses: Mapping[str, Bus]) -> list[Feed]:
    """Open captures for `(bus, file)` pairs; MappingError if a file has no channel for its bus."""
    files: dict[Path, list[str]] = {}
    for bus, path in logs:
        files.setdefault(path, []).append(bus)
    return [_feed(path, names, buses) for path, names in files.items()]


def _feed(path: Path, names: Sequence[str], buses: Mapping[str, Bus]) -> Feed:
    capture = open_capture(path)
    first, last, channels = None, 0.0, set()
    for frame in capture.frames():
        first = frame.time if first is None else first
        last = max(last, frame.time)
        channels.add(frame.channel)
    ways: dict[str, tuple[str, ...]] = {}
    for name in names:
        channel = next(iter(channels)) if len(channels) == 1 else _channel(buses[name], channels)
        if channel is None:
            known = ", ".join(sorted(channels))
            remedy = f"give bus {name} a channel: of {known}"
            raise MappingError(
                [Problem(str(path), f"has no channel for bus {name}", remedy=remedy)]
            )
        ways[channel] = (*ways.get(channel, ()), name)
    return Feed(open_capture(path), ways, first or 0.0, last)


def _channel(bus: Bus, channels: set[str]) -> str | None:
    """The channel of a capture that belongs to a bus: its own, its name, or the digit in its name."""
    digit = re.search(r"\d+", bus.name)
    wanted = (str(bus.channel), bus.name, digit[0] if digit else "")
    return next((channel for channel in wanted if channel in channels), None)


def replayed(sources: Sequence[Feed]) -> Iterator[Replayed]:
    """All frames of all captures in the order of their time, each file in its own order."""
    start = min(source.first for source in sources)
    together = all(source.first - start < _SAME_CLOCK for source in sources)
    streams = [_stream(source, start if together else source.first) for source in sources]
    return heapq.merge(*streams, key=lambda item: item.time)


def _stream(source: Feed, zero: float) -> Iterator[Replayed]:
    clock = 0.0
    for frame in source.capture.frames():
        clock = max(clock, round(frame.time - zero, 6))
        yield _on_buses(source, frame, clock)


def _on_buses(source: Feed, frame: Captured, clock: float) -> Replayed:
    buses = source.channels.get(frame.channel, ())
    return Replayed(clock, buses, Frame(clock, frame.key, frame.data))


_COARSE = 0.1  # s between decisions, so that a long capture does not take as long as it is


class Machine(Protocol):
    """What a replay drives: a gateway."""

    def receive(self, bus: str, frame: Frame) -> None:
        """Take a frame."""

    @property
    def decides(self) -> bool:
        """Whether what happens between two frames matters: there is control."""

    def decide(self, now: float) -> None:
        """A cycle of control, without a picture for masters."""

    def cycle(self, now: float) -> None:
        """Make the picture of this moment."""


Report = Callable[[float], None]


def fast_forward(
    machine: Machine, frames: Iterator[Replayed], until: float, cycle: float, report: Report
) -> float:
    """Feed captured frames up to and including `until` at once; gives the time of the picture.

    Where there is control it decides as it would have, if not quite as often.
    """
    clock, due = 0.0, 0.0
    for number, item in enumerate(frames):
        if item.time > until:
            clock = until
            break
        clock = item.time
        while machine.decides and due <= clock:
            machine.decide(due)
            due += max(cycle, _COARSE)
        for bus in item.buses:
            machine.receive(bus, item.frame)
        if not number % _BATCH:
            report(clock)
    machine.cycle(clock)
    return clock


@dataclass(slots=True)
class Pace:
    """How a replay goes on."""

    speed: float
    "Times the recorded speed; infinite is as fast as possible."
    until: float
    "Where it stops, frames at that moment included."
    cycle: float
    "Seconds between pictures."


async def paced(machine: Machine, frames: Iterator[Replayed], pace: Pace, report: Report) -> float:
    """Feed captured frames at a pace; gives the time of the last picture."""
    loop = asyncio.get_running_loop()
    begin, clock, pending = loop.time(), 0.0, next(frames, None)
    while pending is not None and pending.time <= pace.until:
        target = min((loop.time() - begin) * min(pace.speed, _FASTEST), pace.until)
        taken = 0
        while pending is not None and pending.time <= target and taken < _BATCH:
            clock = pending.time
            for bus in pending.buses:
                machine.receive(bus, pending.frame)
            pending, taken = next(frames, None), taken + 1
        if taken < _BATCH and pending is not None:
            clock = target
        machine.cycle(clock)
        report(clock)
        await asyncio.sleep(0 if taken == _BATCH else pace.cycle)
    if pending is not None and math.isfinite(pace.until):
        clock = pace.until
    machine.cycle(clock)
    return clock
