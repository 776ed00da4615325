"""The table of alarms: interlocks that act, and what BMUs tell without effect (R39).

Rules of the table:
- an alarm has the number of its interlock; warnings of BMUs, which have none, follow from `FIRST_WARNING`;
- the priority says how soon somebody must do something, by what the row does; a site may change it;
- what opens racks, and what a BMU trips for, is never shelved.

The table generates a part of the alarm manual.
"""

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from gateway.control.interlock import FIRST_ALARM, INTERLOCKS, Effect, Interlock
from gateway.model.alarm import CAUSES, Cause

Key = tuple[int, int]
"Number of an alarm and its rack; 0 is the container."
FIRST_WARNING = 201
"Warnings of BMUs are numbered from here, by their bit; interlocks have their own numbers."
_FLICKER = 5.0
"s for which a BMU's alarm must be gone: one that flickers is one."


class Priority(IntEnum):
    """How soon somebody has to do something."""

    URGENT = 1
    "It opens racks."
    HIGH = 2
    "It takes the power, or waits for a reset."
    MEDIUM = 3
    "It narrows what may be done."
    LOW = 4
    "It is told, and does nothing."


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table of alarms."""

    number: int
    name: str
    text: str
    remedy: str
    priority: Priority
    can_be_shelved: bool
    delay_on: float = 0.0
    delay_off: float = 0.0
    suppressed_by: int = 0
    "The number of an alarm of the container that says the same of all racks; 0 none."
    is_interlock: bool = True
    "Its coming and going are events of the interlock chain."


_TAKES = Effect.ZERO | Effect.STOP_PCS | Effect.LATCH
_BUS_SILENT = 70
_LATE: Mapping[int, float] = {69: 10.0, _BUS_SILENT: 5.0, 75: 5.0}
"s after which silence is worth an alarm: every start begins with it; the interlocks do not wait."
_OF_SILENCE = frozenset({65, 66, 69})
"Rows of single racks that a silent bus explains."


def _priority(row: Interlock) -> Priority:
    if row.effects & Effect.OPEN:
        return Priority.URGENT
    if row.effects & _TAKES:
        return Priority.HIGH
    return Priority.MEDIUM if row.effects else Priority.LOW


def _of_row(row: Interlock) -> Kind:
    is_told = bool(row.effects)
    shelved = not row.effects & Effect.OPEN and row.number >= FIRST_ALARM
    return Kind(
        row.number, row.name, row.text, row.remedy, _priority(row), shelved,
        delay_on=_LATE.get(row.number, 0.0), delay_off=0.0 if is_told else _FLICKER,
        suppressed_by=_BUS_SILENT if row.number in _OF_SILENCE else 0,
        is_interlock=is_told,
    )  # fmt: skip


def _of_warning(cause: Cause) -> Kind:
    return Kind(
        FIRST_WARNING + cause.bit, f"bmu_warning_{cause.name}", f"{cause.text} (BMU warning)",
        cause.remedy, Priority.LOW, can_be_shelved=True, delay_off=_FLICKER, is_interlock=False,
    )  # fmt: skip


ALARMS: Mapping[int, Kind] = {
    kind.number: kind for kind in (*map(_of_row, INTERLOCKS), *map(_of_warning, CAUSES))
}
BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in ALARMS.values()}


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a site changes of an alarm; None: as the table has it."""

    name: str
    delay_on: float | None = None
    delay_off: float | None = None
    priority: Priority | None = None


@functools.cache
def tuned(tunings: tuple[Tuning, ...]) -> Mapping[int, Kind]:
    """The table as a site has it."""
    kinds = dict(ALARMS)
    for tuning in tunings:
        kind = BY_NAME[tuning.name]
        parts = ("delay_on", "delay_off", "priority")
        changes = {part: value for part in parts if (value := getattr(tuning, part)) is not None}
        kinds[kind.number] = dataclasses.replace(kind, **changes)
    return kinds
