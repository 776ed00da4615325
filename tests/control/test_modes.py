"""The mode machine: its table (X4), every row reached, and what starts in which mode (R14, R36)."""

import itertools

import pytest
from control.paper import CYCLE, EMS, SCADA, Paper

from gateway.control.machine import MOVES, Situation, moved
from gateway.control.state import Mode, Phase
from gateway.model.command import MODE, Reason

LATER = {Mode.MAINTENANCE, Mode.TEST}
"Modes that operation on site brings."
SITUATIONS = [Situation(*flags) for flags in itertools.product((False, True), repeat=4)]


def test_every_mode_is_reached_and_left() -> None:
    """From adopt, by rows alone; no row begins or ends where nobody gets to."""
    reached = {Mode.ADOPT}
    for _ in Mode:
        reached |= {row.after for row in MOVES if row.before in reached}

    assert reached == set(Mode) - LATER
    assert {row.before for row in MOVES} == reached
    assert Mode.ADOPT not in {row.after for row in MOVES}


def test_every_row_is_needed() -> None:
    """Each row is the first that fits in some situation, and moves somewhere else."""
    fired = set()
    for mode, seen in itertools.product(Mode, SITUATIONS):
        fits = [row for row in MOVES if row.before is mode and row.holds(seen)]
        if fits:
            fired.add(MOVES.index(fits[0]))
            assert moved(mode, seen) is fits[0].after
        else:
            assert moved(mode, seen) is mode

    assert fired == set(range(len(MOVES)))
    assert all(row.before is not row.after and row.when for row in MOVES)


@pytest.mark.parametrize("seen", SITUATIONS, ids=str)
def test_the_table_against_the_rule(seen: Situation) -> None:
    """A latch always ends in fault, and run is only where nothing stands against it."""
    for mode in set(Mode) - LATER - {Mode.ADOPT}:
        after = moved(mode, seen)
        assert (after is Mode.FAULT) is seen.latched
        if after is Mode.RUN:
            assert seen.run
            assert seen.closed or mode is Mode.READY
        if after is Mode.STANDBY:
            assert not seen.closed


def test_modes_have_the_numbers_that_masters_write() -> None:
    """One list of numbers for registers and requests."""
    assert {int(mode): mode.name.lower() for mode in Mode} == MODE


def test_a_container_goes_through_its_modes() -> None:
    """Adopt, standby, ready, run, ready, fault, ready, standby: each told once (R36)."""
    paper = Paper().running()
    paper.write("mode_request", 3)
    paper.run(0.1)
    paper.report("bmu_trip_door")
    paper.run(0.1)
    paper.clear("bmu_trip_door")
    paper.write("alarm_reset", 1)
    paper.run(0.1)
    paper.write("mode_request", 2)
    paper.run(2)

    assert [event.detail for event in paper.told("mode")] == [
        "standby", "ready", "run", "ready", "fault", "ready", "standby",
    ]  # fmt: skip
    assert paper.state.mode_since == paper.told("mode")[-1].at


@pytest.mark.parametrize(("connected", "mode"), [(0.0, Mode.STANDBY), (1.0, Mode.READY)])
def test_adopt_ends_once_all_is_known(connected: float, mode: Mode) -> None:
    """In the first cycle in which every rack's feedback is good (R14)."""
    paper = Paper()
    paper.racks[2].heard = False
    for rack in paper.racks:
        rack.connected = connected
    paper.run(1)
    before = paper.mode
    paper.racks[2].heard = True
    paper.step()

    assert (before, paper.mode) == (Mode.ADOPT, mode)
    assert [event.detail for event in paper.told("mode")] == [mode.name.lower()]


def test_a_rack_that_is_never_heard_is_declared_lost() -> None:
    """After 5 s, and close is refused for it: waiting, nothing latched (R14, R17)."""
    paper = Paper()
    paper.racks[2].heard = False
    took = paper.takes(lambda paper: paper.mode is Mode.STANDBY)
    paper.write("lease", 60)
    refusal = paper.operate("rack_connect", rack=3).refusal

    assert took == pytest.approx(5, abs=CYCLE)
    assert refusal is not None
    assert paper.tripped == {("never_heard", 3)}
    assert paper.state.first_out is None
    assert paper.mode is Mode.STANDBY


