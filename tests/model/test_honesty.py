"""Ways in which an aggregate could tell something better than it is; each was seen once."""

import math

import numpy as np
import pytest
from model.fleet import Fleet, told

from gateway.model.pack import Topology
from gateway.model.quality import BY_SEVERITY, SEVERITY, Detail, worst

RACKS = Topology(2)


def test_severity_is_an_order_of_its_own() -> None:
    """Every detail has a rank; useless beats doubtful beats good, whatever the numbers are."""
    assert sorted(BY_SEVERITY.tolist()) == sorted(Detail)
    assert BY_SEVERITY[SEVERITY].tolist() == list(Detail)
    old, inconsistent = (
        np.array([code], np.uint8) for code in (Detail.OLD_DATA, Detail.INCONSISTENT)
    )
    assert (
        worst(old, inconsistent).tolist() == worst(inconsistent, old).tolist() == [Detail.OLD_DATA]
    )


@pytest.mark.parametrize("detail", [Detail.NOT_AVAILABLE, Detail.FROZEN, Detail.OLD_DATA])
def test_a_set_alarm_that_can_no_longer_be_read_stays_set_and_doubtful(detail: Detail) -> None:
    """Neither its bit nor the doubt disappears."""
    fleet = Fleet(RACKS, "rack_trip_fire", "rack_trip_door")
    fleet.set("rack_trip_fire", [1, 0], detail)
    fleet.set("rack_trip_door", [0, 0])
    fleet.hear(0.0)
    now = fleet.at(0.1)

    assert told(now, "trips") == (2**21, "INACCURATE")
    assert now["rack_trips"].tolist() == [2**21, 0]
    assert now.quality_of("rack_trips").tolist() == [Detail.INACCURATE, Detail.INACCURATE]


@pytest.mark.parametrize("detail", [Detail.NOT_AVAILABLE, Detail.FROZEN, Detail.OLD_DATA])
def test_an_alarm_that_is_all_there_is_keeps_its_doubt(detail: Detail) -> None:
    """With nothing readable beside it, the field is as doubtful as the alarm; off and unreadable is no 0."""
    fleet = Fleet(RACKS, "rack_trip_fire")
    fleet.set("rack_trip_fire", [1, 0], detail)
    fleet.hear(0.0)
    now = fleet.at(0.1)

    assert now.quality_of("rack_trips").tolist() == [detail, detail]
    assert now["rack_trips"][0] == 2**21
    assert told(now, "trips") == (2**21, "INACCURATE")
    fleet.set("rack_trip_fire", [0, 0], detail)
    value, doubt = told(fleet.at(0.1), "trips")
    assert doubt == detail.name
    assert math.isnan(value) is (detail is Detail.NOT_AVAILABLE)


def test_one_alarm_that_a_bmu_does_not_support_hides_no_other() -> None:
    """Overvoltage that is told stays usable beside an undervoltage that never is."""
    fleet = Fleet(RACKS, "rack_alarm_overvoltage", "rack_alarm_undervoltage")
    fleet.set("rack_alarm_overvoltage", [1, 0])
    fleet.set("rack_alarm_undervoltage", [math.nan, math.nan], Detail.NOT_AVAILABLE)
    fleet.hear(0.0)
    now = fleet.at(0.1)

    assert now["rack_alarms"].tolist() == [4, 0]
    assert now.quality_of("rack_alarms").tolist() == [Detail.INACCURATE, Detail.INACCURATE]


@pytest.mark.parametrize(
    ("reported", "expected"),
    [(50, (50, "NONE")), (500, (200, "NONE")), (math.nan, (0, "INACCURATE"))],
)
def test_r20_a_limit_that_the_bmu_gives_for_the_bus_only_narrows(
    reported: float, expected: tuple[float, str]
) -> None:
    """R20: the smaller of both; R19: while the reported one is unknown, 0."""
    fleet = Fleet(RACKS, "discharge_current_limit", "rack_discharge_current_limit")
    fleet.set("rack_discharge_current_limit", 100)
    fleet.set("discharge_current_limit", reported)
    fleet.hear(0.0)

    assert told(fleet.at(0.1), "discharge_current_limit") == expected


