"""One container at work: its store, its aggregates, its latest snapshot, and its control."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import structlog

from gateway.app.controller import Controller
from gateway.canbus.compile import Decode, compile_bus
from gateway.canbus.frame import Frame, identifier_text
from gateway.control.interlock import acting_alarms
from gateway.mapping.parts import Container
from gateway.mapping.plan import Coded
from gateway.model.aggregate import Aggregator
from gateway.model.pack import Snapshot
from gateway.model.store import Sources, Store, Tally

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

    def decoders(
        self, bus: str, tripped: Callable[[], None]
    ) -> Iterator[tuple[int, str, Decode, Tally | None]]:
        """Key, name, decoder and tally of each message on a bus; what adapters decode has no tally.

        `tripped` is called when a frame sets an alarm that an interlock acts on.
        """
        container = self.container
        messages = container.messages.get(bus, ())
        names = {message.key: message.name for message in messages}
        alarms = self._alarms(bus)
        for key, (decode, tally) in compile_bus(messages, self.store).items():
            yield key, names[key], watched(decode, self.store, alarms.get(key, ()), tripped), tally
        for coded in container.coded:
            for key in {slot.key for slot in coded.adapter.slots} if coded.bus == bus else ():
                decode = through(coded, key, self.store)
                yield key, "", watched(decode, self.store, alarms.get(key, ()), tripped), None

    def _alarms(self, bus: str) -> Mapping[int, list[int]]:
        """The elements by key that are, or belong to, alarms which an interlock acts on."""
        container, found = self.container, defaultdict[int, list[int]](list)
        acting = acting_alarms(container.layout) if self.controller is not None else ()
        for element, place in container.slot_of.items():
            slot = container.slots[place]
            if slot.bus == bus and container.inputs.get(element, element) in acting:
                found[slot.key].append(element)
        return found

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


def watched(
    decode: Decode, store: Store, alarms: Sequence[int], tripped: Callable[[], None]
) -> Decode:
    """A decoder that calls `tripped` when a frame sets one of these elements."""
    if not alarms:
        return decode
    values = store.values

    def decoded(data: bytes, time: float) -> None:
        before = {element for element in alarms if values[element] == 1}
        decode(data, time)
        for element in alarms:
            if values[element] == 1 and element not in before:
                tripped()
                return

    return decoded
