"""Points of a snapshot as people and scripts read them."""

import math
from collections.abc import Iterator
from typing import NamedTuple, TypedDict

from gateway.app import ContainerState
from gateway.canbus.frame import IDENTIFIER
from gateway.model.alarm import CAUSES
from gateway.model.pack import Snapshot
from gateway.model.point import Kind, Point
from gateway.model.quality import QUALITIES
from gateway.model.store import Sources

_DIGITS = 6
_WHOLE = {Kind.STATE, Kind.COUNT, Kind.BITS}


class SourceRow(TypedDict):
    """The message that a value came in."""

    bus: str
    id: int
    name: str
    data: str


class PointRow(TypedDict):
    """One value of a snapshot."""

    container: str
    point: str
    rack: int | None
    module: int | None
    cell: int | None
    "Of a temperature: the number of the sensor."
    value: float | None
    text: str | None
    unit: str
    quality: str
    detail: str | None
    age: float | None
    source: SourceRow | None


class Place(NamedTuple):
    """The indices of a value, as far as it has them."""

    rack: int | None = None
    module: int | None = None
    cell: int | None = None

    def __str__(self) -> str:
        words = ("rack", "module", "cell")
        return " ".join(
            f"{word} {number}"
            for word, number in zip(words, self, strict=True)
            if number is not None
        )


def point_rows(state: ContainerState) -> Iterator[PointRow]:
    """All known points of a container, in the order of the dictionary; then those of its control."""
    snapshot, sources = state.snapshot, state.sources()
    for name in snapshot.layout.points:
        if name in state.known:
            yield from _rows(state.container.name, snapshot, name, sources)
    panel = None if state.controller is None else state.controller.panel()
    if panel is not None:
        for name in panel.layout.points:
            yield from _rows(state.container.name, panel, name, None)


def _rows(
    container: str, snapshot: Snapshot, name: str, sources: Sources | None
) -> Iterator[PointRow]:
    layout, point = snapshot.layout, snapshot.layout.points[name]
    start = layout.first(name)
    for offset, indices in enumerate(layout.positions(name)):
        element = start + offset
        value, age = float(snapshot.values[element]), float(snapshot.age[element])
        quality = QUALITIES[snapshot.quality[element]]
        place = Place(*indices)
        shown = plain(point, value)
        computed = snapshot.computed[element] or math.isinf(age) or sources is None
        heard = None if computed or sources is None else sources.of(element)
        yield {
            "container": container, "point": name,
            "rack": place.rack, "module": place.module, "cell": place.cell,
            "value": shown, "text": None if shown is None else text_of(point, shown),
            "unit": point.unit, "quality": quality.validity.name.lower(),
            "detail": quality.text if quality.detail else None,
            "age": None if math.isinf(age) else round(age, _DIGITS),
            "source": None if heard is None else {
                "bus": heard[0].bus, "id": heard[0].key & IDENTIFIER,
                "name": heard[0].name, "data": heard[1].hex(),
            },
        }  # fmt: skip


def plain(point: Point, value: float) -> float | None:
    """A value as JSON has it: null for missing, whole numbers for states, counts and bits."""
    if not math.isfinite(value):
        return None
    return int(value) if point.kind in _WHOLE else round(value, _DIGITS)


def text_of(point: Point, value: float) -> str | None:
    """The text of a state or of bits; None where the number says it all."""
    if point.kind is Kind.BITS:
        return ", ".join(cause.name for cause in CAUSES if int(value) >> cause.bit & 1) or "none"
    return point.states.get(int(value)) if point.states else None