def test_r20_a_limit_never_rises_because_something_is_no_longer_known() -> None:
    """R20: an old capacity still gives the share; an unknown one leaves the smallest rack limit."""
    points = ("rack_charge_current_limit", "rack_capacity")
    fleet = Fleet(RACKS, *points)
    fleet.set(points[0], 100)
    fleet.set(points[1], [280, 140], Detail.OLD_DATA)
    fleet.hear(0.0)
    assert told(fleet.at(0.1), "charge_current_limit") == (150, "NONE")

    fleet = Fleet(RACKS, *points)
    fleet.set(points[0], 100)
    fleet.set(points[1], [280, math.nan])
    fleet.hear(0.0)
    assert told(fleet.at(0.1), "charge_current_limit") == (100, "INACCURATE")


def test_power_of_an_old_current_is_old() -> None:
    """Whatever else is doubtful about the voltage."""
    fleet = Fleet(RACKS, "rack_voltage", "rack_current")
    fleet.set("rack_voltage", 700, Detail.INCONSISTENT)
    fleet.set("rack_current", 100, Detail.OLD_DATA)
    fleet.hear(0.0)
    now = fleet.at(0.1)

    assert now.quality_of("rack_power").tolist() == [Detail.OLD_DATA] * 2
    assert told(now, "power")[1] == "OLD_DATA"


def test_a_cell_beyond_the_reported_extreme_is_shown() -> None:
    """A missing cell elsewhere is no reason to hide it; the report is inconsistent."""
    fleet = Fleet(
        Topology(1, 1, 3), "cell_voltage", "rack_cell_voltage_max", "rack_cell_voltage_min"
    )
    fleet.set("cell_voltage", [3.3, 3.8, math.nan])
    fleet.set("rack_cell_voltage_max", 3.6)
    fleet.set("rack_cell_voltage_min", 3.2)
    fleet.hear(0.0)
    now = fleet.at(0.1)

    assert told(now, "cell_voltage_max") == (3.8, "INCONSISTENT")
    assert told(now, "cell_voltage_max_cell")[0] == 2
    assert told(now, "cell_voltage_min") == (3.2, "NONE")


def test_any_rack_message_that_stops_raises_the_communication_alarm() -> None:
    """Also one that carries neither voltage, current nor SoC, or whose last values were none."""
    fleet = Fleet(Topology(2, 1, 2), "cell_voltage", "rack_state")
    fleet.set("cell_voltage", 3.3)
    fleet.set("rack_state", [math.nan, 3], Detail.NOT_AVAILABLE)
    fleet.hear(0.0)
    assert fleet.at(1.0)["rack_alarm_communication"].tolist() == [0, 0]
    fleet.hear(1.0, 2)

    assert fleet.at(1.5)["rack_alarm_communication"].tolist() == [1, 0]


def test_a_rack_is_not_valid_before_all_it_should_tell_has_come() -> None:
    """A state of charge that some message carries but none has brought counts."""
    fleet = Fleet(RACKS, "rack_voltage", "rack_soc")
    fleet.set("rack_voltage", 700)
    fleet.set("rack_soc", [50, math.nan])
    fleet.hear(0.0)

    assert told(fleet.at(0.1), "racks_valid") == (1, "NONE")


def test_the_bus_voltage_is_not_that_of_a_rack_that_is_off_the_bus() -> None:
    """While a rack is connected, only connected ones tell."""
    fleet = Fleet(RACKS, "rack_voltage", "rack_contactor_positive")
    fleet.set("rack_voltage", [math.nan, 650])
    fleet.set("rack_contactor_positive", [1, 0])
    fleet.hear(0.0)
    value, detail = told(fleet.at(0.1), "voltage")

    assert math.isnan(value)
    assert detail == "NOT_AVAILABLE"
