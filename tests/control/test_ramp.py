"""How limits rise, to the last watt: one look at one state (R22)."""

import dataclasses

import pytest
from control.paper import SETTINGS

from gateway.control.limit import Allowed, Limiter, Side
from gateway.control.ramp import eased
from gateway.control.state import Passed, State, fresh

EXACT = dataclasses.replace(SETTINGS, charge_rating=1024.0, discharge_rating=512.0, ramp_up=0.25, limit_band=0.25)  # fmt: skip
"Over an eighth of a second limits rise by 32 W of charge, by 16 W of discharge."
VOLTS = 64.0
"At which 32 W are 0.5 A."
NOTHING = Passed()
STILL = Side(0.0, 0.0, Limiter.MODE, inhibited=False)


def side(watts: float, amperes: float) -> Side:
    """What is allowed in a direction."""
    return Side(watts, amperes, Limiter.BATTERY, inhibited=False)


def before(charge: Passed, discharge: Passed = NOTHING) -> State:
    """A cycle an eighth of a second ago, and what it passed on."""
    return dataclasses.replace(fresh(1, 0.0), stepped=10.0, passed=(charge, discharge))


def charged(passed: Passed, target: Side, volts: float = VOLTS) -> tuple[Side, Passed]:
    """One direction after the cycle."""
    allowed, after = eased(before(passed), Allowed(target, STILL), EXACT, volts, 10.125)
    assert after[1] == NOTHING
    return allowed.charge, after[0]


def test_both_directions_have_their_own() -> None:
    """Each by its rating, from what was passed on of it."""
    state = before(Passed(100.0, 1.0), Passed(300.0, 3.0))
    allowed, after = eased(state, Allowed(side(1000.0, 10.0), side(900.0, 9.0)), EXACT, VOLTS, 10.125)  # fmt: skip

    assert (allowed.charge.watts, allowed.charge.amperes) == (132.0, 1.5)
    assert (allowed.discharge.watts, allowed.discharge.amperes) == (316.0, 3.25)
    assert after == (Passed(132.0, 1.5, is_rising=True), Passed(316.0, 3.25, is_rising=True))
    assert allowed.charge.bound_by is allowed.discharge.bound_by is Limiter.RAMP


@pytest.mark.parametrize("rising", [False, True])
def test_what_is_reached_is_passed_on_as_it_is(*, rising: bool) -> None:
    """Nothing is made anew, and no rise goes on."""
    target = Allowed(side(128.0, 2.0), STILL)
    allowed, after = eased(before(Passed(128.0, 2.0, is_rising=rising)), target, EXACT, VOLTS, 10.125)  # fmt: skip

    assert allowed is target
    assert after[0] == Passed(128.0, 2.0)


@pytest.mark.parametrize(
    ("passed", "target", "watts", "amperes", "rising"),
    [
        (Passed(96.0, 2.0), side(128.0, 2.0), 96.0, 2.0, False),
        (Passed(95.0, 2.0), side(128.0, 2.0), 127.0, 2.0, True),
        (Passed(128.0, 1.5), side(128.0, 2.0), 128.0, 1.5, False),
        (Passed(128.0, 1.25), side(128.0, 2.0), 128.0, 1.75, True),
        (Passed(96.0, 2.0, is_rising=True), side(128.0, 2.0), 128.0, 2.0, False),
        (Passed(96.0, 1.0, is_rising=True), side(128.0, 2.0), 128.0, 1.5, True),
        (Passed(64.0, 1.75, is_rising=True), side(128.0, 2.0), 96.0, 2.0, True),
        (Passed(128.0, 2.0), side(127.0, 2.0), 127.0, 2.0, False),
        (Passed(128.0, 2.0), side(128.0, 1.0), 128.0, 1.0, False),
    ],
)  # fmt: skip
def test_a_rise_begins_beyond_the_band_and_ends_at_the_top(
    passed: Passed, target: Side, watts: float, amperes: float, *, rising: bool
) -> None:
    """Of power or of current; either has to be there for it to end, and a fall is at once."""
    after, now = charged(passed, target)

    assert (after.watts, after.amperes) == (watts, amperes)
    assert now == Passed(watts, amperes, is_rising=rising)
    assert after.bound_by is (Limiter.RAMP if rising else Limiter.BATTERY)


@pytest.mark.parametrize(("volts", "amperes"), [(0.0, 1.0), (float("nan"), 1.0), (-5.0, 1.0), (0.5, 65.0)])  # fmt: skip
def test_current_rises_by_the_voltage_alone(volts: float, amperes: float) -> None:
    """Where there is none, it stays."""
    after, _ = charged(Passed(0.0, 1.0, is_rising=True), side(1000.0, 100.0), volts)

    assert after.amperes == amperes
