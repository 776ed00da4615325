"""Select before operate (R2, CMD-01)."""

import pytest
from control.paper import CHIEF, CYCLE, EMS, SCADA, Paper

from gateway.control.state import Phase
from gateway.model.command import INSTRUCTIONS, SELECT_STEP, Origin, Reason, Role

RACK_CONNECT = INSTRUCTIONS["rack_connect"].number * SELECT_STEP
CONNECT = INSTRUCTIONS["connect"].number * SELECT_STEP


def leased() -> Paper:
    """A container whose EMS has the lease."""
    paper = Paper().adopted()
    paper.write("lease", 3600)
    paper.beating = EMS
    return paper


def test_unselected_is_refused() -> None:
    """Close without select: 18, and no order (CMD-01)."""
    paper = leased()
    refusal = paper.write("connect", 1).refusal
    paper.run(1)

    assert refusal is not None
    assert refusal.reason is Reason.NOT_SELECTED
    assert paper.phases == {Phase.OPEN}


@pytest.mark.parametrize(("waited", "reason"), [(9.98, None), (10.0, Reason.TIME_LIMIT_OVER)])
def test_a_select_lives_for_its_window(waited: float, reason: Reason | None) -> None:
    """10 s; then 16, to the cycle (CMD-01)."""
    paper = leased()
    paper.write("select", CONNECT)
    paper.run(waited)
    refusal = paper.write("connect", 1).refusal

    assert (refusal and refusal.reason) is reason


@pytest.mark.parametrize(
    ("selected", "name", "rack"),
    [
        (RACK_CONNECT + 1, "rack_connect", 2),
        (RACK_CONNECT + 1, "connect", 0),
        (CONNECT, "rack_connect", 1),
    ],
)
def test_a_select_arms_exactly_one_command(selected: int, name: str, rack: int) -> None:
    """Another rack or row is not armed by it, and does not use it up (R2)."""
    paper = leased()
    assert paper.write("select", selected).refusal is None
    refusal = paper.write(name, 1, rack=rack).refusal

    assert refusal is not None
    assert refusal.reason is Reason.NOT_SELECTED
    assert paper.state.selection is not None


def test_an_operate_uses_its_select_up() -> None:
    """Accepted or refused: the next one needs a new select (R2, R3)."""
    paper = leased()
    paper.report("bmu_alarm_door")
    paper.run(CYCLE)
    paper.write("select", CONNECT)
    blocked = paper.write("connect", 1).refusal
    paper.clear("bmu_alarm_door")
    paper.run(CYCLE)
    again = paper.write("connect", 2).refusal

    assert blocked is not None
    assert blocked.reason is Reason.BLOCKED_BY_INTERLOCKING
    assert again is not None
    assert again.reason is Reason.NOT_SELECTED
    assert paper.operate("connect").refusal is None
    assert paper.state.selection is None


def test_nobody_uses_up_anothers_select() -> None:
    """A refused operate of another master leaves it as it is."""
    paper = leased()
    paper.write("select", CONNECT)
    paper.write("connect", 1, SCADA)

    assert paper.write("connect", 1).refusal is None


@pytest.mark.parametrize(
    "number", [100, 2400, 9900, CONNECT + 1, RACK_CONNECT, RACK_CONNECT + 4, 65534]
)
def test_only_what_needs_a_select_can_be_selected(number: int) -> None:
    """Unknown commands, racks that are not there, rows without select: refused (R2)."""
    refusal = leased().write("select", number).refusal

    assert refusal is not None
    assert refusal.reason is Reason.NOT_SUPPORTED


def test_who_may_not_operate_may_not_select() -> None:
    """Select asks for the role, the lease and the key of what it arms (R2)."""
    paper = leased()
    dispatcher = Origin("low", Role.DISPATCHER)
    low = paper.write("select", CONNECT, dispatcher).refusal
    other = paper.write("select", CONNECT, SCADA).refusal

    assert low is not None
    assert (low.reason, low.detail) == (Reason.NO_AUTHORITY, "connect")
    assert other is not None
    assert other.reason is Reason.LOCKED_BY_OTHER


@pytest.mark.parametrize("how", ["trip", "software_stop", "lease"])
def test_a_select_does_not_outlive_a_trip_or_the_lease(how: str) -> None:
    """Nothing armed fires later (R3)."""
    paper = leased()
    paper.write("select", CONNECT)
    paper.write(how, 60, CHIEF)

    assert paper.state.selection is None


def test_select_and_operate_come_in_two_writes() -> None:
    """A master that writes both in one block has selected nothing before: refused as a whole (R2)."""
    paper = leased()
    refusal = paper.block(EMS, ("select", CONNECT, 0), ("connect", 1, 0)).refusal
    paper.run(5)

    assert refusal is not None
    assert refusal.reason is Reason.NOT_SELECTED
    assert paper.phases == {Phase.OPEN}
