"""Coded adapters: what a frame table cannot say. Guests, found by entry point `essgw.adapters`.

An adapter is told the layout and the racks that it serves, and says which identifiers it wants, on which
schedules, and which elements they carry. From then on it turns frames into readings: pure and total, any
bytes, no exception, no clock, no I/O. It sees the model and the frame, nothing else. One that also has
`sends` turns orders into frames, under the same rules.
"""

import importlib.metadata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from gateway.canbus.frame import Frame
from gateway.canbus.send import Send
from gateway.errors import AdapterError
from gateway.model.order import Orders
from gateway.model.pack import Layout
from gateway.model.store import Slot

_GROUP = "essgw.adapters"


class Reading(NamedTuple):
    """What a frame tells."""

    slot: int
    "Index into the adapter's slots: the schedule that this reading renews."
    values: Mapping[int, float]
    "Value of each element; NaN where the frame says that there is none."


class Adapter(Protocol):
    """A protocol in code."""

    slots: Sequence[Slot]
    "Schedules of the messages that it wants; their keys are the identifiers."
    slot_of: Mapping[int, int]
    "The slot that renews each element that it carries."

    def decode(self, frame: Frame) -> Iterable[Reading]:
        """What a frame tells; nothing for a frame that is damaged or not meant."""


@runtime_checkable
class Sender(Protocol):
    """What an adapter is besides, where its BMUs are told something."""

    sends: Sequence[Send]
    "The messages that it sends, and when; `canbus.send.encoded` makes what a table can say."

    def encode(self, send: Send, orders: Orders, counter: int) -> bytes | None:
        """The payload, `send.length` bytes, of frame number `counter`; None: nothing is to be sent."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What an adapter serves."""

    layout: Layout
    bus: str
    racks: Mapping[int, int]
    "The address of each rack."


Factory = Callable[[Assignment], Adapter]


def load_adapter(name: str) -> Factory:
    """The factory of an adapter by name; AdapterError names the known ones, or why it does not load."""
    known = {point.name: point for point in importlib.metadata.entry_points(group=_GROUP)}
    if name not in known:
        raise AdapterError(
            f"no adapter is named '{name}'; known: {', '.join(sorted(known)) or 'none'}"
        )
    try:
        factory: Factory = known[name].load()
    except (ImportError, AttributeError) as error:
        raise AdapterError(f"the adapter '{name}' does not load: {error}") from None
    return factory
