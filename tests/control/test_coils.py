"""Racks whose coils are driven one by one: precharge, its judgement, tries and lockout (R27, R28, R30)."""

import itertools
import math

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
    step_of,
    until,
)  # fmt: skip
from control.coils import FOLLOW, PEAK, RISE
from control.paper import CYCLE, EMS, SETTINGS, Paper

from gateway.control.coil import BY_PHASE, TABLE
from gateway.control.sequence import ORDER
from gateway.control.state import Phase, Step, Wait
from gateway.model.command import Reason, Stage
from gateway.model.order import COILS

VOLTS = 1300.0
WINDOW = 0.02 * VOLTS
SETTLE, TRY = 0.3, 2.0


def test_the_table_of_steps() -> None:
    """Negative, precharge, positive, precharge off; each says one coil anew and leads to the next (R27)."""
    rows = list(TABLE.values())
    told = [OFF, *(row.coils for row in rows)]

    assert list(TABLE) == list(Step)
    assert [row.coils for row in rows] == [(1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 0, 1)]
    assert all(
        sum(a != b for a, b in zip(*pair, strict=True)) == 1 for pair in itertools.pairwise(told)
    )
    assert [row.after for row in rows] == [*list(Step)[1:], None]
    assert [row.wait for row in rows] == [Wait[step.name] for step in Step]


def test_coils_are_off_unless_the_phase_says_so() -> None:
    """On where a request would ask for the bus, off where it would not, nothing where it asks nothing (R27)."""
    for phase, order in ORDER.items():
        coils = BY_PHASE[phase]
        if phase is Phase.CLOSING:
            assert coils == OFF, "its step says more"
        elif math.isnan(order):
            assert all(map(math.isnan, coils))
        else:
            assert coils == (CLOSED if order == 1 else OFF)


def test_contactors_have_one_master() -> None:
    """Coil by coil no request is given, and by request no coil (R27)."""
    coiled, requested = asked(), Paper(count=1).connected()
    coiled.run(3)

    assert (phase_of(coiled), phase_of(requested)) == (Phase.CLOSED, Phase.CLOSED)
    assert all(math.isnan(orders.value("rack_connect", 1)) for orders in coiled.history)
    assert all(math.isnan(orders.value(name, 1)) for orders in requested.history for name in COILS)


def test_a_rack_on_a_dead_bus_to_the_cycle() -> None:
    """Each step lasts as long as what it waits for: feedback, the rise to 2 %, the settling (R27, R28)."""
    paper = asked()
    assert (phase_of(paper), coils_of(paper).bus) == (Phase.OPEN, 0)
    lasts, entered = {}, paper.now
    for before, step in itertools.pairwise([None, *Step, None]):
        paper.takes(lambda paper, step=step: step_of(paper) is step)  # type: ignore[misc] # bound now
        lasts[before], entered = paper.now - entered, paper.now

    heard = FOLLOW + CYCLE  # the follow, and the cycle in which it is seen
    rise = RISE * (1 - WINDOW / VOLTS)  # linear; the current is below 2 A a little earlier or later
    decay = RISE * (1 - SITE.precharge_current / PEAK)
    assert lasts[None] == pytest.approx(2 * CYCLE)
    assert lasts[Step.NEGATIVE] == pytest.approx(heard + SETTLE, abs=1.5 * CYCLE)
    assert lasts[Step.PRECHARGE] == pytest.approx(heard + max(rise, decay) + SETTLE, abs=2 * CYCLE)
    assert lasts[Step.POSITIVE] == pytest.approx(heard, abs=1.5 * CYCLE)
    assert lasts[Step.RELEASE] == pytest.approx(heard, abs=1.5 * CYCLE)
    assert (phase_of(paper), ordered(paper)) == (Phase.CLOSED, CLOSED)
    assert paper.result.stage is Stage.OK
    assert not paper.told("coils_dropped")


def test_coils_hold_once_closed() -> None:
    """Every cycle says them again (R33)."""
    paper = asked()
    paper.run(3)
    paper.history.clear()
    paper.run(1)

    assert {ordered(paper, ago=ago) for ago in range(1, 51)} == {CLOSED}


@pytest.mark.parametrize(
    ("bus", "done"),
    [(VOLTS - WINDOW, True), (VOLTS + WINDOW, True), (VOLTS - WINDOW - 0.1, False),
     (VOLTS + WINDOW + 0.1, False), (0.0, False), (math.nan, False)],
)  # fmt: skip
def test_the_bus_must_come_within_the_difference(bus: float, *, done: bool) -> None:
    """2 % of the rack's voltage, either side, the bound included; unknown is never done (R28, R30)."""
    paper = until(asked(seen=0.0), Step.PRECHARGE)
    change(paper, seen=bus)
    paper.run(TRY)

    assert (phase_of(paper) is Phase.COOLING) is not done
    assert (step_of(paper) is Step.POSITIVE or phase_of(paper) is Phase.CLOSED) is done


