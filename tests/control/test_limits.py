"""How much is let through: unknown is nothing, falls at once, rises slowly (R13, R19, R21, R22)."""

import dataclasses
import math

import pytest
from control.paper import CYCLE, SETTINGS, Paper

from gateway.control.facts import UNKNOWN, Facts
from gateway.control.interlock import Effect
from gateway.control.limit import Allowed, Limiter, allowed
from gateway.control.settings import Settings
from gateway.control.state import Phase, Setpoint, fresh

NAN = math.nan
ENABLED = {name: Setpoint(1, "ems", 0) for name in ("charge_enable", "discharge_enable")}


def limits(
    amperes: float, watts: float, volts: float = 1000.0, settings: Settings = SETTINGS,
    effects: Effect = Effect.NONE, cap: float | None = None,
) -> Allowed:  # fmt: skip
    """The limits of a bus that tells this of both directions."""
    facts = Facts(
        (volts,), (0.0,), (1.0,), (False,), (True,), (0.0,), amperes, amperes, watts, watts, volts, {},
        (UNKNOWN,), (0.0,), {},
    )  # fmt: skip
    setpoints = dict(ENABLED)
    if cap is not None:
        setpoints |= {
            f"{way}_current_cap": Setpoint(cap, "ems", 0) for way in ("charge", "discharge")
        }
    state = dataclasses.replace(fresh(1, 0.0), setpoints=setpoints)
    return allowed(state, facts, settings, effects)


@pytest.mark.parametrize(
    ("amperes", "watts", "volts", "expected"),
    [
        (100, NAN, 1000, (100e3, 100)),
        (NAN, 80e3, 1000, (80e3, 80)),
        (100, 80e3, 1000, (80e3, 80)),
        (50, 80e3, 1000, (50e3, 50)),
        (NAN, NAN, 1000, (0, 0)),
        (0, 80e3, 1000, (0, 0)),
        (100, 0, 1000, (0, 0)),
        (100, 80e3, NAN, (0, 0)),
        (100, 80e3, 0, (0, 0)),
        (0, NAN, math.inf, (0, 0)),
        (-5, 80e3, 1000, (0, 0)),
    ],
)
def test_what_is_not_known_lets_nothing_through(
    amperes: float, watts: float, volts: float, expected: tuple[float, float]
) -> None:
    """A and W each no more than the other allows; a limit of 0 is data; unknown is 0 (R19)."""
    side = limits(amperes, watts, volts).charge

    assert (side.watts, side.amperes) == pytest.approx(expected)
    assert side.bound_by is Limiter.BATTERY


def test_limits_are_carried_to_the_terminals_on_the_safe_side() -> None:
    """DC to AC: discharging loses auxiliaries and efficiency, charging may lose nothing (R13)."""
    settings = dataclasses.replace(SETTINGS, efficiency=0.9, auxiliaries=10e3)
    side = limits(100, NAN, settings=settings)
    nothing = limits(5, NAN, settings=settings)

    assert side.discharge.watts == pytest.approx((100e3 - 10e3) * 0.9)
    assert side.charge.watts == pytest.approx(100e3)
    assert nothing.discharge.watts == 0


def test_the_rating_binds_watts_and_amperes() -> None:
    """A PCS that obeys amperes is held within the rating too (R5, R20)."""
    settings = dataclasses.replace(SETTINGS, efficiency=0.8, auxiliaries=10e3)
    side = limits(5000, NAN, settings=settings)

    assert (side.charge.watts, side.charge.amperes) == pytest.approx((1000e3, 1000))
    assert (side.discharge.watts, side.discharge.amperes) == pytest.approx((1000e3, 1260))
    assert (side.charge.bound_by, side.discharge.bound_by) == (Limiter.RATING, Limiter.RATING)
    exact = limits(1000, NAN)
    assert (exact.charge.watts, exact.charge.bound_by) == (1000e3, Limiter.BATTERY)


@pytest.mark.parametrize(
    ("amperes", "cap", "expected", "by"),
    [
        (100, 60, 60, Limiter.EMS_CAP),
        (100, 200, 100, Limiter.BATTERY),
        (100, 100, 100, Limiter.BATTERY),
        (100, 0, 0, Limiter.EMS_CAP),
        (NAN, 60, 60, Limiter.EMS_CAP),
    ],
)
def test_caps_narrow_only(amperes: float, cap: float, expected: float, by: Limiter) -> None:
    """An EMS can ask for less than the BMU allows, never for more (R20)."""
    side = limits(amperes, NAN if amperes == 100 else 500e3, cap=cap).discharge

    assert (side.amperes, side.watts, side.bound_by) == (expected, expected * 1000, by)


