"""Every step of a rack, field by field and to the moment: one look at one state (R27-R31)."""

import dataclasses
import math
from collections.abc import Mapping

import pytest
from control.paper import SETTINGS, Paper

from gateway.control.facts import Contacts
from gateway.control.interlock import BY_NAME
from gateway.control.sequence import sequenced
from gateway.control.state import Mode, Phase, Rack, Standing, State, Wait, fresh

EXACT = dataclasses.replace(SETTINGS, disconnect_time=2.0, open_wait=8.0, connect_time=4.0, retry_wait=2.0, under_load_after=1.0, lockout=32.0, coil_time=1.0)  # fmt: skip
NOW = 100.0
LOW, HIGH = 4.5, 5.0
"A of current that are none, and that count."
OPENS, UNDER_LOAD, BLOCKS, EXPLAINS = (
    "bmu_trip_water", "bmu_trip_fire", "bmu_alarm_contactor", "bmu_trip_cell_overvoltage",
)  # fmt: skip
Chain = Mapping[tuple[int, int], Standing]


def chain(*rows: str) -> Chain:
    """Rows that act on the rack, or on its container."""
    acts = Standing(0.0, 1.0, tripped=0.0)
    return {(BY_NAME[row].number, int(BY_NAME[row].scope.name == "RACK")): acts for row in rows}


def stepped(
    rack: Rack, connected: float, current: float = 0.0, *rows: str, mode: Mode = Mode.STANDBY
) -> Rack:
    """The rack after a cycle at 100 s."""
    state = dataclasses.replace(fresh(1, 0.0), racks=(rack,), mode=mode, chain=chain(*rows))
    facts = dataclasses.replace(Paper(count=1).facts(), connected=(connected,), current=(current,))
    after, events = sequenced(state, facts, EXACT, NOW)
    assert (after.racks[0] is rack) <= (not events), "what has not changed is not told"
    return after.racks[0]


def rack(phase: Phase, since: float = 99.0, **fields: object) -> Rack:
    """A rack in a phase for 1 s, or since then."""
    return Rack(phase, since, **fields)  # type: ignore[arg-type] # its fields


def moved(phase: Phase, **fields: object) -> Rack:
    """One that has just changed its phase."""
    return rack(phase, NOW, **fields)


UNKNOWN, OPEN, WAITING, CLOSING = Phase.UNKNOWN, Phase.OPEN, Phase.WAITING, Phase.CLOSING
CLOSED, UNLOADING, OPENING, COOLING = Phase.CLOSED, Phase.UNLOADING, Phase.OPENING, Phase.COOLING
NAN = math.nan


@pytest.mark.parametrize(
    ("before", "connected", "after"),
    [
        (rack(UNKNOWN), 1.0, moved(CLOSED, is_wanted=True)),
        (rack(UNKNOWN, is_cancelled=True), 1.0, moved(CLOSED, is_cancelled=True)),
        (rack(UNKNOWN), 0.0, moved(OPEN)),
        (rack(UNKNOWN), NAN, rack(UNKNOWN)),
    ],
)
@pytest.mark.parametrize("mode", [Mode.ADOPT, Mode.STANDBY])
def test_what_is_found_is_adopted(before: Rack, connected: float, after: Rack, mode: Mode) -> None:
    """As it tells; what is not known stays so (R14)."""
    assert stepped(before, connected, mode=mode) == after


ASKED = {"is_wanted": True}


