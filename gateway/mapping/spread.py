"""Where the values of one row of a register map lie, for a given topology.

An index with a stride moves by it; an index without one follows closely after the inner ones. Rows of type
`bits` pack what has no stride into registers of 16, lowest bit first.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.mapping.schema.registers import RegisterRow
from gateway.mapping.words import COUNTER, TYPES, WordType
from gateway.model.command import INSTRUCTIONS
from gateway.model.pack import Indices, Layout
from gateway.model.point import AXES

BITS = 16


@dataclass(frozen=True, slots=True)
class Spread:
    """The registers of a row: one entry a value, or for `bits` one entry a bit."""

    kind: WordType
    addresses: Indices
    "First register of each value."
    elements: Indices
    "Element of the layout of each value."
    bits: NDArray[np.int64] | None = None
    "Bit of each value in its register."


def word_type(row: RegisterRow) -> WordType:
    """The type of a row; bit fields come in three widths, and what cannot be withdrawn uses every number."""
    written = INSTRUCTIONS.get(row.command or "")
    if row.type == "u16" and written is not None and not written.withdrawable:
        return COUNTER
    return TYPES[f"bitfield{row.words or 1}" if row.type == "bitfield" else row.type]


def spread(row: RegisterRow, layout: Layout, first_rack: int, racks: int) -> Spread:
    """The registers of a point's row for `racks` racks from `first_rack` (counted from 0)."""
    kind = word_type(row)
    name = row.shows
    scope = layout.points[name].scope
    shape = layout.shape(name)
    elements = np.arange(layout.slices[name].start, layout.slices[name].stop, dtype=np.int64)
    elements = elements.reshape(shape)
    if "rack" in AXES[scope]:
        elements = elements[first_rack : first_rack + racks]
    given = row.stride.model_dump()
    strides: list[int | None] = [given[axis] for axis in AXES[scope]]
    if kind.name == "bits":
        return _packed(row, kind, elements, strides)
    addresses = _strided(row.at, elements.shape, strides, kind.words)
    return Spread(kind, addresses.ravel(), elements.ravel())


def _packed(
    row: RegisterRow, kind: WordType, elements: Indices, strides: list[int | None]
) -> Spread:
    outer = [axis for axis, stride in enumerate(strides) if stride is not None]
    depth = max(outer) + 1 if outer else 0
    groups, inner = elements.shape[:depth], math.prod(elements.shape[depth:])
    firsts = _strided(row.at, groups, strides[:depth], math.ceil(inner / BITS))
    bit = np.arange(inner, dtype=np.int64)
    addresses = firsts[..., None] + bit // BITS
    bits = np.broadcast_to(bit % BITS, addresses.shape)
    return Spread(kind, addresses.ravel(), elements.ravel(), bits.ravel())


def _strided(at: int, shape: Sequence[int], strides: Sequence[int | None], close: int) -> Indices:
    """First registers of things of `close` registers; without a stride they follow each other closely."""
    addresses = np.full(shape, at, np.int64)
    for axis in reversed(range(len(shape))):
        own, length = strides[axis], shape[axis]
        stride = close if own is None else own
        steps = np.arange(length, dtype=np.int64) * stride
        addresses += steps.reshape([-1 if axis == other else 1 for other in range(len(shape))])
        close = stride * length
    return addresses
