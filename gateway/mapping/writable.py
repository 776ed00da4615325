"""The registers that masters may write: which command each of them is, and how words become its value."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.mapping.mailbox import Slot
from gateway.mapping.words import Arrangement, WordType, from_words, number_from_words
from gateway.model.command import Command, Instruction, Origin

_WORD = 2  # bytes


class Place(NamedTuple):
    """One command's registers."""

    address: int
    instruction: Instruction
    rack: int
    "From 1; 0 is the container."
    kind: WordType
    arrangement: Arrangement
    scale: float
    "What one count is worth, with the sign of the map."
    offset: float

    def command(self, words: Sequence[int], origin: Origin) -> Command:
        """The command that some words are; NaN where they say that there is no value."""
        value: float | None
        if self.instruction.withdrawable:
            value = from_words(self.kind, words, self.arrangement)
        else:
            value = number_from_words(self.kind, words, self.arrangement)
        counts = math.nan if value is None else value
        return Command(self.instruction, counts * self.scale + self.offset, origin, self.rack)


class Hold(NamedTuple):
    """A register by which a connection has its reads come from one picture."""

    unit: float
    "s that one count is."
    most: float
    "s."


Part = Place | Slot | Hold
"What a write can mean."


@dataclass(frozen=True, slots=True)
class Writable:
    """The writable registers of a unit."""

    places: Mapping[int, Place]
    "By first register."
    slots: Mapping[int, Slot] = field(default_factory=dict)
    "Registers of mailboxes."
    holds: Mapping[int, Hold] = field(default_factory=dict)

    def without(self, names: Collection[str]) -> "Writable":
        """The same but for some commands and mailboxes."""
        places = {
            at: place for at, place in self.places.items() if place.instruction.name not in names
        }
        slots = {at: slot for at, slot in self.slots.items() if slot.box.name not in names}
        return Writable(places, slots, self.holds)

    def covered(self, address: int, quantity: int) -> list[Part] | None:
        """What a write means, in order; None unless it covers each command whole, and nothing but these and mailboxes.

        Half of a command of two registers is never taken, so no later half can meet it. Registers of mailboxes
        are storage: each is written for itself.
        """
        found, end = list[Part](), address + quantity
        while address < end:
            part = self.places.get(address) or self.slots.get(address) or self.holds.get(address)
            if part is None:
                return None
            found.append(part)
            address += part.kind.words if isinstance(part, Place) else 1
        return found if address == end else None


@dataclass(frozen=True, slots=True)
class Written:
    """What a write says: commands, and words for mailboxes."""

    commands: Sequence[Command]
    slots: Sequence[Slot]
    words: Sequence[int]
    "Of each of these."
    holds: Sequence[tuple[Hold, float]]
    "And the seconds that are asked for."

    @classmethod
    def of(cls, parts: Sequence[Part], data: bytes, origin: Origin) -> "Written":
        """From the bytes of a write that covers these."""
        words = [int.from_bytes(data[at : at + _WORD], "big") for at in range(0, len(data), _WORD)]
        commands, slots, kept, holds, at = [], [], [], [], 0
        for part in parts:
            if isinstance(part, Place):
                commands.append(part.command(words[at : at + part.kind.words], origin))
                at += part.kind.words
                continue
            if isinstance(part, Slot):
                slots.append(part)
                kept.append(words[at])
            else:
                holds.append((part, words[at] * part.unit))
            at += 1
        return cls(commands, slots, kept, holds)


def fits(command: Command) -> bool:
    """Whether a value is one that the command can have; else it is refused with exception 3."""
    row = command.instruction
    if math.isnan(command.value):
        return row.withdrawable
    return row.low <= command.value <= row.high
