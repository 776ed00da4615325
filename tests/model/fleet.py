"""A container filled by hand, to see what aggregates make of it."""

import math

import numpy as np

from gateway.model.aggregate import Aggregator
from gateway.model.pack import Layout, Snapshot, Topology
from gateway.model.quality import Detail
from gateway.model.store import Slot, Store


class Fleet:
    """Racks with one message each; what a test sets is good until its rack falls silent."""

    def __init__(self, topology: Topology, *points: str) -> None:
        layout = Layout(topology)
        slots = [Slot("can0", rack, f"rack{rack}", 0.1, 1.0) for rack in range(topology.racks)]
        slot_of = {}
        for name in points:
            places = layout.positions(name)
            for offset, place in enumerate(places):
                slot_of[layout.first(name) + offset] = place[0] - 1 if place else 0
        self.store = Store(layout, slots, slot_of)
        self.aggregator = Aggregator(layout, frozenset(points))
        self._racks = topology.racks

    def set(self, name: str, values: object, detail: Detail = Detail.NONE) -> None:
        """Values of a point for all racks; NaN stays unseen."""
        layout = self.store.layout
        flat = np.broadcast_to(np.asarray(values, np.float64), layout.shape(name)).ravel()
        for offset, value in enumerate(flat):
            if not math.isnan(value) or detail is not Detail.NONE:
                self.store.values[layout.first(name) + offset] = value
                self.store.detail[layout.first(name) + offset] = detail

    def hear(self, time: float, *racks: int) -> None:
        """Messages of some racks (all, if none is named) arrive."""
        for rack in racks or range(1, self._racks + 1):
            self.store.arrival[rack] = self.store.changed[rack] = time

    def at(self, now: float) -> Snapshot:
        """The finished picture."""
        draft = self.store.picture(now)
        self.aggregator.complete(draft)
        return draft.frozen()


def told(snapshot: Snapshot, name: str) -> tuple[float, str]:
    """A container point's value and detail."""
    return float(snapshot[name]), Detail(int(snapshot.quality_of(name))).name
