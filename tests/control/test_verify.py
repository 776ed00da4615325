"""What becomes of commands in execution, to the very edge of their times (DESIGN 6): one look at one state."""

import dataclasses
from collections.abc import Mapping

import pytest
from control.paper import EMS, SETTINGS

from gateway.control.interlock import BY_NAME
from gateway.control.state import Phase, Rack, Standing, State, Wait, fresh
from gateway.control.verify import abandoned, verified
from gateway.model.command import INSTRUCTIONS, Reason, Result, Stage

EXACT = dataclasses.replace(SETTINGS, open_wait=8.0, connect_time=4.0, retry_wait=2.0, tries=3, disconnect_time=2.0)  # fmt: skip
"Times whose sums are exact in binary."


def waiting(
    name: str, *racks: Rack, since: float = 0.0, stage: Stage = Stage.RELEASED, **fields: object
) -> State:
    """A command in execution since then, for all of these racks."""
    row = INSTRUCTIONS[name]
    result = Result(1, EMS.name, row.number, 0, 1.0, stage, Reason.NONE, "", since)
    state = dataclasses.replace(fresh(len(racks), since), racks=racks, sequence=1, results=(result,), pending={1: tuple(range(1, len(racks) + 1))})  # fmt: skip
    return dataclasses.replace(state, **fields)  # type: ignore[arg-type] # the state's own


def end(state: State, now: float) -> tuple[Stage, Reason, str]:
    """What the look gives the only result."""
    after, events = verified(state, EXACT, now)
    result = after.results[0]
    changed = result.stage is not state.results[0].stage
    assert len(events) == changed
    assert (1 in after.pending) == (result.stage is Stage.RELEASED)
    assert result.at == (now if changed else state.results[0].at)
    return result.stage, result.reason, result.detail


CLOSED, OPEN = Rack(Phase.CLOSED, is_wanted=True), Rack(Phase.OPEN)
OPENING, CLOSING = Rack(Phase.OPENING), Rack(Phase.CLOSING, is_wanted=True)
CANCELLED = Rack(Phase.OPEN, is_cancelled=True)


@pytest.mark.parametrize("name", ["disconnect", "rack_disconnect", "trip", "software_stop"])
def test_a_rack_that_tells_nothing_has_all_its_times_and_two_seconds(name: str) -> None:
    """8 s for low current, 2 s for the contactor, 2 s more; then TIMEOUT."""
    state = waiting(name, OPENING, OPEN)

    assert end(state, 12.0) == (Stage.RELEASED, Reason.NONE, "")
    assert end(state, 12.5) == (Stage.TIMEOUT, Reason.TIME_LIMIT_OVER, "rack 1 does not tell")


def test_one_that_carries_current_is_named_once_the_others_are_open() -> None:
    """Who still opens is waited for (R30)."""
    stuck = Rack(Phase.CLOSED, open_timed_out=True)

    assert end(waiting("disconnect", OPEN, stuck), 1.0)[::2] == (
        Stage.TIMEOUT, "rack 2 carries current",
    )  # fmt: skip
    assert end(waiting("disconnect", OPENING, stuck), 1.0)[0] is Stage.RELEASED
    assert end(waiting("disconnect", OPEN, OPEN), 1.0)[0] is Stage.OK


def test_a_welded_rack_ends_a_disconnect() -> None:
    """Told open and still closed; one whose contradiction is another is waited for (R31)."""
    welded = Rack(Phase.OPEN, mismatch=True)

    assert end(waiting("disconnect", OPENING, welded), 1.0) == (
        Stage.NOK, Reason.BLOCKED_BY_PROCESS, "rack 2 stays closed",
    )  # fmt: skip
    opening = dataclasses.replace(welded, phase=Phase.OPENING)
    assert end(waiting("disconnect", opening), 1.0)[0] is Stage.RELEASED


def test_racks_that_close_have_the_time_of_all_their_tries() -> None:
    """8 s for the bus to rest, and three times 4 and 2 s for each rack (R28)."""
    state = waiting("connect", CLOSING, CLOSED)

    assert end(state, 44.0)[0] is Stage.RELEASED
    assert end(state, 44.5) == (Stage.TIMEOUT, Reason.TIME_LIMIT_OVER, "rack 1")


