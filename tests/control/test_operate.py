"""One-shot commands on exact states: what stands against them, what they change, whom they wait for (R1-R3, R29)."""

import dataclasses

import pytest
from control.paper import EMS, SETTINGS, Paper

from gateway.control.facts import QUIET, Facts
from gateway.control.interlock import BY_NAME
from gateway.control.operate import OPERATIONS, Situation, targets, turned_back
from gateway.control.settings import PcsPath
from gateway.control.state import Heartbeat, Mode, Phase, Rack, Standing, State, fresh
from gateway.model.command import INSTRUCTIONS, Command, Reason, Verdict
from gateway.model.order import PcsReport

DRIVEN = dataclasses.replace(SETTINGS, path=PcsPath.WE_DRIVE)
RUNNING = dataclasses.replace(QUIET, pcs=PcsReport(at=0.0, is_running=True))
OPEN, CLOSED = Rack(Phase.OPEN), Rack(Phase.CLOSED, is_wanted=True)


def state(*racks: Rack, mode: Mode = Mode.STANDBY, **fields: object) -> State:
    """Racks as they are, in a mode."""
    return dataclasses.replace(fresh(len(racks), 0.0), racks=racks, mode=mode, **fields)  # type: ignore[arg-type] # its own


def standing(row: str, rack: int) -> dict[tuple[int, int], Standing]:
    """A row that has tripped."""
    return {(BY_NAME[row].number, rack): Standing(0.0, 1.0, tripped=0.0, gone=1.0)}


def told(racks: int, **fields: object) -> Facts:
    """What racks tell."""
    return dataclasses.replace(Paper(count=racks).facts(), **fields)  # type: ignore[arg-type] # its own


def asked(
    of: State, name: str, value: float = 1.0, rack: int = 0, **on: object
) -> tuple[State, Verdict]:
    """What a command does to a state; `on` is what the situation is other than quiet."""
    quiet = {"facts": told(len(of.racks)), "plant": QUIET, "settings": SETTINGS, "now": 10.0}
    situation = Situation(**{**quiet, **on})  # type: ignore[arg-type] # its fields
    return OPERATIONS[name](of, Command(INSTRUCTIONS[name], value, EMS, rack), situation)


def why(
    of: State, name: str, value: float = 1.0, rack: int = 0, **on: object
) -> tuple[Reason, str]:
    """The reason and detail of a verdict."""
    _, verdict = asked(of, name, value, rack, **on)
    return verdict.reason, verdict.detail


def test_a_connect_begins_anew_what_was_before() -> None:
    """Tries, a time-out and a cancellation of an earlier one are over; who is disabled stays out (R28, R30)."""
    stale = Rack(Phase.OPEN, tries=3, open_timed_out=True, is_cancelled=True)
    after, verdict = asked(state(stale, dataclasses.replace(stale, is_enabled=False), CLOSED), "connect")  # fmt: skip

    assert verdict.accepted
    assert after.racks[0] == Rack(Phase.OPEN, is_wanted=True)
    assert not after.racks[1].is_wanted
    assert after.racks[2] == CLOSED


@pytest.mark.parametrize("row", ["bmu_alarm_contactor", "bmu_trip_sensor"])
def test_a_connect_leaves_out_the_racks_that_are_blocked(row: str) -> None:
    """One of two: the other one closes; both: refused, with the first one's row (R23)."""
    one, verdict = asked(state(OPEN, OPEN, chain=standing(row, 1)), "connect")
    both = {**standing(row, 1), **standing(row, 2)}

    assert verdict.accepted
    assert [rack.is_wanted for rack in one.racks] == [False, True]
    assert why(state(OPEN, OPEN, chain=both), "connect") == (Reason.BLOCKED_BY_INTERLOCKING, row)


@pytest.mark.parametrize("row", ["bmu_alarm_door", "bmu_trip_water"])
def test_a_row_of_the_container_blocks_all(row: str) -> None:
    """Whether it opens racks, or only keeps them from closing (R23)."""
    assert why(state(OPEN, OPEN, chain=standing(row, 0)), "connect") == (Reason.BLOCKED_BY_INTERLOCKING, row)  # fmt: skip


