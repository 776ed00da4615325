"""Racks to the bus and back: tries, feedback, low current, openings under load (R27, R28, R30, R31)."""

import itertools

import pytest
from control.paper import CONTACTOR, CYCLE, EMS, SCADA, Paper

from gateway.control.sequence import ORDER
from gateway.control.state import Phase, Wait
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


def test_orders_are_state_requests_that_hold() -> None:
    """Each phase asks for connected or disconnected in every cycle; only an unknown rack is asked nothing (R27, R33)."""
    assert {phase for phase, order in ORDER.items() if order == 1} == {
        Phase.CLOSING, Phase.CLOSED, Phase.UNLOADING,
    }  # fmt: skip
    assert {phase for phase, order in ORDER.items() if order == 0} == {
        Phase.OPEN, Phase.WAITING, Phase.OPENING, Phase.COOLING,
    }  # fmt: skip
    paper = Paper().connected()
    paper.history.clear()
    paper.run(1)
    assert [orders.value("rack_connect", 1) for orders in paper.history] == [1] * 50
    assert paper.history[-1].at == paper.now


def test_a_rack_that_does_not_close_is_tried_three_times() -> None:
    """10 s a try, 3 s between; then locked out for 60 s, and the command ends (R28)."""
    paper = Paper(count=1).adopted()
    paper.racks[0].stuck = True
    paper.write("lease", 3600)
    paper.beating = EMS
    paper.operate("connect")
    begun = paper.now
    paper.takes(lambda paper: paper.state.racks[0].locked_until > paper.now)
    took, rack = paper.now - begun, paper.state.racks[0]
    orders = [item.value("rack_connect", 1) for item in paper.history]
    rises = sum(a == 0 and b == 1 for a, b in itertools.pairwise(orders))
    connect = next(item for item in paper.state.results if item.number == 20)
    paper.step()
    named = paper.operate("rack_connect", rack=1).refusal

    assert took == pytest.approx(3 * 10 + 2 * 3, abs=6 * CYCLE)
    assert rises == 3
    assert (rack.phase, rack.is_wanted, rack.tries, rack.wait) == (
        Phase.OPEN, False, 0, Wait.NOTHING,
    )  # fmt: skip
    assert [event.value for event in paper.told("rack_connecting")] == [1, 2, 3]
    assert [event.value for event in paper.told("rack_connect_failed")] == [1, 2]
    assert [event.value for event in paper.told("rack_locked_out")] == [3]
    assert (connect.stage, connect.reason) == (Stage.NOK, Reason.BLOCKED_BY_PROCESS)
    assert named is not None
    assert named.detail == "precharge_lockout"
    free = paper.takes(lambda paper: ("precharge_lockout", 1) not in paper.tripped)
    assert free == pytest.approx(60, abs=5 * CYCLE)
    assert first(paper) is Phase.OPEN


def test_a_rack_that_closes_at_the_second_try_is_closed() -> None:
    """Its tries are forgotten then (R28)."""
    paper = Paper(count=1).adopted()
    paper.racks[0].stuck = True
    paper.write("lease", 3600)
    paper.beating = EMS
    paper.operate("connect")
    cools = paper.takes(lambda paper: first(paper) is Phase.COOLING)
    paused = (paper.state.racks[0].wait, paper.state.racks[0].tries)
    paper.racks[0].stuck = False
    again = paper.takes(lambda paper: first(paper) is Phase.CLOSING)
    paper.takes(lambda paper: first(paper) is Phase.CLOSED)

    assert cools == pytest.approx(10, abs=3 * CYCLE)
    assert paused == (Wait.PAUSE, 1)
    assert again == pytest.approx(3, abs=2 * CYCLE)
    assert paper.state.racks[0].tries == 0
    assert paper.result.stage is Stage.OK


@pytest.mark.parametrize("name", ["disconnect", "rack_disconnect", "rack_disable"])
def test_opening_waits_for_low_current(name: str) -> None:
    """Zero is asked for at once; the contactor opens when the current is low (R30)."""
    paper = loaded()
    paper.write(name, 1, SCADA, rack=int(name.startswith("rack")))
    paper.run(5)
    waited, ordered = first(paper), paper.ordered(1)
    paper.racks[0].current = 4.9
    paper.step()

    assert (waited, ordered) == (Phase.UNLOADING, 1)
    assert (first(paper), paper.ordered(1)) == (Phase.OPENING, 0)
    paper.run(CONTACTOR + 2 * CYCLE)
    assert first(paper) is Phase.OPEN
    assert paper.state.racks[0].openings_under_load == 0


@pytest.mark.parametrize("name", ["disconnect", "mode_request", "rack_disconnect", "rack_disable"])
@pytest.mark.parametrize("amperes", [80.0, -5.0, float("nan")])
def test_current_that_does_not_fall_ends_in_a_timeout(name: str, amperes: float) -> None:
    """30 s, then TIMEOUT, closed, alarmed; unknown counts as high (R30)."""
    paper = loaded(amperes)
    value, rack = (2, 0) if name == "mode_request" else (1, int(name.startswith("rack")))
    paper.write(name, value, rack=rack)
    took = paper.takes(lambda paper: paper.result.stage is Stage.TIMEOUT)

    assert took == pytest.approx(30, abs=3 * CYCLE)
    assert (paper.result.reason, paper.result.detail) == (
        Reason.TIME_LIMIT_OVER, "rack 1 carries current",
    )  # fmt: skip
    assert (first(paper), paper.ordered(1)) == (Phase.CLOSED, 1)
    assert len(paper.told("open_timeout")) == (1 if rack else 3)


