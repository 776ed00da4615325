"""Coils that are dropped, held or found: commands and interlocks on the way, opening, welds, restarts (R14, R27, R31)."""

import dataclasses
import math
from collections.abc import Callable

import pytest
from control.coiled import (
    CLOSED,
    OFF,
    SITE,
    asked,
    change,
    coils_of,
    ordered,
    phase_of,
    reasons,
    until,
)  # fmt: skip
from control.paper import CYCLE, EMS, SCADA, Paper

from gateway.control.interlock import INTERLOCKS, Effect
from gateway.control.sequence import sequenced
from gateway.control.state import Phase, Step, Wait
from gateway.model.command import Reason, Stage

CONTRARY: dict[str, Callable[[Paper], object]] = {
    "software_stop": lambda paper: paper.write("software_stop", 1, SCADA),
    "trip": lambda paper: paper.write("trip", 1, SCADA),
    "disconnect": lambda paper: paper.write("disconnect", 1, SCADA),
    "rack_disconnect": lambda paper: paper.write("rack_disconnect", 1, SCADA, rack=1),
    "rack_disable": lambda paper: paper.write("rack_disable", 1, SCADA, rack=1),
    "standby": lambda paper: paper.write("mode_request", 2, EMS),
}


def closed(count: int = 1, amperes: float = 0.0) -> Paper:
    """Racks that were closed coil by coil, with current."""
    paper = asked(count)
    paper.takes(lambda paper: paper.phases == {Phase.CLOSED})
    for rack in paper.racks:
        rack.current = amperes
    return paper


def is_none(coils: tuple[float, ...]) -> bool:
    """Whether no coil is ordered anything."""
    return all(map(math.isnan, coils))


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("name", CONTRARY)
def test_a_contrary_command_drops_all_coils_at_once(name: str, step: Step) -> None:
    """In the next cycle, at each step of the way; nothing is tried again (R1, R3, R27)."""
    paper = until(asked(), step)
    paper.run(0.04)
    CONTRARY[name](paper)
    paper.step()
    dropped = ordered(paper)
    paper.run(10)

    assert dropped == OFF
    assert {ordered(paper, ago=ago) for ago in range(1, 500)} == {OFF}
    assert coils_of(paper).closed("negative") is False
    assert phase_of(paper) is Phase.OPEN
    assert not reasons(paper), "nothing has failed"


@pytest.mark.parametrize("step", list(Step)[:3])
@pytest.mark.parametrize(
    "row",
    [row for row in INTERLOCKS[:64] if row.effects & (Effect.BLOCK_CLOSE | Effect.OPEN)][::5],
    ids=lambda row: row.name,
)
def test_an_interlock_drops_all_coils_at_once(row: object, step: Step) -> None:
    """Whatever blocks closing or opens, in the cycle in which it trips, until it is on the bus (R23, R27)."""
    chosen = next(item for item in INTERLOCKS if item is row)
    paper = until(asked(), step)
    paper.report(chosen.name, 0 if chosen.scope.value == 0 else 1)
    paper.step()

    assert ordered(paper) == OFF
    assert (phase_of(paper), paper.state.racks[0].coil) == (Phase.OPENING, None)


@pytest.mark.parametrize(
    ("step", "early"),
    [(Step.NEGATIVE, "positive"), (Step.NEGATIVE, "precharge"), (Step.PRECHARGE, "positive")],
)
def test_a_contactor_that_closes_by_itself_has_failed(step: Step, early: str) -> None:
    """Before its coil was driven: all off at once, latched, and it says which (R31)."""
    paper = until(asked(), step)
    change(paper, 1, **{early: 1.0})
    paper.step()
    dropped = ordered(paper)
    paper.step()

    assert dropped == OFF
    assert [event.detail for event in paper.told("rack_mismatch")] == [f"closed, {early}"]
    assert ("contactor_mismatch", 1) in paper.tripped
    assert paper.result.stage is Stage.NOK
    paper.run(5)
    refusal = paper.operate("connect").refusal
    assert refusal is not None
    assert refusal.reason in {Reason.BLOCKED_BY_INTERLOCKING, Reason.BLOCKED_BY_MODE}


