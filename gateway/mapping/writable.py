"""The registers that masters may write: which command each of them is, and how words become its value."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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


@dataclass(frozen=True, slots=True)
class Writable:
    """The writable registers of a unit."""

    places: Mapping[int, Place]
    "By first register."

    def without(self, names: Collection[str]) -> "Writable":
        """The same but for some commands."""
        kept = {
            at: place for at, place in self.places.items() if place.instruction.name not in names
        }
        return Writable(kept)

    def covered(self, address: int, quantity: int) -> list[Place] | None:
        """The commands that a write means, in order; None unless it covers each of them whole, and nothing else.

        Half of a value of two registers is never taken, so no later half can meet it.
        """
        found, end = [], address + quantity
        while address < end:
            place = self.places.get(address)
            if place is None:
                return None
            found.append(place)
            address += place.kind.words
        return found if address == end else None

    def commands(self, places: Sequence[Place], data: bytes, origin: Origin) -> list[Command]:
        """The commands in the bytes of a write."""
        words = [int.from_bytes(data[at : at + _WORD], "big") for at in range(0, len(data), _WORD)]
        commands, at = [], 0
        for place in places:
            commands.append(place.command(words[at : at + place.kind.words], origin))
            at += place.kind.words
        return commands


def fits(command: Command) -> bool:
    """Whether a value is one that the command can have; else it is refused with exception 3."""
    row = command.instruction
    if math.isnan(command.value):
        return row.withdrawable
    return row.low <= command.value <= row.high
