"""Racks that leave the bus by themselves: what is believed of their feedback, and when it is a failure (R30, R31)."""

import dataclasses
import math

from gateway.control.state import Phase, Rack, Wait
from gateway.control.view import View


def is_gone(view: View) -> bool:
    """Whether a rack that is still asked to stay has left the bus: told open, and no current is known to flow.

    Where its current is not believed (R42), only if it stays so: no single frame opens a rack under load (R30, R31).
    """
    return view.is_off and (view.is_unloaded or _lasts(view))


def _lasts(view: View) -> bool:
    """Whether it has contradicted its order for as long as opening takes."""
    return view.now - _since(view) >= view.settings.disconnect_time


def _since(view: View) -> float:
    return view.now if math.isnan(view.rack.contrary) else view.rack.contrary


def said_open(view: View) -> Rack:
    """The rack with the time since which it has said that it is open, and of no current."""
    contrary = _since(view) if view.is_off else math.nan
    same = contrary == view.rack.contrary or (
        math.isnan(contrary) and math.isnan(view.rack.contrary)
    )
    return view.rack if same else dataclasses.replace(view.rack, contrary=contrary)


def fallen(view: View) -> Rack:
    """Told open without an order: believed at once where no current flows, else only if it stays so (R30, R31).

    One that carries current all the same keeps its order, so that no single frame opens it under load.
    """
    if view.is_unloaded or is_gone(view):
        return view.to(
            Phase.OPEN, is_wanted=False, wait=Wait.PAUSE, contrary=math.nan, fell=view.now, mismatch=False
        )  # fmt: skip
    return dataclasses.replace(view.rack, contrary=_since(view), mismatch=_lasts(view))


def judged(view: View, rack: Rack) -> Rack:
    """A rack that has left the bus by itself: its BMU says why within a second, or it is a failure (R31)."""
    if view.is_tripped or view.must_open:
        return dataclasses.replace(rack, fell=math.nan)
    if view.now - rack.fell < view.settings.coil_time:
        return rack
    return dataclasses.replace(rack, fell=math.nan, mismatch=True)
