"""Cyclic values that are taken and not applied: why, and when it is told (R4)."""

import dataclasses
import math

import pytest
from control.paper import EMS, SCADA, SETTINGS, VIEWER, Paper

from gateway.control.cycle import refusal
from gateway.model.command import INSTRUCTIONS, Command, Reason, Stage


def test_a_value_that_is_held_has_a_result_with_its_reason() -> None:
    """Once, not at each renewal; again after a pause, or with another reason (R4)."""
    paper = Paper().connected()
    paper.write("power_setpoint", 50e3, SCADA)
    first = paper.result
    for _ in range(5):
        paper.run(1)
        paper.write("power_setpoint", 50e3, SCADA)
    renewed = paper.result
    paper.run(6)
    paper.write("power_setpoint", 50e3, SCADA)
    again = paper.result
    paper.write("lease", 0)
    paper.write("power_setpoint", 50e3, SCADA)
    free = paper.result

    assert (first.origin, first.number, first.stage) == ("scada", 2, Stage.HELD)
    assert (first.reason, first.detail) == (Reason.LOCKED_BY_OTHER, "ems")
    assert renewed == first
    assert (again.sequence, again.stage) == (first.sequence + 1, Stage.HELD)
    assert (free.stage, free.reason) == (Stage.HELD, Reason.NO_AUTHORITY)


def test_a_value_that_is_applied_has_none() -> None:
    """Its effect shows in registers of its own; what it takes the place of stays told (R4)."""
    paper = Paper().connected()
    before = paper.state.sequence
    paper.write("power_setpoint", 50e3)
    paper.write("power_setpoint", 60e3)

    assert paper.state.sequence == before


def exact(before: float | None = None, name: str = "power_setpoint") -> Paper:
    """The EMS commands, with a setpoint that stands."""
    settings = dataclasses.replace(SETTINGS, charge_rating=1024.0, discharge_rating=512.0)
    paper = Paper(count=1, settings=settings).adopted()
    paper.write("lease", 3600)
    if before is not None:
        paper.write(name, before)
    return paper


@pytest.mark.parametrize(
    ("name", "before", "value", "taken"),
    [
        ("power_setpoint", 1.0, 0.5, True), ("power_setpoint", 1.0, 1.0, True), ("power_setpoint", 1.0, 1.5, False),
        ("power_setpoint", -1.0, -0.5, True), ("power_setpoint", -1.0, 0.5, False), ("power_setpoint", 1.0, -0.5, False),
        ("power_setpoint", 1.0, math.nan, True), ("power_setpoint", None, 0.5, False), ("power_setpoint", None, 0.0, True),
        ("charge_current_cap", 10.0, 9.5, True), ("charge_current_cap", 10.0, 10.0, False),
        ("charge_current_cap", 10.0, 10.5, False), ("charge_current_cap", None, 50.0, True),
        ("charge_current_cap", 10.0, math.nan, False),
    ],
)  # fmt: skip
def test_anybody_may_ask_for_less(
    name: str, before: float | None, value: float, *, taken: bool
) -> None:
    """Less power in the same direction, a narrower cap; all else is the owner's (R1)."""
    paper = exact(before, name)
    verdict = paper.write(name, value, SCADA).verdicts[0]

    assert (verdict.reason is Reason.NONE) is taken
    stands = paper.state.setpoints.get(name)
    after = value if taken else before
    assert (math.nan if stands is None else stands.value) == pytest.approx(math.nan if after is None else after, nan_ok=True)  # fmt: skip


@pytest.mark.parametrize(
    ("percent", "watts"), [(50.0, 256.0), (0.5, 2.56), (-50.0, -512.0), (-0.5, -5.12), (0.0, 0.0)]
)
def test_per_cent_are_of_the_rating_in_that_direction(percent: float, watts: float) -> None:
    """512 W of discharge, 1,024 W of charge."""
    paper = exact()
    paper.write("power_setpoint_percent", percent)

    assert paper.state.setpoints["power_setpoint"].value == watts


