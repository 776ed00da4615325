"""Racks that leave the bus by themselves: what is believed of their feedback, and when it is a failure (R30, R31)."""

import dataclasses
import math

from gateway.control.state import Phase, Rack, Wait
from gateway.control.view import View


def fallen(view: View) -> Rack:
    """Told open without an order: believed at once where no current flows, else only if it stays so (R30, R31).

    One that carries current all the same keeps its order, so that no single frame opens it under load.
    """
    rack = view.rack
    since = view.now if math.isnan(rack.contrary) else rack.contrary
    lasts = view.now - since >= view.settings.disconnect_time
    if view.is_unloaded or (lasts and view.is_off):
        return view.to(
            Phase.OPEN, is_wanted=False, wait=Wait.PAUSE, contrary=math.nan, fell=view.now, mismatch=False
        )  # fmt: skip
    return dataclasses.replace(rack, contrary=since, mismatch=lasts)


def judged(view: View, rack: Rack) -> Rack:
    """A rack that has left the bus by itself: its BMU says why within a second, or it is a failure (R31)."""
    if view.is_tripped or view.must_open:
        return dataclasses.replace(rack, fell=math.nan)
    if view.now - rack.fell < view.settings.coil_time:
        return rack
    return dataclasses.replace(rack, fell=math.nan, mismatch=True)