@pytest.mark.parametrize(
    ("effect", "charge", "discharge"),
    [
        (Effect.INHIBIT_CHARGE, 0, 100e3),
        (Effect.INHIBIT_DISCHARGE, 100e3, 0),
        (Effect.ZERO, 0, 0),
        (Effect.OPEN, 0, 0),
        (Effect.DERATE, 50e3, 50e3),
        (Effect.BLOCK_CLOSE, 100e3, 100e3),
        (Effect.LATCH, 100e3, 100e3),
        (Effect.STOP_PCS, 100e3, 100e3),
    ],
)
def test_effects_bind_their_own_direction(effect: Effect, charge: float, discharge: float) -> None:
    """An under-voltage inhibits discharge and lets the pack be charged (R23)."""
    side = limits(100, NAN, effects=effect)

    assert (side.charge.watts, side.discharge.watts) == (charge, discharge)
    assert (side.charge.inhibited, side.discharge.inhibited) == (charge == 0, discharge == 0)
    for one in (side.charge, side.discharge):
        assert one.bound_by is (Limiter.BATTERY if one.watts == 100e3 else Limiter.INTERLOCK)
        assert one.amperes == pytest.approx(one.watts / 1000)
    assert side.is_open is (charge + discharge > 0)


def test_a_cap_is_no_limit_where_nobody_tells_any() -> None:
    """What the racks allow is unknown: a cap of the EMS or the site makes no number of it (R19)."""
    settings = dataclasses.replace(SETTINGS, charge_cap=50.0, discharge_cap=50.0)

    for side in (limits(NAN, NAN, cap=60), limits(NAN, NAN, settings=settings)):
        assert not side.is_open
        assert (side.charge.amperes, side.charge.bound_by) == (0, Limiter.BATTERY)


@pytest.mark.parametrize(
    ("amperes", "cap", "expected", "by"),
    [
        (100, None, (80, 100), (Limiter.SITE_CAP, Limiter.BATTERY)),
        (70, None, (70, 70), (Limiter.BATTERY, Limiter.BATTERY)),
        (100, 90, (80, 90), (Limiter.SITE_CAP, Limiter.EMS_CAP)),
        (100, 60, (60, 60), (Limiter.EMS_CAP, Limiter.EMS_CAP)),
        (100, -5, (0, 0), (Limiter.EMS_CAP, Limiter.EMS_CAP)),
    ],
)
def test_the_site_caps_its_dc_bus(
    amperes: float, cap: float | None, expected: tuple[float, float], by: tuple[Limiter, Limiter]
) -> None:
    """By direction, in A and so in W; whatever is less binds, and is named (R20)."""
    settings = dataclasses.replace(SETTINGS, charge_cap=80.0, discharge_cap=120.0)
    side = limits(amperes, NAN, settings=settings, cap=cap)

    assert (side.charge.amperes, side.discharge.amperes) == expected
    assert (side.charge.watts, side.discharge.watts) == (expected[0] * 1000, expected[1] * 1000)
    assert (side.charge.bound_by, side.discharge.bound_by) == by


def test_a_falling_limit_is_passed_on_at_once() -> None:
    """In the same cycle, to who reads it and to what is applied (R22, CMD-07)."""
    paper = Paper().running(300e3)
    paper.amperes = (300.0, 100.0)
    paper.step()

    assert paper.allowed.discharge.watts == pytest.approx(130e3)
    assert paper.allowed.discharge.amperes == pytest.approx(100)
    assert paper.power == pytest.approx(130e3)
    assert paper.bound_by is Limiter.BATTERY
    assert paper.allowed.charge.amperes == 300


def test_a_rising_limit_is_ramped_for_who_reads_it() -> None:
    """By the ramp of the rating, W and A alike; a PCS that polls limits sees no step (R22)."""
    paper = Paper(amperes=(100.0, 100.0)).running()
    paper.amperes = (300.0, 300.0)
    first = paper.step().allowed.charge
    rises = paper.takes(lambda paper: paper.allowed.charge.amperes == 300)

    assert first.watts == pytest.approx(130e3 + 4e3)
    assert first.amperes == pytest.approx(100 + 4e3 / 1300)
    assert first.bound_by is Limiter.RAMP
    assert rises + CYCLE == pytest.approx(200 * 1300 / 200e3, abs=CYCLE)
    assert paper.allowed.charge.bound_by is Limiter.BATTERY