def test_a_hasty_bmu_is_stopped() -> None:
    """It closes the positive contactor with the negative one, on a dead bus (R27, R31)."""
    paper = asked(hasty=True)
    paper.run(1)

    assert [event.detail for event in paper.told("rack_mismatch")] == ["closed, positive"]
    assert (phase_of(paper), ordered(paper)) == (Phase.OPEN, OFF)


def test_a_rack_opens_both_poles_at_once_at_low_current() -> None:
    """It waits with its coils held; then both main coils drop in one cycle (R27, R30)."""
    paper = closed(amperes=80.0)
    paper.write("rack_disconnect", 1, rack=1)
    paper.run(5)
    waits = (phase_of(paper), ordered(paper))
    paper.racks[0].current = 4.9
    paper.step()

    assert waits == (Phase.UNLOADING, CLOSED)
    assert (ordered(paper, ago=2), ordered(paper)) == (CLOSED, OFF)
    paper.run(0.2)
    assert phase_of(paper) is Phase.OPEN


@pytest.mark.parametrize("which", ["negative", "positive"])
def test_one_welded_contactor_is_found(which: str) -> None:
    """The rack is off the bus, and yet one pole is not: latched after 3 s, by name (R31)."""
    paper = closed(2)
    change(paper, welded=frozenset({which}))
    paper.write("rack_disconnect", 1, rack=1)
    took = paper.takes(lambda paper: paper.state.racks[0].mismatch)
    paper.step()

    assert took == pytest.approx(3, abs=2 * CYCLE)
    assert paper.facts().connected[0] == 0
    assert [event.detail for event in paper.told("rack_mismatch")] == [f"closed, {which}"]
    assert ("contactor_mismatch", 1) in paper.tripped
    assert (ordered(paper, 1), ordered(paper, 2)) == (OFF, CLOSED)


def test_a_precharge_contactor_that_does_not_open_is_no_second_try() -> None:
    """After a try that failed nothing is driven before all contactors are told open (R28, R31)."""
    paper = until(asked(has_resistor=False), Step.PRECHARGE)
    paper.run(0.5)
    change(paper, welded=frozenset({"precharge"}))
    paper.takes(lambda paper: phase_of(paper) is Phase.COOLING)
    begun = paper.now
    paper.history.clear()
    paper.takes(lambda paper: paper.state.racks[0].mismatch)
    paper.run(10)

    assert paper.told("rack_mismatch")[0].at - begun == pytest.approx(3, abs=2 * CYCLE)
    assert paper.told("rack_mismatch")[0].detail == "closed, precharge"
    assert {ordered(paper, ago=ago) for ago in range(1, len(paper.history) + 1)} == {OFF}


def test_feedback_that_is_lost_between_tries_holds_the_next_one() -> None:
    """Unknown is not open (R30)."""
    paper = asked(2, has_resistor=False)
    paper.takes(lambda paper: phase_of(paper) is Phase.COOLING)
    change(paper, hidden=frozenset({"negative"}))
    paper.run(10)
    held = (phase_of(paper), ordered(paper))
    change(paper, hidden=frozenset())
    paper.takes(lambda paper: phase_of(paper) is Phase.CLOSING, 5)

    assert held == (Phase.COOLING, OFF)


def test_a_contactor_that_closes_while_the_rack_waits() -> None:
    """It does not begin; it is a weld after its time (R31)."""
    paper = asked(2)
    change(paper, 2, positive=1.0, welded=frozenset({"positive"}))
    paper.takes(lambda paper: paper.state.racks[1].mismatch, 10)

    assert not any(orders.value("rack_coil_negative", 2) == 1 for orders in paper.history)


