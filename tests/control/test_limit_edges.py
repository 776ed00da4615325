"""Power and its limits at their very edges: one look at one state (R5, R10, R13, R19, R22)."""

import dataclasses
import math

import pytest
from control.paper import EMS, SETTINGS, Paper

from gateway.control.facts import Facts
from gateway.control.interlock import Effect
from gateway.control.limit import Allowed, Limiter, Side, active, allowed, within_rating
from gateway.control.settings import Settings
from gateway.control.state import (
    Applied,
    Heartbeat,
    Lease,
    Mode,
    Phase,
    Rack,
    Setpoint,
    State,
    fresh,
)
from gateway.model.command import INSTRUCTIONS, Command

RATED = dataclasses.replace(SETTINGS, charge_rating=1024.0, discharge_rating=512.0, reactive_rating=256.0, ramp_up=0.25, ramp_down=2.0)  # fmt: skip


def side(watts: float) -> Side:
    """A direction that allows so much."""
    return Side(watts, 1.0, Limiter.BATTERY, inhibited=False)


WIDE = Allowed(side(1024.0), side(1024.0))


def running(asked: float | None, before: float = 0.0, *, lost: bool = False) -> State:
    """In run, with a setpoint and what was applied before."""
    points = {} if asked is None else {"power_setpoint": Setpoint(asked, "ems", 0.0)}
    return dataclasses.replace(
        fresh(1, 0.0), racks=(Rack(Phase.CLOSED),), mode=Mode.RUN, lease=Lease(EMS, 60.0, 60.0),
        setpoints=points, power=Applied(applied=before), heartbeat=Heartbeat(is_lost=lost),
    )  # fmt: skip


def applied(
    of: State,
    limits: Allowed = WIDE,
    elapsed: float = 8.0,
    settings: Settings = RATED,
    now: float = 0.0,
) -> tuple[float, Limiter]:
    """What is let through, and what bound it."""
    told = active(of, settings, limits, Effect.NONE, elapsed, now)
    return told.applied, Limiter(told.limited_by)


@pytest.mark.parametrize(
    ("asked", "limits", "power", "bound"),
    [
        (100.0, Allowed(side(50.0), side(100.0)), 100.0, Limiter.NOTHING),
        (100.0, Allowed(side(500.0), side(99.0)), 99.0, Limiter.BATTERY),
        (-100.0, Allowed(side(100.0), side(50.0)), -100.0, Limiter.NOTHING),
        (-100.0, Allowed(side(99.0), side(500.0)), -99.0, Limiter.BATTERY),
        (0.5, Allowed(side(0.0), side(0.5)), 0.5, Limiter.NOTHING),
        (0.0, Allowed(side(0.0), side(0.0)), 0.0, Limiter.NOTHING),
    ],
)
def test_each_direction_has_its_own_limit(
    asked: float, limits: Allowed, power: float, bound: Limiter
) -> None:
    """Up to it nothing binds."""
    assert applied(running(asked), limits) == (power, bound)


@pytest.mark.parametrize(
    ("before", "asked", "power", "bound"),
    [
        (0.0, 256.0, 256.0, Limiter.NOTHING),
        (0.0, 257.0, 256.0, Limiter.RAMP),
        (0.5, 257.0, 256.5, Limiter.RAMP),
        (100.0, 356.0, 356.0, Limiter.NOTHING),
        (100.0, 400.0, 356.0, Limiter.RAMP),
        (-100.0, 300.0, 256.0, Limiter.RAMP),
        (-100.0, -400.0, -356.0, Limiter.RAMP),
        (400.0, 100.0, 100.0, Limiter.NOTHING),
    ],
)
def test_power_rises_by_the_larger_rating(
    before: float, asked: float, power: float, bound: Limiter
) -> None:
    """A quarter of 1,024 W each second, from what flowed in that direction; a fall is at once (R22)."""
    assert applied(running(asked, before), elapsed=1.0) == (power, bound)


def test_what_flows_stays_where_no_time_has_passed() -> None:
    """Half a watt, too; the other way nothing does (R22)."""
    assert applied(running(1.0, 0.5), elapsed=0.0) == (0.5, Limiter.RAMP)
    assert applied(running(-1.0, 0.5), elapsed=0.0) == (0.0, Limiter.RAMP)


@pytest.mark.parametrize(("enable", "effects", "bound"), [(None, Effect.NONE, Limiter.DISABLED), (0.0, Effect.NONE, Limiter.DISABLED), (1.0, Effect.ZERO, Limiter.INTERLOCK)])  # fmt: skip
def test_a_direction_that_is_closed_allows_nothing(
    enable: float | None, effects: Effect, bound: Limiter
) -> None:
    """Neither power nor current (R23)."""
    facts = told(charge_amperes=100.0, discharge_amperes=100.0, bus_voltage=500.0)
    points = {} if enable is None else {f"{name}_enable": Setpoint(enable, "ems", 0.0) for name in ("charge", "discharge")}  # fmt: skip
    limits = allowed(dataclasses.replace(running(None), setpoints=points), facts, SETTINGS, effects)

    for way in (limits.charge, limits.discharge):
        assert (way.watts, way.amperes, way.bound_by) == (0.0, 0.0, bound)