def test_a_row_of_the_container_is_named_before_those_of_racks() -> None:
    """Though a rack's has a lower number: without it nothing closes at all (R23)."""
    both = {**standing("bmu_trip_water", 0), **standing("bmu_trip_contactor", 1)}
    assert why(state(OPEN, OPEN, chain=both), "connect")[1] == "bmu_trip_water"


def test_why_nothing_is_left_to_connect() -> None:
    """All closed, or some cannot; one on its way already (R2)."""
    disabled = dataclasses.replace(OPEN, is_enabled=False)
    wanted = dataclasses.replace(OPEN, is_wanted=True)

    assert why(state(CLOSED, CLOSED), "connect")[0] is Reason.POSITION_REACHED
    assert why(state(CLOSED, disabled), "connect")[0] is Reason.INVALID_POSITION
    assert why(state(CLOSED, disabled), "rack_connect", rack=2)[0] is Reason.INVALID_POSITION
    assert why(state(CLOSED, disabled), "rack_connect", rack=1)[0] is Reason.POSITION_REACHED
    assert why(state(OPEN, wanted), "connect")[0] is Reason.IN_EXECUTION
    assert why(state(OPEN, wanted), "rack_connect", rack=1)[0] is Reason.NONE
    for mode in (Mode.ADOPT, Mode.FAULT, Mode.MAINTENANCE, Mode.TEST):
        assert why(state(OPEN, mode=mode), "connect") == (Reason.BLOCKED_BY_MODE, mode.name.lower())


def test_a_pcs_that_runs_on_a_dead_bus_blocks_closing() -> None:
    """Only where it is ours to drive, and no rack is on the bus yet (CMD-02)."""
    blocked = (Reason.BLOCKED_BY_PROCESS, "pcs_running")

    assert why(state(OPEN, OPEN), "connect", settings=DRIVEN, plant=RUNNING) == blocked
    assert why(state(OPEN, CLOSED), "connect", settings=DRIVEN, plant=RUNNING)[0] is Reason.NONE
    assert why(state(OPEN, OPEN), "connect", settings=DRIVEN)[0] is Reason.NONE
    assert why(state(OPEN, OPEN), "connect", plant=RUNNING)[0] is Reason.NONE


@pytest.mark.parametrize(
    ("volts", "reason"),
    [
        ((1310.0, 1300.0), Reason.NONE), ((1310.5, 1300.0), Reason.BLOCKED_BY_PROCESS),
        ((1290.0, 1300.0), Reason.NONE), ((1289.5, 1300.0), Reason.BLOCKED_BY_PROCESS),
        ((0.0, 1300.0), Reason.BLOCKED_BY_PROCESS), ((float("nan"), 1300.0), Reason.BLOCKED_BY_PROCESS),
        ((1300.0, float("nan")), Reason.BLOCKED_BY_PROCESS),
    ],
)  # fmt: skip
def test_one_rack_must_fit_to_those_on_the_bus(volts: tuple[float, ...], reason: Reason) -> None:
    """Within 10 V, and known (R29); alone on a dead bus any voltage does."""
    facts = told(2, voltage=volts)

    assert why(state(OPEN, CLOSED), "rack_connect", rack=1, facts=facts)[0] is reason
    assert why(state(OPEN, CLOSED), "connect", facts=facts)[0] is Reason.NONE, (
        "it waits, and says why"
    )
    alone = Reason.NONE if volts[0] > 0 else Reason.BLOCKED_BY_PROCESS
    assert why(state(OPEN, OPEN), "rack_connect", rack=1, facts=facts)[0] is alone


def test_half_a_volt_is_a_voltage() -> None:
    """Above 0 is all that is asked of a rack alone."""
    facts = told(1, voltage=(0.5,))
    assert why(state(OPEN), "rack_connect", rack=1, facts=facts)[0] is Reason.NONE


def test_run_is_asked_for_anew() -> None:
    """What came back by itself before is forgotten (R10)."""
    of = state(CLOSED, mode=Mode.READY, resumes=True, restarts=2)
    after, verdict = asked(of, "mode_request", 4)

    assert verdict.accepted
    assert (after.wants_run, after.resumes, after.restarts) == (True, False, 0)


