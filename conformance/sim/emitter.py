"""The BMUs of a simulated container on a bus: frames sent on time and spread evenly, requests heard."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator

import can
import structlog

from conformance.sim import coils as coiled
from conformance.sim.battery import Battery
from conformance.sim.bmu import Bmu, Sent
from conformance.sim.fault import Faults
from conformance.sim.request import CLOCK, MASK, REQUESTS, addressee

STEP = 0.05  # s of physics
Drive = Callable[[float], None]
"Sets what the plant takes of the battery, for the seconds to come."

_TICK = 0.01
_FAST, _SECOND, _SLOW = 0.1, 1.0, 5.0  # s


log = structlog.get_logger()


class Emitter:
    """All BMUs of a container on one bus, and the battery that they measure."""

    def __init__(
        self, battery: Battery, faults: Faults | None = None, drive: Drive | None = None, *,
        coils: bool = False,
    ) -> None:  # fmt: skip
        """`coils`: the BMUs leave precharge to the gateway."""
        self.battery = battery
        self.faults = faults or Faults(battery.ratings.racks)
        self.sent = 0
        self.clock: int | None = None
        "Seconds since 1970-01-01 UTC that the BMUs were set to last."
        self._drive, self._since = drive, battery.time
        self.bmus = {
            rack: Bmu(battery, rack, self.faults.of(rack), coils=coils)
            for rack in range(1, battery.ratings.racks + 1)
        }
        self._streams = [stream for rack in self.bmus for stream in self._schedules(rack)]

    def take(self, identifier: int, data: bytes) -> None:
        """Hear an extended frame of the bus: a request to a rack, its coils, or the clock."""
        rack = addressee(identifier)
        if rack in self.bmus:
            self.bmus[rack].take(data, self.battery.time)
        elif (rack := coiled.addressee(identifier)) in self.bmus:
            self.bmus[rack].take_coils(data, self.battery.time)
        elif identifier == CLOCK:
            self.clock = int.from_bytes(data[:4], "little")
            log.info("bmu_clock_set", seconds=self.clock)

    def step(self, seconds: float = STEP) -> None:
        """Move the plant on: what it takes, the battery, and each BMU's protection and contactors."""
        if self._drive is not None:
            self._drive(seconds)
        self.battery.step(seconds)
        for bmu in self.bmus.values():
            bmu.step(seconds)

    def _schedules(self, rack: int) -> list["_Stream"]:
        bmu, modules = self.bmus[rack], self.battery.ratings.modules
        shift = rack / (len(self.bmus) + 1)
        return [
            _Stream(rack, _FAST, shift, _always(bmu.fast)),
            _Stream(rack, _SECOND, shift, _always(lambda: iter([bmu.info()]))),
            _Stream(
                rack, _SECOND / bmu.module_pages, shift, _sweep(bmu.module_page, bmu.module_pages)
            ),
            _Stream(
                rack, _SECOND / bmu.cell_pages, shift, _sweep(bmu.voltage_page, bmu.cell_pages)
            ),
            _Stream(
                rack, _SLOW / bmu.cell_pages, shift, _sweep(bmu.temperature_page, bmu.cell_pages)
            ),
            _Stream(rack, _SLOW / modules, shift, _sweep(bmu.balancing_page, modules)),
        ]

    def due(self, now: float) -> Iterator[Sent]:
        """Every frame that is due by `now` (seconds from the start), of the racks that speak."""
        while self.battery.time - self._since < now - STEP / 2:
            self.step()
        for stream in self._streams:
            for sent in stream.due(now):
                if "silent" not in self.faults.of(stream.rack):
                    yield sent

    async def run(self, bus: can.BusABC) -> None:
        """Hear and send for ever; what the bus refuses is dropped, as a real BMU would."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        bus.set_filters([can.typechecking.CanFilter(can_id=REQUESTS, can_mask=MASK, extended=True)])
        while True:
            self._hear(bus)
            for sent in self.due(loop.time() - start):
                message = can.Message(
                    arbitration_id=sent.identifier, data=sent.data, is_extended_id=True
                )
                try:
                    bus.send(message)
                except can.CanOperationError:
                    continue
                self.sent += 1
            await asyncio.sleep(_TICK)

    def _hear(self, bus: can.BusABC) -> None:
        """Take what has come in; a bus that gives nothing now may later."""
        with contextlib.suppress(can.CanError, OSError):
            while (message := bus.recv(0)) is not None:
                if message.is_extended_id and not message.is_error_frame:
                    self.take(message.arbitration_id, bytes(message.data))


class _Stream:
    """Frames of one kind of one rack, at a steady pace."""

    def __init__(
        self, rack: int, period: float, shift: float, frames: Iterator[Iterator[Sent]]
    ) -> None:
        self.rack = rack
        self._period, self._next, self._frames = period, shift * period, frames

    def due(self, now: float) -> Iterator[Sent]:
        while self._next <= now:
            self._next += self._period
            yield from next(self._frames)


def _always(frames: Callable[[], Iterator[Sent]]) -> Iterator[Iterator[Sent]]:
    while True:
        yield frames()


def _sweep(page: Callable[[int], Sent], pages: int) -> Iterator[Iterator[Sent]]:
    while True:
        for number in range(pages):
            yield iter([page(number)])