@pytest.mark.parametrize(
    ("before", "connected", "rows", "after"),
    [
        (rack(OPEN), 0.0, (), rack(OPEN)),
        (rack(OPEN, **ASKED), 0.0, (), moved(WAITING, wait=Wait.TURN, **ASKED)),
        (rack(OPEN, wait=Wait.INTERLOCK, **ASKED), 0.0, (), moved(WAITING, wait=Wait.TURN, **ASKED)),
        (rack(OPEN, **ASKED), 0.0, (BLOCKS,), rack(OPEN, wait=Wait.INTERLOCK)),
        (rack(OPEN, **ASKED), 0.0, (OPENS,), rack(OPEN, wait=Wait.INTERLOCK)),
        (rack(OPEN, **ASKED), NAN, (), rack(OPEN, wait=Wait.UNKNOWN)),
        (rack(OPEN, is_enabled=False, **ASKED), 0.0, (), rack(OPEN, is_enabled=False, wait=Wait.DISABLED)),
        (rack(OPEN, wait=Wait.INTERLOCK), 0.0, (), rack(OPEN)),
        (rack(OPEN, wait=Wait.DISABLED), 0.0, (), rack(OPEN)),
        (rack(OPEN), 1.0, (), rack(OPEN, contrary=NOW)),
        (rack(OPEN, **ASKED), 1.0, (), rack(OPEN, contrary=NOW)),
        (rack(OPEN, contrary=98.5), 1.0, (), rack(OPEN, contrary=98.5)),
        (rack(OPEN, contrary=98.0), 1.0, (), rack(OPEN, contrary=98.0, mismatch=True)),
        (rack(OPEN, contrary=98.5, mismatch=True), 1.0, (), rack(OPEN, contrary=98.5, mismatch=True)),
        (rack(OPEN, contrary=98.0, mismatch=True), 0.0, (), rack(OPEN)),
        (rack(OPEN, contrary=98.0), 0.0, (), rack(OPEN)),
        (rack(OPEN, mismatch=True), 0.0, (), rack(OPEN)),
        (rack(OPEN, contrary=98.0, mismatch=True), NAN, (), rack(OPEN, contrary=98.0, mismatch=True)),
        (rack(OPEN, contrary=98.0, mismatch=True, **ASKED), 0.0, (), moved(WAITING, wait=Wait.TURN, **ASKED)),
        (rack(OPEN, fell=99.5, **ASKED), 0.0, (), rack(OPEN, fell=99.5, wait=Wait.PAUSE)),
        (rack(OPEN, fell=99.0), 0.0, (), rack(OPEN, mismatch=True, wait=Wait.PAUSE)),
        (rack(OPEN, fell=99.0), 0.0, (EXPLAINS,), rack(OPEN, wait=Wait.PAUSE)),
        (rack(OPEN, fell=99.0), 0.0, (OPENS,), rack(OPEN, wait=Wait.PAUSE)),
        (rack(OPEN, fell=99.0), 0.0, ("bmu_alarm_cell_overvoltage",), rack(OPEN, mismatch=True, wait=Wait.PAUSE)),
        (rack(OPEN, fell=99.0), 0.0, ("bmu_trip_door",), rack(OPEN, wait=Wait.PAUSE)),
        (rack(OPEN, wait=Wait.INTERLOCK, **ASKED), 0.0, (BLOCKS,), rack(OPEN, wait=Wait.INTERLOCK)),
        (rack(OPEN, fell=99.0), 0.0, (BLOCKS,), rack(OPEN, mismatch=True, wait=Wait.PAUSE)),
    ],
)  # fmt: skip
def test_an_open_rack(before: Rack, connected: float, rows: tuple[str, ...], after: Rack) -> None:
    """Waits for its turn if it is asked for, or says why it does not; closed all the same, it is welded in the end (R29, R31)."""
    assert stepped(before, connected, 0.0, *rows) == after


@pytest.mark.parametrize(
    ("before", "rows", "after"),
    [
        (rack(WAITING, wait=Wait.TURN, tries=1, **ASKED), (), moved(CLOSING, tries=2, **ASKED)),
        (rack(WAITING, wait=Wait.TURN), (), moved(OPEN)),
        (rack(WAITING, wait=Wait.TURN, is_enabled=False, **ASKED), (), moved(OPEN, is_enabled=False)),
        (rack(WAITING, wait=Wait.TURN, **ASKED), (BLOCKS,), moved(OPEN)),
        (rack(WAITING, wait=Wait.TURN, **ASKED), (OPENS,), moved(OPEN)),
        (rack(COOLING, 98.5, wait=Wait.PAUSE, tries=1, **ASKED), (), rack(COOLING, 98.5, wait=Wait.PAUSE, tries=1, **ASKED)),
        (rack(COOLING, 98.0, wait=Wait.PAUSE, tries=1, **ASKED), (), moved(WAITING, wait=Wait.TURN, tries=1, **ASKED)),
        (rack(COOLING, 99.5, wait=Wait.PAUSE, tries=1), (), moved(OPEN, tries=1)),
        (rack(COOLING, 99.5, wait=Wait.PAUSE, tries=1, **ASKED), (BLOCKS,), moved(OPEN, tries=1)),
        (rack(COOLING, 99.5, wait=Wait.PAUSE, is_enabled=False, **ASKED), (), moved(OPEN, is_enabled=False)),
    ],
)  # fmt: skip
def test_a_rack_between(before: Rack, rows: tuple[str, ...], after: Rack) -> None:
    """Its turn, the pause between two tries, and what takes it back (R28, R29)."""
    assert stepped(before, 0.0, 0.0, *rows) == after


