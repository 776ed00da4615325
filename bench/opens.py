"""From a disconnect that a master writes to the frame that asks a BMU to open, at no current and under full load.

Rack 1's status is ours to send: when its request says disconnect it says open, when that says connect it says closed.
"""

import contextlib
import random
import socket
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench import datagram
from bench.commanded import Load, Plant, adopted, at_work, rack_of, until
from bench.master import FRESH
from bench.masters import Tools
from bench.stops import LATE, part_of
from bench.timing import Effort
from gateway.canbus.frame import EXTENDED

_STATUS = 0x180112F4
"Rack 1's status."
_OPEN, _CLOSED = (0x08, 1), (0x0B, 3)
"Breaker and contactors, and the state."
_INSULATION = 1850  # kOhm
_DISCONNECT, _CONNECT = 1, 2
"The order in a request."
_SELECT_AT, _CONNECT_AT, _DISCONNECT_AT, _RACKS_AT = 61101, 61200, 61201, 31
_SELECT = 2201
"Arms rack_connect of rack 1."
_PERIOD = 0.05  # s between status frames
_LONGEST = 0.06  # s until the next disconnect
_PATIENCE = 1.0  # s
_PER_OPEN = 0.4  # s, for the length of the load
_BEFORE = 12.0  # s to start, to adopt and to listen


@dataclass(frozen=True, slots=True)
class Opens:
    """How long after the write of a disconnect the frame came, in ms."""

    p50: float
    p99: float
    worst: float
    late: int
    "Those over `LATE`."
    opens: int
    never: int


class _RackOne:
    """Its status, sent by us."""

    def __init__(self, plant: Plant) -> None:
        self._link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._link.connect((datagram.HOST, plant.can_port))
        self._plant, self._count, self._beaten = plant, 0, 0.0
        self.is_closed = True

    def close(self) -> None:
        """Say no more."""
        self._link.close()

    def live(self) -> None:
        """Send the status; the EMS beats in passing, so no answer may be awaited."""
        self.tell()
        if time.perf_counter() - self._beaten > FRESH:
            self._beaten = time.perf_counter()
            self._plant.master.beat()

    def tell(self) -> None:
        """Send the status."""
        self._count = (self._count + 1) % 16
        head = bytes(_CLOSED if self.is_closed else _OPEN)
        data = head + bytes(2) + _INSULATION.to_bytes(2, "little") + bytes((0, self._count << 4))
        self._link.send(datagram.packed(_STATUS | EXTENDED, data))

    def rest(self, seconds: float) -> None:
        """Let time pass."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.live()
            time.sleep(min(left, _PERIOD))

    def asked(self, order: int) -> float | None:
        """When the rack is asked for something; None if it never is."""
        end = time.perf_counter() + _PATIENCE
        while time.perf_counter() < end:
            heard = self._plant.spy.hear(_PERIOD)
            if heard is not None and rack_of(heard.key) != 1:
                continue
            if heard is not None and heard.data[0] & 3 == order:
                return heard.at
            self.tell()
        return None

    def moves(self, *, closed: bool) -> None:
        """Say where the contactors are, until the gateway has heard it."""
        before = self._plant.master.number(_RACKS_AT)
        self.is_closed = closed
        self._until(lambda: self._plant.master.number(_RACKS_AT) != before)

    def _until(self, holds: Callable[[], bool]) -> None:
        """Say it again and again: under this load a frame may be lost."""

        def told() -> bool:
            self.live()
            return holds()

        until(told, "heard", _PERIOD)


def _opened(plant: Plant, rack: _RackOne, number: int) -> float | None:
    """Disconnect, then connect again; seconds to the frame that asks for the first."""
    plant.spy.drain()
    begin = time.time()
    plant.master.ask(_DISCONNECT_AT, [number])
    at = rack.asked(_DISCONNECT)
    plant.master.answered()
    rack.moves(closed=False)
    for address, value in ((_SELECT_AT, 0), (_SELECT_AT, _SELECT), (_CONNECT_AT, number)):
        plant.master.write(address, value)
    if rack.asked(_CONNECT) is None:
        raise TimeoutError("never asked to connect")
    rack.moves(closed=True)
    return None if at is None else at - begin


def measure(effort: Effort, tools: Tools) -> Opens:
    """Again and again, on one gateway."""
    chance, took = random.Random(1), list[float | None]()
    seconds = _BEFORE + effort.opens * _PER_OPEN
    with (
        at_work(tools, seconds, Load(watts=0.0, without=_STATUS)) as plant,
        contextlib.closing(_RackOne(plant)) as rack,
    ):
        adopted(plant, rack.live)
        for number in range(1, effort.opens + 1):
            rack.rest(chance.uniform(0, _LONGEST))
            took.append(_opened(plant, rack, number))
    seen = [time_ * 1e3 for time_ in took if time_ is not None]
    return Opens(
        statistics.median(seen), part_of(seen, 0.99), max(seen),
        sum(time_ > LATE for time_ in seen), len(took), took.count(None),
    )  # fmt: skip