@pytest.mark.parametrize(("amperes", "rises"), [(102.0, False), (102.1, True)])
def test_a_limit_that_trembles_is_not_passed_on(amperes: float, *, rises: bool) -> None:
    """A rise within the band of 2 % waits; beyond it, the limit rises to its whole value (R22)."""
    paper = Paper(amperes=(100.0, 100.0)).running()
    paper.amperes = (300.0, amperes)
    paper.run(3)

    assert paper.allowed.discharge.amperes == (amperes if rises else 100)
    assert paper.allowed.discharge.watts == pytest.approx(paper.allowed.discharge.amperes * 1300)
    assert paper.allowed.discharge.bound_by is Limiter.BATTERY


def test_the_band_holds_below_and_not_above() -> None:
    """A limit that falls by a hair falls; it rises again only with the band (R22)."""
    paper = Paper(amperes=(100.0, 100.0)).running()
    seen = []
    for amperes in (99.0, 100.0, 99.5, 101.0):
        paper.amperes = (amperes, amperes)
        paper.run(1)
        seen.append(paper.allowed.charge.amperes)

    assert seen == [99, 99, 99, 99]
    paper.amperes = (102.0, 102.0)
    paper.run(1)
    assert paper.allowed.charge.amperes == 102


def test_a_rack_without_limits_takes_the_bus_to_zero_and_is_opened() -> None:
    """T1 1 s: zero; T2 10 s: opened at no current; then the rest goes on (R21, CMD-08)."""
    paper = Paper().running(200e3)
    paper.racks[0].mute = True
    zero = paper.takes(lambda paper: paper.power == 0)
    stale = set(paper.tripped)
    opens = paper.takes(lambda paper: paper.state.racks[0].phase is Phase.OPENING)
    back = paper.takes(lambda paper: paper.power == 200e3)

    assert zero == pytest.approx(1, abs=2 * CYCLE)
    assert stale == {("limits_stale", 1)}
    assert zero + opens == pytest.approx(10, abs=2 * CYCLE)
    assert [rack.phase for rack in paper.state.racks] == [Phase.OPEN, Phase.CLOSED, Phase.CLOSED]
    assert back < 3
    refusal = paper.operate("rack_connect", rack=1).refusal
    assert refusal is not None
    assert refusal.detail == "limits_lost"


def test_a_silent_rack_is_opened_where_the_others_prove_no_current() -> None:
    """It cannot tell its current; power is zero and its neighbours carry none (R21, R30)."""
    paper = Paper().running(200e3)
    paper.racks[0].silent = True
    paper.run(10.2)

    assert paper.state.racks[0].phase is Phase.OPENING
    assert paper.ordered(1) == 0
    paper.run(30)
    assert paper.power == 0, "whether it has opened is not known: it counts as conducting (R20)"
    paper.racks[0].silent = False
    paper.run(5)
    assert paper.power == 200e3


@pytest.mark.parametrize("reason", ["current", "alone", "two"])
def test_a_silent_rack_stays_closed_where_nothing_proves_it_idle(reason: str) -> None:
    """Unknown current counts as high: its neighbours carry current, or there are none (R30)."""
    paper = Paper(count=1 if reason == "alone" else 3).running()
    paper.racks[0].silent = True
    if reason == "current":
        paper.racks[1].current, paper.racks[2].current = 20.0, -20.0
    if reason == "two":
        paper.racks[1].silent = True
    paper.run(60)

    assert paper.state.racks[0].phase is Phase.UNLOADING
    assert paper.state.racks[0].open_timed_out
    assert paper.ordered(1) == 1


def test_a_dead_bus_stops_through_the_pcs() -> None:
    """No rack is heard: zero, and the PCS is not to run (R21)."""
    paper = Paper().running(200e3)
    for rack in paper.racks:
        rack.silent = True
    dead = paper.step().state
    row = paper.tripped
    for rack in paper.racks:
        rack.silent = False
    back = paper.run(3).state

    assert ("bus_silent", 0) in row
    assert (dead.power.applied, dead.runs) == (0, False)
    assert (back.power.applied, back.runs) == (200e3, True)
