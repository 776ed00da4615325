"""What the protocols of a container come to: messages, schedules, and who carries which element."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.canbus.adapter import Adapter
from gateway.canbus.table import Message
from gateway.model.pack import Layout
from gateway.model.store import Slot


class Coded(NamedTuple):
    """An adapter at work in a container."""

    bus: str
    adapter: Adapter
    first_slot: int
    "Where its slots begin among the container's."


@dataclass(slots=True)
class Plan:
    """What the messages of a container come to."""

    layout: Layout
    messages: dict[str, list[Message]] = field(default_factory=lambda: defaultdict(list))
    "By bus."
    coded: list[Coded] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    slot_of: dict[int, int] = field(default_factory=dict)
    "The slot that renews each element."
    carried: set[str] = field(default_factory=set)
    "Points that some message carries."

    def claim(self, element: int, slot: int) -> str | None:
        """Give an element to a slot; the name of the message that has it already, or None."""
        other = self.slot_of.setdefault(element, slot)
        self.carried.add(self.layout.name_of(element))
        return None if other == slot else self.slots[other].name

    def add_adapter(self, bus: str, adapter: Adapter) -> list[str]:
        """Add a coded adapter; gives the points that a message carries already."""
        first = len(self.slots)
        self.slots += adapter.slots
        self.coded.append(Coded(bus, adapter, first))
        owned = adapter.slot_of.items()
        return sorted(
            {
                self.layout.name_of(element)
                for element, slot in owned
                if self.claim(element, first + slot)
            }
        )
