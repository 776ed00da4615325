"""Everything that a register can show by name: points of the pack, of control, and of masters' traffic."""

from collections.abc import Mapping

import numpy as np

from gateway.control.panel import PANEL, panel_layout
from gateway.mapping.schema.registers import RegisterRow
from gateway.model.pack import Layout, Snapshot
from gateway.model.point import POINTS, Point
from gateway.model.quality import Detail
from gateway.model.traffic import LAYOUT, TRAFFIC

SHOWN: Mapping[str, Point] = {**POINTS, **PANEL, **TRAFFIC}


def point_of(row: RegisterRow) -> Point | None:
    """The point that a row shows; of a command what was written last."""
    return SHOWN.get(row.shows)


class Layouts:
    """Where points lie: the pack's in its own vector, control's in another, those of traffic in a third."""

    def __init__(self, pack: Layout) -> None:
        self.pack, self.panel, self.traffic = pack, panel_layout(pack.topology), LAYOUT

    def of(self, row: RegisterRow) -> Layout:
        """The vector that a row's values lie in."""
        if row.shows in TRAFFIC:
            return self.traffic
        return self.panel if row.shows in PANEL else self.pack


def blank(layout: Layout) -> Snapshot:
    """A picture in which nothing is known."""
    size = layout.elements
    nothing = np.full(size, np.nan), np.full(size, Detail.NEVER_SEEN, np.uint8)
    return Snapshot(layout, 0.0, *nothing, np.full(size, np.inf), np.zeros(size, np.bool_))
