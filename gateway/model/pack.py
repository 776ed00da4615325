"""The pack: its topology, where each value lies, the store that frames fill, the snapshot of a cycle.

All values of a container lie in one flat float64 vector; each point owns a slice of it. Missing is NaN.
Freshness is kept per slot: a slot is one message (or one page of a multiplexed message) of one rack, and
nothing but its own arrival renews it.
"""

import bisect
import dataclasses
import itertools
import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gateway.model.point import POINTS, Kind, Point, Scope
from gateway.model.quality import Detail

Vector = NDArray[np.float64]
Codes = NDArray[np.uint8]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Topology:
    """How many of each a container has: racks, modules a rack, cells and temperature sensors a module."""

    racks: int
    modules: int = 0
    cells: int = 0
    sensors: int = 0

    @property
    def can_be(self) -> bool:
        """Whether a gateway may have as much; LARGEST says how much."""
        sizes = dataclasses.astuple(self)
        return self.racks > 0 and all(
            0 <= size <= most
            for size, most in zip(sizes, dataclasses.astuple(LARGEST), strict=True)
        )

    def shape(self, scope: Scope) -> tuple[int, ...]:
        """The lengths of a point's indices below the container."""
        return {
            Scope.CONTAINER: (),
            Scope.RACK: (self.racks,),
            Scope.MODULE: (self.racks, self.modules),
            Scope.CELL: (self.racks, self.modules, self.cells),
            Scope.SENSOR: (self.racks, self.modules, self.sensors),
        }[scope]


LARGEST = Topology(racks=64, modules=64, cells=256, sensors=256)
"The most that a container may have."


class Layout:
    """Which element of the vector holds which point of which rack, module and cell."""

    def __init__(self, topology: Topology, points: Mapping[str, Point] = POINTS) -> None:
        self.topology = topology
        self.points = points
        self.slices: dict[str, slice] = {}
        end = 0
        for name, point in points.items():
            start, end = end, end + math.prod(topology.shape(point.scope))
            self.slices[name] = slice(start, end)
        self.elements = end
        self._names = list(self.slices)
        self._starts: list[int] = [part.start for part in self.slices.values()]
        filled = [name for name, part in self.slices.items() if part.start < part.stop]
        self._present = filled, np.array([self.slices[name].start for name in filled])

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a point's values."""
        return self.topology.shape(self.points[name].scope)

    def element(self, name: str, *indices: int) -> int:
        """Where a value lies; `indices` (rack, module, cell) count from 1. IndexError if outside."""
        shape, place = self.shape(name), 0
        if len(indices) != len(shape):
            raise IndexError(f"{name} takes {len(shape)} indices, not {len(indices)}")
        for index, length in zip(indices, shape, strict=True):
            if not 1 <= index <= length:
                raise IndexError(f"{name} has no index {index}: it goes from 1 to {length}")
            place = place * length + index - 1
        return self.first(name) + place

    def first(self, name: str) -> int:
        """Where a point's slice begins."""
        start: int = self.slices[name].start
        return start

    def name_of(self, element: int) -> str:
        """The point that an element belongs to."""
        place = bisect.bisect_right(self._starts, element) - 1
        return self._names[place]

    def indices_of(self, element: int) -> tuple[int, ...]:
        """The rack, module and cell of an element, as far as its point has them, from 1."""
        name = self.name_of(element)
        places = np.unravel_index(element - self.first(name), self.shape(name))
        return tuple(int(place) + 1 for place in places)

    def flawless(self, quality: Codes) -> set[str]:
        """The points that are good throughout."""
        names, starts = self._present
        flawed = np.logical_or.reduceat(quality != Detail.NONE, starts)
        return set(itertools.compress(names, (~flawed).tolist()))

    def positions(self, name: str) -> Sequence[tuple[int, ...]]:
        """The indices of a point's elements in order, from 1."""
        return [tuple(i + 1 for i in place) for place in np.ndindex(*self.shape(name))]


@dataclass(frozen=True, slots=True)
class Slot:
    """The schedule of one message, or of one page of it: what renews its points, and how often."""

    bus: str
    key: int
    "Frame identifier with SocketCAN's flags."
    name: str
    period: float = math.inf
    "Seconds between frames."
    timeout: float = math.inf
    "Seconds after which the points are old data."
    frozen: float = math.inf
    "Seconds of bit-identical payload after which the points are frozen."


GATEWAY = Slot(bus="", key=0, name="gateway")
"Slot 0: what the gateway itself knows; never late."


@dataclass(slots=True)
class Tally:
    """What was odd about the frames of one message; each is counted, none is fatal."""

    frames: int = 0
    short: int = 0
    long: int = 0
    empty: int = 0
    "All-zero payloads of a message that had not carried data before."
    repeated: int = 0
    "Frames whose rolling counter stood still."
    lost: int = 0
    "Frames that the rolling counter says are missing."


