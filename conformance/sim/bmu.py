"""A BMU of the demo protocol: a rack of the battery as CAN frames, and orders obeyed.

Written from the layout below, not from the gateway's tables; `database.py` writes the same layout as the
DBC file that the gateway reads; tests read the frames with cantools. Identifiers are 0x180rttF4 with the
rack r and the type tt; what it hears is in `request.py`, and in `coils.py` where it leaves precharge to others.

    10 measure, 11 limits, 12 status, 15 power    every 100 ms
    13 info, 20 module voltages         every second
    30 cell voltages                    a sweep a second, 4 cells a page
    40 cell temperatures, 50 balancing  a sweep every 5 s
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from conformance.sim.battery import Battery, Grid
from conformance.sim.coils import BUS, Ear
from conformance.sim.contactor import CONNECTED, FAULT, Contactors
from conformance.sim.fault import FAULTS
from conformance.sim.protection import Protection, Reading
from conformance.sim.request import CONNECT, DISCONNECT, Listener

PAGE = 4
"Values in a multiplexed frame of 14-bit values."
_ABSENT = 0x3FFF
_BREAKER = 1 << 3
_INSULATION = 1850  # kOhm
_SERIAL, _FIRMWARE = 480_000, 204
_SOH = 98.5  # %
_PLACE = (1, 5)
"Module and cell, from 0, that a fault's reported values are of."
_JUMP = 3
"How far a wrong counter goes."


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame to send."""

    identifier: int
    data: bytes


def identifier(rack: int, kind: int) -> int:
    """The extended identifier of a rack's message; racks from 1 to 15."""
    return 0x180000F4 | rack << 16 | kind << 8


