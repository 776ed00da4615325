"""What a state says of the plant as a whole: what a stop and a changed site file ask (R16, R18)."""

import dataclasses

import pytest
from control.paper import SETTINGS

from gateway.control.state import Applied, Mode, Phase, Rack, State, fresh

ON_BUS = {Phase.CLOSING, Phase.CLOSED, Phase.UNLOADING, Phase.OPENING}
MOVING = ON_BUS - {Phase.CLOSED}


def standing(*phases: Phase) -> State:
    """Racks in some phases, in standby."""
    return dataclasses.replace(
        fresh(len(phases), 0.0), mode=Mode.STANDBY, racks=tuple(map(Rack, phases))
    )


@pytest.mark.parametrize("phase", Phase)
def test_one_rack_is_enough_to_be_on_the_bus_or_moving(phase: Phase) -> None:
    """The other one is open."""
    state = standing(Phase.OPEN, phase)
    assert state.is_on_bus is (phase in ON_BUS)
    assert state.is_moving is (phase in MOVING)


def test_one_rack_that_is_wanted_is_enough() -> None:
    """As long as it is only waiting, too."""
    state = standing(Phase.OPEN, Phase.OPEN)
    wanted = dataclasses.replace(state.racks[1], is_wanted=True)
    assert not state.is_wanted
    assert dataclasses.replace(state, racks=(state.racks[0], wanted)).is_wanted


def test_racks_that_are_adopted_are_moving() -> None:
    """What they are is not known yet."""
    state = dataclasses.replace(standing(Phase.CLOSED), mode=Mode.ADOPT)
    assert state.is_moving
    assert not standing(Phase.CLOSED).is_moving


@pytest.mark.parametrize(
    ("mode", "applied", "at_work"),
    [
        (Mode.READY, 0.0, False),
        (Mode.RUN, 0.0, True),
        (Mode.READY, 0.5, True),
        (Mode.READY, -0.5, True),
        (Mode.RUN, 100.0, True),
    ],
)
def test_run_or_power_is_work(mode: Mode, applied: float, *, at_work: bool) -> None:
    """Either of the two."""
    state = dataclasses.replace(standing(Phase.CLOSED), mode=mode, power=Applied(applied=applied))
    assert state.is_at_work is at_work


def test_a_start_counts_from_itself() -> None:
    """Every time in it (R14, R40)."""
    state = fresh(2, 7.0)
    assert (state.started, state.mode_since, [rack.since for rack in state.racks]) == (7, 7, [7, 7])
    assert [rack.phase for rack in state.racks] == [Phase.UNKNOWN] * 2


def test_masters_are_numbered_from_one() -> None:
    """Nobody, and whom the site file does not name, are 0."""
    numbers = [SETTINGS.number_of(name) for name in ("ems", "scada", "panel", "", "somebody")]
    assert numbers == [1, 2, 4, 0, 0]
