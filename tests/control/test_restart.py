"""Stop and start: what survives, what does not, and that nothing moves by itself (R14, R15)."""

import json
import math

import pytest
from control.paper import CHIEF, CYCLE, EMS, SCADA, SETTINGS, Paper
from hypothesis import given
from hypothesis import strategies as st

from gateway.control.cycle import step
from gateway.control.interlock import BY_NAME
from gateway.control.memory import kept, restored
from gateway.control.state import Heartbeat, Mode, Phase
from gateway.model.order import Orders


def racks_of(orders: Orders, count: int = 3) -> list[float]:
    """What racks are told."""
    return [orders.value("rack_connect", number) for number in range(1, count + 1)]


def test_a_start_adopts_what_it_finds() -> None:
    """Closed racks stay closed at zero power; open ones stay open (R14)."""
    paper = Paper().running(200e3)
    paper.write("rack_disconnect", 1, rack=2)
    paper.takes(lambda paper: paper.state.racks[1].phase is Phase.OPEN)
    paper.restarted().run(30)

    assert {tuple(racks_of(orders)) for orders in paper.history[1:]} == {(1, 0, 1)}
    assert paper.mode is Mode.READY
    assert paper.power == 0
    assert [
        event.kind.name for event in paper.events if event.kind.name == "rack_disconnecting"
    ] == []


def test_nothing_is_ordered_before_all_is_known() -> None:
    """No order to racks while one is unknown, whatever stands against them (R14)."""
    paper = Paper().connected()
    paper.write("software_stop", 1)
    for rack in paper.racks:
        rack.current = 50.0
    paper.run(0.1)
    for rack in paper.racks:
        rack.current = 0.0
    paper.restarted()
    paper.racks[2].heard = False
    while paper.mode is Mode.ADOPT:
        paper.step()
    before, adopted = paper.history[:-1], paper.now
    paper.run(5)

    assert all(math.isnan(value) for orders in before for value in racks_of(orders))
    assert adopted - paper.state.started == pytest.approx(5, abs=CYCLE)
    assert ("contactor_mismatch", 1) not in paper.tripped, "time runs from the order on"
    assert paper.state.racks[0].phase is Phase.OPEN


def test_a_closed_rack_is_held_while_others_are_awaited() -> None:
    """Until all is known closed racks are told to stay, and nothing else is ordered: BMUs time out (R14)."""
    paper = Paper().connected()
    paper.restarted()
    paper.racks[2].heard = False
    while paper.mode is Mode.ADOPT:
        paper.step()
    before = [racks_of(orders) for orders in paper.history[1:-1]]

    assert len(before) > 100
    assert all(values[:2] == [1, 1] and math.isnan(values[2]) for values in before)


def test_a_rack_in_half_done_precharge_is_opened() -> None:
    """The one exception to a start that moves nothing (R14)."""
    paper = Paper()
    paper.racks[1].precharging = True
    paper.racks[1].connected = math.nan
    paper.run(6)
    paper.racks[1].connected = 0.0
    paper.run(0.1)

    assert paper.state.racks[1].phase is Phase.OPEN
    paper = Paper()
    paper.racks[0].connected = 1.0
    paper.racks[1].precharging = True
    paper.step()
    assert [rack.phase for rack in paper.state.racks] == [
        Phase.CLOSED, Phase.OPENING, Phase.OPEN,
    ]  # fmt: skip


@pytest.mark.parametrize("age", [math.inf, 3.0])
def test_limits_that_are_not_heard_yet_open_nothing_at_a_start(age: float) -> None:
    """Feedback comes before limits: zero power, and T2 runs from the start (R14, R21)."""
    paper = Paper().connected().restarted()
    for rack in paper.racks:
        rack.mute, rack.limits_age = True, age
    paper.run(9.9)
    phases, power = paper.phases, paper.allowed.is_open
    paper.run(0.3)

    assert phases == {Phase.CLOSED}
    assert not power
    assert Phase.CLOSED not in paper.phases


def test_what_survives() -> None:
    """Latches, first-out, lockouts, racks out of service, sequence, edges, trips, the key (R15)."""
    paper = Paper().connected()
    paper.report("bmu_trip_soc_low", 2, 4.5)
    paper.step()
    paper.write("rack_disable", 1, rack=3)
    paper.write("trip", 77, SCADA)
    paper.run(2)
    paper.write("software_stop", 1)
    paper.write("local_key", 1, CHIEF)
    before = paper.state
    paper.restarted()
    after = paper.state

    assert set(after.chain) == {
        (BY_NAME[name].number, rack) for name, rack in (("bmu_trip_soc_low", 2), ("trip", 0))
    }
    assert after.first_out is not None
    assert before.first_out is not None
    first = before.first_out
    assert (after.first_out.number, after.first_out.rack, after.first_out.value) == (
        first.number, first.rack, first.value,
    )  # fmt: skip
    assert [rack.is_enabled for rack in after.racks] == [True, True, False]
    assert after.sequence == before.sequence
    assert after.held == before.held
    assert [(origin.name, origin.is_local) for origin in after.tripped_by] == [("scada", False)]
    assert after.stopped
    paper.clear("bmu_trip_soc_low", 2)
    paper.run(10)
    assert paper.mode is Mode.FAULT
    assert ("bmu_trip_soc_low", 2) in paper.tripped
    assert not paper.write("trip", 77, SCADA).verdicts[0].acts, "a held value is no edge (R3)"


