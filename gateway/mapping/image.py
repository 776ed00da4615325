"""The register image: a whole snapshot as the bytes that Modbus answers are cut from.

Encoding is the work of every cycle, so it is numpy over whole columns; serving is slicing. An image never
changes once made.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.mapping.mailbox import Mailbox, Mailboxes
from gateway.mapping.words import Arrangement, WordType, swapped, to_words
from gateway.mapping.writable import Writable
from gateway.model.pack import Indices, Snapshot, Vector
from gateway.model.quality import BY_SEVERITY, QUALITY_REGISTER, SEVERITY, USABLE

REGISTERS = 65536
AGE_UNIT = 0.01  # s
_OLDEST = 65534
_ROUNDING = 1e-6  # counts: 100.0 A over 0.1 A a count is 999.9999999999999
NEVER = 65535
"What the age mirror shows of a value that was never seen."


class Table(IntEnum):
    """The tables of the Modbus data model, by the function that reads them (APP V1.1b3 clause 4.3)."""

    COIL = 1
    DISCRETE = 2
    HOLDING = 3
    INPUT = 4


Blocked = bytes | bytearray | None
"One byte a register, 1 where reading is refused; None where nothing is."


class Image(NamedTuple):
    """One table of one unit at one instant; a bit takes a register here, too."""

    data: bytes
    "Big-endian, two bytes a register, from address 0."
    blocked: bytes | None
    "One byte a register, 1 where reading is refused now; None where nothing is."


@dataclass(frozen=True, slots=True)
class Column:
    """Values that are encoded in the same way."""

    kind: WordType
    arrangement: Arrangement
    elements: Indices
    addresses: Indices
    scale: Vector
    "What one count is worth, with the sign of the map."
    offset: Vector
    missing: str
    constant: int | None
    limits: bool
    "Limits are rounded to less, never to more than is allowed; an unknown one is 0 (`missing` is zero)."
    packed: "Packed | None"

    def registers(self) -> Indices:
        """All addresses, word by word."""
        return (self.addresses[:, None] + np.arange(self.kind.words)).ravel()

    def encode(
        self, snapshot: Snapshot, image: NDArray[np.uint16], lost: NDArray[np.bool_]
    ) -> None:
        """Write the column into an image; `lost` says where there is no value to show."""
        values = snapshot.values[self.elements]
        if self.packed is not None:
            raised = ((values == 1) & ~lost).astype(np.uint16) << self.packed.bits
            told = np.bitwise_or.reduceat(raised, self.packed.starts)
            image[self.packed.addresses] = swapped(told, self.arrangement)
            return
        if self.missing == "zero":
            values, lost = np.where(lost, 0.0, values), np.zeros(len(lost), np.bool_)
        numbers = (values - self.offset) / self.scale
        if self.limits:
            numbers = self._lowered(numbers)
        words = to_words(self.kind, numbers, lost, self.constant, self.arrangement)
        for word in range(self.kind.words):
            image[self.addresses + word] = words[:, word]

    def _lowered(self, numbers: Vector) -> Vector:
        """The nearest numbers that the type can show and that mean no more, whatever the scale's sign."""
        falls = self.scale < 0
        if not self.kind.is_float:
            return np.where(falls, np.ceil(numbers - _ROUNDING), np.floor(numbers + _ROUNDING))
        shown = numbers.astype(self.kind.code[1:])
        beyond = np.where(falls, shown < numbers, shown > numbers)
        less = np.nextafter(shown, np.where(falls, np.inf, -np.inf).astype(shown.dtype))
        return np.where(beyond, less, shown).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Packed:
    """Registers that hold several values each, one bit a value, in the order of registers."""

    bits: NDArray[np.uint16]
    "The bit of each value."
    starts: Indices
    "Where each register's values begin."
    addresses: Indices
    "The registers."

    @classmethod
    def of(cls, addresses: Indices, bits: Indices) -> "Packed":
        """Put together what says where each value lies; values of one register follow each other."""
        starts = np.flatnonzero(np.diff(addresses, prepend=-1))
        return cls(bits.astype(np.uint16), starts, addresses[starts])


@dataclass(frozen=True, slots=True)
class Mirrors:
    """Where the quality and age of each value are shown: of a register of bits, the worst of all."""

    elements: Indices
    "The value of each register that holds one."
    addresses: Indices
    packed: tuple[tuple[Indices, Packed], ...]
    "The values of registers that hold several."
    quality: int
    "Registers from a value to its quality."
    age: int
    "Registers from a value to its age."

    def encode(self, snapshot: Snapshot, image: NDArray[np.uint16]) -> None:
        """Write both mirrors into an image."""
        ages = np.clip(snapshot.age / AGE_UNIT, 0, _OLDEST).astype(np.uint16)
        ages[np.isinf(snapshot.age)] = NEVER
        image[self.addresses + self.quality] = QUALITY_REGISTER[snapshot.quality][self.elements]
        image[self.addresses + self.age] = ages[self.elements]
        for elements, packed in self.packed:
            ranks = np.maximum.reduceat(SEVERITY[snapshot.quality[elements]], packed.starts)
            image[packed.addresses + self.quality] = QUALITY_REGISTER[BY_SEVERITY[ranks]]
            image[packed.addresses + self.age] = np.maximum.reduceat(ages[elements], packed.starts)


