"""From a lower limit on CAN to a register that a master can read, and to the command that a PCS gets.

The container runs, with its power bound by rack 1. The discharge current that it allows falls by 0.7 % at random
moments, which is more than what a PCS is told with its next poll alone; the limit is polled for until it shows, and a PCS of our own writes down what it gets and when.
"""

import json
import random
import socket
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench import datagram
from bench.commanded import Load, Plant, adopted, at_work, until
from bench.master import FRESH, MODE, RUN
from bench.masters import Tools
from bench.programs import Program
from bench.stops import part_of
from bench.timing import Effort
from bench.together import RATE
from gateway.canbus.frame import EXTENDED

_LIMITS = 0x180111F4
"The message with rack 1's limits."
_FULL = 1200
"0.1 A: so much below the other racks' that rack 1 binds, whatever share it carries (R20)."
_LESS = 0.993
_KILOWATTS = 2000  # 0.1 kW, beyond what the current makes
_WATTS = 3_000_000
_AT, _POWER_AT, _BOUND_AT, _BATTERY = 78, 80, 84, 2
"The limit that is allowed, the power, what binds it, and that it is the battery."
_PATIENCE = 1.0  # s
_SETTLE = 0.2  # s, in which the PCS gets the last one
_LOOKS = 5
_LONGEST = 0.06  # s between drops
_PER_DROP = 0.12  # s, for the length of the load
_BEFORE = 22.0  # s to start, to adopt, to listen, and to ramp up


@dataclass(frozen=True, slots=True)
class Passed:
    """How long lower limits took to a place, in ms."""

    where: str
    drops: int
    p50: float
    p99: float
    worst: float
    never: int


@dataclass(frozen=True, slots=True)
class _Drop:
    """One lower limit: when it was told, and when and how it could be read."""

    told: float
    read: float | None
    limit: int
    "0.1 A of the container."


class _Racks:
    """Rack 1's limits, sent by us."""

    def __init__(self, plant: Plant) -> None:
        self._link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._link.connect((datagram.HOST, plant.can_port))
        self._master, self._beaten = plant.master, 0.0
        self.deciamperes = _FULL

    def close(self) -> None:
        """Say no more."""
        self._link.close()

    def tell(self) -> float:
        """Send the limits; the moment. The EMS beats in passing."""
        if time.perf_counter() - self._beaten > FRESH:
            self._beaten = time.perf_counter()
            self._master.beat(_WATTS)
        numbers = (_FULL, self.deciamperes, _KILOWATTS, _KILOWATTS)
        data = b"".join(number.to_bytes(2, "little") for number in numbers)
        self._link.send(datagram.packed(_LIMITS | EXTENDED, data))
        return time.perf_counter()


def _is_steady(plant: Plant, racks: _Racks) -> bool:
    """Whether the racks bind the power, and it rises no more."""
    before = plant.master.number(_POWER_AT, 2)
    for _ in range(_LOOKS):
        racks.tell()
        time.sleep(_SETTLE)
    after = plant.master.number(_POWER_AT, 2)
    return plant.master.number(_BOUND_AT) == _BATTERY and before == after


def _drop(plant: Plant, racks: _Racks) -> _Drop:
    """Lower the limit, and poll for it."""
    before = limit = plant.master.number(_AT, 2)
    racks.deciamperes = int(racks.deciamperes * _LESS)
    told = racks.tell()
    while time.perf_counter() - told < _PATIENCE:
        limit = plant.master.number(_AT, 2)
        if limit < before:
            return _Drop(told, time.perf_counter(), limit)
    return _Drop(told, None, limit)


def _drops(plant: Plant, count: int) -> list[_Drop]:
    chance, racks = random.Random(1), _Racks(plant)
    try:
        adopted(plant, racks.tell)
        racks.tell()
        plant.master.write(MODE, RUN)
        until(lambda: _is_steady(plant, racks), "steady at the racks' limit")
        drops = []
        for _ in range(count):
            time.sleep(chance.uniform(0, _LONGEST))
            drops.append(_drop(plant, racks))
        return drops
    finally:
        racks.close()


def _commanded(drops: Iterable[_Drop], pcs: Program) -> Iterator[float | None]:
    """When the PCS first had each limit, and less power than before."""
    written: list[tuple[float, int, float]] = json.loads(pcs.stopped())
    for drop in drops:
        _, power, _ = next(row for row in reversed(written) if row[0] <= drop.told)
        yield next(
            (
                at
                for at, watts, limit in written
                if at > drop.told and round(limit * 10) <= drop.limit and watts < power
            ),
            None,
        )


def _passed(where: str, drops: Sequence[_Drop], seen: Iterable[float | None]) -> Passed:
    took = [(at - drop.told) * 1e3 for drop, at in zip(drops, seen, strict=True) if at is not None]
    return Passed(
        where, len(drops), statistics.median(took), part_of(took, 0.99), max(took),
        len(drops) - len(took),
    )  # fmt: skip


def measure(effort: Effort, tools: Tools, *, loaded: bool) -> list[Passed]:
    """Both ways at once, with the simulator's own pace of frames or under full load."""
    seconds = _BEFORE + effort.drops * _PER_DROP
    beside = "32,000 frames/s and 32 masters" if loaded else "the racks' own frames"
    load = Load(RATE if loaded else 0, masters=loaded, without=_LIMITS)
    with at_work(tools, seconds, load) as plant:
        drops = _drops(plant, effort.drops)
        time.sleep(_SETTLE)
        at_pcs = list(_commanded(drops, plant.pcs))
    return [
        _passed(f"register, {beside}", drops, [drop.read for drop in drops]),
        _passed(f"PCS command, {beside}", drops, at_pcs),
    ]
