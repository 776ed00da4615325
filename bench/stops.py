"""What the bus sees of a gateway under full load: the period of keep-alives, and how soon a stop is told.

First nothing is commanded, and the intervals between the keep-alives of each rack are taken. Then the software stop is
written at random moments, each time with all racks closed and carrying current; it is told when the last of the
racks' requests with the stop bit has come. A reset brings the racks back: without a low current they stay closed.
Times of frames are the kernel's, as they come to the generator's socket.
"""

import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.commanded import RACKS, STOP_BIT, Plant, adopted, at_work, rack_of
from bench.datagram import Heard
from bench.master import FRESH, RESET, STOP
from bench.masters import Tools
from bench.timing import Effort

_PERIOD = 100.0  # ms, of the request in the demo protocol
LATE = 20.0  # ms
_LONGEST = 0.3  # s between a reset and the next stop
_PATIENCE = 1.0  # s
_PER_STOP = 0.3  # s, for the length of the load
_BEFORE = 12.0  # s to start, to adopt and to listen


@dataclass(frozen=True, slots=True)
class Jitter:
    """How far the intervals of keep-alives are from their period, in ms."""

    intervals: int
    p99: float
    worst: float


@dataclass(frozen=True, slots=True)
class Stops:
    """How long after the write of a stop the frames came, in ms."""

    first: float
    "To the first of the racks, median."
    p50: float
    p99: float
    worst: float
    "To the last of the racks."
    late: int
    "Those over `LATE`."
    stops: int
    never: int


@dataclass(frozen=True, slots=True)
class OnBus:
    """One run."""

    period: float
    "ms."
    jitter: Jitter
    stops: Stops


def part_of(costs: Sequence[float], part: float) -> float:
    """A quantile."""
    ranked = sorted(costs)
    return ranked[min(len(ranked) - 1, int(len(ranked) * part))]


def _jitter(plant: Plant, seconds: float) -> Jitter:
    """Keep alive for a while, and look at what has come."""
    plant.spy.drain()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        plant.master.beat()
        time.sleep(FRESH)
    last, off = dict[int, float](), list[float]()
    for heard in plant.spy.drain():
        rack = rack_of(heard.key)
        if rack in last:
            off.append(abs((heard.at - last[rack]) * 1e3 - _PERIOD))
        last[rack] = heard.at
    return Jitter(len(off), part_of(off, 0.99), max(off))


def _told(plant: Plant, *, stop: bool) -> list[float] | None:
    """When each rack is told to stop, or not to stop any more; None where one is not in time."""
    at: dict[int, float] = {}
    while len(at) < RACKS:
        heard: Heard | None = plant.spy.hear(_PATIENCE)
        if heard is None:
            return None
        rack = rack_of(heard.key)
        if rack and bool(heard.data[0] & STOP_BIT) is stop:
            at.setdefault(rack, heard.at)
    return sorted(at.values())


def _stop(plant: Plant, number: int) -> tuple[float, float] | None:
    """Stop, then reset; seconds to the first and the last rack, or None if one was never told."""
    plant.spy.drain()
    begin = time.time()
    plant.master.ask(STOP, [number])
    told = _told(plant, stop=True)
    plant.master.answered()
    plant.master.beat()
    plant.master.write(RESET, number)
    if told is None or _told(plant, stop=False) is None:
        return None
    return told[0] - begin, told[-1] - begin


def _stops(plant: Plant, count: int) -> Stops:
    chance, took = random.Random(1), list[tuple[float, float] | None]()
    for number in range(1, count + 1):
        time.sleep(chance.uniform(0, _LONGEST))
        took.append(_stop(plant, number))
    seen = [times for times in took if times is not None]
    last = [time_ * 1e3 for _, time_ in seen]
    return Stops(
        statistics.median(time_ for time_, _ in seen) * 1e3, statistics.median(last),
        part_of(last, 0.99), max(last), sum(time_ > LATE for time_ in last), len(took),
        took.count(None),
    )  # fmt: skip


def measure(effort: Effort, tools: Tools) -> OnBus:
    """Both, one after the other, on one gateway."""
    seconds = _BEFORE + effort.jitter_seconds + effort.stops * _PER_STOP
    with at_work(tools, seconds) as plant:
        adopted(plant)
        jitter = _jitter(plant, effort.jitter_seconds)
        return OnBus(_PERIOD, jitter, _stops(plant, effort.stops))
