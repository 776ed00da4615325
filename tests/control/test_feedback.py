"""Feedback that contradicts an order, racks left out, racks that others switch (R31, R37)."""

import dataclasses
import math

import pytest
from control.paper import CYCLE, EMS, SCADA, SETTINGS, Paper

from gateway.control.state import Mode, Phase, Wait
from gateway.model.command import Reason, Stage


def first(paper: Paper) -> Phase:
    """The phase of rack 1."""
    return paper.state.racks[0].phase


def loaded(amperes: float = 80.0) -> Paper:
    """Connected racks that carry current."""
    paper = Paper().connected()
    for rack in paper.racks:
        rack.current = amperes
    return paper


def test_a_weld_is_latched_and_never_closed_again() -> None:
    """Closed 3 s after the order to open: NOK, mismatch, blocked until gone and reset (R31)."""
    paper = Paper().connected()
    paper.racks[0].welded = True
    paper.write("rack_disconnect", 1, rack=1)
    took = paper.takes(lambda paper: paper.result.stage is Stage.NOK)
    paper.step()

    assert took == pytest.approx(3, abs=3 * CYCLE)
    assert paper.result.detail == "rack 1 stays closed"
    assert ("contactor_mismatch", 1) in paper.tripped
    assert paper.mode is Mode.FAULT
    assert paper.power == 0
    paper.racks[0].welded = False
    paper.run(1)
    assert first(paper) is Phase.OPEN
    refusal = paper.operate("rack_connect", rack=1).refusal
    assert refusal is not None
    assert refusal.detail == "contactor_mismatch"
    paper.write("alarm_reset", 1)
    paper.run(0.1)
    assert paper.operate("rack_connect", rack=1).refusal is None


def test_a_rack_that_falls_off_the_bus_is_latched_once() -> None:
    """Open without an order: off at once, a failure after 1 s; it agrees again then, so that a reset takes it back (R31)."""
    paper = Paper().connected()
    paper.racks[0].connected, paper.racks[0].stuck = 0.0, True
    paper.step()
    fallen = [first(paper), paper.ordered(1), paper.state.racks[0].mismatch]
    paper.operate("rack_connect", rack=1)
    paper.step()
    again = paper.result.stage
    took = paper.takes(lambda paper: paper.state.racks[0].mismatch)
    paper.run(0.1)
    after = paper.state.racks[0]
    tripped = ("contactor_mismatch", 1) in paper.tripped
    paper.write("alarm_reset", 1)
    paper.run(0.1)

    assert fallen == [Phase.OPEN, 0, False]
    assert again is Stage.NOK
    assert took == pytest.approx(1, abs=2 * CYCLE)
    assert [event.detail for event in paper.told("rack_mismatch")] == ["open"]
    assert (tripped, after.mismatch, after.phase) == (True, False, Phase.OPEN)
    assert ("contactor_mismatch", 1) not in paper.tripped
    assert paper.result.stage is Stage.OK


@pytest.mark.parametrize("row", ["bmu_trip_cell_overvoltage", "bmu_trip_fire"])
@pytest.mark.parametrize("late", [0.0, 0.9])
def test_a_bmu_that_says_why_it_opened_has_not_failed(row: str, late: float) -> None:
    """Its own trip explains it, also one that comes within a second; nothing is called a weld (R31)."""
    paper = Paper().connected()
    paper.racks[0].connected, paper.racks[0].stuck = 0.0, True
    paper.run(max(late, CYCLE))
    paper.report(row, 0 if row.endswith("fire") else 1)
    paper.run(3)

    assert first(paper) is Phase.OPEN
    assert not paper.told("rack_mismatch")
    assert "contactor_mismatch" not in {name for name, _ in paper.tripped}


@pytest.mark.parametrize("amperes", [38.0, -38.0, float("nan")])
@pytest.mark.parametrize("seconds", [CYCLE, 2.9])
def test_no_frame_opens_a_rack_that_carries_current(amperes: float, seconds: float) -> None:
    """Told open for a while, and still carrying current, or perhaps: it keeps its order (R30, R31)."""
    paper = Paper().connected()
    paper.racks[0].current = amperes
    paper.racks[0].connected = 0.0
    paper.history.clear()
    paper.run(seconds)
    paper.racks[0].connected = 1.0
    paper.run(4)

    assert {orders.value("rack_connect", 1) for orders in paper.history} == {1}
    assert first(paper) is Phase.CLOSED
    assert not paper.tripped
    assert not paper.told("rack_mismatch")


def test_feedback_that_contradicts_a_current_for_long_is_a_failure() -> None:
    """Latched after 3 s: power goes to zero; with the current gone it is off the bus (R30, R31)."""
    paper = Paper().running(100e3)
    paper.racks[0].current, paper.racks[0].connected, paper.racks[0].stuck = 38.0, 0.0, True
    took = paper.takes(lambda paper: paper.state.racks[0].mismatch)
    paper.run(0.1)
    held = [first(paper), paper.ordered(1), paper.power]
    paper.racks[0].current = 0.0
    paper.step()

    assert took == pytest.approx(3, abs=2 * CYCLE)
    assert held == [Phase.CLOSED, 1, 0]
    assert ("contactor_mismatch", 1) in paper.tripped
    assert (first(paper), paper.ordered(1)) == (Phase.OPEN, 0)
    assert paper.state.racks[0].openings_under_load == 0


def test_a_rack_whose_current_nobody_knows_is_off_in_the_end() -> None:
    """Told open for 3 s, and no current contradicts it (R30)."""
    paper = Paper().connected()
    paper.racks[0].current, paper.racks[0].connected, paper.racks[0].stuck = math.nan, 0.0, True
    took = paper.takes(lambda paper: first(paper) is Phase.OPEN)

    assert took == pytest.approx(3, abs=2 * CYCLE)