@pytest.mark.parametrize(
    ("before", "connected", "current", "rows", "after"),
    [
        (rack(CLOSING, 96.5, tries=1, **ASKED), 0.0, 0.0, (), rack(CLOSING, 96.5, tries=1, **ASKED)),
        (rack(CLOSING, 96.0, tries=1, **ASKED), 0.0, 0.0, (), moved(COOLING, tries=1, wait=Wait.PAUSE, **ASKED)),
        (rack(CLOSING, 96.0, tries=3, **ASKED), 0.0, 0.0, (), moved(OPEN, locked_until=132.0)),
        (rack(CLOSING, tries=2, **ASKED), 1.0, HIGH, (), moved(CLOSED, **ASKED)),
        (rack(CLOSING, **ASKED), 1.0, LOW, (OPENS,), moved(OPENING)),
        (rack(CLOSING, **ASKED), 1.0, HIGH, (OPENS,), moved(UNLOADING, is_forced=True)),
        (rack(CLOSING), 1.0, HIGH, (), moved(UNLOADING)),
        (rack(CLOSING, **ASKED), 1.0, HIGH, (BLOCKS,), moved(CLOSED, **ASKED)),
        (rack(CLOSING), 0.0, 0.0, (), moved(OPENING)),
        (rack(CLOSING, **ASKED), 0.0, 0.0, (BLOCKS,), moved(OPENING)),
        (rack(CLOSING, is_enabled=False, **ASKED), NAN, 0.0, (), moved(OPENING, is_enabled=False)),
    ],
)  # fmt: skip
def test_a_rack_that_closes(
    before: Rack, connected: float, current: float, rows: tuple[str, ...], after: Rack
) -> None:
    """In time or not; turned back before it has closed, or under load after it has (R28, R30)."""
    assert stepped(before, connected, current, *rows) == after


HELD = rack(CLOSED, **ASKED)


@pytest.mark.parametrize(
    ("before", "connected", "current", "rows", "after"),
    [
        (HELD, 1.0, HIGH, (), HELD),
        (HELD, 1.0, HIGH, (BLOCKS,), HELD),
        (HELD, NAN, NAN, (), HELD),
        (HELD, 1.0, LOW, (OPENS,), moved(OPENING)),
        (HELD, 1.0, HIGH, (OPENS,), moved(UNLOADING, is_forced=True, **ASKED)),
        (rack(CLOSED), 1.0, HIGH, (), moved(UNLOADING)),
        (rack(CLOSED), 1.0, LOW, (), moved(OPENING)),
        (rack(CLOSED, is_enabled=False, **ASKED), 1.0, LOW, (), moved(OPENING, is_enabled=False)),
        (HELD, 0.0, LOW, (), moved(OPEN, wait=Wait.PAUSE, fell=NOW)),
        (HELD, 0.0, HIGH, (), rack(CLOSED, contrary=NOW, **ASKED)),
        (HELD, 0.0, NAN, (), rack(CLOSED, contrary=NOW, **ASKED)),
        (rack(CLOSED, contrary=98.5, **ASKED), 0.0, HIGH, (), rack(CLOSED, contrary=98.5, **ASKED)),
        (rack(CLOSED, contrary=98.0, **ASKED), 0.0, HIGH, (), rack(CLOSED, contrary=98.0, mismatch=True, **ASKED)),
        (rack(CLOSED, contrary=98.5, **ASKED), 0.0, NAN, (), rack(CLOSED, contrary=98.5, **ASKED)),
        (rack(CLOSED, contrary=98.0, **ASKED), 0.0, NAN, (), moved(OPEN, wait=Wait.PAUSE, fell=NOW)),
        (rack(CLOSED, contrary=98.0, mismatch=True, **ASKED), 0.0, LOW, (), moved(OPEN, wait=Wait.PAUSE, fell=NOW)),
        (rack(CLOSED, contrary=99.5, **ASKED), 1.0, HIGH, (), HELD),
        (rack(CLOSED, contrary=98.0, mismatch=True, **ASKED), 1.0, HIGH, (), HELD),
    ],
)  # fmt: skip
def test_a_closed_rack(
    before: Rack, connected: float, current: float, rows: tuple[str, ...], after: Rack
) -> None:
    """Stays, leaves when it is asked to or must, and is believed to be off only where that can be (R30, R31)."""
    assert stepped(before, connected, current, *rows) == after


FORCED = {"is_forced": True}
OUT = {"open_timed_out": True}


