"""What cells and racks come to, and what becomes of it when some have nothing to say."""

import math

import numpy as np
import pytest
from model.fleet import Fleet, told

from gateway.model.pack import Topology
from gateway.model.quality import Detail

CELLS = Topology(2, 2, 3, 3)
RACKS = Topology(3)
VOLTS = np.array(
    [[[3.30, 3.31, 3.32], [3.33, 3.34, 3.35]], [[3.40, 3.41, 3.42], [3.43, 3.44, 3.25]]]
)


def test_extremes_come_with_their_position() -> None:
    """The highest and lowest cell of each rack and of all, by rack, module and cell."""
    fleet = Fleet(CELLS, "cell_voltage")
    fleet.set("cell_voltage", VOLTS)
    fleet.hear(0.0)
    now = fleet.at(0.5)

    assert now["rack_cell_voltage_max"].tolist() == [3.35, 3.44]
    assert now["rack_cell_voltage_min_module"].tolist() == [1, 2]
    assert now["rack_cell_voltage_min_cell"].tolist() == [1, 3]
    assert told(now, "cell_voltage_max") == (3.44, "NONE")
    place = [told(now, f"cell_voltage_max_{part}")[0] for part in ("rack", "module", "cell")]
    assert place == [2, 2, 2]
    assert told(now, "cell_voltage_min")[0] == 3.25
    assert told(now, "cells_valid") == (12, "NONE")
    assert now["rack_cell_voltage_avg"] == pytest.approx([3.325, 3.391666], abs=1e-6)
    assert now["rack_voltage"] == pytest.approx([19.95, 20.35])
    assert now.computed[now.layout.slices["rack_voltage"]].all()


def test_a_silent_rack_leaves_the_others_good_and_is_counted_out() -> None:
    """Its values keep their last number as old data; the container's are made of the others."""
    fleet = Fleet(CELLS, "cell_voltage", "rack_voltage", "rack_current")
    fleet.set("cell_voltage", VOLTS)
    fleet.set("rack_voltage", [20.0, 20.3])
    fleet.set("rack_current", [5.0, 7.0])
    fleet.hear(0.0)
    fleet.hear(10.0, 1)
    now = fleet.at(10.5)

    assert now.quality_of("rack_current").tolist() == [Detail.NONE, Detail.OLD_DATA]
    assert now["rack_current"].tolist() == [5.0, 7.0]
    assert now.quality_of("rack_cell_voltage_max").tolist() == [Detail.NONE, Detail.OLD_DATA]
    assert now["rack_cell_voltage_max"].tolist() == [3.35, 3.44]
    assert told(now, "current") == (5.0, "INACCURATE")
    assert told(now, "cell_voltage_max") == (3.35, "INACCURATE")
    assert told(now, "cell_voltage_max_rack")[0] == 1
    assert told(now, "racks_valid") == (1, "NONE")
    assert told(now, "cells_valid") == (6, "NONE")
    assert now["rack_alarm_communication"].tolist() == [0, 1]
    assert now.age[now.layout.slices["rack_current"]].tolist() == [0.5, 10.5]


def test_before_the_first_frame_there_is_nothing_and_no_alarm() -> None:
    """Waiting is not silence: no values, no communication alarm."""
    now = Fleet(RACKS, "rack_voltage", "rack_current").at(100.0)

    assert math.isnan(told(now, "voltage")[0])
    assert told(now, "voltage")[1] == "NEVER_SEEN"
    assert told(now, "racks_valid") == (0, "NONE")
    assert now["rack_alarm_communication"].tolist() == [0, 0, 0]


def test_a_bmu_may_report_the_communication_alarm_itself() -> None:
    """What it says of its own links is shown while the gateway hears it well."""
    fleet = Fleet(RACKS, "rack_voltage", "rack_alarm_communication")
    fleet.set("rack_voltage", 20.0)
    fleet.set("rack_alarm_communication", [0, 1, 0])
    fleet.hear(0.0)

    assert fleet.at(0.1)["rack_alarm_communication"].tolist() == [0, 1, 0]
    fleet.set("rack_alarm_communication", 0)
    assert fleet.at(0.2)["rack_alarm_communication"].tolist() == [0, 0, 0]


