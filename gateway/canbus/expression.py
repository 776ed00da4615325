"""Pieces of source text: how bits become a raw number, a value, a test.

`compile.py` puts them together. Names in the text: `d` payload, `w` and `x` the payload as one big- or
little-endian integer, `v` a value, `r0`... raw numbers; anything else is bound by `Text.bind`.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gateway.canbus.signal import FLOATS, Coding, Order, Signal
from gateway.canbus.table import AlarmBit, Field

_CODES = {(8, False): "B", (16, False): "H", (32, False): "I", (64, False): "Q"} | {
    (8, True): "b", (16, True): "h", (32, True): "i", (64, True): "q"
}  # fmt: skip
_BYTE = 8


@dataclass(slots=True)
class Text:
    """A function's source in the making, and what is to be bound to its names."""

    size: int
    head: list[str] = field(default_factory=list)
    "Lines that come before the payload is read as one integer."
    lines: list[str] = field(default_factory=list)
    bound: dict[str, object] = field(default_factory=dict)
    whole: set[Order] = field(default_factory=set)

    def put(self, depth: int, *lines: str) -> None:
        """Add lines at a depth of indentation."""
        self.lines.extend("    " * depth + line for line in lines)

    def bind(self, prefix: str, value: object) -> str:
        """A name for a value that the function's source does not depend on."""
        name = f"{prefix}{len(self.bound)}"
        self.bound[name] = value
        return name

    def raw(self, signal: Signal) -> str:
        """An expression for the raw bits of a signal."""
        byte, odd = divmod(signal.shift(self.size), 8)
        if signal.length == _BYTE and not odd and signal.coding is Coding.UNSIGNED:
            return f"d[{self.size - 1 - byte if signal.order is Order.BIG else byte}]"
        self.whole.add(signal.order)
        name = "w" if signal.order is Order.BIG else "x"
        bits = f"{name} >> {signal.shift(self.size)} & {(1 << signal.length) - 1}"
        if signal.coding is Coding.SIGNED:
            half = 1 << signal.length - 1
            return f"({bits} ^ {half}) - {half}"
        if signal.coding is Coding.FLOAT:
            unpack = self.bind("u", struct.Struct(f">{FLOATS[signal.length]}").unpack)
            return f"{unpack}(({bits}).to_bytes({signal.length // 8}, 'big'))[0]"
        return bits


def aligned(fields: Sequence[Field], size: int) -> str | None:
    """The struct format that unpacks all fields in one go, in the order of their places."""
    orders = {part.signal.order for part in fields if part.signal.length > _BYTE}
    if len(orders) > 1 or not fields[1:]:
        return None
    layout, end = ("<" if Order.LITTLE in orders else ">"), 0
    for part in sorted(fields, key=lambda part: first_byte(part.signal)):
        signal, first = part.signal, first_byte(part.signal)
        if signal.coding is Coding.FLOAT:
            code = FLOATS.get(signal.length)
        else:
            code = _CODES.get((signal.length, signal.coding is Coding.SIGNED))
        if code is None or signal.shift(size) % 8 or first < end:
            return None
        layout += f"{first - end}x{code}"
        end = first + signal.length // 8
    return f"{layout}{size - end}x"


def first_byte(signal: Signal) -> int:
    """Where a byte-aligned signal begins."""
    return signal.start // 8


def _number(value: float) -> str:
    return repr(int(value)) if value == int(value) else repr(value)


def scaled(part: Field, raw: str) -> str:
    """An expression for the value in the element's unit."""
    signal, text = part.signal, raw
    if signal.scale != 1:
        text = f"{text} * {signal.scale!r}"
    if signal.offset:
        text = f"{text} + {signal.offset!r}"
    if part.multiplier != 1:
        text = f"({text}) * {_number(part.multiplier)}"
    if part.divisor != 1:
        text = f"({text}) / {_number(part.divisor)}"
    if part.offset:
        text = f"{text} + {part.offset!r}"
    if part.absolute:
        text = f"abs({text})"
    if signal.coding is Coding.FLOAT or signal.scale < 0 or part.multiplier < 0:
        text = f"{text} + 0.0"  # never -0.0
    return text


def _is_one_of(name: str, codes: Iterable[int]) -> str:
    known = sorted(codes)
    return f"{name} == {known[0]}" if len(known) == 1 else f"{name} in {tuple(known)}"


def missing_test(source: Text, part: Field, name: str) -> str:
    """A condition that holds where the frame says that there is no value; empty if it never does."""
    tests = [_is_one_of(name, part.not_available)] if part.not_available else []
    if part.signal.coding is Coding.FLOAT:
        tests.append(f"{name} != {name}")  # not a number
    tests += [f"({source.raw(flag)}) != {value}" for flag, value in part.valid_when]
    return " or ".join(tests)


def outside_test(part: Field) -> str:
    """A condition that holds where the value is out of range; empty if it never is."""
    tests = []
    if part.signal.coding is Coding.FLOAT:
        tests.append("v - v != 0")  # infinite
    if part.low is not None and part.high is not None:
        tests.append(f"not {part.low!r} <= v <= {part.high!r}")
    return " or ".join(tests)


def alarm_test(alarm: AlarmBit, name: str) -> str:
    """A condition that holds while the alarm is set."""
    if alarm.bit is not None:
        test = f"{name} >> {alarm.bit} & 1"
    elif alarm.codes:
        test = _is_one_of(name, alarm.codes)
    else:
        test = name
    return f"({test})"
