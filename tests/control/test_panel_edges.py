"""What control shows of exact states: bits, counts and remaining times at their edges."""

import dataclasses
import math

import numpy as np
import pytest
from control.paper import EMS, SETTINGS, Paper

from gateway.control.interlock import BY_NAME, INTERLOCKS
from gateway.control.limit import Allowed, Limiter, Side
from gateway.control.panel import Shown, panel_layout, picture
from gateway.control.state import Lease, Setpoint, Standing, State, fresh
from gateway.model.pack import Snapshot, Topology

RACKS = 3
NOW = 100.0


def panel(of: State, *, charge: float = 0.0, discharge: float = 0.0, **more: object) -> Snapshot:
    """What is shown of a state, with so much power allowed."""
    sides = [Side(watts, 0.0, Limiter.BATTERY, inhibited=False) for watts in (charge, discharge)]
    shown = Shown(of, Paper(count=RACKS).facts(), Allowed(*sides), SETTINGS, **more)  # type: ignore[arg-type] # its fields
    return picture(panel_layout(Topology(RACKS)), shown, NOW)


def number(told: Snapshot, name: str) -> float:
    """A point of the container."""
    return float(told[name])


def standing(
    row: str, rack: int, *, acts: bool = True, gone: float | None = None
) -> dict[tuple[int, int], Standing]:
    """A row at a rack."""
    return {(BY_NAME[row].number, rack): Standing(NOW - 5, 7.0, NOW - 4 if acts else None, gone)}


@pytest.mark.parametrize(
    ("more", "bits"),
    [
        ({}, 0), ({"warnings": 1.0}, 1), ({"warnings": 0.5}, 1), ({"alarms": 1.0}, 2), ({"alarms": 0.5}, 2),
        ({"is_live": False}, 64), ({"journal_failed": True}, 128),
    ],
)  # fmt: skip
def test_each_summary_bit(more: dict[str, object], bits: int) -> None:
    """One by one; none of them where nothing is so."""
    assert number(panel(fresh(RACKS, 0.0), **more), "summary") == bits  # type: ignore[arg-type] # by name


@pytest.mark.parametrize("rack", [0, 1, 2, 3])
@pytest.mark.parametrize(("row", "bits"), [("bmu_trip_fire", 12), ("pcs_fault", 8), ("bmu_alarm_soc_low", 8)])  # fmt: skip
def test_a_row_at_any_rack_is_in_the_summary(row: str, bits: int, rack: int) -> None:
    """That something acts, and whether it waits for a reset."""
    told = panel(dataclasses.replace(fresh(RACKS, 0.0), chain=standing(row, rack)))
    effects = int(BY_NAME[row].effects)

    assert number(told, "summary") == bits
    assert number(told, "interlocks_tripped") == 1
    assert number(told, "resets_needed") == (bits == 12)
    assert told["rack_effects"].tolist() == [
        effects if rack in {0, place} else 0 for place in (1, 2, 3)
    ]


def test_a_row_that_does_not_act_yet_needs_no_reset() -> None:
    """Its cause is there, for less than its delay."""
    told = panel(dataclasses.replace(fresh(RACKS, 0.0), chain=standing("bmu_trip_fire", 2, acts=False)))  # fmt: skip

    assert number(told, "interlocks_tripped") == number(told, "resets_needed") == 0
    assert told["rack_effects"].tolist() == [0, 0, 0]
    assert told["interlock_cause"].sum() == 1


def test_only_rows_that_stand_have_a_rack_a_value_and_an_age() -> None:
    """All others are told not to act, and nothing else."""
    row = BY_NAME["bmu_trip_fire"]
    told = panel(dataclasses.replace(fresh(RACKS, 0.0), chain=standing("bmu_trip_fire", 2)))
    place = row.number - 1

    for name, value in (("interlock_tripped", 1), ("interlock_cause", 1), ("interlock_rack", 2), ("interlock_value", 7), ("interlock_age", 5)):  # fmt: skip
        assert told[name][place] == value
        others = np.delete(told[name], place)
        assert len(others) == len(INTERLOCKS) - 1
        assert (others == 0).all() if name in {"interlock_tripped", "interlock_cause"} else np.isnan(others).all()  # fmt: skip


@pytest.mark.parametrize(("charge", "discharge"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5)])
def test_any_power_is_a_permission(charge: float, discharge: float) -> None:
    """Of its direction."""
    told = panel(fresh(RACKS, 0.0), charge=charge, discharge=discharge)

    assert number(told, "charge_permitted") == (charge > 0)
    assert number(told, "discharge_permitted") == (discharge > 0)


@pytest.mark.parametrize("late", [0.0, 0.25, 5.0])
def test_what_is_over_has_nothing_left(late: float) -> None:
    """Never less than 0, also between its end and the cycle that notices it."""
    of = dataclasses.replace(
        fresh(RACKS, 0.0), lease=Lease(EMS, 60.0, NOW - late),
        setpoints={"power_setpoint": Setpoint(1.0, "ems", 0.0, NOW - late)},
    )  # fmt: skip
    told = panel(of)

    assert number(told, "lease_remaining") == number(told, "power_remaining") == 0
    assert math.isnan(number(told, "reactive_remaining"))
