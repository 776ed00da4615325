"""Cyclic values that are taken and not applied: why, and when it is told (R4)."""

from control.paper import SCADA, Paper

from gateway.model.command import Reason, Stage


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
