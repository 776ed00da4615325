"""The latest events as registers show them, with the time of day at which they happened (R40)."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from gateway.control.alarms import BY_NAME
from gateway.model.command import INSTRUCTIONS
from gateway.model.event import KINDS, Dated, Severity
from gateway.model.point import Kind, Point, Scope

EVENTS = 16
_E = Scope.EVENT

# fmt: off
EVENT_POINTS = (
    Point("event_number", _E, "", "What happened", Kind.STATE, states={kind.number: name for name, kind in KINDS.items()}),
    Point("event_severity", _E, "", "How much it matters", Kind.STATE, states={int(one): one.name.lower() for one in Severity}),
    Point("event_rack", _E, "", "Its rack; 0 the container", Kind.COUNT),
    Point("event_subject", _E, "", "The alarm that is meant, or 1000 + the number of the command; 0 neither", Kind.COUNT),
    Point("event_time", _E, "s", "When, since 1970-01-01 UTC"),
    Point("event_milliseconds", _E, "ms", "And so many"),
    Point("event_synchronised", _E, "", "Whether the machine's clock was synchronised then", Kind.STATE, states={0: "no", 1: "yes"}),
)
# fmt: on
_COMMANDS = 1000
"Added to the number of a command: those of alarms are smaller."
_PARTS = len(EVENT_POINTS)


def rows_of(latest: Iterable[Dated]) -> NDArray[np.float64]:
    """All points of the latest events, point by point, the latest event first."""
    rows = np.full((_PARTS, EVENTS), math.nan)
    for place, dated in enumerate(latest):
        event = dated.event
        rows[:4, place] = event.kind.number, event.kind.severity, event.rack, _subject(event.row)
        if math.isfinite(dated.utc):
            seconds = math.floor(dated.utc)
            rows[4:6, place] = seconds, int((dated.utc - seconds) * 1000)
        if dated.is_synchronised is not None:
            rows[6, place] = dated.is_synchronised
    return rows.ravel()


def _subject(row: str) -> int:
    if row in BY_NAME:
        return BY_NAME[row].number
    return _COMMANDS + INSTRUCTIONS[row].number if row in INSTRUCTIONS else 0