def test_a_rack_that_falls_off_the_bus_drops_its_coils() -> None:
    """One pole opens by itself: the other is let go too, and it is a failure (R31)."""
    paper = closed(2)
    change(paper, negative=0.0, stuck=frozenset({"negative"}))
    paper.racks[0].connected = 0.0
    paper.step()

    assert ordered(paper) == OFF
    paper.run(1.1)
    assert [event.detail for event in paper.told("rack_mismatch")] == ["open"]


def test_a_closed_rack_is_adopted_with_its_coils() -> None:
    """Found closed at a start: held from the first cycle on, nothing moves (R14)."""
    paper = closed(2, 50.0).restarted()
    change(paper, 2, hidden=frozenset({"negative"}))
    paper.racks[1].connected = math.nan
    paper.step()
    first = ordered(paper, 1), ordered(paper, 2)
    paper.run(6)

    assert first[0] == CLOSED
    assert is_none(first[1])
    assert (phase_of(paper), phase_of(paper, 2)) == (Phase.CLOSED, Phase.UNKNOWN)
    assert {ordered(paper, ago=ago) for ago in range(1, 300)} == {CLOSED}
    assert all(is_none(ordered(paper, 2, ago)) for ago in range(1, 300)), "it is left alone"


def test_nothing_is_moved_while_racks_are_adopted() -> None:
    """Closed ones are held, unless something stands that opens them; all others hear nothing yet (R14)."""
    paper = Paper(count=3, settings=SITE)
    change(paper, 1, negative=1.0, positive=1.0)
    change(paper, 2, negative=1.0, precharge=1.0)
    change(paper, 3, hidden=frozenset({"negative", "positive"}))
    paper.racks[0].connected, paper.racks[2].connected = 1.0, math.nan
    paper.run(0.5)
    held = [ordered(paper, rack) for rack in (1, 2, 3)]
    paper.report("bmu_trip_fire")
    paper.step()
    left = [ordered(paper, rack) for rack in (1, 2, 3)]
    paper.clear("bmu_trip_fire")

    assert held[0] == CLOSED
    assert is_none(held[1])
    assert is_none(held[2])
    assert all(map(is_none, left))
    paper.run(6)
    assert ordered(paper, 2) == OFF


@pytest.mark.parametrize("step", Step)
def test_half_done_precharge_is_opened_by_a_start(step: Step) -> None:
    """Wherever the last process was: all off, never on; once both poles are closed it is a closed rack (R14)."""
    paper = until(asked(), step)
    paper.run(0.04)
    assert paper.state.racks[0].coil is not None
    was_closed = coils_of(paper).closed("negative", "positive")
    paper.restarted()
    paper.run(2)

    assert phase_of(paper) is (Phase.CLOSED if was_closed else Phase.OPEN)
    assert ordered(paper) == (CLOSED if was_closed else OFF)
    assert was_closed or not any(
        orders.value("rack_coil_negative", 1) == 1 for orders in paper.history
    )
    assert not paper.tripped


def test_a_site_whose_contactors_others_drive_follows() -> None:
    """What is replayed is followed, whatever the coils are (R35)."""
    paper = closed()
    paper.settings = dataclasses.replace(paper.settings, drives_contactors=False)
    change(paper, negative=0.0, stuck=frozenset({"negative"}))
    paper.racks[0].connected = 0.0
    paper.run(1)

    assert phase_of(paper) is Phase.OPEN
    assert not paper.told("rack_mismatch")


def test_without_any_word_of_contactors_nothing_closes() -> None:
    """Should no message tell them, unknown is not open: the rack waits (R30)."""
    paper = asked()
    blind = dataclasses.replace(paper.facts(), contacts=None)
    state, _ = sequenced(paper.state, blind, paper.settings, paper.now)
    first = state.racks[0]
    for place in range(100):
        state, _ = sequenced(state, blind, paper.settings, paper.now + place * CYCLE)

    assert (first.phase, first.wait) == (Phase.OPEN, Wait.UNKNOWN)
    assert (state.racks[0].phase, state.racks[0].is_wanted) == (Phase.OPEN, False)
