"""What BMUs signal, and what is beyond a threshold of the site: the causes of interlocks and alarms."""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from gateway.control.alarms import FIRST_WARNING, Key
from gateway.control.interlock import BY_NAME, FIRST_ALARM, INTERLOCKS, WATCHED
from gateway.control.settings import Threshold
from gateway.model.alarm import CAUSES, Level, alarm_point
from gateway.model.pack import Flags, Snapshot
from gateway.model.point import Scope
from gateway.model.quality import USABLE, Detail

Asserted = Mapping[Key, float]
"Rows whose cause is there, by number and rack (0: the container), with the value that says so."

_NUMBER = len(CAUSES)
_LEVELS = len(Level)
_OF_CONTAINER = tuple(row.scope is Scope.CONTAINER for row in INTERLOCKS)


def _numbers() -> Iterator[int]:
    """The alarm's number of each cause at each level, as their points follow each other."""
    yield from (FIRST_WARNING + cause.bit for cause in CAUSES)
    yield from (FIRST_ALARM + cause.bit for cause in CAUSES)
    yield from (1 + cause.bit for cause in CAUSES)


_NUMBERS = tuple(_numbers())


class Signals(NamedTuple):
    """What BMUs signal: interlocks, and alarms without effect."""

    acting: dict[Key, float]
    others: dict[Key, float]
    doubtful: frozenset[Key]
    "What was told once, and cannot be read now."


def signals(snapshot: Snapshot) -> Signals:
    """Warnings, alarms and trips that are set; they stay set while their rack is silent."""
    layout, racks = snapshot.layout, snapshot.layout.topology.racks
    first = layout.first(alarm_point(Level.WARNING, CAUSES[0]))
    block = slice(first, first + _LEVELS * _NUMBER * racks)
    values = snapshot.values[block]
    is_set = values == 1
    lost = np.isnan(values) & (snapshot.quality[block] != Detail.NEVER_SEEN)
    told = Signals({}, {}, frozenset(_keys(lost, racks)) if lost.any() else frozenset())
    for key in _keys(is_set, racks) if is_set.any() else ():
        number, rack = key
        if number >= FIRST_WARNING or not INTERLOCKS[number - 1].effects:
            told.others[key] = 1.0
        else:
            told.acting[number, 0 if _OF_CONTAINER[number - 1] else rack] = 1.0
    return told


def _keys(flags: Flags, racks: int) -> Iterator[Key]:
    """Number and rack of each alarm that is flagged."""
    for place in np.flatnonzero(flags).tolist():
        yield _NUMBERS[place // racks], place % racks + 1


def beyond(snapshot: Snapshot, thresholds: tuple[Threshold, ...]) -> dict[Key, float]:
    """Thresholds of the site that are exceeded; a value that was known and is not any more counts (R23).

    Not that of a rack of which nothing is heard any more, its feedback not for about as long: that has rows
    of its own (R21).
    """
    found: dict[Key, float] = {}
    feedback = snapshot.layout.slices["rack_connected"]
    told = snapshot.quality[feedback] != Detail.NEVER_SEEN
    for threshold in thresholds:
        watched, row = WATCHED[threshold.row], BY_NAME[threshold.row]
        part = snapshot.layout.slices[watched.point]
        values, codes = snapshot.values[part], snapshot.quality[part]
        seen = np.abs(values) if watched.absolute else values
        with np.errstate(invalid="ignore"):
            over = seen > threshold.value if watched.is_upper else seen < threshold.value
        silent = told & (2 * snapshot.age[feedback] >= snapshot.age[part])
        lost = ~USABLE[codes] & (codes != Detail.NEVER_SEEN)
        lost &= ~(silent & (codes == Detail.OLD_DATA))
        for rack in np.flatnonzero((over & USABLE[codes]) | lost).tolist():
            value = math.nan if lost[rack] else float(seen[rack])
            found[row.number, 0 if row.scope is Scope.CONTAINER else rack + 1] = value
    return found
