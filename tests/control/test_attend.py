"""What people do about alarms, as commands: by role, without a lease, and without any effect on control (R39)."""

import pytest
from control.paper import CYCLE, EMS, SCADA, VIEWER, Paper

from gateway.control.alarms import BY_NAME
from gateway.control.annunciator import Life, listed
from gateway.control.attend import ALL
from gateway.model.command import Reason, Stage

FIRE = BY_NAME["bmu_alarm_fire"].number * 100
TRIP = BY_NAME["bmu_trip_overtemperature"].number * 100 + 2
NEVER = BY_NAME["never_heard"].number * 100 + 1


def lives(paper: Paper) -> dict[int, Life]:
    """Where each alarm is in its life, by what is written for it."""
    lines = listed(paper.state.annunciator, paper.settings.kinds)
    return {line.key[0] * 100 + line.key[1]: line.life for line in lines}


def alarmed() -> Paper:
    """A container at work that another master commands, in which one rack trips and one detector speaks."""
    paper = Paper().running()
    paper.report("bmu_trip_overtemperature", 2)
    paper.report("bmu_alarm_fire")
    paper.run(2 * CYCLE)
    return paper


def test_acknowledged_one_by_one_and_all() -> None:
    """Who has seen it is kept; there is a result; the other one is as it was."""
    paper = alarmed()
    before = paper.tripped
    assert lives(paper) == {FIRE: Life.UNACKNOWLEDGED, TRIP: Life.UNACKNOWLEDGED}
    assert paper.write("alarm_acknowledge", FIRE, SCADA).refusal is None
    assert lives(paper) == {FIRE: Life.ACKNOWLEDGED, TRIP: Life.UNACKNOWLEDGED}
    assert paper.state.annunciator.alarms[FIRE // 100, 0].acknowledged_by == "scada"
    assert paper.write("alarm_acknowledge", ALL, SCADA).refusal is None
    assert set(lives(paper).values()) == {Life.ACKNOWLEDGED}
    again = paper.write("alarm_acknowledge", ALL, SCADA)

    assert again.refusal is not None
    assert again.refusal.reason is Reason.POSITION_REACHED
    assert paper.tripped == before


def test_shelved_and_taken_from_the_shelf() -> None:
    """What it does goes on; its time is the site's."""
    paper = alarmed()
    before, until = paper.tripped, paper.now + paper.settings.shelve_time
    assert paper.write("alarm_shelve", FIRE, EMS).refusal is None
    assert lives(paper)[FIRE] is Life.SHELVED
    assert paper.state.annunciator.alarms[FIRE // 100, 0].shelved_until == until
    paper.run(1)
    assert paper.tripped == before
    assert paper.write("alarm_unshelve", FIRE, EMS).refusal is None
    assert lives(paper)[FIRE] is Life.UNACKNOWLEDGED
    twice = paper.write("alarm_unshelve", FIRE, EMS).refusal

    assert twice is not None
    assert twice.reason is Reason.POSITION_REACHED


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (TRIP, Reason.INCONSISTENT_PARAMETERS),
        (NEVER, Reason.INVALID_POSITION),
        (9999, Reason.INVALID_POSITION),
        (0, Reason.INVALID_POSITION),
    ],
)
def test_what_cannot_be_shelved(value: int, reason: Reason) -> None:
    """A trip, never; what is not there, neither."""
    paper = alarmed()
    refusal = paper.write("alarm_shelve", value, EMS).refusal

    assert refusal is not None
    assert refusal.reason is reason
    assert paper.result.stage is Stage.REFUSED


def test_who_only_reads_acknowledges_nothing() -> None:
    """It takes an operator."""
    paper = alarmed()
    refusal = paper.write("alarm_acknowledge", ALL, VIEWER).refusal

    assert refusal is not None
    assert refusal.reason is Reason.NO_AUTHORITY
    assert set(lives(paper).values()) == {Life.UNACKNOWLEDGED}
