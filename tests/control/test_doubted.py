"""Racks in doubt: what contradictions do to a container at work, and what ends them (R1, R10, R30, R42)."""

import dataclasses
import math

import pytest
from control.paper import CYCLE, SETTINGS, Paper

from gateway.control.asserted import causes
from gateway.control.interlock import BY_NAME
from gateway.control.settings import PcsPath
from gateway.control.state import Phase
from gateway.model.command import Reason, Stage
from gateway.model.order import PcsReport

NAN = math.nan


def test_a_rack_whose_power_is_wrong_is_not_opened_for_want_of_a_current() -> None:
    """After 5 s power is zero, its current unknown: it cannot be told low, so it stays closed (R30, R42)."""
    paper = Paper().running(100e3)
    paper.racks[1].watts = 1e6
    paper.run(4.9)
    before = paper.tripped
    paper.run(0.2)
    tripped, power = paper.tripped, paper.power
    paper.racks[2].current = 50.0
    paper.write("rack_disconnect", 1, rack=2)
    paper.write("rack_disconnect", 1, rack=1)
    paper.run(31)
    phases, results = [rack.phase for rack in paper.state.racks], paper.state.results[:2]
    paper.racks[2].current = 0.0
    paper.write("rack_disconnect", 2, rack=2)
    paper.run(5)

    assert before == set()
    assert tripped == {("rack_power_inconsistent", 2)}
    assert power == 0
    assert phases == [Phase.OPEN, Phase.CLOSED, Phase.CLOSED]
    assert [(result.rack, result.stage, result.reason) for result in results] == [
        (1, Stage.OK, Reason.NONE), (2, Stage.TIMEOUT, Reason.TIME_LIMIT_OVER),
    ]  # fmt: skip
    assert paper.state.racks[1].phase is Phase.OPEN, "the others prove that it carries none (R21)"


def test_voltages_apart_make_all_currents_unknown() -> None:
    """No rack of that bus is opened on them."""
    paper = Paper().running(100e3)
    paper.racks[1].voltage = 1200.0
    paper.run(5 + 2 * CYCLE)
    tripped, power = paper.tripped, paper.power
    paper.write("rack_disconnect", 1, rack=1)
    paper.run(31)

    assert (tripped, power) == ({("bus_voltage_inconsistent", 0)}, 0)
    assert paper.state.racks[0].phase is Phase.CLOSED


def test_a_rack_on_its_way_off_is_not_opened_by_a_single_frame() -> None:
    """Its current is not believed: that it says "open" counts once it has said so for 3 s (R30, R31, R42)."""
    paper = Paper().running(100e3)
    paper.racks[1].voltage = 1200.0
    paper.run(5 + 2 * CYCLE)
    paper.write("rack_disconnect", 1, rack=1)
    paper.run(1)
    waits = paper.state.racks[0].phase
    paper.history.clear()
    paper.racks[0].stuck = True
    paper.racks[0].connected = 0.0
    paper.run(1)
    asked = {orders.value("rack_connect", 1) for orders in paper.history}
    paper.racks[0].connected = 1.0
    paper.run(CYCLE)
    paper.racks[0].connected = 0.0
    paper.run(3 - CYCLE)
    still = paper.state.racks[0].phase
    paper.run(3 * CYCLE)

    assert paper.tripped == {("bus_voltage_inconsistent", 0)}
    assert (waits, still) == (Phase.UNLOADING, Phase.UNLOADING)
    assert asked == {1}
    assert paper.state.racks[0].phase is Phase.OPEN


def test_a_wrong_state_of_charge_only_keeps_its_rack_from_closing() -> None:
    """After a minute at rest; power flows on, and the rack can be opened."""
    paper = Paper().connected()
    paper.resting[1] = 2.75
    paper.run(59.9)
    before = paper.tripped
    paper.run(0.2)
    tripped = paper.tripped
    paper.write("rack_disconnect", 1, rack=1)
    paper.takes(lambda paper: paper.state.racks[0].phase is Phase.OPEN)
    refusal = paper.operate("rack_connect", rack=1).refusal
    del paper.resting[1]
    paper.step()

    assert before == set()
    assert tripped == {("soc_inconsistent", 1)}
    assert refusal is not None
    assert (refusal.reason, refusal.detail) == (Reason.BLOCKED_BY_INTERLOCKING, "soc_inconsistent")
    assert paper.tripped == set()


