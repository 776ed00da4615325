"""What survives a restart as text, and back (R15)."""

import dataclasses
import json
import math

import pytest
from control.paper import PANEL, SCADA, SETTINGS, Paper

from gateway.control.memory import kept, restored
from gateway.control.state import Rack


def test_what_is_kept_is_what_is_restored() -> None:
    """Field by field, for fewer and for more racks than before; times begin anew (R15)."""
    paper = Paper().connected()
    paper.write("trip", 1, PANEL)
    paper.write("trip", 1, SCADA)
    paper.write("local_key", 1, PANEL)
    paper.run(0.1)
    racks = [dataclasses.replace(rack, tries=2, openings_under_load=3, locked_until=math.inf, is_enabled=False) for rack in paper.state.racks]  # fmt: skip
    state = dataclasses.replace(paper.state, racks=tuple(racks))
    text = kept(state, paper.now)
    for count in (1, 3, 4):
        back = restored(text, count, SETTINGS, 5000.0)
        for rack in back.racks[:3]:
            assert (rack.tries, rack.openings_under_load, rack.is_enabled, rack.identity.serial) == (2, 3, False, 7)  # fmt: skip
            assert (rack.since, rack.locked_until) == (5000, 5000 + SETTINGS.lockout)
        assert back.racks[3:] == (Rack(since=5000.0),) * (count - 3)
        assert (back.mode_since, back.started, back.sequence) == (5000, 5000, state.sequence)
        assert (back.held, back.is_local, back.stopped) == (state.held, True, False)
        assert [(owner.name, owner.is_local) for owner in back.tripped_by] == [("panel", True), ("scada", False)]  # fmt: skip


def test_what_another_version_wrote_is_not_read() -> None:
    """Rather nothing than wrong (R15)."""
    text = kept(Paper().adopted().state, 1000.0)
    for form, lost in ((3, True), (4, False), (5, True)):
        other = json.dumps({**json.loads(text), "form": form})
        assert restored(other, 3, SETTINGS, 0.0).forgot is lost


def test_the_same_state_is_always_the_same_text() -> None:
    """A restart that changes nothing writes nothing: keys are in order, times are not in it."""
    state = Paper().adopted().state
    text = kept(state, 1000.0)

    assert list(json.loads(text)) == sorted(json.loads(text))
    assert kept(restored(text, 3, SETTINGS, 77.0), 77.0) == text


@pytest.mark.parametrize(("late", "locked"), [(-0.5, True), (0.0, False), (0.5, False)])
def test_a_lockout_that_is_over_is_not_kept(late: float, *, locked: bool) -> None:
    """One that still lasts begins anew (R15, R28)."""
    state = Paper().adopted().state
    racks = (dataclasses.replace(state.racks[0], locked_until=1000.0), *state.racks[1:])
    text = kept(dataclasses.replace(state, racks=racks), 1000.0 + late)

    assert (restored(text, 3, SETTINGS, 0.0).racks[0].locked_until > 0) is locked