@pytest.mark.parametrize("mode", [Mode.ADOPT, Mode.STANDBY, Mode.FAULT])
def test_run_is_granted_in_ready_alone(mode: Mode) -> None:
    """Elsewhere it is refused with the mode's name, and does not come later (R2, R3, R36)."""
    paper = Paper()
    paper.step() if mode is not Mode.ADOPT else None
    if mode is Mode.ADOPT:
        paper.racks[2].heard = False
        paper.step()
    paper.write("lease", 60)
    if mode is Mode.FAULT:
        paper.report("bmu_trip_door")
        paper.run(0.1)
    refusal = paper.write("mode_request", 4).refusal

    assert paper.mode is mode
    assert refusal is not None
    assert (refusal.reason, refusal.detail) == (Reason.BLOCKED_BY_MODE, mode.name.lower())
    assert not paper.state.wants_run


def test_connect_is_refused_in_adopt_and_fault() -> None:
    """By the mode, with the latch's name where there is one (R2)."""
    paper = Paper()
    paper.racks[2].heard = False
    paper.step()
    paper.write("lease", 60)
    adopting = paper.operate("connect").refusal
    paper = Paper().adopted()
    paper.write("lease", 60)
    paper.report("bmu_trip_door")
    paper.run(0.1)
    faulty = paper.operate("connect").refusal

    assert adopting is not None
    assert adopting.reason is Reason.BLOCKED_BY_MODE
    assert faulty is not None
    assert (faulty.reason, faulty.detail) == (Reason.BLOCKED_BY_MODE, "bmu_trip_door")


def test_run_that_was_asked_for_and_not_got_is_forgotten() -> None:
    """A latch comes in the same cycle: nobody runs when it is reset (R3)."""
    paper = Paper().connected()
    assert paper.write("mode_request", 4).refusal is None
    paper.report("bmu_trip_door")
    paper.step()
    paper.clear("bmu_trip_door")
    paper.write("alarm_reset", 1)
    paper.run(1)

    assert paper.mode is Mode.READY
    assert not paper.state.wants_run


@pytest.mark.parametrize("value", [1, 0, 3, 2])
def test_less_than_run_needs_no_lease(value: int) -> None:
    """Ready and standby are the safe way; no other mode can be asked for (R1)."""
    paper = Paper().running()
    verdict = paper.write("mode_request", value, SCADA).verdicts[0]
    paper.run(2)

    assert verdict.accepted is (value != 1)
    assert paper.mode is {0: Mode.RUN, 1: Mode.RUN, 2: Mode.STANDBY, 3: Mode.READY}[value]


@pytest.mark.parametrize(
    ("row", "rack"), [("bmu_trip_door", 0), ("bmu_trip_contactor", 1), ("bmu_trip_fire", 0)]
)
def test_a_latch_that_takes_power_away_is_a_fault(row: str, rack: int) -> None:
    """One that only inhibits a direction is not: the pack may still be saved (R23, R36)."""
    paper = Paper().running()
    paper.report("bmu_trip_soc_low", 1)
    paper.run(0.1)
    mild = paper.mode
    paper.report(row, rack)
    paper.step()

    assert (mild, paper.mode) == (Mode.RUN, Mode.FAULT)


def test_a_rack_that_has_left_with_its_latch_is_no_fault() -> None:
    """The rest may go on, by a new request (R21, R36)."""
    paper = Paper().running(100e3)
    paper.report("bmu_trip_overtemperature", 1)
    paper.run(2)
    refusal = paper.write("mode_request", 3).refusal
    again = paper.write("mode_request", 4).refusal
    paper.run(3)

    assert refusal is None
    assert again is None
    assert [rack.phase for rack in paper.state.racks] == [Phase.OPEN, Phase.CLOSED, Phase.CLOSED]
    assert paper.mode is Mode.RUN
    assert paper.power == 100e3
    assert ("bmu_trip_overtemperature", 1) in paper.tripped
    assert paper.beating is EMS