def test_lockouts_and_tries_survive() -> None:
    """The resistor cools for its whole time again: nobody knows how long the gateway was away (R15, R28)."""
    paper = Paper(count=1).adopted()
    paper.racks[0].stuck = True
    paper.write("lease", 3600)
    paper.beating = EMS
    paper.operate("connect")
    paper.takes(lambda paper: paper.state.racks[0].tries == 2)
    tries = paper.restarted().state.racks[0].tries
    paper = Paper(count=1).adopted()
    paper.racks[0].stuck = True
    paper.write("lease", 3600)
    paper.beating = EMS
    paper.operate("connect")
    paper.takes(lambda paper: paper.state.racks[0].locked_until > paper.now)
    paper.run(10)
    paper.restarted()
    took = paper.takes(lambda paper: paper.state.racks[0].locked_until <= paper.now)

    assert tries == 2
    assert took == pytest.approx(60, abs=CYCLE)
    assert paper.restarted().state.racks[0].locked_until == -math.inf


def test_openings_under_load_are_counted_over_restarts() -> None:
    """The contactors have worn, whoever asks (R15, R30)."""
    paper = Paper().connected()
    for rack in paper.racks:
        rack.current = 99.0
    paper.report("bmu_trip_emergency_stop")
    paper.run(2)

    assert [rack.openings_under_load for rack in paper.restarted().state.racks] == [1, 1, 1]


def test_what_does_not_survive() -> None:
    """Leases, selects, setpoints, heartbeats, resets, and everything on its way (R15)."""
    paper = Paper().running(100e3)
    paper.write("charge_current_cap", 50)
    paper.write("clock", 1e9)
    paper.write("select", 2201)
    state = paper.restarted().state

    assert state.lease is None
    assert state.selection is None
    assert dict(state.setpoints) == {}
    assert state.heartbeat == Heartbeat()
    assert math.isnan(state.clock)
    assert not state.wants_run
    assert state.results == ()
    assert dict(state.pending) == {}
    assert state.mode is Mode.ADOPT
    assert state.reset_until == -math.inf
    paper.run(20)
    assert paper.power == 0
    assert not paper.allowed.is_open


def test_a_close_on_its_way_is_not_taken_up_again() -> None:
    """Racks that waited or were closing stay open after a start (R3, R14)."""
    paper = Paper().adopted()
    paper.write("lease", 3600)
    paper.operate("connect")
    paper.run(0.3)
    paper.restarted().run(20)

    assert all(order in {0, 1} for order in racks_of(paper.history[-1]))
    assert {rack.phase for rack in paper.state.racks[1:]} == {Phase.OPEN}
    assert paper.told("rack_connecting") == []


def test_nothing_in_the_text_moves_with_time() -> None:
    """It is written only when something happened."""
    paper = Paper().running(100e3)
    text = kept(paper.state, paper.now)
    paper.run(3)

    assert kept(paper.state, paper.now).replace(str(paper.beats), "") == text.replace(
        str(paper.beats - 3), ""
    )


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "null", "3", '{"form": 1}', '{"form": 2}', "[" * 100000, '"x"', '{"form": 99}'],
)
def test_what_cannot_be_understood_is_told(text: str) -> None:
    """It needs a person and a reset."""
    state = restored(text, 3, SETTINGS, 10.0)

    assert state.forgot
    assert not state.stopped
    assert len(state.racks) == 3
    assert not restored("", 3, SETTINGS, 10.0).forgot


def test_without_its_memory_nothing_moves() -> None:
    """Closed racks stay closed at zero, nothing is closed, until the reset; it is told once (R14, R15)."""
    paper = Paper().running(100e3)
    paper.state = restored("{", 3, paper.settings, paper.now)
    paper.run(20)

    assert paper.phases == {Phase.CLOSED}
    assert not paper.allowed.is_open
    assert paper.tripped == {("memory_lost", 0)}
    assert paper.state.first_out is not None
    assert paper.state.first_out.number == BY_NAME["memory_lost"].number

    at_once = paper.state
    paper.write("lease", 60)
    paper.write("alarm_reset", 1)
    paper.run(3)
    assert paper.tripped == set()

    paper.state = at_once
    paper.restarted().run(1)
    assert paper.tripped == {("memory_lost", 0)}, "it is kept like any latch"
    paper.write("lease", 60)
    paper.write("alarm_reset", 1)
    paper.run(3)
    assert paper.tripped == set()
    assert paper.phases == {Phase.CLOSED}


def test_another_number_of_racks_is_no_harm() -> None:
    """Racks that were added are new, those that were taken away are forgotten (R18)."""
    paper = Paper().connected()
    paper.write("rack_disable", 1, rack=2)
    text = kept(paper.state, paper.now)

    assert [rack.is_enabled for rack in restored(text, 5, SETTINGS, 0.0).racks] == [
        True, False, True, True, True,
    ]  # fmt: skip
    assert [rack.is_enabled for rack in restored(text, 1, SETTINGS, 0.0).racks] == [True]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.data())
def test_a_damaged_memory_never_stops_a_start(data: st.DataObject) -> None:
    """Whatever stands in one of its places: a state that can be stepped, or the one that knows nothing."""
    paper = Paper().connected()
    paper.report("bmu_trip_soc_low", 2, 4.5)
    paper.step()
    memory = json.loads(kept(paper.state, paper.now))
    memory[data.draw(st.sampled_from(sorted(memory)))] = data.draw(_JSON)
    state = restored(json.dumps(memory), 3, SETTINGS, 5.0)
    outcome = step(state, paper.facts(), SETTINGS, 5.02)
    again = restored(kept(outcome.state, 5.02), 3, SETTINGS, 6.0)

    assert len(again.racks) == 3
    assert outcome.state.power.applied == 0
