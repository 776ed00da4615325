"""Orion BMS 2: the cell broadcast on 0x036, which names its cell and carries a checksum.

One frame a cell: byte 0 cell number from 0; bytes 1-2 voltage in 0.1 mV, big-endian; byte 3 bit 7 balancing,
with byte 4 the resistance; bytes 5-6 open-circuit voltage; byte 7 the low byte of 0x36 + 8 + bytes 0 to 6. A
table cannot say the checksum. Layout from public descriptions of the protocol; simulated only, no capture of
a real one was at hand.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gateway.canbus.adapter import Assignment, Reading
from gateway.canbus.frame import Frame
from gateway.errors import AdapterError
from gateway.model.store import Slot

IDENTIFIER = 0x036
_LENGTH = 8
_PERIOD = 10.0  # s, a whole sweep of a long pack
_TIMEOUT = 30.0  # s
_TENTH_MILLIVOLT = 10_000
_LOW, _HIGH = 0.5, 5.0  # V; anything else is no reading of a cell


def checksum(data: bytes) -> int:
    """The last byte of a frame that begins with these seven."""
    return IDENTIFIER + _LENGTH + sum(data[:7]) & 0xFF


class OrionCells:
    """Voltages and balancing of all cells of one rack."""

    def __init__(self, assignment: Assignment) -> None:
        if len(assignment.racks) != 1:
            raise AdapterError(
                "orion serves one rack; give each rack a source and a bus of its own"
            )
        layout, rack = assignment.layout, next(iter(assignment.racks))
        shape = layout.topology
        places = itertools.product(range(1, shape.modules + 1), range(1, shape.cells + 1))
        self._elements = [
            (
                layout.element("cell_voltage", rack, *place),
                layout.element("cell_balancing", rack, *place),
            )
            for place in places
        ]
        self.slots: Sequence[Slot] = [
            Slot(assignment.bus, IDENTIFIER, f"cell_{cell + 1}", _PERIOD, _TIMEOUT)
            for cell in range(len(self._elements))
        ]
        self.slot_of: Mapping[int, int] = dict(self._owned())

    def _owned(self) -> Iterator[tuple[int, int]]:
        for cell, elements in enumerate(self._elements):
            yield from ((element, cell) for element in elements)

    def decode(self, frame: Frame) -> Iterable[Reading]:
        """One cell's values, if the frame is whole and its checksum right."""
        data = frame.data
        if len(data) != _LENGTH or data[7] != checksum(data) or data[0] >= len(self._elements):
            return
        voltage, balancing = self._elements[data[0]]
        volts = int.from_bytes(data[1:3], "big") / _TENTH_MILLIVOLT
        known = volts if _LOW <= volts <= _HIGH else math.nan
        yield Reading(data[0], {voltage: known, balancing: float(data[3] >> 7)})