@pytest.mark.parametrize("row", ["pcs_fault", "bmu_trip_water"])
def test_what_stands_against_run(row: str) -> None:
    """Modes, a lost EMS, and rows that take power away or open racks (R36)."""
    lost = Heartbeat(value=1, changed=0.0, is_late=True, is_lost=True)

    assert why(state(CLOSED, mode=Mode.READY), "mode_request", 4) == (Reason.NONE, "")
    assert why(state(CLOSED, mode=Mode.RUN), "mode_request", 4) == (Reason.NONE, "")
    assert why(state(OPEN), "mode_request", 4) == (Reason.BLOCKED_BY_MODE, "standby")
    assert why(state(CLOSED, mode=Mode.READY), "mode_request", 1)[0] is Reason.NOT_SUPPORTED
    assert why(state(CLOSED, mode=Mode.READY, heartbeat=lost), "mode_request", 4) == (
        Reason.COMMUNICATION_LOST, "ems_heartbeat",
    )  # fmt: skip
    assert why(state(CLOSED, mode=Mode.READY, chain=standing(row, 0)), "mode_request", 4) == (
        Reason.BLOCKED_BY_INTERLOCKING, row,
    )  # fmt: skip


def test_a_reset_is_judged_at_once_for_rows_of_our_own() -> None:
    """Row 65 is the first; what BMUs report is passed on to them first (R24)."""
    ours = {key: dataclasses.replace(of, gone=None) for key, of in standing("contactor_mismatch", 1).items()}  # fmt: skip
    last = {key: dataclasses.replace(of, gone=None) for key, of in standing("bmu_trip_discharge_blocked", 1).items()}  # fmt: skip
    trips = {key: dataclasses.replace(of, gone=None) for key, of in standing("bmu_trip_fire", 0).items()}  # fmt: skip

    assert why(state(OPEN), "alarm_reset")[0] is Reason.POSITION_REACHED
    assert why(state(OPEN, chain=ours), "alarm_reset") == (Reason.BLOCKED_BY_INTERLOCKING, "contactor_mismatch")  # fmt: skip
    assert why(state(OPEN, chain={**last, **trips}), "alarm_reset")[0] is Reason.NONE


def test_what_turns_back_forgets_its_time_out() -> None:
    """Racks on their way turn back; who is closed stays asked for, and its time begins anew (R3)."""
    closed = dataclasses.replace(CLOSED, open_timed_out=True)
    waiting = Rack(Phase.WAITING, is_wanted=True, open_timed_out=True)

    assert turned_back(state(closed, waiting)).racks == (CLOSED, Rack(Phase.WAITING))


@pytest.mark.parametrize(
    ("name", "value", "awaited"),
    [
        ("connect", 1, (2,)), ("disconnect", 1, (1, 2)), ("disable", 1, (1, 2)), ("trip", 1, (1, 2)),
        ("software_stop", 1, (1, 2)), ("mode_request", 2, (1, 2)), ("mode_request", 3, ()),
        ("mode_request", 4, ()), ("alarm_reset", 1, ()), ("lease", 2, ()), ("enable", 1, ()), ("clock", 2, ()),
    ],
)  # fmt: skip
def test_whom_a_command_waits_for(name: str, value: float, awaited: tuple[int, ...]) -> None:
    """Racks that are not open yet, or that are on their way; who has arrived decides nothing."""
    racks = (Rack(Phase.CLOSED), Rack(Phase.WAITING, is_wanted=True), OPEN)
    assert targets(state(*racks), Command(INSTRUCTIONS[name], value, EMS)) == awaited


@pytest.mark.parametrize("name", ["rack_connect", "rack_disconnect", "rack_disable"])
def test_a_rack_s_command_waits_for_that_rack(name: str) -> None:
    """Whatever it is doing; enabling waits for nothing."""
    assert targets(state(OPEN, OPEN), Command(INSTRUCTIONS[name], 1, EMS, 2)) == (2,)
    assert targets(state(OPEN, OPEN), Command(INSTRUCTIONS["rack_enable"], 1, EMS, 2)) == ()
