"""The key, and what a lease leaves behind when it goes (R7, R8, R36)."""

import pytest
from control.paper import EMS, PANEL, SCADA, Paper

from gateway.control.state import Heartbeat
from gateway.model.command import Stage


def commanded() -> Paper:
    """The EMS has the lease, and has shown life."""
    paper = Paper(count=1).adopted()
    paper.write("lease", 60)
    for number in (1, 2, 3):
        paper.write("ems_heartbeat", number)
        paper.run(0.1)
    paper.events.clear()
    return paper


@pytest.mark.parametrize(("name", "value", "origin"), [("lease", 0, EMS), ("local_key", 1, PANEL)])
def test_a_lease_that_goes_takes_its_heartbeat_along(name: str, value: float, origin: object) -> None:  # fmt: skip
    """Given back, or taken away by the key: nobody is awaited any more (R8)."""
    paper = commanded()
    assert paper.state.heartbeat.value == 3
    paper.write(name, value, PANEL if origin is PANEL else EMS)

    assert paper.state.lease is None
    assert paper.state.heartbeat == Heartbeat()
    assert [event.origin for event in paper.told("lease_ended")] == ["ems"]


def test_the_key_takes_the_lease_of_the_other_side_alone() -> None:
    """Turned to local it leaves a local master's; turned back, a remote one may come (R7, R36)."""
    paper = commanded()
    paper.write("lease", 60, PANEL)
    paper.write("local_key", 1, PANEL)
    kept = paper.state.lease
    paper.write("local_key", 1, PANEL)
    again = paper.state.lease
    paper.write("local_key", 0, PANEL)
    remote = paper.state.lease

    assert kept is not None
    assert kept.owner == PANEL
    assert again == kept
    assert remote is None


def test_a_turn_of_the_key_is_told_once() -> None:
    """With a result of its own; where it is already, nothing happens (R3)."""
    paper = commanded()
    paper.write("local_key", 1, PANEL)
    turned = paper.result
    paper.write("local_key", 1, PANEL)

    assert (turned.number, turned.stage) == (13, Stage.OK)
    assert paper.result == turned
    assert [event.row for event in paper.told("command")] == ["local_key"]


def test_commands_do_not_change_hands() -> None:
    """Who has the lease keeps it, whoever trips; a renewal is no news (R7)."""
    paper = commanded()
    paper.write("trip", 1, SCADA)
    paper.write("lease", 90)

    assert not paper.told("lease_ended")
    assert not paper.told("lease_granted")
    assert paper.state.lease is not None
    assert paper.state.lease.owner == EMS


def test_a_lease_of_one_second_is_one() -> None:
    """The shortest there is; no part of one gives it back."""
    paper = Paper(count=1).adopted()
    assert paper.write("lease", 1).refusal is None
    assert paper.state.lease is not None
    assert paper.state.lease.until == paper.now + 1


def test_cyclic_rows_leave_no_edge() -> None:
    """They read back, and are not remembered per master (R3)."""
    paper = commanded()
    assert {row for _, row, _ in paper.state.held} == {"lease"}
    assert paper.state.written["ems_heartbeat", 0] == 3