def test_an_extreme_that_nothing_is_known_of_is_nowhere() -> None:
    """No cell heard: no voltage and no position; one rack heard: the other racks' have none."""
    fleet = Fleet(CELLS, "cell_voltage")
    places = [f"rack_cell_voltage_max_{inside}" for inside in ("module", "cell")]
    silent = fleet.at(1.0)
    assert all(np.isnan(silent[name]).all() for name in ("rack_cell_voltage_max", *places))
    assert math.isnan(told(silent, "cell_voltage_max_cell")[0])

    fleet.set("cell_voltage", np.where(np.arange(CELLS.racks)[:, None, None] == 0, 3.3, np.nan))
    fleet.hear(1.0, 1)
    now = fleet.at(1.0)

    for name, value in zip(("rack_cell_voltage_max", *places), (3.3, 1, 1), strict=True):
        assert now[name][0] == value
        assert np.isnan(now[name][1:]).all()


def test_an_extreme_of_incomplete_cells_gives_way_to_the_reported_one() -> None:
    """The missing cell may be the extreme; the BMU knows, the gateway does not."""
    fleet = Fleet(CELLS, "cell_voltage", "rack_cell_voltage_max")
    volts = VOLTS.copy()
    volts[0, 1, 2] = math.nan
    fleet.set("cell_voltage", volts)
    fleet.set("rack_cell_voltage_max", [3.36, 3.44])
    fleet.hear(0.0)
    now = fleet.at(0.1)

    assert now["rack_cell_voltage_max"].tolist() == [3.36, 3.44]
    assert not now.computed[now.layout.first("rack_cell_voltage_max")]
    assert now.quality_of("rack_cell_voltage_min").tolist() == [Detail.INACCURATE, Detail.NONE]


def test_a_report_that_contradicts_the_cells_is_inconsistent() -> None:
    """Beyond the tolerance the computed value stands, marked; within it, all is good."""
    fleet = Fleet(CELLS, "cell_voltage", "rack_cell_voltage_max")
    fleet.set("cell_voltage", VOLTS)
    fleet.set("rack_cell_voltage_max", [3.36, 3.60])
    fleet.hear(0.0)
    now = fleet.at(0.1)

    assert now["rack_cell_voltage_max"].tolist() == [3.35, 3.44]
    assert now.quality_of("rack_cell_voltage_max").tolist() == [Detail.NONE, Detail.INCONSISTENT]


def test_a_measured_total_is_trusted_and_checked() -> None:
    """The rack's own voltage stands; if it differs from the sum of cells, it is inconsistent."""
    fleet = Fleet(CELLS, "cell_voltage", "rack_voltage")
    fleet.set("cell_voltage", VOLTS)
    fleet.set("rack_voltage", [19.9, 25.0])
    fleet.hear(0.0)
    now = fleet.at(0.1)

    assert now["rack_voltage"].tolist() == [19.9, 25.0]
    assert now.quality_of("rack_voltage").tolist() == [Detail.NONE, Detail.INCONSISTENT]


def test_soc_is_weighted_by_capacity_over_connected_racks() -> None:
    """(50 x 100 + 80 x 300) / 400; a disconnected rack does not count while another is connected."""
    points = ("rack_soc", "rack_capacity", "rack_contactor_positive", "rack_voltage")
    fleet = Fleet(RACKS, *points)
    fleet.set("rack_soc", [50, 80, 10])
    fleet.set("rack_capacity", [100, 300, 300])
    fleet.set("rack_contactor_positive", [1, 1, 0])
    fleet.set("rack_voltage", [700, 700, 600])
    fleet.hear(0.0)
    now = fleet.at(0.1)

    assert told(now, "soc") == (72.5, "NONE")
    assert told(now, "voltage") == (700, "NONE")
    assert told(now, "racks_connected") == (2, "NONE")


def test_several_containers_levels_and_racks_share_no_alarm() -> None:
    """An alarm of one rack is in its bits and the container's; another rack cannot clear it."""
    fleet = Fleet(RACKS, "rack_trip_fire", "rack_trip_door", "rack_warning_fire")
    fleet.set("rack_trip_fire", [0, 1, 0])
    fleet.set("rack_trip_door", [1, 0, 0])
    fleet.set("rack_warning_fire", [0, 0, 1])
    fleet.hear(0.0)
    fire, door = 2.0**21, 2.0**18
    now = fleet.at(0.1)

    assert now["rack_trips"].tolist() == [door, fire, 0]
    assert told(now, "trips") == (fire + door, "NONE")
    assert told(now, "warnings") == (fire, "NONE")
    assert told(now, "alarms") == (0, "NONE")

    fleet.hear(5.0, 1, 3)
    later = fleet.at(5.5)
    assert told(later, "trips") == (fire + door, "INACCURATE")
    assert later["rack_trips"].tolist() == [door, fire, 0]
