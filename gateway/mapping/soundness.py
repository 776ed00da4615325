"""What can be wrong with a signal row as such, whatever racks speak it."""

import math
from collections.abc import Iterator, Mapping

from gateway.canbus.signal import Coding, Signal
from gateway.mapping.fields import Placed
from gateway.mapping.schema.frames import SignalRow
from gateway.mapping.source import Location, Source, did_you_mean
from gateway.model.point import AXES, POINTS, Kind, Point

Flaw = tuple[Location, str, str]
"Where in the row, what is wrong, what to do about it."
_PLACES = ("module", "cell", "sensor")


def check_sound(source: Source, placed: Placed, signals: Mapping[str, Signal]) -> None:
    """Report everything that is wrong with a placed signal and its row."""
    points = [POINTS[name] for name in named(placed.row) if name in POINTS]
    for part in (
        _names(placed.row),
        _numbers(placed),
        _kinds(placed.row, points),
        _places(placed.row, points),
        _alarms(placed),
        _presence(placed, signals),
    ):
        for at, text, remedy in part:
            source.report((*placed.at, *at), text, remedy)


def named(row: SignalRow) -> list[str]:
    """The points that a row names."""
    return [row.point] if isinstance(row.point, str) else row.point or []


def counted(row: SignalRow) -> list[str]:
    """What a row counts through, the innermost last."""
    return [row.over] if isinstance(row.over, str) else list((row.over or {}).values())


def _names(row: SignalRow) -> Iterator[Flaw]:
    for name in named(row):
        if name not in POINTS:
            yield ("point",), f"no point is named '{name}'", did_you_mean(name, POINTS)
    if row.point == []:
        yield ("point",), "names no point", "leave it out"


def _numbers(placed: Placed) -> Iterator[Flaw]:
    signal = placed.signal
    low, high = placed.row.range or (0.0, 0.0)
    if not low <= high:
        yield ("range",), "the range is empty", "write the lower bound first"
    for key, number in (("scale", signal.scale), ("offset", signal.offset)):
        if not math.isfinite(number):
            yield (key,), f"the {key} of '{signal.name}' is no number", ""
    if signal.scale == 0:
        yield ("scale",), f"a scale of 0 makes every '{signal.name}' the same", ""


def _kinds(row: SignalRow, points: list[Point]) -> Iterator[Flaw]:
    if len({(point.unit, point.kind is Kind.STATE, point.signed) for point in points}) > 1:
        yield ("point",), "these points are not of one kind and unit", "give each a signal"
    if row.states is not None and points and all(point.kind is not Kind.STATE for point in points):
        yield ("states",), f"{points[0].name} has no states", "leave them out"


def _places(row: SignalRow, points: list[Point]) -> Iterator[Flaw]:
    """Places and running indices that a point does not have; cells may be counted through a whole rack."""
    for point in points:
        axes = AXES[point.scope]
        for key in _PLACES:
            if getattr(row, key) is not None and key not in axes:
                yield (key,), f"{point.name} has no {key}", "leave it out"
        for axis in counted(row):
            if axis not in axes:
                yield ("over",), f"{point.name} has no {axis} to count through", ""


def _alarms(placed: Placed) -> Iterator[Flaw]:
    signal = placed.signal
    for index, row in enumerate(placed.row.alarms):
        if row.bit is not None and (signal.coding is Coding.FLOAT or row.bit >= signal.length):
            text = f"'{signal.name}' has no bit {row.bit}"
            yield ("alarms", index, "bit"), text, "bits count from 0, the lowest"
        if row.bit is not None and row.code is not None:
            yield ("alarms", index, "code"), "an alarm has a bit or codes, not both", ""


def _presence(placed: Placed, signals: Mapping[str, Signal]) -> Iterator[Flaw]:
    """Values that a selector or a flag cannot have."""
    for name, values in placed.signal.when.items():
        if not values:
            yield ("when",), f"'{name}' has no value at which '{placed.signal.name}' is there", ""
        yield from _reach("when", name, values, signals)
    own = _presence_of(placed.signal, signals)
    for pattern, value in placed.row.valid_when.items():
        name, flag = placed.flag(pattern, signals)
        if flag is None:
            continue  # told where it is used
        yield from _reach("valid_when", flag.name, (value,), signals)
        needed = _presence_of(flag, signals)
        if any(not own.get(selector, set()) or not own[selector] <= values
               for selector, values in needed.items()):  # fmt: skip
            text = f"'{name}' is not in every frame that '{placed.signal.name}' is in"
            yield ("valid_when",), text, "use a flag of the same page"


def _presence_of(
    signal: Signal, signals: Mapping[str, Signal], inside: tuple[str, ...] = ()
) -> dict[str, set[int]]:
    """The values that each selector, near or far, can have where a signal is present."""
    found: dict[str, set[int]] = {}
    for name, values in signal.when.items():
        outer = signals.get(name)
        further = (
            {} if outer is None or name in inside else _presence_of(outer, signals, (*inside, name))
        )
        for selector, possible in ({name: set(values)} | further).items():
            found[selector] = found.get(selector, possible) & possible
    return found


def _reach(
    key: str, name: str, values: tuple[int, ...], signals: Mapping[str, Signal]
) -> Iterator[Flaw]:
    signal = signals.get(name)
    if signal is None or signal.coding is Coding.FLOAT:
        return
    least = -(1 << signal.length - 1) if signal.coding is Coding.SIGNED else 0
    for value in values:
        if not least <= value < least + (1 << signal.length):
            text = f"'{name}' has {signal.length} bits and is never {value}"
            yield (key,), text, "correct the value"
            return
