"""What the protocols of a container come to: messages, schedules, and who carries which element."""

import dataclasses
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.canbus.adapter import Adapter, Sender
from gateway.canbus.send import Send
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
    sends: dict[str, list[Send]] = field(default_factory=lambda: defaultdict(list))
    "What is sent, by bus."
    coded: list[Coded] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    slot_of: dict[int, int] = field(default_factory=dict)
    "The slot that renews each element."
    carried: set[str] = field(default_factory=set)
    "Points that some message carries."

    inputs: dict[int, int] = field(default_factory=dict)
    "Elements behind the layout's, each with the alarm that it is a part of."

    def claim(self, element: int, slot: int) -> Slot | None:
        """Give an element to a slot; the slot that has it already, or None."""
        taken = element in self.slot_of
        other = self.slot_of.setdefault(element, slot)
        self.carried.add(self.layout.name_of(element))
        return self.slots[other] if taken else None

    def alarm_input(self, element: int, slot: int) -> int:
        """Where a signal writes an alarm: its element, or an input of it where another signal writes that."""
        if element not in self.slot_of:
            self.slot_of[element] = slot
            self.carried.add(self.layout.name_of(element))
            return element
        number = self.layout.elements + len(self.inputs)
        self.inputs[number], self.slot_of[number] = element, slot
        return number

    def add_adapter(self, bus: str, adapter: Adapter) -> list[str]:
        """Add a coded adapter; gives the points that a message carries already."""
        first = len(self.slots)
        self.slots += adapter.slots
        self.coded.append(Coded(bus, adapter, first))
        if isinstance(adapter, Sender):
            own = (
                dataclasses.replace(send, bus=bus, encode=adapter.encode) for send in adapter.sends
            )
            self.sends[bus] += own
        owned = adapter.slot_of.items()
        return sorted(
            {
                self.layout.name_of(element)
                for element, slot in owned
                if self.claim(element, first + slot)
            }
        )