class Bmu:
    """The BMU of one rack (counted from 1); its contactors are where the battery has them at the start."""

    def __init__(
        self, battery: Battery, rack: int, faults: set[str] | None = None, *, coils: bool = False
    ) -> None:
        """`faults` holds names of `fault.FAULTS` and may change; `coils`: it leaves precharge to others."""
        self._battery, self._rack, self._counter = battery, rack, 0
        self._faults = faults if faults is not None else set()
        self._held: dict[tuple[int, int], bytes] = {}
        ratings = battery.ratings
        self.cell_pages = -(-ratings.modules * ratings.cells // PAGE)
        self.module_pages = -(-ratings.modules // PAGE)
        self.listener = Listener()
        self.ear = Ear() if coils else None
        self.contactors = Contactors(closed=bool(battery.inserted[rack - 1] == 0))
        self.protection = Protection()
        self._wanted = self.contactors.state == CONNECTED

    def take(self, data: bytes, now: float) -> None:
        """Hear a request frame to this rack."""
        if "deaf" in self._faults or (request := self.listener.take(data, now)) is None:
            return
        if request.order in {CONNECT, DISCONNECT}:
            self._wanted = request.order == CONNECT
        if request.order != CONNECT:
            self.contactors.forgive()
            self.protection.latched.discard("TripPrecharge")

    def take_coils(self, data: bytes, now: float) -> None:
        """Hear a frame about this rack's coils, if it knows such."""
        if self.ear is not None and "deaf" not in self._faults:
            self.ear.take(data, now)

    def step(self, seconds: float) -> None:
        """Protect the rack, and drive its contactors a step towards what is ordered."""
        battery, index, now = self._battery, self._rack - 1, self._battery.time
        request = self.listener.latest
        lost = self._is_alone(now)
        reset = request is not None and request.alarm_reset and not lost
        if reset:
            self.contactors.forgive()
        self.protection.step(self._reading(), self._causes(seconds), reset=reset, seconds=seconds)
        stopped = request is not None and request.stop and self.contactors.state != CONNECTED
        asked = self._wanted if self.ear is None else True
        if self.protection.opens or not asked or stopped:
            self.contactors.open()
        elif self.ear is not None:
            if self.ear.wanted is not None:
                self.contactors.drive(self.ear.wanted, self._faults, now)
        else:
            volts = float(battery.rack_voltage()[index])
            gap = (volts - battery.bus_voltage) / volts
            self.contactors.close(gap, float(battery.rack_current[index]), now)
        battery.inserted[index] = self._path()

    def _is_alone(self, now: float) -> bool:
        """Whether it hears the gateway no more."""
        return self.listener.is_lost(now) or (self.ear is not None and self.ear.is_lost(now))

    def _causes(self, seconds: float) -> set[str]:
        """Trips of other origin than cells and current."""
        found = {FAULTS[name].trip for name in self._faults} - {""}
        if self.contactors.watch(self._faults, seconds):
            found.add("TripContactor")
        if self.contactors.gave_up:
            found.add("TripPrecharge")
        if self._is_alone(self._battery.time):
            found.add("TripCommunication")
        return found

    def _path(self) -> float:
        """Ohm between rack and bus."""
        seen = self.contactors.feedback(self._faults)
        if seen.positive and seen.negative:
            return 0.0
        whole = seen.precharge and seen.negative and "no_precharge" not in self._faults
        return self._battery.ratings.precharge if whole else math.inf

    def _grid(self, grid: Grid, column: str) -> Grid:
        """A rack's cells as reported: as they are, but for what faults say of one place."""
        seen: Grid = grid[self._rack - 1]
        for name in self._faults:
            told = getattr(FAULTS[name], column)
            if told is not None:
                seen = seen.copy()
                module, cell = (
                    min(place, size - 1) for place, size in zip(_PLACE, seen.shape, strict=True)
                )
                seen[module, cell] = told
        return seen

    def _limits(self) -> tuple[float, float]:
        """Charge and discharge current allowed, as reported."""
        if "zero_limits" in self._faults:
            return 0.0, 0.0
        charge, discharge = self._battery.current_limits()
        return float(charge[self._rack - 1]), float(discharge[self._rack - 1])

    def _reading(self) -> Reading:
        battery = self._battery
        cells = self._grid(battery.voltage, "cell_voltage")
        heat = self._grid(battery.temperature, "cell_temperature")
        return Reading(
            float(cells.max()),
            float(cells.min()),
            float(heat.max()),
            float(battery.rack_current[self._rack - 1]),
            *self._limits(),
            battery.ratings.current,
        )

    def fast(self) -> Iterator[Sent]:
        """What is sent every 100 ms."""
        battery, index = self._battery, self._rack - 1
        if "frozen_counter" not in self._faults:
            step = _JUMP if "wrong_counter" in self._faults else 1
            self._counter = (self._counter + step) % 16
        soc = float(battery.soc[index].mean()) * 100
        volts = round(float(battery.rack_voltage()[index]) * 10)
        amperes = round(float(battery.rack_current[index]) * 10)
        measure = volts.to_bytes(2, "big") + amperes.to_bytes(2, "big", signed=True)
        measure += round(soc * 100).to_bytes(2, "big") + bytes((round(_SOH * 2), 0))
        yield self._sent(0x10, measure, counter=self._counter)
        charge, discharge = self._limits()
        kilowatts = volts / 10 / 1000
        limits = (charge * 10, discharge * 10, charge * kilowatts * 10, discharge * kilowatts * 10)
        yield self._sent(0x11, b"".join(int(limit).to_bytes(2, "little") for limit in limits))
        status = (
            self.contactors.feedback(self._faults).bits
            | _BREAKER
            | (FAULT if self.protection.opens else self.contactors.state) << 8
            | self.protection.bits(self._reading())
            | self._insulation() << 32
        )
        yield self._sent(0x12, status.to_bytes(8, "little"), counter=self._counter << 4)
        watts = round(volts * amperes / 100)
        yield self._sent(0x15, watts.to_bytes(3, "little", signed=True) + bytes(5))
        if self.ear is not None:
            behind = round(battery.bus_voltage * 10)
            yield self._sent(BUS, behind.to_bytes(8, "little"), counter=self._counter)

    def _insulation(self) -> int:
        told = (FAULTS[name].insulation for name in self._faults)
        return min((kiloohms for kiloohms in told if kiloohms is not None), default=_INSULATION)

    def info(self) -> Sent:
        """What is sent every second: capacity, and who the rack is."""
        capacity = round(float(self._battery.capacity[self._rack - 1].min()) * 10)
        parts = (
            (capacity, 2),
            (_SERIAL + self._rack, 3),
            (_FIRMWARE, 2),
            (self._battery.ratings.modules, 1),
        )
        return self._sent(0x13, b"".join(part.to_bytes(size, "little") for part, size in parts))

    def module_page(self, page: int) -> Sent:
        """Voltages of four modules."""
        volts = self._battery.voltage[self._rack - 1].sum(axis=1)
        return self._page(0x20, page, np.rint(volts / 0.02))

    def voltage_page(self, page: int) -> Sent:
        """Voltages of four cells."""
        cells = self._grid(self._battery.voltage, "cell_voltage")
        return self._page(0x30, page, np.rint(cells.ravel() * 1000))

    def temperature_page(self, page: int) -> Sent:
        """Temperatures of four cells."""
        heat = self._grid(self._battery.temperature, "cell_temperature")
        return self._page(0x40, page, np.rint((heat.ravel() + 40) * 10))

    def balancing_page(self, module: int) -> Sent:
        """The balancing bits of a module (counted from 0)."""
        bits = module
        for cell, active in enumerate(self._battery.balancing[self._rack - 1, module]):
            bits |= int(active) << 8 + cell
        return self._sent(0x50, bits.to_bytes(8, "little"), module)

    def _page(self, kind: int, page: int, values: Grid) -> Sent:
        chosen = values[page * PAGE : page * PAGE + PAGE]
        bits = page
        for place in range(PAGE):
            value = int(chosen[place]) if place < len(chosen) else _ABSENT
            bits |= max(0, min(value, _ABSENT)) << 8 + 14 * place
        return self._sent(kind, bits.to_bytes(8, "little"), page)

    def _sent(self, kind: int, data: bytes, page: int = 0, counter: int = 0) -> Sent:
        """A frame; a frozen payload is that of the first frame of its kind and page since the freeze."""
        if "frozen_payload" in self._faults:
            data = self._held.setdefault((kind, page), data)
        else:
            self._held.clear()
        return Sent(identifier(self._rack, kind), data[:-1] + bytes((data[-1] | counter,)))
