"""Latches, first-out, resets, releases, delays (R1, R23, R24)."""

import dataclasses

import pytest
from control.forced import POWER, REPORTED, forced
from control.paper import CHIEF, CYCLE, SETTINGS, Paper

from gateway.control.interlock import BY_NAME, INTERLOCKS, Interlock
from gateway.control.settings import Threshold
from gateway.control.state import Phase
from gateway.model.command import Reason, Stage
from gateway.model.point import Scope

LATCHED = [row for row in INTERLOCKS if row.latches and row.number <= REPORTED]


@pytest.mark.parametrize("row", LATCHED, ids=lambda row: row.name)
def test_each_latch_needs_its_cause_gone_and_a_reset(row: Interlock) -> None:
    """Not by time, not by a reset while the cause is there: NOK after 2 s (R24, CMD-06)."""
    paper, rack = forced(row), int(row.scope is Scope.RACK)
    paper.write("alarm_reset", 1)
    took = paper.takes(lambda paper: paper.result.stage is Stage.NOK)
    failed = paper.result
    paper.clear(row.name, rack)
    paper.run(10)
    stands = (row.name, rack) in paper.tripped
    paper.write("alarm_reset", 0)
    paper.write("alarm_reset", 1)
    paper.step()

    assert took == pytest.approx(SETTINGS.reset_time, abs=CYCLE)
    assert (failed.reason, failed.detail) == (Reason.BLOCKED_BY_INTERLOCKING, row.name)
    assert stands
    assert paper.tripped == set()
    assert paper.state.first_out is None
    assert paper.result.stage is Stage.OK
    assert [event.row for event in paper.told("interlock_reset")] == [row.name]
    paper.run(30)
    assert paper.state.wants_run is not bool(row.effects & POWER)


FLEETING = [row for row in INTERLOCKS if row.effects and not row.latches and row.number <= REPORTED]


@pytest.mark.parametrize("row", FLEETING, ids=lambda row: row.name)
def test_what_does_not_latch_goes_with_its_cause(row: Interlock) -> None:
    """And both its coming and its going are told (R24)."""
    paper, rack = forced(row), int(row.scope is Scope.RACK)
    paper.clear(row.name, rack)
    paper.step()

    assert paper.tripped == set()
    assert [event.row for event in paper.told("interlock_tripped")] == [row.name]
    assert [event.row for event in paper.told("interlock_gone")] == [row.name]


def test_the_first_to_trip_is_kept_with_its_value() -> None:
    """Others that follow do not take its place; reset of all clears it (R24)."""
    paper = Paper().running(100e3)
    paper.report("bmu_trip_soc_low", 2, 4.5)
    paper.step()
    tripped = paper.now
    paper.report("bmu_trip_fire", 0)
    paper.report("bmu_trip_cell_overvoltage", 1)
    paper.run(0.5)
    first = paper.state.first_out

    assert first is not None
    assert (first.number, first.rack, first.value, first.at) == (
        BY_NAME["bmu_trip_soc_low"].number, 2, 4.5, tripped,
    )  # fmt: skip
    assert [event.row for event in paper.told("first_out")] == ["bmu_trip_soc_low"]
    paper.clear("bmu_trip_soc_low", 2)
    paper.write("alarm_reset", 1)
    paper.run(3)
    assert paper.state.first_out == first, "while any latch stands, the first one is named"
    paper.clear("bmu_trip_fire")
    paper.clear("bmu_trip_cell_overvoltage", 1)
    paper.run(0.1)
    paper.write("alarm_reset", 2)
    assert paper.step().state.first_out is None


def test_a_reset_contains_nothing_else() -> None:
    """Racks stay open, run is not resumed, and what trips after it was asked for is not reset by it (R24)."""
    paper = Paper().running(100e3)
    paper.write("software_stop", 1)
    paper.run(1)
    paper.write("alarm_reset", 1)
    paper.run(0.5)
    paper.report("bmu_trip_soc_low", 1)
    paper.run(0.1)
    paper.clear("bmu_trip_soc_low", 1)
    paper.run(5)

    assert paper.tripped == {("bmu_trip_soc_low", 1)}
    assert paper.phases == {Phase.OPEN}
    assert paper.mode.name == "STANDBY"
    orders = {orders.value("alarm_reset") for orders in paper.history[-100:]}
    assert orders == {0}


def test_a_reset_is_passed_on_to_bmus_for_its_time() -> None:
    """What only a BMU can take back is asked of it first: 2 s, and the trip may go within them (R24)."""
    paper = Paper().running()
    paper.report("bmu_trip_soc_low", 1)
    paper.run(0.1)
    paper.write("alarm_reset", 1)
    paper.history.clear()
    paper.run(1)
    paper.clear("bmu_trip_soc_low", 1)
    paper.run(3)

    assert sum(orders.value("alarm_reset") == 1 for orders in paper.history) == 100
    assert paper.tripped == set()
    assert paper.result.stage is Stage.OK


@pytest.mark.parametrize("row", ["trip", "contactor_mismatch", "duplicate_master"])
def test_a_reset_is_refused_while_a_cause_of_our_own_stands(row: str) -> None:
    """AlmRst returns to 0 and the row is named (CMD-06)."""
    paper = forced(BY_NAME[row])
    if row == "contactor_mismatch":
        paper = Paper().connected()
        paper.racks[0].welded = True
        paper.write("rack_disconnect", 1, rack=1)
        paper.run(5)
    refusal = paper.write("alarm_reset", 1).refusal

    assert refusal is not None
    assert (refusal.reason, refusal.detail) == (Reason.BLOCKED_BY_INTERLOCKING, row)
    assert paper.step().orders.value("alarm_reset") == 0


def test_nothing_to_reset_is_said() -> None:
    """Position reached (R24)."""
    refusal = Paper().connected().write("alarm_reset", 1).refusal

    assert refusal is not None
    assert refusal.reason is Reason.POSITION_REACHED


def test_a_trip_stands_until_released_and_reset() -> None:
    """Release alone does not do, reset alone is refused (R1, R24)."""
    paper = Paper().running()
    paper.write("trip", 1, CHIEF)
    paper.run(1)
    paper.write("trip_release", 1, CHIEF)
    paper.run(5)
    assert paper.tripped == {("trip", 0)}
    assert paper.write("alarm_reset", 1).refusal is None
    assert paper.step().state.chain == {}


@pytest.mark.parametrize(("delay", "trips"), [(0.0, True), (0.98, True), (1.04, False)])
def test_a_threshold_waits_for_its_delay(delay: float, *, trips: bool) -> None:
    """A cause that goes within the delay leaves nothing (R23)."""
    settings = dataclasses.replace(
        SETTINGS, thresholds=(Threshold("rack_current_high", 400, delay),)
    )
    paper = Paper(settings=settings).running()
    paper.report("rack_current_high", 2, 450)
    paper.run(1)
    paper.clear("rack_current_high", 2)
    paper.run(1)

    assert (("rack_current_high", 2) in paper.tripped) is trips


def test_a_cause_that_comes_back_before_its_delay_begins_again() -> None:
    """The delay runs from the last time it came (R23)."""
    settings = dataclasses.replace(SETTINGS, thresholds=(Threshold("rack_current_high", 400, 1.0),))
    paper = Paper(settings=settings).running()
    for _ in range(5):
        paper.report("rack_current_high", 2, 450)
        paper.run(0.8)
        paper.clear("rack_current_high", 2)
        paper.run(CYCLE)

    assert paper.tripped == set()
