"""What a DC bus may do (CONTROL R19, R20): the weakest conducting rack decides, unknown is 0."""

import math

import pytest
from model.fleet import Fleet, told

from gateway.model.pack import Topology
from gateway.model.quality import Detail

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


def shared(
    currents: list[float], way: str = "discharge", detail: Detail = Detail.NONE,
    capacities: list[float] | float = 100.0, limits: list[float] | float = 100.0,
) -> float:  # fmt: skip
    """A limit of three connected racks that carry these currents."""
    name = f"rack_{way}_current_limit"
    fleet = Fleet(RACKS, name, *POINTS[1:], "rack_current")
    fleet.set(name, limits)
    fleet.set("rack_contactor_positive", 1)
    fleet.set("rack_capacity", capacities)
    fleet.set("rack_current", currents, detail)
    fleet.hear(0.0)
    return told(fleet.at(0.1), f"{way}_current_limit")[0]


@pytest.mark.parametrize(
    ("currents", "expected"),
    [
        ([60, 60, 60], 300),
        ([80, 40, 40], 200),
        ([100, 100, 50], 250),
        ([120, 80, 40], 200),
        ([60, 60, -20], 100 / 0.6),
        ([16, 8, 7], 100 / (16 / 31)),
        ([16, 8, 6], 300),
        ([-80, -40, -40], 300),
        ([80, nan, 40], 300),
    ],
)
def test_r20_the_most_loaded_rack_decides(currents: list[float], expected: float) -> None:
    """R20: its measured share, once more than a tenth of the limits flows that way; never more than by capacity."""
    assert shared(currents) == pytest.approx(expected)
    assert shared([-amperes for amperes in currents], "charge") == pytest.approx(expected)


def test_r20_at_its_limit_the_bus_leaves_no_rack_beyond_its_own() -> None:
    """R20: where the current divides as measured, the limit of the bus gives each rack at most its own."""
    currents, limits = [90.0, 50.0, 20.0], [80.0, 100.0, 60.0]
    bus = shared(currents, limits=limits)
    flows = [bus * amperes / sum(currents) for amperes in currents]

    assert all(flow <= most + 1e-9 for flow, most in zip(flows, limits, strict=True))
    assert bus == pytest.approx(80 / (90 / 160))


def test_r20_a_measured_share_never_widens() -> None:
    """R20: a rack that carries less than its part of the capacity still counts with that."""
    assert shared([90, 90, 10], limits=[200, 200, 50]) == pytest.approx(150)
    assert shared([80, 40, 40], capacities=[200, 100, 100]) == pytest.approx(200)
    assert shared([80, 40, 40], capacities=[nan, 100, 100]) == pytest.approx(100)
    assert shared([200, -50, -50], capacities=[nan, 100, 100]) == pytest.approx(50)


@pytest.mark.parametrize("detail", [Detail.OLD_DATA, Detail.FROZEN])
def test_r20_a_limit_does_not_rise_because_a_current_is_old(detail: Detail) -> None:
    """R20: the last number it told still narrows; one that cannot be does not."""
    assert shared([80, 40, 40], detail=detail) == pytest.approx(200)
    assert shared([80, 40, 40], detail=Detail.OUT_OF_RANGE) == pytest.approx(300)


def test_r20_little_current_says_nothing_about_shares() -> None:
    """R20: below 5 A it is what sensors get wrong, however little the racks allow."""
    assert shared([3, 1, 1], limits=10.0) == pytest.approx(30)
    assert shared([3, 1.1, 1], limits=10.0) == pytest.approx(10 / (3 / 5.1))


def test_r20_limits_in_watts_are_shared_by_power() -> None:
    """R20: of power, which is V x I where the BMU reports none."""
    fleet = Fleet(RACKS, "rack_discharge_power_limit", "rack_voltage", "rack_current")
    fleet.set("rack_discharge_power_limit", 100e3)
    fleet.set("rack_voltage", 1000)
    fleet.set("rack_current", [80, 40, 40])
    fleet.hear(0.0)

    assert told(fleet.at(0.1), "discharge_power_limit")[0] == pytest.approx(200e3)