def test_only_a_pcs_that_we_drive_is_compared() -> None:
    """And only while it answers: what others poll tells us nothing of itself."""
    driven = dataclasses.replace(SETTINGS, path=PcsPath.WE_DRIVE, pcs_timeout=2.0)
    paper = Paper(settings=driven, keeps_pcs=True).running(100e3)
    paper.pcs(power=900e3, dc_current=NAN)
    paper.run(5 + 2 * CYCLE)

    assert paper.tripped == {("bus_inconsistent", 0)}


@pytest.mark.parametrize(("age", "compared"), [(2.0, True), (2.5, False)])
def test_a_pcs_is_compared_until_its_time_is_over(age: float, *, compared: bool) -> None:
    """An answer as old as it may be still counts (R42)."""
    driven = dataclasses.replace(SETTINGS, path=PcsPath.WE_DRIVE, pcs_timeout=2.0)
    paper = Paper(settings=driven, keeps_pcs=True).running(100e3)
    facts = dataclasses.replace(paper.facts(), current=(50.0, 50.0, 50.0))
    plant = dataclasses.replace(paper.plant, pcs=PcsReport(64.0, dc_current=900.0))
    found = causes(paper.state, facts, driven, plant, 64.0 + age)

    assert ((BY_NAME["bus_inconsistent"].number, 0) in found) is compared


def test_a_current_that_is_told_contradicts_an_open_feedback_though_it_is_not_believed() -> None:
    """150 A flow and its power is told wrong: a feedback that falls opens nothing under load (R30, R42)."""
    paper = Paper().running(100e3)
    paper.racks[0].current, paper.racks[0].watts = 150.0, 1e6
    paper.run(5 + 2 * CYCLE)
    paper.racks[0].connected, paper.racks[0].welded = 0.0, True
    paper.run(10)
    held = paper.ordered(1)
    paper.racks[0].connected = 1.0
    paper.run(1)
    paper.write("rack_disconnect", 1, rack=1)
    paper.run(1)
    paper.racks[0].connected = 0.0
    paper.step()

    assert ("rack_power_inconsistent", 1) in paper.tripped
    assert (held, paper.ordered(1)) == (1, 1)
    assert paper.state.racks[0].openings_under_load == 0


def test_what_cannot_be_compared_any_more_stays_contradicted() -> None:
    """The PCS passes what racks do not tell, then it is silent: their currents are not believed again (R42)."""
    driven = dataclasses.replace(SETTINGS, path=PcsPath.WE_DRIVE, pcs_timeout=2.0)
    paper = Paper(settings=driven, keeps_pcs=True).running(100e3)
    paper.pcs(dc_current=200.0)
    paper.run(5 + 2 * CYCLE)
    paper.keeps_pcs = False
    paper.run(70)
    lost = paper.tripped
    paper.keeps_pcs = True
    paper.pcs(dc_current=0.0)
    paper.run(59.9)
    soon = paper.tripped
    paper.run(0.2)

    assert lost == {("bus_inconsistent", 0), ("pcs_lost", 0)}
    assert soon == {("bus_inconsistent", 0)}
    assert paper.tripped == set(), "after a minute of agreement"


@pytest.mark.parametrize("write", [("power_setpoint", 0.0), ("power_setpoint", NAN), ("mode_request", 3.0), ("disconnect", 1.0), ("software_stop", 1.0)])  # fmt: skip
def test_the_safe_way_ends_a_hold(write: tuple[str, float]) -> None:
    """Each that asks for less, or for none, while power is held for a lost EMS (R1, R10)."""
    paper = Paper(settings=dataclasses.replace(SETTINGS, hold_after_loss=60.0)).running(100e3)
    paper.beating = None
    paper.run(8)
    held = paper.power
    paper.write(*write)
    paper.run(3)

    assert held == 100e3
    assert paper.power == 0


@pytest.mark.parametrize("row", ["power_setpoint", "reactive_setpoint"])
def test_another_setpoint_does_not_end_a_hold(row: str) -> None:
    """Less power is held as less; who withdraws reactive power withdraws that alone (R1, R10)."""
    paper = Paper(settings=dataclasses.replace(SETTINGS, hold_after_loss=60.0)).running(100e3)
    paper.beating = None
    paper.run(8)
    paper.write(row, 60e3 if row == "power_setpoint" else NAN)
    paper.run(3)

    assert paper.power == (60e3 if row == "power_setpoint" else 100e3)
