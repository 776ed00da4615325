"""Mailboxes: plain storage in a register map, by which masters pass values to each other.

They are registers and nothing else: no command, no result, no point; control never reads them. What is written
stays as long as the process runs. Maps of one container that name the same mailbox show the same storage, each
in its own word and byte order.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.mapping.schema.registers import RegisterRow
from gateway.mapping.words import Arrangement, Words
from gateway.model.command import Role
from gateway.model.pack import Indices


@dataclass(frozen=True, slots=True, eq=False)
class Mailbox:
    """A row's registers in one table, and where each of them is in the storage."""

    name: str
    owner: Role
    "Who may write."
    kind: str
    "Its type, number of values and initial value: the same wherever the name is used."
    addresses: Indices
    places: Indices
    "Of each register, from the mailbox's beginning."
    is_swapped: bool
    "Whether the bytes of its words are swapped."
    initial: Words
    "In the order of the storage: highest word first."


class Slot(NamedTuple):
    """One register of a mailbox, as a write finds it."""

    box: Mailbox
    place: int


def mailbox(row: RegisterRow, order: Arrangement, initial: Words) -> Mailbox:
    """A row's registers; `initial` is one value, highest word first. The words of a string have no order."""
    inside = np.arange(len(initial))
    if order.word_order == "little" and row.type != "string":
        inside = inside[::-1]
    places: Indices = (np.arange(row.count)[:, None] * len(initial) + inside).ravel()
    return Mailbox(
        str(row.mailbox), Role[row.owner.upper()], f"{row.count} x {row.type} ({len(initial)} words) of {row.initial}",
        row.at + np.arange(len(places)), places, order.byte_order == "little",
        np.tile(initial, row.count),
    )  # fmt: skip


def slots_of(boxes: Iterable[Mailbox]) -> Mapping[int, Slot]:
    """The registers of mailboxes."""
    return {
        address: Slot(box, place)
        for box in boxes
        for address, place in zip(box.addresses.tolist(), box.places.tolist(), strict=True)
    }


def disagreements(boxes: Iterable[Mailbox]) -> Iterator[str]:
    """Names that mean one thing here and another there."""
    known: dict[str, str] = {}
    for box in boxes:
        if known.setdefault(box.name, box.kind) != box.kind:
            yield f"the mailbox {box.name} is {box.kind} here and {known[box.name]} there"


class Mailboxes:
    """The storage of one container."""

    def __init__(self, boxes: Iterable[Mailbox]) -> None:
        """Each name has its initial value."""
        self._first: dict[str, int] = {}
        parts, end = [np.zeros(0, np.uint16)], 0
        for box in boxes:
            if box.name not in self._first:
                self._first[box.name] = end
                parts.append(box.initial)
                end += len(box.initial)
        self._words: Words = np.concatenate(parts)

    def put(self, slots: Sequence[Slot], words: Sequence[int]) -> None:
        """Keep what is written to some registers."""
        for (box, place), word in zip(slots, words, strict=True):
            kept = (word >> 8 | (word & 0xFF) << 8) if box.is_swapped else word
            self._words[self._first[box.name] + place] = kept

    def show(self, boxes: Iterable[Mailbox], image: NDArray[np.uint16]) -> None:
        """Write mailboxes into an image."""
        for box in boxes:
            words = self._words[self._first[box.name] + box.places]
            image[box.addresses] = words.byteswap() if box.is_swapped else words
