"""From the moment both main contactors are told closed a rack is on the bus: what then turns it back waits (R30)."""

import math
from collections.abc import Callable

import pytest
from control.coiled import (
    CLOSED,
    OFF,
    SITE,
    asked,
    change,
    coils_of,
    ordered,
    phase_of,
    reasons,
    step_of,
    until,
)  # fmt: skip
from control.paper import CYCLE, EMS, SCADA, Paper

from gateway.control.interlock import BY_NAME, Effect
from gateway.control.state import Phase, Step
from gateway.model.command import Stage

AMPERES = 150.0
BACK: dict[str, Callable[[Paper], object]] = {
    "software_stop": lambda paper: paper.write("software_stop", 1, SCADA),
    "trip": lambda paper: paper.write("trip", 1, SCADA),
    "disconnect": lambda paper: paper.write("disconnect", 1, SCADA),
    "rack_disable": lambda paper: paper.write("rack_disable", 1, SCADA, rack=1),
    "standby": lambda paper: paper.write("mode_request", 2, EMS),
    "limits_lost": lambda paper: paper.report("limits_lost", 1),
}


def through(amperes: float = AMPERES) -> Paper:
    """In the step of the positive contactor, in the cycle before it is told closed."""
    paper = until(asked(), Step.POSITIVE)
    paper.takes(lambda paper: coils_of(paper).closed("positive"))
    assert step_of(paper) is Step.POSITIVE
    paper.racks[0].current = amperes
    return paper


def releasing(amperes: float = AMPERES, **coils: object) -> Paper:
    """In the last step, with current."""
    paper = asked()
    change(paper, 1, **coils)
    until(paper, Step.RELEASE).racks[0].current = amperes
    return paper


def openings(paper: Paper) -> int:
    """How often rack 1 has been opened under load."""
    return paper.state.racks[0].openings_under_load


def all_ordered(paper: Paper) -> set[tuple[float, ...]]:
    """What its coils have been ordered."""
    return {ordered(paper, ago=ago) for ago in range(1, len(paper.history) + 1)}


@pytest.mark.parametrize("begun", [through, releasing])
def test_what_blocks_closing_alone_turns_nothing_back(begun: Callable[[], Paper]) -> None:
    """It does nothing to a closed rack, and nothing to one whose contactors are closed (R23, R30)."""
    assert not BY_NAME["bmu_alarm_door"].effects & (Effect.OPEN | Effect.UNDER_LOAD)
    paper = begun()
    paper.report("bmu_alarm_door")
    paper.history.clear()
    paper.run(1)

    assert phase_of(paper) is Phase.CLOSED
    assert OFF not in all_ordered(paper)
    assert ordered(paper) == CLOSED
    assert paper.result.stage is Stage.OK


@pytest.mark.parametrize("name", BACK)
@pytest.mark.parametrize("amperes", [AMPERES, -AMPERES, math.nan])
@pytest.mark.parametrize("begun", [through, releasing])
def test_what_turns_it_back_waits_for_low_current(
    begun: Callable[[float], Paper], amperes: float, name: str
) -> None:
    """Main coils held, the precharge contactor let go of; unknown current is high; then both in one cycle (R30)."""
    paper = begun(amperes)
    BACK[name](paper)
    paper.history.clear()
    paper.run(2)
    waits = phase_of(paper), all_ordered(paper)
    paper.racks[0].current = 4.9
    paper.step()

    assert waits == (Phase.UNLOADING, {CLOSED})
    assert ordered(paper) == OFF
    paper.run(1)
    assert phase_of(paper) is Phase.OPEN
    assert openings(paper) == 0
    assert not paper.told("rack_mismatch")


def test_a_current_that_does_not_fall_ends_the_command() -> None:
    """It stays closed, and says so (R30)."""
    paper = releasing()
    paper.write("disconnect", paper.next_value("disconnect", EMS))
    paper.history.clear()
    paper.takes(lambda paper: bool(paper.told("open_timeout")))

    assert phase_of(paper) is Phase.CLOSED
    assert all_ordered(paper) == {CLOSED}
    paper.step()
    assert paper.result.stage is Stage.TIMEOUT


@pytest.mark.parametrize("begun", [through, releasing])
def test_only_rows_that_may_open_it_under_load(begun: Callable[[], Paper]) -> None:
    """After their time, counted and told; in the cycle in which they trip it is still held (R30)."""
    paper = begun()
    paper.report("bmu_trip_fire")
    paper.step()
    first = phase_of(paper), ordered(paper)
    begun_at = paper.now
    paper.takes(lambda paper: ordered(paper) == OFF)

    assert first == (Phase.UNLOADING, CLOSED)
    assert paper.now - begun_at == pytest.approx(SITE.under_load_after)
    assert openings(paper) == 1
    assert [event.value for event in paper.told("opened_under_load")] == [AMPERES]


def test_a_close_that_an_interlock_took_back_stays_so() -> None:
    """The row goes while the rack waits: it opens all the same at low current, for the close is spent (R3)."""
    paper = releasing()
    paper.report("limits_lost", 1)
    paper.step()
    assert phase_of(paper) is Phase.UNLOADING
    paper.clear("limits_lost", 1)
    paper.run(0.5)
    assert (phase_of(paper), ordered(paper)) == (Phase.UNLOADING, CLOSED)
    paper.racks[0].current = 0.0
    paper.step()

    assert ordered(paper) == OFF


