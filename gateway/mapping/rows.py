"""What can be wrong with a row of a register map before any topology is known."""

import math
from collections.abc import Iterator

from gateway.mapping.schema.registers import ConstantRow, RegisterRow
from gateway.mapping.shown import SHOWN, point_of
from gateway.mapping.source import did_you_mean
from gateway.mapping.spread import word_type
from gateway.model.alarm import CAUSES
from gateway.model.command import INSTRUCTIONS
from gateway.model.point import AXES, Kind, Point

IDENTITY = (
    "vendor", "product", "version", "map", "map_major", "map_minor", "map_patch", "map_hash",
    "site", "container", "racks", "modules", "cells", "sensors", "first_rack",
)  # fmt: skip
"What the gateway knows of itself."

UNSCALED = {"string", "bitfield", "enum", "bits", "bit"}
"Types whose registers are no numbers."
_BITS = {"coil", "discrete"}
_BETWEEN = 1e-6  # counts
_SPOKEN = 10**20

Flaw = tuple[tuple[str, ...], str, str]
"Where in a row, what is wrong, what to do about it."


def flaws(row: RegisterRow) -> Iterator[Flaw]:
    """Everything that is wrong with a row."""
    yield from _subject(row)
    yield from _storage(row)
    yield from _form(row)


def _subject(row: RegisterRow) -> Iterator[Flaw]:
    """What is wrong with what a row shows."""
    kinds = ("point", "command", "identity", "const", "mailbox", "hold")
    if len([name for name in kinds if getattr(row, name) is not None]) != 1:
        yield (), "a row shows exactly one of point, command, identity, const, mailbox and hold", ""
    point = point_of(row)
    if row.point is not None and point is None:
        near = did_you_mean(row.point, SHOWN)
        yield ("point",), f"no point is named '{row.point}'", near
    if row.command is not None and row.command not in INSTRUCTIONS:
        near = did_you_mean(row.command, INSTRUCTIONS)
        yield ("command",), f"no command is named '{row.command}'", near
        point = None
    if row.identity is not None and row.identity not in IDENTITY:
        near = did_you_mean(row.identity, IDENTITY)
        yield ("identity",), f"the gateway does not know its '{row.identity}'", near
    if point is not None:
        yield from _strides(row, point)
        yield from _safety(row, point)


def _storage(row: RegisterRow) -> Iterator[Flaw]:
    """What is wrong with a mailbox, or a register that holds a picture."""
    if row.mailbox is None:
        for key in sorted(row.model_fields_set & {"initial", "count", "owner"}):
            yield (key,), "is of mailboxes", "remove it, or name a mailbox:"
    if row.hold is not None and (row.type, row.offset) != ("u16", 0):
        yield ("hold",), "is one register of seconds", "type: u16, scale: the seconds of a count"


def counts_of(row: RegisterRow, value: float) -> float | None:
    """A value in the row's counts; None where they cannot say it."""
    kind = word_type(row)
    if isinstance(value, int) and (row.scale, row.offset) == (1, 0):
        count: float = value  # exact, also beyond what a float can hold
    elif not math.isfinite(value):
        return (math.nan if math.isnan(value) else value) if kind.is_float else None
    else:
        count = (value - row.offset) / row.scale
        whole = round(count)
        if not kind.is_float:
            if abs(count - whole) > _BETWEEN:
                return None
            count = whole
    low, high = kind.bounds
    return count if low <= count <= high else None


def _safety(row: RegisterRow, point: Point) -> Iterator[Flaw]:
    """Ways to show more than there is."""
    if point.kind is Kind.LIMIT and row.scale and row.type not in {"string", "bits", "bitfield"}:
        yield from _limit(row)
    if row.type in {"bit", "bits"} and not _is_bit(row, point):
        yield ("type",), f"{point.name} is more than a bit", "choose a type that holds a number"
    if row.type == "enum" and point.kind is not Kind.STATE:
        yield ("type",), f"{point.name} is no state", "choose a type that holds a number"
    if point.kind is Kind.BITS and (row.type != "bitfield" or row.words in {None, 1}):
        text = f"{point.name} has {len(CAUSES)} bits"
        yield ("type",), text, "type: bitfield, words: 2 or 4"