def test_a_start_believes_no_open_rack_that_carries_current() -> None:
    """It is asked nothing until its feedback makes sense (R14, R30)."""
    paper = Paper(count=1)
    paper.racks[0].current = 38.0
    paper.run(8)
    unknown = (first(paper), math.isnan(paper.ordered(1)))
    paper.racks[0].current = 0.0
    paper.step()

    assert unknown == (Phase.UNKNOWN, True)
    assert first(paper) is Phase.OPEN


@pytest.mark.parametrize(("lasts", "welded"), [(2.9, False), (3.1, True)])
def test_a_rack_that_closes_by_itself_is_a_weld_after_its_time(
    lasts: float, *, welded: bool
) -> None:
    """Open by our order and closed by its feedback: 3 s (R31)."""
    paper = Paper().adopted()
    paper.run(20)
    paper.racks[0].connected, paper.racks[0].welded = 1.0, True
    paper.run(lasts)
    paper.racks[0].connected = 0.0
    paper.run(1)

    assert (("contactor_mismatch", 1) in paper.tripped) is welded


def test_a_rack_that_falls_open_is_a_failure() -> None:
    """Open against the order, with no interlock that asks for it: latched, no re-close (R31)."""
    paper = Paper().running(100e3)
    paper.racks[1].connected = 0.0
    paper.run(0.06)
    paper.run(5)

    assert paper.state.racks[1].phase is Phase.OPEN
    assert ("contactor_mismatch", 2) in paper.tripped
    assert paper.ordered(2) == 0
    assert paper.power == 100e3, "the rest goes on: it does not conduct any more"


def test_a_rack_that_falls_open_in_a_trip_is_none() -> None:
    """Its BMU has opened it, and says why (R31)."""
    paper = loaded()
    paper.report("bmu_trip_overtemperature", 2)
    paper.step()
    paper.racks[1].connected, paper.racks[1].current = 0.0, 0.0
    paper.run(1)

    assert paper.tripped == {("bmu_trip_overtemperature", 2)}
    assert paper.state.racks[1].phase is Phase.OPEN


def test_a_rack_that_is_disabled_turns_back() -> None:
    """While it closes: the order falls at once, the command is aborted for it (R37)."""
    paper = Paper(count=1).adopted()
    paper.write("lease", 3600)
    paper.beating = EMS
    paper.operate("connect")
    paper.run(0.2)
    closing = first(paper)
    paper.write("rack_disable", 1, SCADA, rack=1)
    paper.step()

    assert closing is Phase.CLOSING
    assert (first(paper), paper.ordered(1)) == (Phase.OPENING, 0)
    connect = paper.state.results[1]
    assert (connect.stage, connect.reason) == (Stage.ABORTED, Reason.ABORTED_BY_CANCEL)
    paper.run(20)
    assert paper.state.racks[0].wait is Wait.DISABLED
    refusal = paper.operate("connect", EMS).refusal
    assert refusal is not None
    assert refusal.reason is Reason.INVALID_POSITION
    paper.write("rack_enable", 1, rack=1)
    assert paper.operate("connect", EMS).refusal is None


def test_a_silent_opening_ends_in_a_timeout() -> None:
    """Ordered to open, and not heard again: the command ends, the order stays (R30, R33)."""
    paper = Paper().connected()
    paper.write("rack_disconnect", 1, rack=1)
    paper.run(0.1)
    paper.racks[0].silent = True
    paper.run(60)
    result = next(item for item in paper.state.results if item.number == 23)

    assert (result.stage, result.detail) == (Stage.TIMEOUT, "rack 1 does not tell")
    assert (first(paper), paper.ordered(1)) == (Phase.OPENING, 0)


def test_contactors_that_others_switch_are_followed() -> None:
    """Where BMUs take no orders, the phase is what they say, and connect is not supported."""
    paper = Paper(settings=dataclasses.replace(SETTINGS, drives_contactors=False)).adopted()
    paper.write("lease", 3600)
    refusal = paper.operate("connect").refusal
    paper.racks[0].connected, paper.racks[0].welded = 1.0, True
    paper.step()
    closed = first(paper)
    paper.racks[0].silent = True
    paper.step()
    held = first(paper)
    paper.racks[0].silent, paper.racks[0].connected = False, 0.0
    paper.step()

    assert refusal is not None
    assert refusal.reason is Reason.NOT_SUPPORTED
    assert (closed, held, first(paper)) == (Phase.CLOSED, Phase.CLOSED, Phase.OPEN)
    told = [event.kind.name for event in paper.events if event.rack == 1]
    assert told[-2:] == ["rack_connected", "rack_disconnected"]


def test_a_rack_is_woken_while_it_tells_nothing() -> None:
    """From the first cycle on, before anything is adopted; and nothing else is asked of it (R14, R17)."""
    paper = Paper(count=2)
    paper.racks[0].silent = True
    first_orders = paper.step().orders
    paper.racks[0].silent = False
    awake = paper.step().orders
    paper.racks[1].silent = True
    again = paper.run(30).orders

    assert [first_orders.value("rack_wake", rack) for rack in (1, 2)] == [1, pytest.approx(math.nan, nan_ok=True)]  # fmt: skip
    assert math.isnan(first_orders.value("rack_connect", 1))
    assert math.isnan(awake.value("rack_wake", 1))
    assert [math.isnan(again.value("rack_wake", rack)) for rack in (1, 2)] == [True, False]