@pytest.mark.parametrize(
    ("before", "connected", "current", "rows", "after"),
    [
        (rack(UNLOADING), 0.0, 0.0, (), moved(OPEN)),
        (rack(UNLOADING, **ASKED, **FORCED), 0.0, NAN, (OPENS,), rack(UNLOADING, **ASKED, **FORCED, contrary=100.0)),
        (rack(UNLOADING, contrary=98.5, **FORCED), 0.0, NAN, (OPENS,), rack(UNLOADING, contrary=98.5, **FORCED)),
        (rack(UNLOADING, contrary=98.0, **FORCED), 0.0, NAN, (OPENS,), moved(OPEN)),
        (rack(UNLOADING, contrary=98.5, **FORCED), 1.0, NAN, (OPENS,), rack(UNLOADING, **FORCED)),
        (rack(UNLOADING, contrary=98.5, **FORCED), 1.0, LOW, (OPENS,), moved(OPENING)),
        (rack(UNLOADING, **ASKED, **FORCED), 0.0, HIGH, (OPENS,), rack(UNLOADING, **ASKED, **FORCED)),
        (rack(UNLOADING, **ASKED, **FORCED), 1.0, LOW, (OPENS,), moved(OPENING)),
        (rack(UNLOADING), 1.0, -LOW, (), moved(OPENING)),
        (rack(UNLOADING), 1.0, -HIGH, (), rack(UNLOADING)),
        (rack(UNLOADING), 1.0, NAN, (), rack(UNLOADING)),
        (rack(UNLOADING, 99.5, **ASKED, **FORCED), 1.0, HIGH, (UNDER_LOAD,), rack(UNLOADING, 99.5, **ASKED, **FORCED)),
        (rack(UNLOADING, 99.0, openings_under_load=2, **ASKED, **FORCED), 1.0, HIGH, (UNDER_LOAD,), moved(OPENING, openings_under_load=3)),
        (rack(UNLOADING, 92.5, **ASKED, **FORCED), 1.0, HIGH, (OPENS,), rack(UNLOADING, 92.5, **ASKED, **FORCED)),
        (rack(UNLOADING, 92.0, **ASKED, **FORCED), 1.0, HIGH, (OPENS,), rack(UNLOADING, 92.0, **ASKED, **FORCED, **OUT)),
        (rack(UNLOADING, 92.0, **ASKED, **FORCED, **OUT), 1.0, HIGH, (OPENS,), rack(UNLOADING, 92.0, **ASKED, **FORCED, **OUT)),
        (rack(UNLOADING, **ASKED, **FORCED), 1.0, HIGH, (), moved(CLOSED, **ASKED)),
        (rack(UNLOADING, **FORCED), 1.0, HIGH, (), rack(UNLOADING)),
        (rack(UNLOADING), 1.0, HIGH, (OPENS,), rack(UNLOADING, **FORCED)),
        (rack(UNLOADING, 92.5), 1.0, HIGH, (), rack(UNLOADING, 92.5)),
        (rack(UNLOADING, 92.0), 1.0, HIGH, (), moved(CLOSED, **ASKED, **OUT)),
        (rack(UNLOADING, 92.0, **FORCED), 1.0, HIGH, (), moved(CLOSED, **ASKED, **OUT)),
        (rack(UNLOADING, 93.0, **OUT), 1.0, HIGH, (), rack(UNLOADING, 93.0, **OUT)),
    ],
)  # fmt: skip
def test_a_rack_that_waits_for_low_current(
    before: Rack, connected: float, current: float, rows: tuple[str, ...], after: Rack
) -> None:
    """8 s, then it stays closed, unless a row says that it must not; only some rows open it all the same (R30)."""
    assert stepped(before, connected, current, *rows) == after


@pytest.mark.parametrize(
    ("before", "connected", "after"),
    [
        (rack(OPENING, mismatch=True, wait=Wait.TURN), 0.0, moved(OPEN)),
        (rack(OPENING, 98.5), 1.0, rack(OPENING, 98.5)),
        (rack(OPENING, 98.0, **ASKED), 1.0, moved(OPEN, mismatch=True)),
        (rack(OPENING, 50.0), NAN, rack(OPENING, 50.0)),
    ],
)
def test_a_rack_that_opens(before: Rack, connected: float, after: Rack) -> None:
    """2 s, then it is welded; silent, its order stays (R31, R33)."""
    assert stepped(before, connected) == after


def test_steady_racks_leave_the_state_as_it_is() -> None:
    """The very same one: nothing is made anew in most cycles."""
    racks = (HELD, rack(OPEN), rack(OPEN, is_enabled=False, wait=Wait.DISABLED))
    state: State = dataclasses.replace(fresh(3, 0.0), racks=racks, mode=Mode.STANDBY, rest_since=1.0)  # fmt: skip
    facts = dataclasses.replace(Paper(count=3).facts(), connected=(1.0, 0.0, 0.0))
    after, events = sequenced(state, facts, EXACT, NOW)

    assert after is state
    assert events == ()


@pytest.mark.parametrize(("negative", "phase"), [(1.0, OPENING), (0.0, OPEN)])
def test_a_start_that_finds_one_contactor_closed_opens_it(negative: float, phase: Phase) -> None:
    """Coil by coil, a rack is not on the bus by one of them (R14, R27)."""
    contacts = Contacts((1200.0,), (negative,), (0.0,), (0.0,), (True,))
    facts = dataclasses.replace(Paper(count=1).facts(), connected=(0.0,), contacts=contacts)
    state = dataclasses.replace(fresh(1, 0.0), mode=Mode.STANDBY)
    after, _ = sequenced(state, facts, dataclasses.replace(EXACT, drives_coils=True), NOW)

    assert after.racks[0].phase is phase
