"""What can be wrong with a row of a register map before any topology is known."""

import math
from collections.abc import Iterator

from gateway.mapping.schema import ConstantRow, RegisterRow
from gateway.mapping.source import did_you_mean
from gateway.mapping.spread import word_type
from gateway.model.alarm import CAUSES
from gateway.model.point import AXES, POINTS, Kind, Point

IDENTITY = (
    "vendor", "product", "version", "map", "map_major", "map_minor", "map_patch", "map_hash",
    "site", "container", "racks", "modules", "cells", "sensors", "first_rack",
)  # fmt: skip
"What the gateway knows of itself."

Flaw = tuple[tuple[str, ...], str, str]
"Where in a row, what is wrong, what to do about it."


def flaws(row: RegisterRow) -> Iterator[Flaw]:
    """Everything that is wrong with a row."""
    yield from _subject(row)
    yield from _form(row)


def _subject(row: RegisterRow) -> Iterator[Flaw]:
    """What is wrong with what a row shows."""
    shown = [name for name in ("point", "identity", "const") if getattr(row, name) is not None]
    if len(shown) != 1:
        yield (), "a row shows exactly one of point, identity and const", ""
    point = POINTS.get(row.point or "")
    if row.point is not None and point is None:
        near = did_you_mean(row.point, POINTS)
        yield ("point",), f"no point is named '{row.point}'", near
    if row.identity is not None and row.identity not in IDENTITY:
        near = did_you_mean(row.identity, IDENTITY)
        yield ("identity",), f"the gateway does not know its '{row.identity}'", near
    if point is not None:
        yield from _strides(row, point)
        yield from _safety(row, point)


def _safety(row: RegisterRow, point: Point) -> Iterator[Flaw]:
    """Ways to show more than there is."""
    if point.kind is Kind.LIMIT and row.missing in {"sentinel", "hold"}:
        text = f"an unknown limit must not read {row.missing} (R19)"
        yield ("missing",), text, "leave it out, then it reads 0; or exception"
    if point.kind is Kind.BITS and (row.type != "bitfield" or row.words in {None, 1}):
        text = f"{point.name} has {len(CAUSES)} bits"
        yield ("type",), text, "type: bitfield, words: 2 or 4"


def _strides(row: RegisterRow, point: Point) -> Iterator[Flaw]:
    """Strides that have nothing to step through."""
    axes = AXES[point.scope]
    for axis in row.stride.model_dump(exclude_none=True):
        if axis not in axes:
            near = f"it has {' and '.join(axes)}" if axes else "remove it"
            yield ("stride", axis), f"{point.name} has no {axis} to step through", near


def _form(row: RegisterRow) -> Iterator[Flaw]:
    """What is wrong with how a row shows it."""
    if row.scale == 0 or not math.isfinite(row.scale):
        yield ("scale",), f"a scale of {row.scale:g} makes no value", "give what one count is worth"
    if not math.isfinite(row.offset):
        yield ("offset",), f"an offset of {row.offset:g} makes no value", "give a number"
    if row.type == "string":
        if row.words is None or row.point is not None:
            yield ("type",), "a string shows identity or const and has words:", ""
        return
    if row.type == "bitfield" and row.words not in {None, 1, 2, 4}:
        yield ("words",), "a bit field has 1, 2 or 4 words", ""
        return
    kind = word_type(row)
    if row.words not in {None, kind.words}:
        yield ("words",), f"the type {row.type} has {kind.words}, always", "remove words:"
    constant = row.missing.constant if isinstance(row.missing, ConstantRow) else 0
    if not kind.is_float and not -1 << 16 * kind.words - 1 <= constant < 1 << 16 * kind.words:
        yield ("missing",), f"{constant} does not fit into {row.type}", ""
