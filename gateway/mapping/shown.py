"""Everything that a register can show by name: points of the pack, and points of control."""

from collections.abc import Mapping

import numpy as np

from gateway.control.panel import PANEL, panel_layout
from gateway.mapping.schema.registers import RegisterRow
from gateway.model.pack import Layout, Snapshot
from gateway.model.point import POINTS, Point
from gateway.model.quality import Detail

SHOWN: Mapping[str, Point] = {**POINTS, **PANEL}


def point_of(row: RegisterRow) -> Point | None:
    """The point that a row shows; of a command what was written last."""
    return SHOWN.get(row.shows)


class Layouts:
    """Where points lie: the pack's in its own vector, control's in another."""

    def __init__(self, pack: Layout) -> None:
        self.pack, self.panel = pack, panel_layout(pack.topology)

    def of(self, row: RegisterRow) -> Layout:
        """The vector that a row's values lie in."""
        return self.panel if row.shows in PANEL else self.pack


def blank(layout: Layout) -> Snapshot:
    """A picture in which nothing is known."""
    size = layout.elements
    nothing = np.full(size, np.nan), np.full(size, Detail.NEVER_SEEN, np.uint8)
    return Snapshot(layout, 0.0, *nothing, np.full(size, np.inf), np.zeros(size, np.bool_))