def test_a_new_disconnect_gets_its_whole_time() -> None:
    """A time-out of before says nothing about it (R30)."""
    paper = loaded()
    paper.write("rack_disconnect", 1, rack=1)
    paper.takes(lambda paper: paper.result.stage is Stage.TIMEOUT)
    paper.write("rack_disconnect", 2, rack=1)
    paper.run(29)

    waits = paper.result.stage
    paper.racks[0].current = 0.0
    paper.run(1)
    assert (waits, paper.result.stage) == (Stage.RELEASED, Stage.OK)


@pytest.mark.parametrize("stop", ["software_stop", "trip"])
def test_a_stop_never_opens_under_load(stop: str) -> None:
    """It goes on waiting: TIMEOUT is told, and the racks open when the current falls at last (R30)."""
    paper = loaded()
    paper.write(stop, 1, SCADA)
    took = paper.takes(lambda paper: paper.result.stage is Stage.TIMEOUT)
    paper.run(100)
    waits = paper.phases
    for rack in paper.racks:
        rack.current = 0.0
    paper.run(1)

    assert took == pytest.approx(30, abs=3 * CYCLE)
    assert waits == {Phase.UNLOADING}
    assert paper.phases == {Phase.OPEN}
    assert {rack.openings_under_load for rack in paper.state.racks} == {0}


@pytest.mark.parametrize("row", ["emergency_stop", "fire", "gas", "interlock"])
def test_only_marked_rows_open_under_load(row: str) -> None:
    """After zero and PCS stop, within 1 s; each is counted and told (R30, CMD-10)."""
    paper = loaded(float("nan") if row == "gas" else 80.0)
    paper.report(f"bmu_trip_{row}")
    paper.step()
    stopped = (paper.power, paper.state.runs)
    took = paper.takes(lambda paper: paper.ordered(1) == 0)

    assert not any(stopped)
    assert took == pytest.approx(1, abs=CYCLE)
    assert [rack.openings_under_load for rack in paper.state.racks] == [1, 1, 1]
    assert len(paper.told("opened_under_load")) == 3
    paper.clear(f"bmu_trip_{row}")
    paper.run(30)
    refusal = paper.operate("connect").refusal
    assert refusal is not None, "re-close is impossible until the reset"
    assert {paper.ordered(number) for number in (1, 2, 3)} == {0}


def test_low_current_is_not_counted_as_under_load() -> None:
    """An emergency stop at rest opens at once and counts nothing (R30)."""
    paper = loaded(4.0)
    paper.report("bmu_trip_emergency_stop")
    paper.run(2 * CYCLE)

    assert {paper.ordered(number) for number in (1, 2, 3)} == {0}
    assert {rack.openings_under_load for rack in paper.state.racks} == {0}


def test_an_interlock_that_goes_before_it_opens_leaves_the_rack_closed() -> None:
    """Nothing was opened, so nothing closes again (R30)."""
    paper = loaded()
    paper.racks[0].mute = True
    paper.takes(lambda paper: first(paper) is Phase.UNLOADING)
    paper.racks[0].mute = False
    paper.run(2 * CYCLE)

    assert first(paper) is Phase.CLOSED
    assert not paper.state.racks[0].is_forced


def closing(amperes: float) -> Paper:
    """A rack that is told to connect, in the cycle before its BMU says that it is."""
    paper = Paper(count=1).adopted()
    paper.write("lease", 3600)
    paper.beating = EMS
    paper.operate("connect")
    paper.takes(lambda paper: paper.racks[0].connected == 1)
    assert first(paper) is Phase.CLOSING
    paper.racks[0].current = amperes
    return paper


@pytest.mark.parametrize("what", ["disconnect", "limits_lost"])
def test_a_rack_that_has_just_closed_is_not_turned_back_under_load(what: str) -> None:
    """Told closed in the cycle in which its order is taken back, or a row opens it: it waits (R30)."""
    paper = closing(80.0)
    if what == "limits_lost":
        paper.report(what, 1)
    else:
        paper.write(what, 9, SCADA)
    paper.step()
    waits = first(paper), paper.ordered(1)
    paper.racks[0].current = 4.9
    paper.step()

    assert waits == (Phase.UNLOADING, 1.0)
    assert (first(paper), paper.ordered(1)) == (Phase.OPENING, 0)


def test_a_rack_that_has_just_closed_stays_where_only_closing_is_blocked() -> None:
    """Nothing more than to a closed rack (R23)."""
    paper = closing(80.0)
    paper.report("bmu_alarm_door")
    paper.step()

    assert (first(paper), paper.ordered(1)) == (Phase.CLOSED, 1)


@pytest.mark.parametrize("amperes", [0.0, 80.0])
def test_what_is_told_of_a_rack_that_leaves_and_comes(amperes: float) -> None:
    """Each step once, whether it had to wait for low current or not; a disabled one waits for nothing."""
    paper = loaded(amperes)
    paper.events.clear()
    paper.write("rack_disable", 1, rack=1)
    paper.run(1)
    for rack in paper.racks:
        rack.current = 0.0
    paper.run(3)
    left = [(event.kind.name, event.value) for event in paper.events if event.rack == 1 and event.kind.name.startswith("rack")]  # fmt: skip
    paper.events.clear()
    paper.write("rack_enable", 1, rack=1)
    paper.operate("rack_connect", rack=1)
    paper.takes(lambda paper: first(paper) is Phase.CLOSED)
    came = [(event.kind.name, event.value, event.detail) for event in paper.events if event.rack == 1 and event.kind.name.startswith("rack")]  # fmt: skip

    assert left == [("rack_disconnecting", 0), ("rack_disconnected", 0)]
    assert came[-2:] == [("rack_connecting", 1, ""), ("rack_connected", 0, "")]
    assert {name for name, *_ in came[:-2]} == {"rack_waiting"}