def test_an_ems_that_is_lost_may_leave_power_for_a_while() -> None:
    """As long as the site says, within the limits of then; after that it falls like any other (R10)."""
    holding = dataclasses.replace(RATED, heartbeat_loss=5.0, hold_after_loss=10.0)
    lost = dataclasses.replace(
        running(300.0, -400.0),
        heartbeat=Heartbeat(1, 100.0, is_lost=True),
        resumes=True,
        setpoints={},
    )
    narrow = Allowed(side(100.0), side(500.0))

    assert applied(lost, settings=holding, now=114.5) == (-400.0, Limiter.EMS_LOST)
    assert applied(lost, narrow, settings=holding, now=114.5) == (-100.0, Limiter.EMS_LOST)
    assert applied(lost, elapsed=0.5, settings=holding, now=115.0) == (-144.0, Limiter.EMS_LOST)
    assert applied(lost, elapsed=0.5, now=105.0) == (-144.0, Limiter.EMS_LOST)
    for asked, kept in ((-500.0, -400.0), (-300.0, -300.0), (0.0, -144.0), (300.0, -144.0)):
        setpoint = {"power_setpoint": Setpoint(asked, "ems", 100.0)}
        told = dataclasses.replace(lost, setpoints=setpoint)
        assert applied(told, elapsed=0.5, settings=holding, now=106.0)[0] == kept, (
            "less is asked for (R1)"
        )
    asked_away = dataclasses.replace(lost, resumes=False)
    leaving = dataclasses.replace(lost, racks=(Rack(Phase.CLOSED), Rack(Phase.UNLOADING)))
    joining = dataclasses.replace(lost, racks=(Rack(Phase.CLOSED), Rack(Phase.CLOSING)))
    for state in (asked_away, leaving, joining):
        assert applied(state, elapsed=0.5, settings=holding, now=106.0)[0] == -144.0
    nobodys = dataclasses.replace(lost, lease=None)
    assert applied(nobodys, elapsed=0.5, settings=holding, now=114.5) == (-144.0, Limiter.EMS_LOST)


@pytest.mark.parametrize(("before", "power"), [(1024.0, 512.0), (-1024.0, -512.0), (512.0, 0.0), (500.0, 0.0)])  # fmt: skip
def test_an_ems_that_is_lost_lets_power_fall_by_the_larger_rating(
    before: float, power: float
) -> None:
    """In two seconds from there to zero (R10)."""
    assert applied(running(300.0, before, lost=True), elapsed=1.0) == (power, Limiter.EMS_LOST)


def request(name: str, value: float) -> Command:
    """A value that a master writes."""
    return Command(INSTRUCTIONS[name], value, EMS)


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("power_setpoint", 512.0, True), ("power_setpoint", 512.5, False),
        ("power_setpoint", -1024.0, True), ("power_setpoint", -1024.5, False),
        ("power_setpoint", 0.0, True), ("power_setpoint", math.nan, True),
        ("reactive_setpoint", 256.0, True), ("reactive_setpoint", 256.5, False),
        ("reactive_setpoint", -256.0, True), ("reactive_setpoint", -256.5, False),
        ("power_setpoint_percent", 100.0, True), ("power_setpoint_percent", 100.5, False),
        ("power_setpoint_percent", -100.0, True), ("reactive_setpoint_percent", -100.5, False),
        ("power_setpoint_percent", math.nan, True), ("charge_current_cap", 1e9, True),
    ],
)  # fmt: skip
def test_what_is_within_the_rating(name: str, value: float, *, fits: bool) -> None:
    """Each direction's own, its ends included; other rows have none (R5)."""
    assert within_rating(request(name, value), RATED) is fits


def told(**facts: object) -> Facts:
    """What one rack on the bus tells."""
    paper = Paper(count=1)
    return dataclasses.replace(paper.facts(), **facts)  # type: ignore[arg-type] # its own


@pytest.mark.parametrize(
    ("watts", "amperes", "volts", "power", "current"),
    [
        (1000.0, math.nan, 500.0, 1000.0, 2.0), (math.nan, 2.0, 500.0, 1000.0, 2.0),
        (1000.0, 1.0, 500.0, 500.0, 1.0), (400.0, 1.0, 500.0, 400.0, 0.8),
        (math.nan, math.nan, 500.0, 0.0, 0.0), (1000.0, 1.0, 0.0, 0.0, 0.0),
        (1000.0, 1.0, math.nan, 0.0, 0.0), (1000.0, 4.0, 0.5, 2.0, 4.0), (1000.0, 1.0, math.inf, 0.0, 0.0),
    ],
)  # fmt: skip
def test_power_and_current_allow_no_more_than_each_other(
    watts: float, amperes: float, volts: float, power: float, current: float
) -> None:
    """At the bus's voltage; without one nothing is allowed (R19)."""
    facts = told(charge_amperes=amperes, charge_watts=watts, bus_voltage=volts)
    enabled = dataclasses.replace(running(None), setpoints={"charge_enable": Setpoint(1, "ems", 0.0)})  # fmt: skip
    limits = allowed(enabled, facts, SETTINGS, Effect.NONE)

    assert (limits.charge.watts, limits.charge.amperes) == (power, current)
    assert limits.is_open is (power > 0)


def test_a_cap_of_less_than_nothing_is_none_at_all() -> None:
    """An EMS's narrows to 0, never beyond (R20)."""
    caps = {"charge_enable": Setpoint(1, "ems", 0.0), "charge_current_cap": Setpoint(-5.0, "ems", 0.0)}  # fmt: skip
    facts = told(charge_amperes=100.0, charge_watts=math.nan, bus_voltage=500.0)
    limits = allowed(dataclasses.replace(running(None), setpoints=caps), facts, SETTINGS, Effect.NONE)  # fmt: skip

    assert (limits.charge.watts, limits.charge.amperes, limits.charge.bound_by) == (0.0, 0.0, Limiter.EMS_CAP)  # fmt: skip


@pytest.mark.parametrize(("charge", "discharge"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5)])
def test_any_power_at_all_is_open(charge: float, discharge: float) -> None:
    """In either direction."""
    assert Allowed(side(charge), side(discharge)).is_open is (charge + discharge > 0)
