"""Warnings and alarms that no interlock acts on are told when they come and when they go (R41)."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from gateway.app.alarms import AlarmWatch
from gateway.control.interlock import acting_alarms
from gateway.model.alarm import CAUSES, Level, alarm_point
from gateway.model.event import Event
from gateway.model.pack import Layout, Snapshot, Topology
from gateway.model.quality import Detail

from closed import Closed

LAYOUT = Layout(Topology(2))
WARNING = "rack_warning_cell_overvoltage"


def picture(*elements: int, value: float = 1.0) -> Snapshot:
    """Nothing is reported but these."""
    size = LAYOUT.elements
    values = np.zeros(size)
    values[list(elements)] = value
    good = np.full(size, Detail.NONE, np.uint8)
    return Snapshot(LAYOUT, 0.0, values, good, np.zeros(size), np.zeros(size, np.bool_))


def test_a_warning_of_a_bmu_comes_and_goes(tmp_path: Path) -> None:
    """A cell of rack 2 is too high: the BMU warns before it trips; mended, the warning goes."""
    closed, events = Closed(tmp_path).run(3), list[Event]()
    closed.controller.told = events.extend
    closed.plant.faults.add("cell_overvoltage", 2)
    closed.run(3)
    closed.plant.faults.clear("cell_overvoltage", 2)
    closed.run(10)
    told = [(event.kind.name, event.rack, event.row) for event in events if event.row == "warning_cell_overvoltage"]  # fmt: skip

    assert told == [
        ("alarm", 2, "warning_cell_overvoltage"), ("alarm_gone", 2, "warning_cell_overvoltage"),
    ]  # fmt: skip


@pytest.mark.parametrize("level", Level)
def test_what_an_interlock_acts_on_is_told_by_that(level: Level) -> None:
    """Every alarm is told by one of the two."""
    acting = acting_alarms(LAYOUT)
    for cause in CAUSES:
        element = LAYOUT.first(alarm_point(level, cause)) + 1
        events = AlarmWatch(LAYOUT).changes(picture(element), 0.0)
        expected = [] if element in acting else [("alarm", 2, f"{level.value}_{cause.name}")]
        assert [(event.kind.name, event.rack, event.row) for event in events] == expected


def test_one_that_flickers_is_told_every_five_seconds() -> None:
    """And its last word is never lost."""
    watch, element, told = AlarmWatch(LAYOUT), LAYOUT.first(WARNING), list[tuple[float, str]]()
    for step in range(200):
        now = step / 10
        set_now = step < 150 and step % 2 == 0
        told += [
            (now, event.kind.name) for event in watch.changes(picture(*[element] * set_now), now)
        ]

    assert told[0] == (0.0, "alarm")
    assert 3 <= len(told) <= 5
    assert told[-1][1] == "alarm_gone"
    assert all(later - earlier >= 5 for (earlier, _), (later, _) in itertools.pairwise(told))


def test_what_is_not_known_any_more_stays_told() -> None:
    """A BMU that is silent has taken nothing back."""
    watch, element = AlarmWatch(LAYOUT), LAYOUT.first(WARNING)
    came = watch.changes(picture(element), 0.0)
    unknown = watch.changes(picture(element, value=np.nan), 10.0)

    assert [event.kind.name for event in came] == ["alarm"]
    assert not unknown