@pytest.mark.parametrize(
    ("amperes", "done"),
    [(0.0, True), (1.9, True), (-1.9, True), (2.0, False), (-2.0, False), (40.0, False),
     (math.nan, False)],
)  # fmt: skip
def test_the_current_must_have_decayed(amperes: float, *, done: bool) -> None:
    """Below 2 A, either way; unknown counts as high (R28, R30)."""
    paper = until(asked(seen=0.0), Step.PRECHARGE)
    change(paper, seen=VOLTS, has_resistor=False)
    for _ in range(round(TRY / CYCLE) - 2):
        paper.racks[0].current = amperes
        paper.step()

    assert (step_of(paper) is not Step.PRECHARGE) is done


def test_a_glimpse_is_not_enough() -> None:
    """Voltage and current must be right for 0.3 s in one piece; each break begins anew (R28)."""
    paper = until(asked(seen=0.0), Step.PRECHARGE)
    change(paper, has_resistor=False)
    paper.run(FOLLOW + 2 * CYCLE)
    for _ in range(4):
        change(paper, seen=VOLTS)
        paper.run(SETTLE)
        change(paper, seen=0.0)
        paper.step()
    glimpsed = step_of(paper)
    change(paper, seen=VOLTS)
    took = paper.takes(lambda paper: step_of(paper) is Step.POSITIVE)

    assert glimpsed is Step.PRECHARGE
    assert took == pytest.approx(SETTLE + CYCLE)


def test_a_try_lasts_two_seconds_and_the_fourth_is_not_made() -> None:
    """An open resistor: 3 tries of 2 s of precharge, 3 s to cool, then locked out for 60 s with the reason (R28)."""
    paper = asked(has_resistor=False)
    begun = until(paper, Step.PRECHARGE).now
    paper.takes(lambda paper: phase_of(paper) is Phase.COOLING)
    tried, cooling = paper.now - begun, paper.now
    off = ordered(paper)
    paper.takes(lambda paper: phase_of(paper) is Phase.CLOSING)
    cooled = paper.now - cooling
    paper.takes(lambda paper: phase_of(paper) is Phase.OPEN)
    paper.step()
    orders = [ordered(paper, ago=ago) for ago in range(len(paper.history), 0, -1)]
    rises = sum(a[1] == 0 and b[1] == 1 for a, b in itertools.pairwise(orders))
    locked = paper.state.racks[0].locked_until

    assert tried == pytest.approx(TRY)
    assert off == OFF
    assert cooled == pytest.approx(SITE.retry_wait + CYCLE)
    assert rises == 3
    assert not any(positive for _, _, positive in orders)
    assert reasons(paper) == ["precharge: 1300 V of 1300 V missing"] * 3
    assert [event.value for event in paper.told("rack_connect_failed")] == [1, 2]
    assert locked == pytest.approx(paper.now + SITE.lockout, abs=3 * CYCLE)
    assert (paper.result.stage, paper.result.reason) == (Stage.NOK, Reason.BLOCKED_BY_PROCESS)
    refusal = paper.operate("rack_connect", rack=1).refusal
    assert refusal is not None
    assert refusal.detail == "precharge_lockout"


def test_a_bus_that_is_partly_charged_is_precharged_the_rest() -> None:
    """What an earlier try has left does no harm: judged is the difference (R28)."""
    paper = asked()
    change(paper, bus=700.0)
    paper.takes(lambda paper: phase_of(paper) is Phase.CLOSED, 3)

    assert not reasons(paper)


def test_a_second_rack_joins_a_live_bus() -> None:
    """The bus has its voltage already, no current flows: precharge is only proven (R28)."""
    paper = asked(2)
    paper.takes(lambda paper: step_of(paper, 2) is Step.PRECHARGE)
    begun = paper.now
    paper.takes(lambda paper: step_of(paper, 2) is Step.POSITIVE)

    assert paper.now - begun == pytest.approx(FOLLOW + SETTLE + CYCLE, abs=CYCLE)
    paper.takes(lambda paper: phase_of(paper, 2) is Phase.CLOSED, 1)
    assert ordered(paper, 1) == ordered(paper, 2) == CLOSED


