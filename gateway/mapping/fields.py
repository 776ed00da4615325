"""Signal rows of a frame file: which signals a message has, and where each value goes.

A row stands for one signal, for a repeated one, or, with `{module}` and `{cell}` in its name, for a family
of database signals. The running index of a repetition counts through `over`: page by page of the
identifier, value by value of the selector, repetition by repetition.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.canbus.signal import FLOATS, Coding, Order, Signal
from gateway.mapping.notation import bit_place, byte_place, numbers
from gateway.mapping.schema.frames import MessageRow, SignalRow
from gateway.mapping.source import Location, Source, did_you_mean

_DESCRIBED = {"bits", "bytes", "type", "order", "when", "repeat", "step"}
"What a row of a database's signal cannot change."
PLACEHOLDER = re.compile(r"\{(module|cell|sensor|rack)([+-]\d+)?\}")
"Stands for a number in a name; the shift makes an index from 1 of it."
_WIDEST = 64  # bits
_CODINGS = {coding.value: coding for coding in Coding}


@dataclass(frozen=True, slots=True)
class Placed:
    """One signal of a message, the row that describes it, and its place among its like."""

    signal: Signal
    row: SignalRow
    at: Location
    "Of the row, for problems."
    repetition: int = 0
    "From 0."
    captured: Mapping[str, str] = dataclasses.field(default_factory=dict)
    "Digits that stand for placeholders in the row's name."
    indices: Mapping[str, int] = dataclasses.field(default_factory=dict)
    "What these digits mean, shifted as the placeholder says."

    def flag(self, pattern: str, signals: Mapping[str, Signal]) -> tuple[str, Signal | None]:
        """The name that a flag's pattern has for this signal, and the flag: of a repetition, its own."""
        name = PLACEHOLDER.sub(lambda part: self.captured.get(part[1], part[0]), pattern)
        return name, signals.get(name) or signals.get(f"{name}_{self.repetition + 1}")


def placed_signals(
    source: Source, at: Location, row: MessageRow, order: Order, known: Mapping[str, Signal]
) -> list[Placed]:
    """All signals that the rows of a message name; `known` are those of its database."""
    placed: list[Placed] = []
    for name, signal_row in row.signals.items():
        here = (*at, "signals", name)
        if known:
            found = list(_from_database(name, signal_row, here, known))
            for key in _DESCRIBED & signal_row.model_fields_set:
                text = f"'{key}' is what the database says of '{name}'"
                source.report((*here, key), text, "leave it out, or describe the signal in place")
            if not found:
                near = did_you_mean(name, known)
                source.report(here, f"the database has no signal '{name}' here", near, key=True)
            placed += found
        else:
            placed += _inline(source, name, signal_row, here, order)
    return placed


def _from_database(
    name: str, row: SignalRow, at: Location, known: Mapping[str, Signal]
) -> Iterator[Placed]:
    pattern = re.compile(_expression(name))
    shifts = {found[1]: int(found[2] or 0) for found in PLACEHOLDER.finditer(name)}
    for signal in known.values():
        if found := pattern.fullmatch(signal.name):
            digits = found.groupdict()
            indices = {axis: int(text) + shifts[axis] for axis, text in digits.items()}
            yield Placed(_overridden(signal, row), row, at, 0, digits, indices)


def _expression(name: str) -> str:
    """A name with placeholders as a regular expression; one that comes again must be the same."""
    text, end, seen = "", 0, set[str]()
    for found in PLACEHOLDER.finditer(name):
        axis = found[1]
        text += re.escape(name[end : found.start()])
        text += f"(?P={axis})" if axis in seen else f"(?P<{axis}>[0-9]+)"
        end = found.end()
        seen.add(axis)
    return text + re.escape(name[end:])


def _overridden(signal: Signal, row: SignalRow) -> Signal:
    return dataclasses.replace(
        signal,
        scale=signal.scale if row.scale is None else row.scale,
        offset=signal.offset if row.offset is None else row.offset,
        unit=signal.unit if row.unit is None else row.unit,
        labels=row.labels or signal.labels,
    )


def _inline(
    source: Source, name: str, row: SignalRow, at: Location, default: Order
) -> Iterator[Placed]:
    """The signals of a row that describes them in place; nothing, and a problem, if it cannot be right."""
    try:
        start, length, order, coding = _place(name, row, Order(row.order) if row.order else default)
        when = {selector: numbers(values) for selector, values in row.when.items()}
    except ValueError as error:
        source.report(at, str(error))
        return
    if not 1 <= length <= _WIDEST or (coding is Coding.FLOAT and length not in FLOATS):
        source.report(
            at, f"'{name}' cannot have {length} bits", "floats have 16, 32 or 64, others 1 to 64"
        )
        return
    if row.repeat > 1 and row.step == 0:
        source.report((*at, "step"), "repetitions would read the same bits", "leave step: out")
    step = row.step if row.step is not None else length
    for repetition in range(row.repeat):
        first = _moved(start, repetition * step, order)
        yield Placed(
            Signal(
                f"{name}_{repetition + 1}" if row.repeat > 1 else name,
                first, length, order, coding,
                row.scale if row.scale is not None else 1,
                row.offset if row.offset is not None else 0,
                row.unit or "", row.labels, when,
            ),
            row, at, repetition,
        )  # fmt: skip


def _place(name: str, row: SignalRow, order: Order) -> tuple[int, int, Order, Coding]:
    """Start, length, byte order and coding of a row; ValueError if it names no place, or two."""
    if (row.bits is None) == (row.bytes is None):
        which = "neither bits nor bytes" if row.bits is None else "both bits and bytes"
        raise ValueError(f"'{name}' says {which}; say one of them")
    if row.bits is not None:
        start, length, order, coding = bit_place(row.bits)
    else:
        (start, length), coding = byte_place(row.bytes or 0, order), Coding.UNSIGNED
    return start, length, order, coding if row.type == "unsigned" else _CODINGS[row.type]


def _moved(start: int, bits: int, order: Order) -> int:
    """A start bit some bits further on in the frame."""
    if order is Order.LITTLE:
        return start + bits
    place = start // 8 * 8 + 7 - start % 8 + bits
    return place // 8 * 8 + 7 - place % 8
