"""What stands in a frame that is sent: orders and fixed numbers as raw bits."""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.canbus.signal import FLOATS, Coding, Order, Signal
from gateway.model.order import Orders


@dataclass(frozen=True, slots=True)
class Part:
    """A signal to fill in: with the value of an order, or with a fixed raw number."""

    signal: Signal
    order: str = ""
    "A row of REQUESTS; where it is empty, `constant` stands there."
    rack: int = 0
    "Whose value of the row; 0 is the container's."
    constant: int = 0
    "Raw."
    states: Mapping[int, int] | None = None
    "Value of the order -> raw value."
    none: int | None = None
    "The raw value that means: no order."
    wrap: int = 0
    "The order's value is taken modulo this; 0: as it is."
    given: tuple[str, int] | None = None
    "An order and its rack: while it is 0, `otherwise` stands here."
    otherwise: int = 0
    "Raw."


@dataclass(frozen=True, slots=True)
class Checksum:
    """A byte that is computed from others."""

    kind: str
    "A row of CHECKSUMS."
    place: int
    "The byte that carries it."
    over: tuple[int, ...]
    "The bytes that it covers, in this order."


def raw_value(part: Part, orders: Orders) -> float | None:
    """The raw number that says what is ordered; None where there is none that the bits can hold."""
    raw = _wanted(part, orders)
    return None if raw is None or not holds(part.signal, raw) else raw


def _wanted(part: Part, orders: Orders) -> float | None:
    if not part.order:
        return part.constant
    if part.given is not None:
        allowed = orders.value(*part.given)
        if allowed == 0:
            return part.otherwise
        if not math.isfinite(allowed):
            return part.none
    value = orders.value(part.order, part.rack)
    if not math.isfinite(value):
        return part.none
    if part.states is not None:
        return part.states.get(int(value))
    return scaled(part.signal, value % part.wrap if part.wrap else value)


def scaled(signal: Signal, value: float) -> float:
    """The raw number for a value."""
    raw = (value - signal.offset) / signal.scale
    return raw if signal.coding is Coding.FLOAT else round(raw)


def holds(signal: Signal, raw: float) -> bool:
    """Whether a signal's bits can hold a raw number."""
    match signal.coding:
        case Coding.FLOAT:
            return True
        case Coding.SIGNED:
            return -(1 << signal.length - 1) <= raw < 1 << signal.length - 1
        case Coding.UNSIGNED:
            return 0 <= raw < 1 << signal.length


def bits_of(signal: Signal, raw: float, size: int) -> int:
    """A raw number at its place in a frame that is read as one little-endian integer."""
    if signal.coding is Coding.FLOAT:
        number = int.from_bytes(struct.pack(f">{FLOATS[signal.length]}", raw), "big")
    else:
        number = int(raw) & (1 << signal.length) - 1
    placed = number << signal.shift(size)
    if signal.order is Order.BIG:
        return int.from_bytes(placed.to_bytes(size, "big"), "little")
    return placed
