"""Interlocks as a server's registers show them: which rows stand, where, since when, with what effects."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.cli.served import Served, Values, plain_number
from gateway.control.interlock import FIRST_ALARM, INTERLOCKS, WATCHED, Effect, Interlock
from gateway.mapping.shown import SHOWN
from gateway.model.alarm import CAUSES
from gateway.model.point import Scope

_OF_ROWS = (
    "interlock_tripped", "interlock_cause", "interlock_rack", "interlock_value",
    "interlock_threshold", "interlock_age",
)  # fmt: skip
_REPORTS = {"rack_trips": 1, "rack_alarms": FIRST_ALARM}
"What racks' BMUs report, and the row of the lowest bit."
CLOSING = Effect.BLOCK_CLOSE | Effect.OPEN
POWER = Effect.INHIBIT_CHARGE | Effect.INHIBIT_DISCHARGE | Effect.DERATE | Effect.ZERO | Effect.OPEN


@dataclass(frozen=True, slots=True)
class Stands:
    """An interlock that has tripped, or whose cause is there."""

    row: Interlock
    tripped: bool
    cause: bool
    rack: int
    "The first rack that it stands against; 0 is the container."
    value: float | None
    threshold: float | None
    age: float | None
    "Seconds since its cause came."
    told_by: tuple[int, ...] = ()
    "The racks whose BMUs report it now, of a row that rests on such a report."

    @property
    def where(self) -> str:
        """The container, or the racks."""
        if self.rack:
            return f"rack {spans(sorted({self.rack, *self.told_by}))}"
        return f"container, told by rack {spans(self.told_by)}" if self.told_by else "container"

    @property
    def effects(self) -> str:
        """What it does, in the words of the table."""
        return effects_named(self.row.effects)

    @property
    def state(self) -> str:
        """Whether it acts, and whether its cause is there."""
        if not self.tripped:
            return "its delay runs"
        if self.cause:
            return "tripped"
        return "cause gone, waits for reset" if self.row.latches else "cause gone"

    @property
    def saw(self) -> str:
        """What it saw, with the threshold where it has one."""
        point = SHOWN[WATCHED[self.row.name].point] if self.row.name in WATCHED else None
        if self.value is None or point is None:
            return ""
        told = f"{self.value:g} {point.unit}"
        return told if self.threshold is None else f"{told}, threshold {self.threshold:g}"

    def as_row(self) -> dict[str, object]:
        """The same for scripts."""
        return {
            "interlock": self.row.name, "number": self.row.number, "rack": self.rack or None,
            "tripped": self.tripped, "cause": self.cause, "value": plain_number(self.value),
            "threshold": plain_number(self.threshold), "age": self.age,
            "told_by": list(self.told_by),
            "effects": effects_named(self.row.effects).split(", "),
            "text": self.row.text, "remedy": self.row.remedy,
        }  # fmt: skip


def spans(numbers: Sequence[int]) -> str:
    """Numbers with what follows closely put together: 1-3, 5."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in found)


def effects_named(effects: Effect) -> str:
    """Effects in words, in the order of the table."""
    found = [effect for effect in Effect if effect and effect in effects]
    return ", ".join(str(effect.name).lower().replace("_", " ") for effect in found) or "none"


def standing(values: Mapping[str, Values]) -> list[Stands]:
    """Every row that has tripped or whose cause is there, the heaviest effects first."""
    found = []
    for row in INTERLOCKS:
        tripped, cause, rack, value, threshold, age = (
            values[name].get((row.number,)) for name in _OF_ROWS
        )
        if tripped or cause:
            where = int(rack or 0) if row.scope is Scope.RACK else 0
            told_by = tuple(_telling(row, values))
            found.append(
                Stands(row, bool(tripped), bool(cause), where, value, threshold, age, told_by)
            )
    return sorted(found, key=lambda item: (not item.tripped, -item.row.effects, item.row.number))


def _telling(row: Interlock, values: Mapping[str, Values]) -> Iterator[int]:
    """The racks whose reports have a row's bit."""
    for point, first in _REPORTS.items():
        bit = row.number - first
        if 0 <= bit < len(CAUSES):
            yield from (rack for (rack,), bits in values[point].items() if int(bits) >> bit & 1)


def standing_at(server: Served) -> list[Stands]:
    """The same, read from a server; nothing where its map has no interlocks."""
    return standing(server.values((*_OF_ROWS, *_REPORTS)))


def against(rows: list[Stands], effect: Effect, rack: int = 0) -> list[Stands]:
    """Those that act and have an effect, at the container or the rack (0: any)."""
    return [
        item
        for item in rows
        if item.tripped and item.row.effects & effect and (not rack or item.rack in {0, rack})
    ]
