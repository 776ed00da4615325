"""How full racks are: all of them, the extremes, and the energy until the first is empty (R43)."""

import math

import pytest
from model.fleet import Fleet, told

from gateway.model.pack import Topology

RACKS = Topology(3)
POINTS = (
    "rack_soc", "rack_capacity", "rack_soh", "rack_voltage", "rack_contactor_positive",
)  # fmt: skip
nan = math.nan


def racks(**values: list[float]) -> Fleet:
    """Three racks that tell everything; the third one is not connected."""
    fleet = Fleet(RACKS, *POINTS)
    told: dict[str, list[float]] = {
        "rack_soc": [50, 80, 10],
        "rack_capacity": [100, 300, 300],
        "rack_soh": [100, 100, 100],
        "rack_voltage": [1000, 1000, 900],
        "rack_contactor_positive": [1, 1, 0],
    }
    for name, numbers in {**told, **values}.items():
        fleet.set(name, numbers)
    fleet.hear(0.0)
    return fleet


def test_all_installed_racks_have_a_mean_of_their_own() -> None:
    """The disconnected rack counts there by its energy, and not in soc (R43)."""
    now = racks(rack_soh=[100, 100, 50]).at(0.1)

    assert told(now, "soc") == (72.5, "NONE")
    assert told(now, "soc_installed")[0] == pytest.approx((5000 + 24000 + 1500) / 550)
    assert told(now, "soc_installed")[1] == "NONE"


def test_the_extremes_are_those_of_all_racks() -> None:
    """Lowest and highest, connected or not; one that does not tell leaves them incomplete (R43)."""
    now = racks().at(0.1)
    lacking = racks(rack_soc=[50, 80, nan]).at(0.1)
    nobody = racks(rack_soc=[nan, nan, nan]).at(0.1)

    assert (told(now, "soc_min"), told(now, "soc_max")) == ((10, "NONE"), (80, "NONE"))
    assert told(lacking, "soc_min") == (50, "INACCURATE")
    assert math.isnan(told(nobody, "soc_min")[0])
    assert math.isnan(told(nobody, "soc_max")[0])


def test_energy_ends_with_the_first_empty_rack() -> None:
    """Both connected racks lose 50 %: 50 Ah and 150 Ah at 1000 V (R43)."""
    assert told(racks().at(0.1), "energy_available") == (200e3, "NONE")
    weak = racks(rack_soh=[100, 80, 100]).at(0.1)
    assert told(weak, "energy_available")[0] == pytest.approx(50e3 + 120e3)
    apart = racks(rack_contactor_positive=[0, 0, 0]).at(0.1)
    assert told(apart, "energy_available")[0] == pytest.approx(10e3 + 30e3 + 27e3)
    assert told(racks(rack_soc=[0, 80, 10]).at(0.1), "energy_available")[0] == 0


@pytest.mark.parametrize("point", ["rack_capacity", "rack_soh", "rack_voltage"])
def test_energy_is_not_known_where_something_is_missing(point: str) -> None:
    """Of a rack that counts; of one that does not, it is no matter (R43)."""
    value, detail = told(racks(**{point: [nan, 100, 100]}).at(0.1), "energy_available")
    other = racks(**{point: [100, 100, nan]}).at(0.1)

    assert math.isnan(value)
    assert detail == "NOT_AVAILABLE"
    assert told(other, "energy_available")[0] > 0


def test_energy_needs_all_that_it_is_made_of() -> None:
    """A protocol that tells no capacity has no such point (R43)."""
    fleet = Fleet(RACKS, "rack_soc", "rack_soh", "rack_voltage")
    for name in ("rack_soc", "rack_soh", "rack_voltage"):
        fleet.set(name, 50)
    fleet.hear(0.0)

    assert told(fleet.at(0.1), "energy_available")[1] == "NEVER_SEEN"


def test_what_a_bmu_tells_of_the_whole_stands() -> None:
    """Nothing is computed in its place."""
    fleet = Fleet(RACKS, *POINTS, "soc_min", "soc_max", "energy_available")
    fleet.set("rack_soc", 50)
    for name, value in (("soc_min", 41), ("soc_max", 62), ("energy_available", 1234)):
        fleet.set(name, value)
    fleet.hear(0.0)
    now = fleet.at(0.1)

    assert [told(now, name)[0] for name in ("soc_min", "soc_max", "energy_available")] == [
        41, 62, 1234,
    ]  # fmt: skip


def test_old_numbers_make_old_energy() -> None:
    """Racks that are all silent keep their last numbers, marked."""
    value, detail = told(racks().at(60.0), "energy_available")

    assert (value, detail) == (40e3 + 27e3, "OLD_DATA")
