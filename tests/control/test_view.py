"""One rack in one cycle: what its moves set, in the very cycle in which they happen (R28, R30)."""

import pytest
from control.paper import SETTINGS

from gateway.control.interlock import Effect
from gateway.control.state import Phase, Rack, Wait
from gateway.control.view import View


def seen(rack: Rack, *, current: float = 0.0, effects: Effect = Effect.NONE) -> View:
    """A rack at 100 s, its contactors closed."""
    return View(
        rack, 1.0, 1.0, precharging=False, current=current, told=current, effects=effects, settings=SETTINGS, now=100.0,
        wait=Wait.NOTHING,
    )  # fmt: skip


@pytest.mark.parametrize("forced", [False, True])
def test_who_leaves_under_load_remembers_who_asked(*, forced: bool) -> None:
    """An interlock, or a person; it waits for low current with all that it holds (R30)."""
    effects = Effect.OPEN if forced else Effect.BLOCK_CLOSE
    rack = Rack(Phase.CLOSED, since=1.0, is_wanted=True)
    after = seen(rack, current=80.0, effects=effects).leaving()

    assert after == Rack(Phase.UNLOADING, since=100.0, is_wanted=True, is_forced=forced)
    assert seen(rack, effects=effects).leaving() == Rack(Phase.OPENING, since=100.0)


def test_a_try_that_failed_waits_for_nothing_it_waited_for_before() -> None:
    """But for the pause before the next one (R28)."""
    rack = Rack(Phase.CLOSING, since=1.0, is_wanted=True, tries=2, wait=Wait.POSITIVE)
    again = seen(rack).given_up()
    last = seen(Rack(Phase.CLOSING, since=1.0, is_wanted=True, tries=3, wait=Wait.POSITIVE)).given_up()  # fmt: skip

    assert again == Rack(Phase.COOLING, since=100.0, is_wanted=True, tries=2, wait=Wait.PAUSE)
    assert last == Rack(Phase.OPEN, since=100.0, locked_until=100.0 + SETTINGS.lockout)