@dataclass(frozen=True, slots=True)
class Columns:
    """All that is encoded from one vector."""

    columns: tuple[Column, ...]
    mirrors: Mirrors | None

    def encode(self, snapshot: Snapshot, image: NDArray[np.uint16]) -> bytearray | None:
        """Write everything into an image; what may not be read now, one byte a register, or None."""
        absent = np.isnan(snapshot.values)
        unusable = absent | ~USABLE[snapshot.quality]
        blocked = None
        for column in self.columns:
            lost = (absent if column.missing == "hold" else unusable)[column.elements]
            column.encode(snapshot, image, lost)
            if column.missing == "exception" and lost.any():
                blocked = bytearray(REGISTERS) if blocked is None else blocked
                for word in range(column.kind.words):
                    for address in column.addresses[lost]:
                        blocked[int(address) + word] = 1
        if self.mirrors is not None:
            self.mirrors.encode(snapshot, image)
        return blocked


Images = Mapping[Table, Image]
"All tables of one unit at one instant; those that two functions share are the same object."


@dataclass(frozen=True, slots=True)
class RegisterMap:
    """One table of a register map, compiled for one unit of a container."""

    template: NDArray[np.uint16]
    "Constants, the pattern of gaps, and what was told of traffic last."
    pack: Columns
    panel: Columns
    "Control's own points."
    holes: bytes
    "One byte a register, 1 where there is none."
    writable: Writable
    mailboxes: tuple[Mailbox, ...] = ()
    traffic: Columns = Columns((), None)
    "What is told now and then, of masters."
    undecided: Blocked = None
    "What may not be read of control's points where there is no control."
    untold: Blocked = None
    "What may not be read of traffic."

    def telling(self, traffic: Snapshot) -> "RegisterMap":
        """The same, whose images show this traffic."""
        if not self.traffic.columns:
            return self
        template = self.template.copy()
        untold = self.traffic.encode(traffic, template)
        return dataclasses.replace(self, template=template, untold=untold)

    def encode(self, snapshot: Snapshot) -> Image:
        """The image of a snapshot; control's points are still missing in it."""
        image = self.template.copy()
        blocked = self.pack.encode(snapshot, image)
        return Image(image.astype(">u2").tobytes(), _either(blocked, self.untold))

    def patched(self, image: Image, panel: Snapshot | None, mailboxes: Mailboxes) -> Image:
        """The same image with control's points and mailboxes as they are now."""
        if not self.panel.columns and not self.mailboxes:
            return image
        copy = bytearray(image.data)
        registers = np.frombuffer(copy, ">u2")
        blocked = self.undecided if panel is None else self.panel.encode(panel, registers)
        mailboxes.show(self.mailboxes, registers)
        return Image(bytes(copy), _either(image.blocked, blocked))


def _either(first: Blocked, second: Blocked) -> bytes | None:
    """What may not be read for one reason or for the other."""
    if first is None or second is None:
        known = second if first is None else first
        return None if known is None else bytes(known)
    return (int.from_bytes(first) | int.from_bytes(second)).to_bytes(len(first))


@dataclass(frozen=True, slots=True)
class FaceMap:
    """A register map compiled for one unit of a container."""

    name: str
    version: str
    digest: str
    tables: Mapping[Table, RegisterMap]
    identity: Mapping[int, str]
    "Objects of device identification (APP V1.1b3 clause 6.21), in order."

    @property
    def holding(self) -> RegisterMap:
        """The table of holding registers."""
        return self.tables[Table.HOLDING]

    def encode(self, snapshot: Snapshot) -> Images:
        """The images of a snapshot; control's points are still missing in them."""
        return self._of_each(lambda _, table: table.encode(snapshot))

    def patched(self, images: Images, panel: Snapshot | None, mailboxes: Mailboxes) -> Images:
        """The same images with control's points and mailboxes as they are now."""
        return self._of_each(lambda name, table: table.patched(images[name], panel, mailboxes))

    @property
    def mailboxes(self) -> list[Mailbox]:
        """Those of all tables."""
        return [box for table in self.tables.values() for box in table.mailboxes]

    @property
    def commands(self) -> set[str]:
        """What can be written: holding registers and coils."""
        tables = [self.tables[name] for name in (Table.HOLDING, Table.COIL) if name in self.tables]
        places = [place for table in tables for place in table.writable.places.values()]
        return {place.instruction.name for place in places}

    def without(self, names: Collection[str]) -> "FaceMap":
        """The same map, in which some commands and mailboxes can only be read."""
        return self._changed(
            lambda table: dataclasses.replace(table, writable=table.writable.without(names))
        )

    def telling(self, traffic: Snapshot) -> "FaceMap":
        """The same map, whose images show this traffic."""
        return self._changed(lambda table: table.telling(traffic))

    def _changed(self, change: Callable[[RegisterMap], RegisterMap]) -> "FaceMap":
        """The same map with changed tables; those that are one stay one."""
        made = {id(table): change(table) for table in self.tables.values()}
        tables = {name: made[id(table)] for name, table in self.tables.items()}
        return dataclasses.replace(self, tables=tables)

    def _of_each(self, make: Callable[[Table, RegisterMap], Image]) -> Images:
        """An image of each table, made once where two are the same."""
        made, images = dict[int, Image](), dict[Table, Image]()
        for name, table in self.tables.items():
            if id(table) not in made:
                made[id(table)] = make(name, table)
            images[name] = made[id(table)]
        return images