def _is_bit(row: RegisterRow, point: Point) -> bool:
    """Whether a point is 0 or 1; of a command whether one bit says it."""
    if row.command is not None:
        return INSTRUCTIONS[row.command].fits_a_bit
    return point.kind is Kind.STATE and set(point.states) <= {0, 1}


def _limit(row: RegisterRow) -> Iterator[Flaw]:
    """Ways in which a limit could read as more than is known (R19)."""
    remedy = "leave it out, then it reads 0; or exception"
    if row.missing in {"sentinel", "hold"}:
        yield ("missing",), f"an unknown limit must not read {row.missing} (R19)", remedy
    if isinstance(row.missing, ConstantRow):
        shown = row.missing.constant * row.scale + row.offset
        if shown:
            yield ("missing",), f"an unknown limit must not read {shown:g} (R19)", remedy
    zero, kind = counts_of(row, 0.0), word_type(row)
    if zero is None or not kind.low <= zero <= kind.high:
        text = f"a limit of 0 cannot be said in {row.type} with this scale and offset (R19)"
        yield (), text, "choose others"


def _strides(row: RegisterRow, point: Point) -> Iterator[Flaw]:
    """Strides that have nothing to step through."""
    axes = AXES[point.scope]
    for axis in row.stride.model_dump(exclude_none=True):
        if axis not in axes:
            near = f"it has {' and '.join(axes)}" if axes else "remove it"
            yield ("stride", axis), f"{point.name} has no {axis} to step through", near


def _form(row: RegisterRow) -> Iterator[Flaw]:
    """What is wrong with how a row shows it."""
    yield from _scaling(row)
    if row.table is not None and (row.table in _BITS) != (row.type == "bit"):
        held = (
            "single bits: type: bit"
            if row.table in _BITS
            else "registers: another type, or table: coil"
        )
        yield ("table",), f"the table {row.table} has {held}", ""
    if row.type == "string":
        if row.words is None or row.point is not None:
            yield ("type",), "a string shows identity, const or a mailbox and has words:", ""
        if row.word_order is not None:
            yield ("word_order",), "the words of a string come in the order of reading", "remove it"
        return
    if row.type == "bitfield" and row.words not in {None, 1, 2, 4}:
        yield ("words",), "a bit field has 1, 2 or 4 words", ""
        return
    kind = word_type(row)
    if row.words not in {None, kind.words}:
        yield ("words",), f"the type {row.type} has {kind.words}, always", "remove words:"
    if isinstance(row.missing, ConstantRow):
        yield from _constant(row, row.missing.constant)


def _scaling(row: RegisterRow) -> Iterator[Flaw]:
    """Numbers that make no value."""
    if row.type in UNSCALED and (row.scale, row.offset) != (1, 0):
        key = "offset" if row.scale == 1 else "scale"
        yield (key,), f"{row.type} has neither scale nor offset", "remove them"
    if row.scale == 0 or not math.isfinite(row.scale):
        yield ("scale",), f"a scale of {row.scale:g} makes no value", "give what one count is worth"
    if not math.isfinite(row.offset):
        yield ("offset",), f"an offset of {row.offset:g} makes no value", "give a number"


def spoken(number: float) -> str:
    """A number for a message: not one of hundreds of digits."""
    return "this number" if isinstance(number, int) and abs(number) >= _SPOKEN else str(number)


def _constant(row: RegisterRow, constant: int) -> Iterator[Flaw]:
    """What is wrong with what a row shows for a missing value."""
    kind = word_type(row)
    low, high = (
        kind.bounds if kind.is_float else (-1 << 16 * kind.words - 1, (1 << 16 * kind.words) - 1)
    )
    if not low <= constant <= high:
        yield ("missing",), f"{spoken(constant)} does not fit into {row.type}", ""
    if row.type in {"bit", "bits"}:
        yield ("missing",), "a bit that is missing reads 0, always", "remove it"
