"""The latest events in registers, dated (R40)."""

import numpy as np

from gateway.app.chronicle import Chronicle
from gateway.control.alarms import BY_NAME
from gateway.control.latest import EVENTS
from gateway.model.command import INSTRUCTIONS
from gateway.model.event import KINDS, Event

PARTS = 7


def rows(chronicle: Chronicle) -> list[list[float | None]]:
    """Each event's points, the last one first."""
    table = chronicle.rows.reshape(PARTS, EVENTS).T
    return [[None if np.isnan(value) else float(value) for value in row] for row in table]


def test_the_last_one_is_first() -> None:
    """With its number, severity, rack and subject, and the time at which it happened, not at which it was told."""
    chronicle = Chronicle("C1")
    chronicle.wall = lambda: (1_700_000_000.75, True)
    named = chronicle.add(
        [
            Event(KINDS["interlock_latched"], 99.0, rack=3, row="bmu_trip_fire"),
            Event(KINDS["command"], 99.5, row="connect"),
        ],
        100.0,
    )
    alarm, command = BY_NAME["bmu_trip_fire"].number, 1000 + INSTRUCTIONS["connect"].number

    assert [event.container for event in named] == ["C1", "C1"]
    assert rows(chronicle)[:3] == [
        [11, 2, 0, command, 1_700_000_000, 250, 1],
        [34, 4, 3, alarm, 1_699_999_999, 750, 1],
        [None] * PARTS,
    ]


def test_nobody_knows_what_time_it_is() -> None:
    """Then the events are told all the same; the seventeenth pushes the first one out."""
    chronicle = Chronicle("C1")
    for rack in range(1, EVENTS + 2):
        chronicle.add([Event(KINDS["rack_connected"], 1.0, rack=rack)], 1.0)
    found = rows(chronicle)

    assert [row[2] for row in found] == list(range(EVENTS + 1, 1, -1))
    assert {tuple(row[4:]) for row in found} == {(None, None, None)}
