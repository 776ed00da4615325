"""One container at work: its store, its aggregates, its latest snapshot, and its control."""

import structlog

from gateway.app.controller import Controller
from gateway.canbus.compile import Decode
from gateway.canbus.frame import Frame, identifier_text
from gateway.mapping.parts import Container
from gateway.mapping.plan import Coded
from gateway.model.aggregate import Aggregator
from gateway.model.pack import Snapshot
from gateway.model.store import Sources, Store

_COUNTS = 65535
"What a counter register can show: 65535 is its pattern for no value."
SOURCES = {"live": 0, "replay": 1, "simulation": 2, "test": 3}

log = structlog.get_logger()


class ContainerState:
    """One container at work."""

    def __init__(self, container: Container, data_source: str) -> None:
        self.container = container
        self.store = Store(container.layout, container.slots, container.slot_of, container.inputs)
        self.aggregator = Aggregator(container.layout, container.carried)
        shape = container.layout.topology
        self._facts = {
            "racks_configured": shape.racks,
            "cells_configured": shape.racks * shape.modules * shape.cells,
            "sensors_configured": shape.racks * shape.modules * shape.sensors,
            "data_source": SOURCES[data_source],
        }
        for name, value in self._facts.items():
            self.store.know(name, value)
        self._images = 0
        self.snapshot = self.freeze(0.0, 0)
        self.controller: Controller | None = None
        if container.settings is not None:
            is_live = data_source != "replay"
            self.controller = Controller(
                container.name, self.snapshot, container.settings, is_live=is_live
            )

    @property
    def known(self) -> frozenset[str]:
        """The points that have a value, or will once their messages arrive."""
        return self.aggregator.known | self._facts.keys() | {"heartbeat", "image_counter"}

    def freeze(self, now: float, seconds: int) -> Snapshot:
        """Take the picture of this cycle."""
        self.store.know("heartbeat", seconds % _COUNTS)
        self.store.know("image_counter", self._images % _COUNTS)
        self._images += 1
        draft = self.store.picture(now)
        self.aggregator.complete(draft)
        self.snapshot = draft.frozen()
        return self.snapshot

    def sources(self) -> Sources:
        """Which message carries each value."""
        return self.store.sources()


def through(coded: Coded, key: int, store: Store) -> Decode:
    """A decoder that asks an adapter."""
    first = coded.first_slot + 1

    failed = False

    def decode(data: bytes, time: float) -> None:
        nonlocal failed
        try:
            readings = list(coded.adapter.decode(Frame(time, key, data)))
        except Exception:  # a guest must not take the house down (AdapterError by its contract)
            if not failed:
                log.exception("adapter_failed", bus=coded.bus, id=identifier_text(key))
            failed = True
            return
        for slot, values in readings:
            store.take(first + slot, time, data, values)

    return decode