class Store:
    """The latest value of every element, filled frame by frame; `freeze` takes the picture of a cycle."""

    def __init__(self, layout: Layout, slots: Sequence[Slot], slot_of: Mapping[int, int]) -> None:
        """`slot_of` gives the slot that renews each element which some message carries."""
        self.layout = layout
        self.slots = (GATEWAY, *slots)
        self.carried = frozenset(layout.name_of(element) for element in slot_of)
        "Points that some message carries."
        self.values = array("d", [math.nan]) * layout.elements
        self.detail = bytearray([Detail.NEVER_SEEN]) * layout.elements
        self.arrival = array("d", [-math.inf]) * len(self.slots)
        self.changed = array("d", [-math.inf]) * len(self.slots)
        self.payload: list[bytes] = [b""] * len(self.slots)
        self._slot_of = np.zeros(layout.elements, np.int64)
        self._slot_of[list(slot_of)] = [slot + 1 for slot in slot_of.values()]
        self._timeout = np.array([slot.timeout for slot in self.slots])
        self._frozen = np.array([slot.frozen for slot in self.slots])

    def know(self, name: str, value: float) -> None:
        """Set a container point that the gateway itself knows."""
        element = self.layout.first(name)
        self.values[element] = value
        self.detail[element] = Detail.NONE

    def take(self, slot: int, time: float, data: bytes, values: Mapping[int, float]) -> None:
        """Set what a frame told, by element; NaN is "not available"."""
        self.arrival[slot] = time
        if data != self.payload[slot]:
            self.payload[slot], self.changed[slot] = data, time
        for element, value in values.items():
            self.values[element] = value
            self.detail[element] = Detail.NOT_AVAILABLE if math.isnan(value) else Detail.NONE

    def picture(self, now: float) -> "Draft":
        """Copy everything as of `now`, with quality and age; aggregates are still to come."""
        self.arrival[0] = self.changed[0] = now
        slot_age = now - np.frombuffer(self.arrival)
        late = slot_age > self._timeout
        stuck = (now - np.frombuffer(self.changed) > self._frozen) & ~late
        values = np.frombuffer(self.values).copy()
        quality = np.frombuffer(self.detail, np.uint8).copy()
        slot_of = self._slot_of
        fine = quality == Detail.NONE
        quality[fine & late[slot_of]] = Detail.OLD_DATA
        quality[fine & stuck[slot_of]] = Detail.FROZEN
        age = slot_age[slot_of]
        age[quality == Detail.NEVER_SEEN] = np.inf
        computed = np.zeros(len(values), np.bool_)
        flawless = self.layout.flawless(quality)
        return Draft(self.layout, now, values, quality, age, computed, flawless, self.carried)

    def sources(self) -> "Sources":
        """Which message last carried each element, as of now."""
        return Sources(self.slots, self._slot_of, tuple(self.payload))


@dataclass(slots=True)
class Draft:
    """A snapshot in the making: aggregates may still write to it."""

    layout: Layout
    at: float
    values: Vector
    quality: Codes
    age: Vector
    computed: Flags
    flawless: set[str]
    "Points that are good throughout."
    carried: frozenset[str]
    "Points that some message carries."

    def frozen(self) -> "Snapshot":
        """Close the draft; nothing can change it any more."""
        for part in (self.values, self.quality, self.age, self.computed):
            part.flags.writeable = False
        return Snapshot(self.layout, self.at, self.values, self.quality, self.age, self.computed)


@dataclass(frozen=True, slots=True)
class Sources:
    """Which message carried which element, with its last payload."""

    slots: tuple[Slot, ...]
    slot_of: Indices
    payload: tuple[bytes, ...] = field(repr=False)

    def of(self, element: int) -> tuple[Slot, bytes] | None:
        """The message behind an element, or None where no message carries it."""
        slot = int(self.slot_of[element])
        return (self.slots[slot], self.payload[slot]) if slot else None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One container at one instant: read-only vectors over all elements of the layout."""

    layout: Layout
    at: float
    values: Vector
    quality: Codes
    "A `Detail` for each element."
    age: Vector
    "Seconds since arrival; inf if never seen."
    computed: Flags
    "True where the value was made from other values."

    def without_limits(self) -> "Snapshot":
        """The same with every limit forced to 0: for faces that must not let power through (R35)."""
        values, quality = self.values.copy(), self.quality.copy()
        for name, point in self.layout.points.items():
            if point.kind is Kind.LIMIT:
                values[self.layout.slices[name]] = 0.0
                quality[self.layout.slices[name]] = Detail.FORCED
        values.flags.writeable = quality.flags.writeable = False
        return dataclasses.replace(self, values=values, quality=quality)

    def __getitem__(self, name: str) -> Vector:
        """A point's values in the shape of its scope."""
        return self.values[self.layout.slices[name]].reshape(self.layout.shape(name))

    def quality_of(self, name: str) -> Codes:
        """A point's qualities in the shape of its scope."""
        return self.quality[self.layout.slices[name]].reshape(self.layout.shape(name))