@pytest.mark.parametrize(
    ("apart", "joins"), [(9.9, True), (-10.0, True), (10.1, False), (20.0, False)]
)
def test_a_live_bus_must_be_within_the_window_of_joining(apart: float, *, joins: bool) -> None:
    """Racks even out without a resistor: 10 V, not 2 %; else not even precharge begins (R28, R29)."""
    paper = asked(2)
    paper.takes(lambda paper: step_of(paper, 2) is Step.NEGATIVE)
    change(paper, 2, seen=VOLTS + apart)
    paper.history.clear()
    paper.run(2)

    assert (phase_of(paper, 2) is Phase.CLOSED) is joins
    assert any(orders.value("rack_coil_precharge", 2) == 1 for orders in paper.history) is joins
    if not joins:
        assert reasons(paper) == [
            f"negative: {abs(apart):.0f} V from the bus that other racks are on"
        ]


def test_a_dead_bus_that_comes_up_too_early_is_a_failure() -> None:
    """The negative contactor alone must not bring it up: something else lets current through (R28)."""
    paper = asked()
    until(paper, Step.NEGATIVE)
    change(paper, seen=VOLTS)
    paper.takes(lambda paper: phase_of(paper) is Phase.COOLING)

    assert reasons(paper) == ["negative: the bus came up before precharge"]
    assert not any(orders.value("rack_coil_precharge", 1) == 1 for orders in paper.history)


@pytest.mark.parametrize(
    ("where", "coils", "reason"),
    [
        (Step.NEGATIVE, {"stuck": frozenset({"negative"})}, "negative: no feedback"),
        (Step.NEGATIVE, {"hidden": frozenset({"negative"})}, "negative: no feedback"),
        (Step.NEGATIVE, {"hidden": frozenset({"bus"})}, "negative: bus voltage not known"),
        (Step.PRECHARGE, {"stuck": frozenset({"precharge"})}, "precharge: 1300 V of 1300 V missing"),
        (Step.PRECHARGE, {"hidden": frozenset({"bus"})}, "precharge: bus voltage not known"),
        (Step.PRECHARGE, {"hidden": frozenset({"positive"})}, "precharge: no feedback"),
        (Step.PRECHARGE, {"welded": frozenset({"negative"}), "hidden": frozenset({"negative"})}, "precharge: no feedback"),
        (Step.POSITIVE, {"stuck": frozenset({"positive"})}, "positive: no feedback"),
        (Step.POSITIVE, {"hidden": frozenset({"positive"})}, "positive: no feedback"),
        (Step.RELEASE, {"hidden": frozenset({"precharge"})}, "release: no feedback"),
        (Step.RELEASE, {"hidden": frozenset({"negative"})}, "release: no feedback"),
    ],
)  # fmt: skip
def test_a_step_that_does_not_end_drops_all_coils(
    where: Step, coils: dict[str, object], reason: str
) -> None:
    """In its own time, with what was missing; the next step is never reached (R28, R30)."""
    paper = until(asked(2), where)
    change(paper, 1, **coils)
    begun = paper.now
    paper.history.clear()
    paper.takes(lambda paper: phase_of(paper) is Phase.COOLING, 4)
    further = {ordered(paper, ago=ago) for ago in range(1, len(paper.history) + 1)}

    assert paper.now - begun == pytest.approx(TABLE[where].most(SITE))
    assert reasons(paper) == [reason]
    assert ordered(paper) == OFF
    assert further == {TABLE[where].coils, OFF}


def test_precharge_by_a_contactor_that_nobody_tells_of() -> None:
    """The voltage proves it; its opening is given its time (R27)."""
    paper = asked(tells_precharge=False)
    until(paper, Step.RELEASE)
    begun = paper.now
    paper.takes(lambda paper: phase_of(paper) is Phase.CLOSED)

    assert paper.now - begun == pytest.approx(SITE.coil_time)


@pytest.mark.parametrize("what", ["bus", "negative", "positive"])
def test_nothing_begins_while_the_bus_is_not_known(what: str) -> None:
    """Nor its contactors: the rack waits, says so, and the command ends; nobody else waits for it (R28, R30)."""
    paper = asked(2)
    paper.step()
    change(paper, 1, hidden=frozenset({what}))
    paper.takes(lambda paper: phase_of(paper, 2) is Phase.CLOSED, 3)
    first = paper.state.racks[0]
    paper.run(0.1)

    assert (first.phase, first.wait) == (Phase.WAITING, Wait.UNKNOWN)
    assert not any(orders.value("rack_coil_negative", 1) for orders in paper.history[10:])
    assert paper.result.stage is Stage.NOK


def test_the_settings_of_requests_are_not_touched() -> None:
    """By request a rack needs none of it (R27)."""
    paper = Paper(count=1, settings=SETTINGS).connected(EMS)

    assert paper.state.racks[0].coil is None
