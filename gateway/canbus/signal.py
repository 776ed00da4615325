"""Where a signal lies in a frame, and what its bits mean.

Bit numbers are those of DBC files: bit n is bit n % 8 of byte n // 8. A little-endian ("Intel") signal
starts at its lowest bit, a big-endian ("Motorola") one at its highest.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Order(Enum):
    """Byte order."""

    BIG = "big"
    LITTLE = "little"


class Coding(Enum):
    """How raw bits become a number."""

    UNSIGNED = "unsigned"
    SIGNED = "signed"
    FLOAT = "float"


FLOATS = {16: "e", 32: "f", 64: "d"}
"IEEE 754 widths and their struct codes."


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal's place and scaling: physical = raw x scale + offset, in `unit`."""

    name: str
    start: int
    length: int
    order: Order
    coding: Coding = Coding.UNSIGNED
    scale: float = 1
    offset: float = 0
    unit: str = ""
    labels: Mapping[int, str] = field(default_factory=dict)
    "Texts of raw values."
    when: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    "Selectors and the raw values of theirs at which this signal is present."

    def first_bit(self) -> int:
        """The position of the highest bit, counted from the left end of the frame (big-endian only)."""
        return self.start // 8 * 8 + 7 - self.start % 8

    def bytes_needed(self) -> int:
        """The length a frame must have to contain the signal."""
        if self.order is Order.BIG:
            return (self.first_bit() + self.length + 7) // 8
        return (self.start + self.length + 7) // 8

    def shift(self, size: int) -> int:
        """How far to shift a frame of `size` bytes, read as one integer, to bring the signal down."""
        if self.order is Order.BIG:
            return size * 8 - self.first_bit() - self.length
        return self.start


def raw_value(signal: Signal, data: bytes) -> float:
    """The raw number of a signal in a frame; IndexError if the frame is too short for it."""
    if len(data) < signal.bytes_needed():
        raise IndexError(f"{signal.name} needs {signal.bytes_needed()} bytes, not {len(data)}")
    whole = int.from_bytes(data, signal.order.value)
    bits = whole >> signal.shift(len(data)) & (1 << signal.length) - 1
    if signal.coding is Coding.SIGNED:
        return bits - (bits >> signal.length - 1 << signal.length)
    if signal.coding is Coding.FLOAT:
        packed = bits.to_bytes(signal.length // 8, "big")
        number: float = struct.unpack(f">{FLOATS[signal.length]}", packed)[0]
        return number
    return bits


def physical_value(signal: Signal, data: bytes) -> float:
    """The scaled number of a signal in a frame."""
    return raw_value(signal, data) * signal.scale + signal.offset


def is_present(signal: Signal, data: bytes, signals: Mapping[str, Signal]) -> bool:
    """Whether the frame's selectors say that it carries the signal, through all levels."""
    return all(
        raw_value(signals[selector], data) in values
        and is_present(signals[selector], data, signals)
        for selector, values in signal.when.items()
    )