def test_a_connect_is_cancelled_when_all_that_are_left_were() -> None:
    """One that was taken back beside one that failed is a failure; one that was closed does not matter."""
    failed = Rack(Phase.OPEN)

    assert end(waiting("connect", CLOSED, CANCELLED), 1.0) == (
        Stage.ABORTED, Reason.ABORTED_BY_CANCEL, "rack 2",
    )  # fmt: skip
    assert end(waiting("connect", CANCELLED, CLOSED), 1.0)[0] is Stage.ABORTED
    assert end(waiting("connect", CANCELLED, failed), 1.0) == (
        Stage.NOK, Reason.BLOCKED_BY_PROCESS, "rack 1, 2",
    )  # fmt: skip


@pytest.mark.parametrize("wait", [Wait.VOLTAGE, Wait.UNKNOWN])
def test_who_can_never_join_is_not_waited_for(wait: Wait) -> None:
    """Its voltage does not fit, or is not known: that ends the command once no other is on its way (R29)."""
    apart = Rack(Phase.WAITING, is_wanted=True, wait=wait)

    assert end(waiting("connect", CLOSED, apart), 1.0)[::2] == (Stage.NOK, "rack 2")
    assert end(waiting("connect", CLOSING, apart), 1.0)[0] is Stage.RELEASED


def chain(*racks: int) -> Mapping[tuple[int, int], Standing]:
    """A latch at these racks."""
    return {(BY_NAME["bmu_trip_fire"].number, rack): Standing(0.0, 1.0, tripped=0.0) for rack in racks}  # fmt: skip


def test_an_interlock_is_named_when_it_stopped_every_rack() -> None:
    """Where some have closed, what was missed is told instead (R24)."""
    state = waiting("connect", OPEN, OPEN, chain=chain(2))

    assert end(state, 1.0) == (Stage.ABORTED, Reason.TRIPPED, "bmu_trip_fire")
    part = waiting("connect", CLOSED, OPEN, chain=chain(2))
    assert end(part, 1.0) == (Stage.NOK, Reason.BLOCKED_BY_PROCESS, "rack 2")


@pytest.mark.parametrize("rack", [0, 1, 2, 3])
def test_a_reset_names_what_it_left_at_whichever_rack(rack: int) -> None:
    """It is being passed on until its time is over, the first moment of which is too late (R24)."""
    state = waiting("alarm_reset", OPEN, OPEN, OPEN, chain=chain(rack), reset_until=2.0)

    assert end(state, 1.5)[0] is Stage.RELEASED
    assert end(state, 2.0) == (Stage.NOK, Reason.BLOCKED_BY_INTERLOCKING, "bmu_trip_fire")


def test_a_reset_that_leaves_nothing_is_done() -> None:
    """Before its time is over."""
    assert end(waiting("alarm_reset", OPEN, reset_until=2.0), 1.0)[0] is Stage.OK


def test_only_what_changes_is_told() -> None:
    """Admitted becomes released once; what is final is not looked at again."""
    admitted = waiting("disconnect", OPENING, stage=Stage.ADMITTED)
    released, events = verified(admitted, EXACT, 1.0)
    again, silence = verified(released, EXACT, 2.0)
    done = dataclasses.replace(released, pending={}, racks=(OPEN,))

    assert [event.detail for event in events] == ["released"]
    assert (again, silence) == (released, ())
    assert verified(done, EXACT, 3.0) == (done, ())


def test_a_result_keeps_the_time_of_its_last_change() -> None:
    """Though another one ends meanwhile."""
    state = waiting("disconnect", OPEN, OPENING, since=1.0)
    (result,) = state.results
    second = dataclasses.replace(result, sequence=2, rack=2)
    after, _ = verified(dataclasses.replace(state, results=(second, result), pending={1: (1,), 2: (2,)}), EXACT, 3.0)  # fmt: skip

    assert [(item.stage, item.at) for item in after.results] == [(Stage.RELEASED, 1), (Stage.OK, 3)]


def test_racks_wait_only_while_a_command_waits_for_them() -> None:
    """A disconnect that is in execution, and a connect for others, keep nobody waiting (R3)."""
    apart, cooling = Rack(Phase.WAITING, is_wanted=True), Rack(Phase.COOLING, is_wanted=True)
    kept = waiting("connect", apart, cooling)
    other = dataclasses.replace(kept, pending={1: (1,)})
    contrary = waiting("disconnect", apart, CLOSED)

    assert abandoned(kept) == kept
    assert [rack.is_wanted for rack in abandoned(other).racks] == [True, False]
    assert [rack.is_wanted for rack in abandoned(contrary).racks] == [False, True]
