"""What is told of the EMS's heartbeat: each change once (R10)."""

import pytest
from control.paper import EMS, Paper

KINDS = ("ems_late", "ems_lost", "ems_back")


def told(paper: Paper) -> list[str]:
    """What was told of the heartbeat, in order."""
    return [event.kind.name for event in paper.events if event.kind.name in KINDS]


@pytest.fixture
def paper() -> Paper:
    """In run, the EMS alive."""
    return Paper().running(100e3)


def test_a_loss_and_a_return_are_told_once_each(paper: Paper) -> None:
    """Late at 3 s, lost at 5 s, back with the next beat; while nothing changes nothing is told."""
    paper.beating = None
    paper.run(6)
    assert told(paper) == ["ems_late", "ems_lost"]
    paper.beating = EMS
    paper.run(4)
    assert told(paper) == ["ems_late", "ems_lost", "ems_back"]


def test_each_late_beat_is_told(paper: Paper) -> None:
    """Late and in time again, twice: told twice, and never lost or back."""
    for _ in range(2):
        paper.beating = None
        paper.run(4)
        paper.beating = EMS
        paper.run(4)
    assert told(paper) == ["ems_late", "ems_late"]
    assert not paper.state.heartbeat.is_late
