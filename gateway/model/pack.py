"""The pack: its topology, where each value lies, the snapshot of a cycle.

All values of a container lie in one flat float64 vector; each point owns a slice of it. Missing is NaN.
"""

import bisect
import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from gateway.model.point import FROM_0, POINTS, Kind, Point, Scope
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

    @property
    def shapes(self) -> Mapping[Scope, tuple[int, ...]]:
        """The lengths of a point's indices below the container, by its scope."""
        return {
            Scope.CONTAINER: (),
            Scope.RACK: (self.racks,),
            Scope.MODULE: (self.racks, self.modules),
            Scope.CELL: (self.racks, self.modules, self.cells),
            Scope.SENSOR: (self.racks, self.modules, self.sensors),
        }


LARGEST = Topology(racks=64, modules=64, cells=256, sensors=256)
"The most that a container may have."


class Layout:
    """Which element of the vector holds which point of which rack, module and cell."""

    def __init__(
        self,
        topology: Topology,
        points: Mapping[str, Point] = POINTS,
        sizes: Mapping[Scope, int] = MappingProxyType({}),
    ) -> None:
        """`sizes` says how many there are of what no topology counts."""
        self.topology = topology
        self.points = points
        shapes = {**topology.shapes, **{scope: (size,) for scope, size in sizes.items()}}
        self._shapes = {name: shapes[point.scope] for name, point in points.items()}
        self.slices: dict[str, slice] = {}
        end = 0
        for name, shape in self._shapes.items():
            start, end = end, end + math.prod(shape)
            self.slices[name] = slice(start, end)
        self.elements = end
        self._names = list(self.slices)
        self._starts: list[int] = [part.start for part in self.slices.values()]
        filled = [name for name, part in self.slices.items() if part.start < part.stop]
        self._present = filled, np.array([self.slices[name].start for name in filled])

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a point's values."""
        return self._shapes[name]

    def element(self, name: str, *indices: int) -> int:
        """Where a value lies, by its indices (rack, module, cell). IndexError if outside."""
        shape, place, origin = self.shape(name), 0, self._origin(name)
        if len(indices) != len(shape):
            raise IndexError(f"{name} takes {len(shape)} indices, not {len(indices)}")
        for index, length in zip(indices, shape, strict=True):
            last = origin + length - 1
            if not origin <= index <= last:
                raise IndexError(f"{name} has no index {index}: it goes from {origin} to {last}")
            place = place * length + index - origin
        return self.first(name) + place

    def _origin(self, name: str) -> int:
        """What a point's indices count from."""
        return 0 if self.points[name].scope in FROM_0 else 1

    def first(self, name: str) -> int:
        """Where a point's slice begins."""
        start: int = self.slices[name].start
        return start

    def name_of(self, element: int) -> str:
        """The point that an element belongs to."""
        place = bisect.bisect_right(self._starts, element) - 1
        return self._names[place]

    def indices_of(self, element: int) -> tuple[int, ...]:
        """The rack, module and cell of an element, as far as its point has them."""
        name = self.name_of(element)
        places = np.unravel_index(element - self.first(name), self.shape(name))
        return tuple(int(place) + self._origin(name) for place in places)

    def flawless(self, quality: Codes) -> set[str]:
        """The points that are good throughout."""
        names, starts = self._present
        flawed = np.logical_or.reduceat(quality != Detail.NONE, starts)
        return set(itertools.compress(names, (~flawed).tolist()))

    def rack_of(self, element: int) -> int:
        """The rack that an element belongs to, from 1; 0 if it is the container's."""
        name = self.name_of(element)
        shape = self._shapes[name]
        if not shape:
            return 0
        return (element - self.first(name)) // math.prod(shape[1:]) + self._origin(name)

    def positions(self, name: str) -> Sequence[tuple[int, ...]]:
        """The indices of a point's elements in order."""
        origin = self._origin(name)
        return [tuple(i + origin for i in place) for place in np.ndindex(*self.shape(name))]


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
    silent: Flags
    "For each rack, whether a message that tells of it was heard and is late."
    told: Flags
    "Elements that some message carries."

    def frozen(self) -> "Snapshot":
        """Close the draft; nothing can change it any more."""
        for part in (self.values, self.quality, self.age, self.computed):
            part.flags.writeable = False
        return Snapshot(
            self.layout, self.at, self.values, self.quality, self.age, self.computed, self.carried,
            self.told,
        )  # fmt: skip


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
    carried: frozenset[str] = frozenset()
    "Points that some message carries, heard or not."
    told: Flags | None = None
    "Elements that some message carries; None: all of those points."

    def is_told(self, name: str) -> tuple[bool, ...]:
        """Of each of a point's values, whether some message carries it: racks may speak several protocols."""
        values = self.values[self.layout.slices[name]]
        if self.told is None:
            return (name in self.carried,) * len(values)
        flags: list[bool] = self.told[self.layout.slices[name]].tolist()
        return tuple(flags)

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
