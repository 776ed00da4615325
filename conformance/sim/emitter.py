"""Sends the frames of a simulated container on a bus, on time and spread evenly."""

import asyncio
from collections.abc import Callable, Iterator

import can

from conformance.sim.battery import Battery
from conformance.sim.bmu import Bmu, Sent

_TICK = 0.01
_FAST, _SECOND, _SLOW = 0.1, 1.0, 5.0  # s


class Emitter:
    """All BMUs of a container on one bus; a silenced rack says nothing until it is let speak again."""

    def __init__(self, battery: Battery) -> None:
        self.battery = battery
        self.silenced: set[int] = set()
        self.sent = 0
        self._racks = {rack: Bmu(battery, rack) for rack in range(1, battery.ratings.racks + 1)}
        self._streams = [stream for rack in self._racks for stream in self._schedules(rack)]

    def _schedules(self, rack: int) -> list["_Stream"]:
        bmu, modules = self._racks[rack], self.battery.ratings.modules
        shift = rack / (len(self._racks) + 1)
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
        while self.battery.time < now:
            self.battery.step(_FAST)
        for stream in self._streams:
            for sent in stream.due(now):
                if stream.rack not in self.silenced:
                    yield sent

    async def run(self, bus: can.BusABC) -> None:
        """Send for ever; what the bus refuses is dropped, as a real BMU would."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        while True:
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
