"""POINT=VALUE as people type it: commands of a map, their registers, and what goes together in one write."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gateway.errors import MappingError, Problem, UsageError
from gateway.mapping.image import Table
from gateway.mapping.placing import compile_map
from gateway.mapping.registers import MapRows
from gateway.mapping.shown import SHOWN
from gateway.mapping.source import did_you_mean
from gateway.mapping.words import constant_words, to_words
from gateway.mapping.writable import Place
from gateway.model.command import INSTRUCTIONS, SELECT_STEP, Instruction
from gateway.model.pack import Layout
from gateway.model.point import Scope

_WITHDRAWN = "none"
EDGES = 65534
"One-shots without states take 1 up to this: any change acts."
_BETWEEN = 1e-6  # counts
_WRITTEN = frozenset({"holding", "coil"})


@dataclass(frozen=True, slots=True)
class Assignment:
    """One command to write."""

    place: Place
    value: float | None
    "In the row's unit, NaN withdraws; None: whatever makes it act."

    @property
    def row(self) -> Instruction:
        """The command's row."""
        return self.place.instruction

    @property
    def table(self) -> Table:
        """Where it is written: a bit is a coil."""
        return Table.COIL if self.place.kind.name == "bit" else Table.HOLDING

    @property
    def given(self) -> float:
        """The value; 1 where none was given."""
        return 1.0 if self.value is None else self.value

    def words(self, value: float) -> list[int]:
        """A value as registers; UsageError if they cannot say it."""
        place, kind = self.place, self.place.kind
        if math.isnan(value):
            lost = to_words(kind, np.zeros(1), np.ones(1, np.bool_), None, place.arrangement)
            return [int(word) for word in lost.ravel()]
        counts = (value - place.offset) / place.scale
        if not kind.is_float:
            whole = float(round(counts))
            if abs(counts - whole) > _BETWEEN:
                step = f"{abs(place.scale):g} {self.row.unit}".strip()
                raise UsageError(f"{self.row.name} counts by {step}; not {value:g}")
            counts = whole
        if not kind.low <= counts <= kind.high:
            ends = sorted(
                bound * place.scale + place.offset for bound in (kind.low, kind.high)
            )  # fmt: skip
            raise UsageError(
                f"{self.row.name} holds {ends[0]:.10g} to {ends[1]:.10g} here; not {value:g}"
            )
        return [int(word) for word in constant_words(kind, counts, place.arrangement)]

    def spoken(self, value: float) -> str:
        """A value as people read it."""
        if math.isnan(value):
            return _WITHDRAWN
        text = self.row.states.get(int(value), f"{value:.10g}")
        return f"{text} {self.row.unit}".strip()


def written_as(row: Instruction) -> str:
    """What a row takes, for messages and the manual."""
    if row.states:
        return ", ".join(f"{number} {text}" for number, text in row.states.items())
    if row.is_edge:
        return "any change, but to 0"
    if math.isinf(row.high):
        return "any number" if math.isinf(row.low) else f"from {row.low:g}"
    return f"{row.low:.10g} to {row.high:.10g}"


def places_of(rows: MapRows, layout: Layout, part: int) -> Mapping[tuple[str, int], Place]:
    """The registers of each command and rack that a map takes, or the coil where it has no registers."""
    tables = compile_map(rows, layout, part).tables
    return {
        (place.instruction.name, place.rack): place
        for name in (Table.COIL, Table.HOLDING)
        if name in tables
        for place in tables[name].writable.places.values()
    }


def check_names(rows: MapRows, texts: Sequence[str]) -> None:
    """MappingError with every name that the map does not let be written."""
    known = {
        row.command
        for row in rows.rows.registers
        if row.command and _WRITTEN.intersection(row.tables)
    }
    names = [text.partition("=")[0] for text in texts]
    problems = [_no_command(rows, name, known) for name in names if name not in known]
    if problems:
        raise MappingError(problems)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UsageError(f"{twice[0]} is given twice")


def _no_command(rows: MapRows, name: str, known: set[str]) -> Problem:
    if name in INSTRUCTIONS:
        return Problem(rows.source.file, f"takes no '{name}'", remedy="another map may")
    if name in SHOWN:
        text = f"'{name}' is shown, and cannot be written"
        return Problem(rows.source.file, text, remedy=did_you_mean(name, known))
    return Problem(rows.source.file, f"takes no '{name}'", remedy=did_you_mean(name, known))


def assigned(
    places: Mapping[tuple[str, int], Place], texts: Sequence[str], rack: int | None
) -> list[Assignment]:
    """What is to be written, in the order given; UsageError if it cannot be meant so."""
    found = []
    for text in texts:
        name, given, value = text.partition("=")
        row = INSTRUCTIONS[name]
        if row.scope is Scope.RACK and rack is None:
            raise UsageError(f"{name} is a rack's: give --rack N")
        place = places.get((name, rack or 0) if row.scope is Scope.RACK else (name, 0))
        if place is None:
            racks = sorted(number for key, number in places if key == name)
            raise UsageError(f"there is no rack {rack} here: {racks[0]} to {racks[-1]}")
        if not given and not row.is_edge:
            raise UsageError(f"{name} needs a value: {written_as(row)}")
        found.append(Assignment(place, _number(row, value) if given else None))
    if rack is not None and all(item.row.scope is not Scope.RACK for item in found):
        raise UsageError("--rack has no meaning here: none of these is a rack's")
    return found


def _number(row: Instruction, text: str) -> float:
    """The value that a text is."""
    named = {word: number for number, word in row.states.items()}
    if text.lower() in named:
        return float(named[text.lower()])
    if text.lower() == _WITHDRAWN and row.withdrawable:
        return math.nan
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        near = did_you_mean(text, named) if named else f"it takes {written_as(row)}"
        near += ", none withdraws it" if row.withdrawable else ""
        raise UsageError(f"'{text}' is no value of {row.name}; {near}")
    return number


def select_of(places: Mapping[tuple[str, int], Place], item: Assignment) -> Assignment | None:
    """The select that arms a command (R2); None where it needs none, or the map has no such row."""
    place = places.get(("select", 0))
    if not item.row.select or place is None:
        return None
    return Assignment(place, item.row.number * SELECT_STEP + item.place.rack)


def together(items: Sequence[Assignment]) -> list[list[Assignment]]:
    """What goes in one write each: one-shots alone, adjacent cyclic rows together."""
    groups: list[list[Assignment]] = []
    for item in sorted(items, key=lambda part: _order(items, part)):
        last = groups[-1][-1] if groups else None
        joins = (
            last is not None
            and last.row.cyclic
            and item.row.cyclic
            and last.table is item.table
            and last.place.address + last.place.kind.words == item.place.address
        )
        if joins:
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


def _order(items: Sequence[Assignment], item: Assignment) -> tuple[int, int]:
    """The place in the order given; cyclic rows that follow each other go by register."""
    at = items.index(item)
    if not item.row.cyclic:
        return at, 0
    while at and items[at - 1].row.cyclic:
        at -= 1
    return at, item.place.address
