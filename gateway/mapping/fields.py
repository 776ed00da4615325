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
from gateway.mapping.schema import MessageRow, SignalRow
from gateway.mapping.source import Location, Source, did_you_mean

_DESCRIBED = {"bits", "bytes", "type", "order", "when", "repeat", "step"}
"What a row of a database's signal cannot change."
_PLACEHOLDER = re.compile(r"\{(module|cell|sensor|rack)\}")
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
    for signal in known.values():
        if found := pattern.fullmatch(signal.name):
            yield Placed(_overridden(signal, row), row, at, 0, found.groupdict())


def _expression(name: str) -> str:
    """A name with placeholders as a regular expression; one that comes again must be the same."""
    text, seen = "", set[str]()
    for index, part in enumerate(_PLACEHOLDER.split(name)):
        if index % 2 == 0:
            text += re.escape(part)
        else:
            text += f"(?P={part})" if part in seen else f"(?P<{part}>[0-9]+)"
            seen.add(part)
    return text


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
    order = Order(row.order) if row.order else default
    try:
        if row.bits is not None:
            start, length, order, coding = bit_place(row.bits)
        elif row.bytes is not None:
            (start, length), coding = byte_place(row.bytes, order), Coding.UNSIGNED
        else:
            source.report(
                at, f"'{name}' says neither bits nor bytes", "add bits: or bytes:", key=True
            )
            return
        when = {selector: numbers(values) for selector, values in row.when.items()}
    except ValueError as error:
        source.report(at, str(error))
        return
    if row.type != "unsigned":
        coding = _CODINGS[row.type]
    if not 1 <= length <= _WIDEST or (coding is Coding.FLOAT and length not in FLOATS):
        source.report(
            at, f"'{name}' cannot have {length} bits", "floats have 16, 32 or 64, others 1 to 64"
        )
        return
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


def _moved(start: int, bits: int, order: Order) -> int:
    """A start bit some bits further on in the frame."""
    if order is Order.LITTLE:
        return start + bits
    place = start // 8 * 8 + 7 - start % 8 + bits
    return place // 8 * 8 + 7 - place % 8
