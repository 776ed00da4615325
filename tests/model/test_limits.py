"""What a DC bus may do (CONTROL R19, R20): the weakest conducting rack decides, unknown is 0."""

import math

import pytest
from model.fleet import Fleet, told

from gateway.model.pack import Topology

RACKS = Topology(3)
POINTS = ("rack_charge_current_limit", "rack_contactor_positive", "rack_capacity")


def limit(
    limits: list[float], contactors: list[float], capacities: list[float] | float = 100.0
) -> tuple[float, str]:
    """The container's charge limit for three racks."""
    fleet = Fleet(RACKS, *POINTS)
    fleet.set(POINTS[0], limits)
    fleet.set(POINTS[1], contactors)
    fleet.set(POINTS[2], capacities)
    fleet.hear(0.0)
    return told(fleet.at(0.1), "charge_current_limit")


nan = math.nan


@pytest.mark.parametrize(
    ("limits", "contactors", "expected"),
    [
        ([100, 100, 100], [1, 1, 1], (300, "NONE")),
        ([100, 40, 100], [1, 1, 1], (120, "NONE")),
        ([100, 0, 100], [1, 1, 1], (0, "NONE")),
        ([100, 0, 100], [1, 0, 1], (200, "NONE")),
        ([100, 50, 100], [1, nan, 1], (150, "NONE")),
        ([100, nan, 100], [1, 1, 1], (0, "INACCURATE")),
        ([100, nan, 100], [1, 0, 1], (200, "NONE")),
        ([100, nan, 100], [1, nan, 1], (0, "INACCURATE")),
        ([100, 100, 100], [0, 0, 0], (0, "NONE")),
    ],
)
def test_r20_the_weakest_conducting_rack_decides(
    limits: list[float], contactors: list[float], expected: tuple[float, str]
) -> None:
    """R20: smallest of limit / share over conducting racks; unknown contactors conduct; R19: unknown is 0."""
    value, detail = limit(limits, contactors)

    assert value == pytest.approx(expected[0])
    assert detail == expected[1]


def test_r20_shares_follow_capacity() -> None:
    """R20: 100 A into a third of the capacity, 100 A into two thirds: the larger rack allows 150 in all."""
    value, detail = limit([100, 100, nan], [1, 1, 0], [100, 200, 100])

    assert value == pytest.approx(150)
    assert detail == "NONE"


def test_r19_a_rack_that_falls_silent_stops_the_bus() -> None:
    """R19: an old limit is unknown, and an unknown limit of a conducting rack is 0 for the bus."""
    fleet = Fleet(RACKS, *POINTS)
    fleet.set(POINTS[0], 100)
    fleet.set(POINTS[1], 1)
    fleet.set(POINTS[2], 100)
    fleet.hear(0.0)
    fleet.hear(5.0, 1, 2)

    assert told(fleet.at(5.1), "charge_current_limit") == (0, "INACCURATE")


def test_nothing_was_ever_heard_so_nothing_is_known() -> None:
    """No number is made up before the first frame."""
    value, detail = told(Fleet(RACKS, *POINTS).at(1.0), "charge_current_limit")

    assert math.isnan(value)
    assert detail == "NEVER_SEEN"