@pytest.mark.parametrize("amperes", [AMPERES, math.nan, 0.0])
def test_a_precharge_contactor_that_stays_closed_is_latched(amperes: float) -> None:
    """After twice its coil's time, by name; the main contactors open at low current alone (R30, R31)."""
    paper = releasing(amperes, welded=frozenset({"precharge"}))
    begun = paper.now
    paper.takes(lambda paper: bool(paper.told("rack_mismatch")))
    first = phase_of(paper), ordered(paper)
    took = paper.now - begun
    paper.run(1)
    held = ordered(paper)
    paper.racks[0].current = 0.0
    paper.run(5)

    assert took == pytest.approx(2 * SITE.coil_time)
    assert first == ((Phase.OPENING, OFF) if amperes == 0 else (Phase.UNLOADING, CLOSED))
    assert held == first[1]
    assert [event.detail for event in paper.told("rack_mismatch")] == ["closed, precharge"]
    assert ("contactor_mismatch", 1) in paper.tripped
    assert (phase_of(paper), ordered(paper), openings(paper)) == (Phase.OPEN, OFF, 0)
    assert paper.result.stage is Stage.NOK


@pytest.mark.parametrize("amperes", [AMPERES, math.nan])
def test_a_last_step_that_does_not_end_waits_for_low_current(amperes: float) -> None:
    """Feedback that is lost is closed (R20): what it holds is let go of at low current, and it says why (R30)."""
    paper = releasing(amperes)
    change(paper, 1, hidden=frozenset({"negative", "positive"}))
    paper.history.clear()
    paper.run(4)
    waits = phase_of(paper), all_ordered(paper)
    paper.racks[0].current = 0.0
    paper.step()

    assert waits == (Phase.UNLOADING, {CLOSED})
    assert ordered(paper) == OFF
    assert reasons(paper) == ["release: no feedback"]
    assert not paper.told("rack_mismatch")


@pytest.mark.parametrize(
    ("amperes", "phase"), [(AMPERES, Phase.UNLOADING), (4.9, Phase.COOLING), (math.nan, Phase.COOLING)]
)  # fmt: skip
def test_a_positive_contactor_that_is_told_by_the_current_alone(
    amperes: float, phase: Phase
) -> None:
    """Current flows, so it is closed; where nothing says that it ever was, its coil is dropped (R30)."""
    paper = until(asked(2), Step.POSITIVE)
    change(paper, 1, hidden=frozenset({"positive"}))
    for _ in range(round(SITE.coil_time / CYCLE)):
        paper.racks[0].current = amperes
        paper.step()

    assert phase_of(paper) is phase
    assert reasons(paper) == ["positive: no feedback"]


@pytest.mark.parametrize(("amperes", "count"), [(AMPERES, 1), (math.nan, 1), (4.9, 0)])
def test_a_contactor_that_closes_by_itself_is_counted_if_current_flows(
    amperes: float, count: int
) -> None:
    """Its coil was never on, so nothing holds it: all off at once, and told (R30, R31)."""
    paper = until(asked(hasty=True), Step.NEGATIVE)
    paper.takes(lambda paper: coils_of(paper).closed("negative", "positive"))
    paper.racks[0].current = amperes
    paper.step()

    assert (phase_of(paper), ordered(paper), openings(paper)) == (Phase.OPENING, OFF, count)
    assert len(paper.told("opened_under_load")) == count
    assert [event.detail for event in paper.told("rack_mismatch")] == ["closed, positive"]


def test_a_glimpse_of_nothing_where_nobody_tells_the_precharge_contactor() -> None:
    """One unknown feedback in the cycle in which the step could end: it ends in the next (R27)."""
    paper = releasing(tells_precharge=False)
    begun = paper.now
    paper.takes(lambda paper: paper.now - begun >= SITE.coil_time - 1.5 * CYCLE)
    change(paper, 1, hidden=frozenset({"positive"}))
    paper.racks[0].connected = math.nan
    paper.step()
    held = phase_of(paper), ordered(paper)
    change(paper, 1, hidden=frozenset())
    paper.run(2 * CYCLE)

    assert held == (Phase.CLOSING, CLOSED)
    assert (phase_of(paper), ordered(paper)) == (Phase.CLOSED, CLOSED)
    assert not reasons(paper)


@pytest.mark.parametrize("mute", [1, 2])
def test_racks_of_two_kinds_close_together(mute: int) -> None:
    """One BMU tells its precharge contactor, the other does not: each is judged by what it tells (R27, R28)."""
    paper = asked(2)
    change(paper, mute, tells_precharge=False)
    paper.takes(lambda paper: paper.phases == {Phase.CLOSED}, 6)

    assert ordered(paper, 1) == ordered(paper, 2) == CLOSED
    assert not reasons(paper)


def test_the_other_kind_is_still_judged_by_its_feedback() -> None:
    """That one BMU does not tell its precharge contactor excuses no other (R31)."""
    paper = asked(2)
    change(paper, 2, tells_precharge=False)
    change(paper, 1, hidden=frozenset({"precharge"}))
    paper.run(5)

    assert phase_of(paper, 1) is not Phase.CLOSED
    assert phase_of(paper, 2) is Phase.CLOSED
