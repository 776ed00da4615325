"""What becomes of setpoints: deadlines, ratings, ramps, and who binds them (R1, R4, R5, R9, R22)."""

import dataclasses
import math

import pytest
from control.paper import CYCLE, EMS, SCADA, SETTINGS, Paper

from gateway.control.limit import Limiter
from gateway.control.settings import PcsPath
from gateway.control.state import Mode, Phase
from gateway.model.command import Reason

BIG = (3000.0, 3000.0)
"A: more than the rating can use."


def held(watts: float | None = None) -> Paper:
    """In run, with a big battery."""
    return Paper(amperes=BIG).running(watts)


@pytest.mark.parametrize("watts", [150e3, -150e3])
def test_a_setpoint_is_applied_with_its_sign(watts: float) -> None:
    """Positive discharges, here and everywhere (CMD-11)."""
    paper = held(watts)

    assert paper.outcome is not None
    assert (paper.power, paper.bound_by) == (watts, Limiter.NOTHING)
    assert paper.outcome.orders.value("operation") == (1 if watts > 0 else 2)


def test_racks_at_rest_are_told_to_be_ready_to_discharge() -> None:
    """Closed without power is not standby."""
    assert held().history[-1].value("operation") == 1


def test_power_rises_with_its_ramp_and_falls_at_once() -> None:
    """0.2 of the rating a second up; less is applied in the same cycle (R22)."""
    paper = held()
    paper.write("power_setpoint", 400e3)
    first = paper.step().state.power
    second = paper.step().state.power
    rises = paper.takes(lambda paper: paper.power == 400e3)
    paper.write("power_setpoint", 50e3)
    lower = paper.step().state.power

    assert first.applied == pytest.approx(4e3)
    assert first.limited_by == Limiter.RAMP
    assert second.applied == pytest.approx(8e3)
    assert rises + 2 * CYCLE == pytest.approx(2, abs=CYCLE)
    assert (lower.applied, lower.limited_by) == (50e3, Limiter.NOTHING)


def test_a_reversal_rises_from_zero() -> None:
    """Discharge to charge: the fall to zero is at once, the rise in the other direction is ramped (R22)."""
    paper = held(200e3)
    paper.watts_asked = None
    paper.write("power_setpoint", -200e3)

    assert paper.step().state.power.applied == pytest.approx(-4e3)


def test_a_stall_is_not_made_up_for() -> None:
    """After a cycle that came late, power rises by 0.2 s of ramp at most (R8, R22)."""
    paper = held()
    paper.write("power_setpoint", 400e3)
    paper.now += 3

    assert paper.step().state.power.applied == pytest.approx(0.2 * 0.2 * 1000e3)


@pytest.mark.parametrize("row", ["power_setpoint", "power_setpoint_percent"])
def test_a_setpoint_dies_by_its_own_deadline(row: str) -> None:
    """Not renewed for 5 s: zero at once, named, while the heartbeat goes on (R9, CMD-09)."""
    paper = held()
    paper.write(row, 20 if row.endswith("percent") else 200e3)
    took = paper.takes(lambda paper: bool(paper.told("setpoint_expired")))

    assert took == pytest.approx(5, abs=CYCLE / 2)
    assert (paper.power, paper.bound_by) == (0, Limiter.EXPIRED)
    assert paper.mode is Mode.RUN
    assert not paper.state.heartbeat.is_lost


def test_q_never_extends_p() -> None:
    """Each setpoint has its own deadline (R9)."""
    paper = held()
    paper.write("power_setpoint", 200e3)
    paper.run(4)
    paper.write("reactive_setpoint", 30e3)
    paper.run(1)

    assert set(paper.state.setpoints) == {
        "reactive_setpoint", "charge_enable", "discharge_enable",
    }  # fmt: skip
    assert (paper.power, paper.state.reactive.applied) == (0, 30e3)


def test_a_setpoint_can_be_withdrawn() -> None:
    """No value, written: at once without one."""
    paper = held(100e3)
    paper.watts_asked = None
    paper.write("power_setpoint", math.nan)

    assert (paper.step().state.power.applied, paper.bound_by) == (0, Limiter.EXPIRED)
    assert math.isnan(paper.state.power.requested)


@pytest.mark.parametrize(
    ("row", "value", "applied"),
    [
        ("power_setpoint", 5000e3, 1000e3),
        ("power_setpoint", math.inf, 1000e3),
        ("power_setpoint", -math.inf, -800e3),
        ("power_setpoint_percent", 50, 500e3),
        ("power_setpoint_percent", -50, -400e3),
        ("power_setpoint_percent", 250, 1000e3),
    ],
)
def test_beyond_the_rating_is_clamped_and_said(row: str, value: float, applied: float) -> None:
    """The rating of its own direction binds, and is named (R5)."""
    paper = Paper(amperes=BIG, settings=dataclasses.replace(SETTINGS, charge_rating=800e3))
    paper.running()
    for _ in range(3):
        paper.write(row, value)
        paper.run(3)

    assert paper.power == pytest.approx(applied)
    beyond = (abs(value) > 100 and "percent" in row) or abs(value) > 1000e3
    assert paper.bound_by is (Limiter.RATING if beyond else Limiter.NOTHING)
    assert paper.state.power.requested == (
        value * (1e4 if value > 0 else 8e3) if "percent" in row else value
    )


