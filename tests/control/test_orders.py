"""What a state orders of racks and of the PCS: one look at one state (R8, R12, R14, R27)."""

import dataclasses
import math

import pytest
from control.paper import EMS, SETTINGS, Paper

from gateway.control.interlock import BY_NAME, Effect
from gateway.control.limit import Allowed, Limiter, Side
from gateway.control.orders import ordered, pcs_order, runs
from gateway.control.settings import PcsPath
from gateway.control.state import Applied, Mode, Phase, Rack, Standing, State, fresh

DRIVEN = dataclasses.replace(SETTINGS, path=PcsPath.WE_DRIVE)
SIDE = Side(10e3, 25.0, Limiter.BATTERY, inhibited=False)
LIMITS = Allowed(SIDE, dataclasses.replace(SIDE, amperes=50.0))


def state(*phases: Phase, mode: Mode = Mode.STANDBY, **fields: object) -> State:
    """Racks in some phases, since 100 s."""
    return dataclasses.replace(fresh(len(phases), 100.0), racks=tuple(map(Rack, phases)), mode=mode, **fields)  # type: ignore[arg-type] # fmt: skip # the state's own


def order(of: State, name: str, rack: int = 0, now: float = 107.9) -> float:
    """The value of an order."""
    paper = Paper(count=len(of.racks))
    return ordered(of, paper.facts(), SETTINGS, now).value(name, rack)


def test_the_heartbeat_counts_seconds_since_the_start() -> None:
    """Whole ones, and from 0 again after 65,534."""
    assert order(state(Phase.OPEN), "heartbeat") == 7
    assert order(state(Phase.OPEN), "heartbeat", now=100.0 + 65535) == 0
    assert order(state(Phase.OPEN), "heartbeat", now=100.0 + 65534) == 65534


def test_a_stop_or_a_trip_is_told_to_bmus() -> None:
    """Either of the two (R1)."""
    assert order(state(Phase.OPEN), "stop") == 0
    assert order(state(Phase.OPEN, stopped=True), "stop") == 1
    assert order(state(Phase.OPEN, tripped_by=(EMS,)), "stop") == 1


@pytest.mark.parametrize(("now", "asked"), [(107.0, 1), (108.0, 1), (108.5, 0)])
def test_a_reset_is_passed_on_for_its_time(now: float, asked: int) -> None:
    """To BMUs and to the PCS, the last moment included (R24)."""
    of = state(Phase.OPEN, reset_until=108.0)

    assert order(of, "alarm_reset", now=now) == asked
    assert pcs_order(of, DRIVEN, LIMITS, now).reset is bool(asked)
    assert not pcs_order(of, SETTINGS, LIMITS, now).reset


@pytest.mark.parametrize(
    ("of", "told"),
    [
        (state(Phase.OPEN, Phase.OPEN), 0),
        (state(Phase.OPEN, Phase.CLOSED), 1),
        (state(Phase.OPEN, Phase.CLOSED, power=Applied(applied=-1.0)), 2),
        (state(Phase.OPEN, Phase.CLOSED, power=Applied(applied=1.0)), 1),
        (state(Phase.OPEN, Phase.OPEN, mode=Mode.ADOPT), math.nan),
        (state(Phase.OPEN, Phase.CLOSED, mode=Mode.ADOPT), 1),
    ],
)
def test_what_the_plant_is_about_to_do(of: State, told: float) -> None:
    """Standby, discharge or charge; nothing while racks are adopted, unless one is held closed (R14)."""
    assert order(of, "operation") == pytest.approx(told, nan_ok=True)


@pytest.mark.parametrize("rack", [0, 1, 2, 3])
def test_racks_are_held_in_adoption_unless_something_opens_one(rack: int) -> None:
    """Whichever rack it stands at (R14)."""
    of = state(Phase.CLOSED, Phase.CLOSED, Phase.CLOSED, mode=Mode.ADOPT)
    opening = {(BY_NAME["bmu_trip_fire"].number, rack): Standing(0.0, 1.0, tripped=0.0)}
    against = dataclasses.replace(of, chain=opening)

    assert [order(of, "rack_connect", number) for number in (1, 2, 3)] == [1, 1, 1]
    assert all(math.isnan(order(against, "rack_connect", number)) for number in (1, 2, 3))


def test_the_pcs_runs_while_one_rack_is_closed() -> None:
    """In run, or while power is still let through; never against a stop."""
    running = state(Phase.OPEN, Phase.CLOSED, mode=Mode.RUN)

    assert runs(running, Effect.NONE)
    assert not runs(running, Effect.STOP_PCS)
    assert not runs(state(Phase.OPEN, Phase.OPEN, mode=Mode.RUN), Effect.NONE)
    assert runs(state(Phase.CLOSED, mode=Mode.READY, power=Applied(applied=5.0)), Effect.NONE)
    assert not runs(state(Phase.CLOSED, mode=Mode.READY), Effect.NONE)


def test_a_pcs_that_does_not_run_is_asked_for_nothing() -> None:
    """Power and reactive power are 0 then, whatever is applied; limits are told all the same (R12, R13)."""
    of = state(Phase.CLOSED, mode=Mode.RUN, runs=True, power=Applied(applied=5e3), reactive=Applied(applied=2e3))  # fmt: skip
    asked = pcs_order(of, DRIVEN, LIMITS, 101.0)
    still = pcs_order(dataclasses.replace(of, runs=False), DRIVEN, LIMITS, 101.0)
    polled = pcs_order(of, SETTINGS, LIMITS, 101.0)

    assert (asked.power, asked.reactive, asked.run, asked.stop, asked.access) == (5e3, 2e3, True, False, True)  # fmt: skip
    assert (still.power, still.reactive, still.run, still.stop) == (0.0, 0.0, False, True)
    assert (polled.power, polled.run, polled.access) == (0.0, False, False)
    assert (still.charge_current, still.discharge_current) == (25.0, 50.0)
    assert not pcs_order(dataclasses.replace(of, left_alone=True), DRIVEN, LIMITS, 101.0).access
