"""Coils at their edges: one rack, one look (R27, R28, R30)."""

import dataclasses
import math

import pytest
from control.paper import SETTINGS

from gateway.control import coil
from gateway.control.interlock import Effect
from gateway.control.poles import Poles
from gateway.control.state import Closing, Phase, Rack, Step, Wait
from gateway.control.view import View

EXACT = dataclasses.replace(
    SETTINGS, drives_coils=True, coil_time=1.0, precharge_time=2.0, precharge_settle=0.25, retry_wait=2.0,
    disconnect_time=4.0, connect_time=8.0, tries=3, lockout=32.0, precharge_difference=0.03125,
)  # fmt: skip
NOW = 100.0
NAN = math.nan
DEAD = Poles(1300.0, 0.0, 1.0, 0.0, 0.0, tells_precharge=True, is_live=False)
"Its negative contactor closed, on a dead bus."
CHARGED = DEAD._replace(bus=1300.0, precharge=1.0)
"Precharge is done."
THROUGH = CHARGED._replace(positive=1.0)
RELEASED = THROUGH._replace(precharge=0.0)


def seen(rack: Rack, poles: Poles = DEAD, **more: object) -> View:
    """A rack at 100 s, asked for unless it says otherwise."""
    plain = {"connected": 0.0, "closed": 0.0, "precharging": False, "current": 0.0, "effects": Effect.NONE, "wait": Wait.NOTHING}  # fmt: skip
    values = {**plain, **more}
    return View(rack, poles=poles, settings=EXACT, now=NOW, **{"told": values["current"], **values})  # type: ignore[arg-type] # its fields


def trying(step: Step, since: float = 99.5, begun: float = 98.0, held: float = NAN, **fields: object) -> Rack:  # fmt: skip
    """A rack in a step since then, on a dead bus; its try began before."""
    how = Closing(step, since, 0.0, is_live=False, held=held)
    return Rack(Phase.CLOSING, begun, is_wanted=True, tries=1, wait=coil.TABLE[step].wait, coil=how, **fields)  # type: ignore[arg-type] # fmt: skip # its own


def going(before: Rack, **changes: object) -> Rack:
    """The same rack, whose try goes on."""
    assert before.coil is not None
    return dataclasses.replace(before, coil=dataclasses.replace(before.coil, **changes))  # type: ignore[arg-type] # its own


@pytest.mark.parametrize(
    ("since", "rack", "more", "after"),
    [
        (98.5, {}, {}, None), (98.0, {}, {}, {"phase": Phase.WAITING, "wait": Wait.TURN, "is_wanted": True}),
        (98.0, {}, {"closed": NAN}, None), (96.5, {}, {"closed": 1.0}, None),
        (96.0, {}, {"closed": 1.0}, {"phase": Phase.OPEN, "mismatch": True}),
        (99.5, {"is_wanted": False}, {}, {"phase": Phase.OPEN}),
        (99.5, {"is_enabled": False}, {}, {"phase": Phase.OPEN, "is_enabled": False}),
        (99.5, {}, {"effects": Effect.BLOCK_CLOSE}, {"phase": Phase.OPEN}),
        (99.5, {}, {"effects": Effect.OPEN}, {"phase": Phase.OPEN}),
    ],
)  # fmt: skip
def test_between_two_tries(
    since: float, rack: dict[str, object], more: dict[str, object], after: dict[str, object] | None
) -> None:
    """2 s, with contactors that are told open; closed for 4 s they are welded (R28, R31)."""
    before = Rack(Phase.COOLING, since, tries=2, **{"is_wanted": True, "wait": Wait.PAUSE, **rack})  # type: ignore[arg-type] # its fields
    expected = before if after is None else Rack(since=NOW, tries=2, **after)  # type: ignore[arg-type] # its fields

    assert coil.cooling(seen(before, **more)) == expected  # type: ignore[arg-type] # by name


def test_a_try_begins_with_contactors_that_are_known_to_be_open() -> None:
    """Else the rack is open, and wanted no more (R27)."""
    waiting = Rack(Phase.CLOSING, NOW, is_wanted=True, wait=Wait.TURN, tries=1)
    begun = coil.begun(seen(waiting, DEAD._replace(bus=7.0, is_live=True)), waiting)

    assert begun == dataclasses.replace(waiting, wait=Wait.NEGATIVE, coil=Closing(Step.NEGATIVE, NOW, 7.0, is_live=True))  # fmt: skip
    for closed in (1.0, NAN):
        assert coil.begun(seen(waiting, closed=closed), waiting) == Rack(Phase.OPEN, NOW, tries=1)


