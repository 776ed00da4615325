"""The demo BMU protocol from the sending side: a battery as CAN frames.

Written from the layout below, not from the gateway's tables; `database.py` writes the same layout as the
DBC file that the gateway reads; tests read the frames with cantools. Identifiers are 0x180rttF4 with the
rack r and the type tt:

    10 measure, 11 limits, 12 status    every 100 ms
    13 info, 20 module voltages         every second
    30 cell voltages                    a sweep a second, 4 cells a page
    40 cell temperatures, 50 balancing  a sweep every 5 s
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from conformance.sim.battery import Battery

PAGE = 4
"Values in a multiplexed frame of 14-bit values."
_ABSENT = 0x3FFF
_CLOSED = 0b1011  # positive, negative, not precharge, breaker
_CONNECTED = 3
_INSULATION = 1850  # kOhm
_SOH = 98.5  # %
_OVERVOLTAGE = (3.55, 3.60, 3.65)  # V, warning, alarm, trip
_UNDERVOLTAGE = (2.90, 2.80, 2.60)  # V
_OVERTEMPERATURE = (45.0, 50.0, 55.0)  # degC


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame to send."""

    identifier: int
    data: bytes


def identifier(rack: int, kind: int) -> int:
    """The extended identifier of a rack's message; racks from 1 to 15."""
    return 0x180000F4 | rack << 16 | kind << 8


class Bmu:
    """The BMU of one rack (counted from 1)."""

    def __init__(self, battery: Battery, rack: int) -> None:
        self._battery, self._rack, self._counter = battery, rack, 0
        ratings = battery.ratings
        self.cell_pages = -(-ratings.modules * ratings.cells // PAGE)
        self.module_pages = -(-ratings.modules // PAGE)

    def fast(self) -> Iterator[Sent]:
        """What is sent every 100 ms."""
        battery, index = self._battery, self._rack - 1
        self._counter = (self._counter + 1) % 16
        soc = float(battery.soc[index].mean()) * 100
        volts = round(float(battery.rack_voltage()[index]) * 10)
        amperes = round(float(battery.rack_current[index]) * 10)
        measure = volts.to_bytes(2, "big") + amperes.to_bytes(2, "big", signed=True)
        measure += round(soc * 100).to_bytes(2, "big") + bytes((round(_SOH * 2), self._counter))
        yield self._sent(0x10, measure)
        charge, discharge = (float(limit[index]) for limit in battery.current_limits())
        kilowatts = volts / 10 / 1000
        limits = (charge * 10, discharge * 10, charge * kilowatts * 10, discharge * kilowatts * 10)
        yield self._sent(0x11, b"".join(int(limit).to_bytes(2, "little") for limit in limits))
        status = (
            _CLOSED
            | _CONNECTED << 8
            | self._alarms() << 16
            | _INSULATION << 32
            | self._counter << 60
        )
        yield self._sent(0x12, status.to_bytes(8, "little"))

    def info(self) -> Sent:
        """What is sent every second: capacity and serial number."""
        capacity = round(float(self._battery.capacity[self._rack - 1].min()) * 10)
        return self._sent(
            0x13, capacity.to_bytes(2, "little") + (480000 + self._rack).to_bytes(6, "little")
        )

    def module_page(self, page: int) -> Sent:
        """Voltages of four modules."""
        volts = self._battery.voltage[self._rack - 1].sum(axis=1)
        return self._page(0x20, page, np.rint(volts / 0.02))

    def voltage_page(self, page: int) -> Sent:
        """Voltages of four cells."""
        return self._page(0x30, page, np.rint(self._battery.voltage[self._rack - 1].ravel() * 1000))

    def temperature_page(self, page: int) -> Sent:
        """Temperatures of four cells."""
        return self._page(
            0x40, page, np.rint((self._battery.temperature[self._rack - 1].ravel() + 40) * 10)
        )

    def balancing_page(self, module: int) -> Sent:
        """The balancing bits of a module (counted from 0)."""
        bits = module
        for cell, active in enumerate(self._battery.balancing[self._rack - 1, module]):
            bits |= int(active) << 8 + cell
        return self._sent(0x50, bits.to_bytes(8, "little"))

    def _page(
        self, kind: int, page: int, values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    ) -> Sent:
        chosen = values[page * PAGE : page * PAGE + PAGE]
        bits = page
        for place in range(PAGE):
            value = int(chosen[place]) if place < len(chosen) else _ABSENT
            bits |= max(0, min(value, _ABSENT)) << 8 + 14 * place
        return self._sent(kind, bits.to_bytes(8, "little"))

    def _alarms(self) -> int:
        """Bits of `database.ALARMS`."""
        voltage = self._battery.voltage[self._rack - 1]
        hottest = self._battery.temperature[self._rack - 1].max()
        tests = (
            *(voltage.max() > limit for limit in _OVERVOLTAGE),
            *(voltage.min() < limit for limit in _UNDERVOLTAGE),
            *(hottest > limit for limit in _OVERTEMPERATURE),
        )
        return sum(int(test) << bit for bit, test in enumerate(tests))

    def _sent(self, kind: int, data: bytes) -> Sent:
        return Sent(identifier(self._rack, kind), data)