def test_a_heartbeat_that_is_no_number_is_no_sign_of_life() -> None:
    """Of who has the lease; of anybody else it is that which it lacks (R4, R8)."""
    paper = exact()
    mine = paper.write("ems_heartbeat", math.inf).verdicts[0]
    theirs = paper.write("ems_heartbeat", math.inf, SCADA).verdicts[0]

    assert (mine.accepted, mine.reason) == (True, Reason.INCONSISTENT_PARAMETERS)
    assert (theirs.accepted, theirs.reason) == (True, Reason.LOCKED_BY_OTHER)
    assert paper.state.heartbeat.value is None


@pytest.mark.parametrize(("pause", "new"), [(3.5, 0), (4.0, 0), (4.5, 1)])
def test_a_pause_longer_than_a_setpoint_lives_is_a_new_attempt(pause: float, new: int) -> None:
    """To the moment (R4)."""
    paper = Paper(settings=dataclasses.replace(SETTINGS, setpoint_life=4.0))
    paper.write("power_setpoint", 5.0)
    told = paper.state.sequence
    paper.now += pause
    paper.write("power_setpoint", 5.0)

    assert paper.state.sequence - told == new


def test_a_write_acts_if_one_of_its_commands_does() -> None:
    """Cyclic rows alone wait for the next cycle; a refused write does nothing (R4)."""
    paper = exact()
    cyclic = paper.block(EMS, ("ems_heartbeat", 1, 0), ("charge_enable", 1, 0))
    mixed = paper.block(EMS, ("ems_heartbeat", 2, 0), ("trip", 1, 0))
    refused = paper.block(EMS, ("trip", 2, 0), ("connect", 1, 0))

    assert (cyclic.acts, mixed.acts, refused.acts) == (False, True, False)
    assert (cyclic.refusal, mixed.refusal) == (None, None)
    assert refused.refusal is not None


def test_a_refusal_from_outside_is_told_like_any_other() -> None:
    """The disk, the way out: with its result and its event, and no edge is left (R3, R41)."""
    paper = exact()
    command = Command(INSTRUCTIONS["connect"], 7.0, EMS)
    admission = refusal(paper.state, command, Reason.BLOCKED_BY_PROCESS, "journal", paper.now)

    assert admission.refusal == admission.verdicts[0]
    assert (admission.verdicts[0].reason, admission.verdicts[0].detail) == (Reason.BLOCKED_BY_PROCESS, "journal")  # fmt: skip
    assert [event.detail for event in admission.events] == ["refused, blocked_by_process, journal"]
    assert (admission.state.results[0].number, admission.state.results[0].stage) == (20, Stage.REFUSED)  # fmt: skip
    assert admission.state.held["ems", "connect", 0] == 7.0


def test_what_was_written_reads_back_applied_or_not() -> None:
    """Each row what was written last, by whom does not matter (R4)."""
    paper = exact()
    paper.write("power_setpoint", 7.0)
    paper.write("charge_current_cap", 3.0, SCADA)
    paper.write("reactive_setpoint", 9.0, SCADA)

    assert [paper.state.written[name, 0] for name in ("power_setpoint", "charge_current_cap", "reactive_setpoint")] == [7, 3, 9]  # fmt: skip
    assert "reactive_setpoint" not in paper.state.setpoints


def test_what_is_told_of_a_refusal_and_of_what_is_done() -> None:
    """The reason and what stands against it; what changes nothing is not told (R3)."""
    paper = exact()
    paper.events.clear()
    role = paper.write("connect", 1, VIEWER).verdicts[0]
    number = paper.write("connect", math.nan).verdicts[0]
    paper.write("lease", 3600)
    paper.write("rack_connect", 1, SCADA, rack=1)

    assert (role.reason, role.detail) == (Reason.NO_AUTHORITY, "role")
    assert (number.reason, number.detail) == (Reason.NOT_SUPPORTED, "no number")
    assert [event.detail for event in paper.told("command")] == ["refused, locked_by_other, ems"]