@pytest.mark.parametrize(
    ("before", "poles", "more", "after"),
    [
        (trying(Step.NEGATIVE), DEAD, {}, going(trying(Step.NEGATIVE), held=NOW)),
        (trying(Step.NEGATIVE, held=99.875), DEAD, {}, trying(Step.NEGATIVE, held=99.875)),
        (trying(Step.NEGATIVE, held=99.75), DEAD, {}, going(trying(Step.PRECHARGE), since=NOW)),
        (trying(Step.NEGATIVE, held=99.75), DEAD._replace(negative=0.0), {}, trying(Step.NEGATIVE)),
        (trying(Step.PRECHARGE, held=99.75), CHARGED, {}, going(trying(Step.POSITIVE), since=NOW)),
        (trying(Step.PRECHARGE, 98.5), CHARGED._replace(bus=500.0), {}, trying(Step.PRECHARGE, 98.5)),
        (trying(Step.POSITIVE), THROUGH, {"connected": 1.0}, going(trying(Step.RELEASE), since=NOW)),
        (trying(Step.POSITIVE), CHARGED, {}, trying(Step.POSITIVE)),
    ],
)  # fmt: skip
def test_a_step_goes_on_or_ends(before: Rack, poles: Poles, more: dict[str, object], after: Rack) -> None:  # fmt: skip
    """Once it has looked done for its time; the next one begins with a clock of its own (R28)."""
    assert coil.closing(seen(before, poles, **more)) == after


def test_the_last_step_ends_in_a_closed_rack() -> None:
    """Its tries are forgotten, and it waits for nothing."""
    after = coil.closing(seen(trying(Step.RELEASE), RELEASED, connected=1.0, current=50.0))
    assert after == Rack(Phase.CLOSED, NOW, is_wanted=True)


@pytest.mark.parametrize(
    ("before", "tries", "after"),
    [
        (trying(Step.PRECHARGE, 98.0), 1, Rack(Phase.COOLING, NOW, is_wanted=True, tries=1, wait=Wait.PAUSE)),
        (trying(Step.PRECHARGE, 99.0, begun=92.0), 1, Rack(Phase.COOLING, NOW, is_wanted=True, tries=1, wait=Wait.PAUSE)),
        (trying(Step.PRECHARGE, 99.0, begun=92.5), 1, None),
        (trying(Step.PRECHARGE, 98.0), 3, Rack(Phase.OPEN, NOW, locked_until=132.0)),
    ],
)  # fmt: skip
def test_a_step_that_takes_too_long_fails(before: Rack, tries: int, after: Rack | None) -> None:
    """Its own time, or that of the whole try; the third one locks out (R28)."""
    before = dataclasses.replace(before, tries=tries)
    assert coil.closing(seen(before, CHARGED._replace(bus=500.0))) == (before if after is None else after)  # fmt: skip


@pytest.mark.parametrize(
    ("before", "poles", "more", "after"),
    [
        (trying(Step.PRECHARGE), CHARGED, {"effects": Effect.BLOCK_CLOSE}, Rack(Phase.OPENING, NOW, tries=1)),
        (trying(Step.POSITIVE), THROUGH, {"effects": Effect.BLOCK_CLOSE, "connected": 1.0}, None),
        (trying(Step.POSITIVE), THROUGH, {"effects": Effect.OPEN, "connected": 1.0, "current": 4.5}, Rack(Phase.OPENING, NOW, tries=1)),
        (trying(Step.POSITIVE), THROUGH, {"effects": Effect.OPEN, "connected": 1.0, "current": 5.0}, Rack(Phase.UNLOADING, NOW, tries=1, is_forced=True)),
        (trying(Step.POSITIVE), THROUGH, {"effects": Effect.OPEN, "connected": NAN, "current": 5.0}, Rack(Phase.UNLOADING, NOW, tries=1, is_forced=True)),
        (trying(Step.POSITIVE), THROUGH, {"effects": Effect.OPEN, "connected": NAN, "current": 4.5}, Rack(Phase.OPENING, NOW, tries=1)),
        (trying(Step.PRECHARGE), CHARGED._replace(positive=1.0), {}, Rack(Phase.OPENING, NOW, tries=1, mismatch=True)),
        (trying(Step.PRECHARGE), CHARGED._replace(positive=1.0), {"connected": 1.0, "current": 5.0}, Rack(Phase.OPENING, NOW, tries=1, mismatch=True, openings_under_load=1)),
        (trying(Step.PRECHARGE, mismatch=True), CHARGED, {"effects": Effect.OPEN}, Rack(Phase.OPENING, NOW, tries=1, mismatch=True)),
    ],
)  # fmt: skip
def test_what_turns_back(before: Rack, poles: Poles, more: dict[str, object], after: Rack | None) -> None:  # fmt: skip
    """At once before it is on the bus, at low current after; a contactor that nobody drove is a failure (R30, R31)."""
    told = coil.closing(seen(before, poles, **more))
    assert told == after if after is not None else told.phase is Phase.CLOSING


