"""Frames that are sent: what stands in them, made of the orders of a cycle.

Rules:
- a frame says what the orders say now; one with an order that is NaN, or a value that its bits cannot hold,
  is not made at all, unless the table has a raw value for "no order";
- bits that no signal takes are 0.
"""

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.canbus.checksum import CHECKSUMS
from gateway.canbus.signal import FLOATS, Coding, Order, Signal
from gateway.canbus.table import Counter
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


@dataclass(frozen=True, slots=True)
class Send:
    """A message that is sent."""

    key: int
    name: str
    bus: str
    length: int
    "Bytes."
    period: float
    "Seconds between frames; between repetitions where it is sent `once`."
    parts: tuple[Part, ...] = ()
    counter: Counter | None = None
    "Counts the frames of the message."
    checksum: Checksum | None = None
    timeout: float | None = None
    "Seconds that the BMU waits for it before it acts (R16)."
    rack: int = 0
    "From 1; 0 where it is not for one rack."
    once: str = ""
    "The order that it is sent for, once for each new value; empty: it is sent all the time."
    times: int = 1
    "How often it is said, where it is sent once."
    encode: "Encode | None" = None
    "An adapter's own way to make the payload."


Encode = Callable[[Send, Orders, int], bytes | None]
"A payload for the orders and the counter's value; None: nothing is to be sent."


def encoded(send: Send, orders: Orders, counter: int) -> bytes | None:
    """The payload that says these orders; None where they cannot be said."""
    values = raw_values(send, orders)
    if values is None:
        return None
    bits = 0
    for part, raw in zip(send.parts, values, strict=True):
        bits |= bits_of(part.signal, raw, send.length)
    if send.counter is not None:
        bits |= bits_of(send.counter.signal, counter % send.counter.modulo, send.length)
    data = bytearray(bits.to_bytes(send.length, "little"))
    if send.checksum is not None:
        check = send.checksum
        data[check.place] = CHECKSUMS[check.kind](data[place] for place in check.over)
    return bytes(data)


def raw_values(send: Send, orders: Orders) -> tuple[float, ...] | None:
    """The raw number of each part; None where one has none that its bits can hold."""
    values = []
    for part in send.parts:
        raw = _raw(part, orders)
        if raw is None or not holds(part.signal, raw):
            return None
        values.append(raw)
    return tuple(values)


def _raw(part: Part, orders: Orders) -> float | None:
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