@pytest.mark.parametrize(
    ("value", "applied", "by"),
    [
        (100e3, 100e3, Limiter.NOTHING),
        (-500e3, -500e3, Limiter.NOTHING),
        (600e3, 500e3, Limiter.RATING),
        (-math.inf, -500e3, Limiter.RATING),
    ],
)
def test_reactive_power_is_bound_by_its_rating_alone(
    value: float, applied: float, by: Limiter
) -> None:
    """The battery does not carry it (R5)."""
    paper = Paper(amperes=(0, 0)).running()
    paper.write("reactive_setpoint", value)
    reactive = paper.step().state.reactive

    assert (reactive.applied, reactive.limited_by) == (applied, by)
    paper.write("reactive_setpoint_percent", 10)
    assert paper.step().state.reactive.applied == pytest.approx(50e3)


@pytest.mark.parametrize(
    ("value", "taken"),
    [(0, True), (50e3, True), (100e3, True), (101e3, False), (-1, False), (math.nan, True)],
)
def test_less_needs_only_the_role(value: float, *, taken: bool) -> None:
    """A master without the lease may ask for less than what stands; not for longer (R1, R9)."""
    paper = held(100e3)
    paper.beating = None
    before = paper.state.setpoints["power_setpoint"]
    paper.run(0.5)
    paper.write("power_setpoint", value, SCADA)
    after = paper.state.setpoints.get("power_setpoint")

    expected = None if math.isnan(value) else value if taken else 100e3
    assert (after and after.value) == expected
    if after is not None:
        assert (after.deadline, after.owner) == (before.deadline, "ems")


def test_zero_is_less_than_anything() -> None:
    """Even than a setpoint without bounds (R1)."""
    paper = held()
    paper.write("power_setpoint", -math.inf)
    paper.write("power_setpoint", 0, SCADA)

    assert paper.step().state.power.requested == 0


def test_who_may_not_narrow_may_not_widen() -> None:
    """Caps and enables: a master without the lease may lower and disable, not raise and enable (R1, R2)."""
    paper = held()
    first = paper.write("charge_current_cap", 100, SCADA).verdicts[0]
    more = paper.write("charge_current_cap", 101, SCADA).verdicts[0]
    none = paper.write("charge_current_cap", math.nan, SCADA).verdicts[0]
    less = paper.write("charge_current_cap", 99, SCADA).verdicts[0]
    off = paper.write("charge_enable", 0, SCADA).verdicts[0]
    again = paper.write("charge_enable", 1, SCADA).verdicts[0]

    assert [item.reason for item in (first, more, none, less, off, again)] == [
        Reason.NONE, Reason.LOCKED_BY_OTHER, Reason.LOCKED_BY_OTHER,
        Reason.NONE, Reason.NONE, Reason.LOCKED_BY_OTHER,
    ]  # fmt: skip
    assert paper.state.setpoints["charge_current_cap"].value == 99
    assert paper.state.setpoints["charge_enable"].value == 0
    paper.write("charge_current_cap", math.nan)
    assert "charge_current_cap" not in paper.state.setpoints


def test_a_change_of_what_becomes_of_it_is_told_once() -> None:
    """Not one event for each renewal (R4)."""
    paper = held()
    paper.events.clear()
    for _ in range(5):
        paper.write("power_setpoint", 100e3)
        paper.write("power_setpoint", 200e3, SCADA)

    assert [(event.origin, event.detail) for event in paper.told("setpoint")] == [
        ("ems", "accepted"), ("scada", "held, locked_by_other, ems"),
    ]  # fmt: skip


def _no_path(paper: Paper) -> None:
    paper.settings = dataclasses.replace(SETTINGS, path=PcsPath.EMS_RELAYS)


def _unloading(paper: Paper) -> None:
    for rack in paper.racks:
        rack.current = 50.0
    paper.write("rack_disconnect", 1, rack=1)


def _ready(paper: Paper) -> None:
    paper.write("mode_request", 3)


def _no_lease(paper: Paper) -> None:
    paper.beating = None
    paper.write("lease", 0)


def _stopped(paper: Paper) -> None:
    paper.write("software_stop", 1)


def _disabled(paper: Paper) -> None:
    paper.write("discharge_enable", 0)


def _capped(paper: Paper) -> None:
    paper.write("discharge_current_cap", 0)


def _empty(paper: Paper) -> None:
    paper.amperes = (300.0, 0.0)


BLOCKS = {
    _no_path: Limiter.NO_PATH,
    _unloading: Limiter.SEQUENCE,
    _ready: Limiter.MODE,
    _no_lease: Limiter.NO_LEASE,
    _stopped: Limiter.INTERLOCK,
    _disabled: Limiter.DISABLED,
    _capped: Limiter.EMS_CAP,
    _empty: Limiter.BATTERY,
}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__.strip("_"))
def test_what_stands_against_power_zeroes_it_at_once_and_is_named(block: object) -> None:
    """Applied = 0 in the next cycle, and limited-by says by what (R4, R22, CMD-07)."""
    paper = held(200e3)
    assert callable(block)
    block(paper)
    paper.step()

    assert (paper.power, paper.bound_by) == (0, BLOCKS[block])


def test_no_power_flows_while_a_rack_closes() -> None:
    """Racks join at rest: a setpoint waits until the one that is closing has closed (R29)."""
    paper = Paper(amperes=BIG).running()
    paper.write("rack_disconnect", 1, rack=3)
    paper.takes(lambda paper: paper.state.racks[2].phase is Phase.OPEN)
    paper.operate("rack_connect", EMS, 3)
    paper.takes(lambda paper: paper.state.racks[2].phase is Phase.CLOSING)
    paper.write("power_setpoint", 100e3)
    paper.run(0.3)

    assert paper.state.racks[2].phase is Phase.CLOSING
    assert (paper.power, paper.bound_by) == (0, Limiter.SEQUENCE)
    paper.run(0.5)
    assert paper.power > 0