@pytest.mark.parametrize(
    ("poles", "current", "text"),
    [
        (CHARGED._replace(bus=NAN), 0.0, "bus voltage not known"),
        (CHARGED._replace(volts=NAN), 0.0, "voltage not known"),
        (CHARGED._replace(volts=1024.0, bus=991.0), 0.0, "33 V of 1024 V missing"),
        (CHARGED._replace(volts=1024.0, bus=991.5, precharge=0.0), 0.0, "32 V of 1024 V missing"),
        (CHARGED._replace(volts=1024.0, bus=992.0), NAN, "current not known"),
        (CHARGED, 2.0, "2.0 A flow still"),
        (CHARGED, -2.5, "2.5 A flow still"),
        (CHARGED, 1.5, "not for long enough"),
        (CHARGED._replace(precharge=0.0), 1.5, "no feedback"),
        (CHARGED._replace(negative=0.0), 1.5, "no feedback"),
    ],
)  # fmt: skip
def test_what_precharge_lacks(poles: Poles, current: float, text: str) -> None:
    """The first of voltage, current and feedback (R28)."""
    before = trying(Step.PRECHARGE)
    assert before.coil is not None
    assert coil.failure(seen(before, poles, current=current), before.coil) == f"precharge: {text}"


@pytest.mark.parametrize(
    ("volts", "bus", "current", "done"),
    [
        (1024.0, 992.0, 1.5, True), (1024.0, 991.5, 1.5, False), (1024.0, 1056.0, 1.5, True),
        (1024.0, 1024.0, 2.0, False), (1024.0, 1024.0, -1.5, True), (1024.0, 1024.0, NAN, False),
        (0.5, 0.5, 0.0, True), (0.0, 0.0, 0.0, False), (NAN, 0.0, 0.0, False), (1024.0, NAN, 0.0, False),
    ],
)  # fmt: skip
def test_when_precharge_looks_done(volts: float, bus: float, current: float, *, done: bool) -> None:
    """Within a 32nd of the rack's voltage, below 2 A (R28)."""
    before = trying(Step.PRECHARGE, held=99.5)
    after = coil.closing(seen(before, CHARGED._replace(volts=volts, bus=bus), current=current))

    assert after.coil is not None
    assert (after.coil.step is Step.POSITIVE) is done
    assert done or math.isnan(after.coil.held)


@pytest.mark.parametrize(
    ("bus", "live", "now", "fits"),
    [
        (0.0, False, 0.0, True), (0.0, False, 991.5, True), (0.0, False, 992.0, False),
        (991.5, False, 1000.0, False), (992.0, False, 1000.0, True), (992.0, False, 900.0, True),
        (1020.0, True, 1020.0, True), (1014.0, True, 1014.0, True), (1013.5, True, 1013.5, False),
        (1034.0, True, 1034.0, True), (1034.5, True, 1034.5, False), (1020.0, True, 0.0, False),
    ],
)  # fmt: skip
def test_the_bus_must_be_as_it_was_before(
    bus: float, now: float, *, live: bool, fits: bool
) -> None:
    """Dead, and not up before precharge; live, within the window of joining (R28, R29)."""
    how = Closing(Step.NEGATIVE, 99.0, bus, is_live=live, held=99.5)
    before = dataclasses.replace(trying(Step.NEGATIVE), coil=how)
    poles = DEAD._replace(volts=1024.0, bus=now, is_live=live)
    after = coil.closing(seen(before, poles))

    assert (after.coil is not None and after.coil.step is Step.PRECHARGE) is fits


@pytest.mark.parametrize(("volts", "fits"), [(0.5, True), (0.0, False)])
def test_a_rack_without_voltage_fits_to_no_live_bus(volts: float, *, fits: bool) -> None:
    """Though nothing lies between them (R28)."""
    how = Closing(Step.NEGATIVE, 99.0, volts, is_live=True, held=99.5)
    before = dataclasses.replace(trying(Step.NEGATIVE), coil=how)
    after = coil.closing(seen(before, DEAD._replace(volts=volts, bus=volts, is_live=True)))

    assert (after.coil is not None and after.coil.step is Step.PRECHARGE) is fits


@pytest.mark.parametrize(
    ("phase", "rack", "effects", "kept"),
    [
        (Phase.UNLOADING, {}, Effect.NONE, True), (Phase.UNLOADING, {}, Effect.BLOCK_CLOSE, True),
        (Phase.UNLOADING, {}, Effect.OPEN, False), (Phase.UNLOADING, {"is_wanted": False}, Effect.NONE, False),
        (Phase.OPENING, {}, Effect.NONE, False),
    ],
)  # fmt: skip
def test_a_last_step_that_fails_under_load_is_told(
    phase: Phase, rack: dict[str, object], effects: Effect, *, kept: bool
) -> None:
    """Not what a command or an interlock takes back, nor what is welded (R30, R31)."""
    before = dataclasses.replace(trying(Step.RELEASE), **rack)  # type: ignore[arg-type] # its fields
    view = seen(before, RELEASED, effects=effects, connected=1.0, current=5.0)

    assert coil.is_kept(Rack(phase), view) is kept
    assert not coil.is_kept(Rack(phase, mismatch=True), view)
