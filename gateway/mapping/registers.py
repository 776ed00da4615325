"""Register maps: from a YAML file to something that encodes a whole snapshot at once.

A map says for each row where it lies, what it shows, in which type, scale, sign and order, and what a
missing value looks like. Compiled for a layout, all rows of a kind become one column of numpy work.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import gateway
from gateway.mapping.image import REGISTERS, Column, Mirrors, Packed, RegisterMap
from gateway.mapping.library import Library
from gateway.mapping.rows import counts_of, flaws, spoken
from gateway.mapping.schema import MapFile, load
from gateway.mapping.schema.registers import ConstantRow, RegisterRow
from gateway.mapping.source import Source, parse, read_text
from gateway.mapping.spread import BITS, Spread, spread, word_type
from gateway.mapping.words import Arrangement, constant_words, text_to_words
from gateway.model.pack import Indices, Layout
from gateway.model.point import POINTS, Kind, Scope

_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class MapRows:
    """A register map as written, checked as far as that goes without a topology."""

    source: Source
    rows: MapFile

    @property
    def racks_per_unit(self) -> int:
        """How many racks one unit id shows."""
        return self.rows.racks

    @property
    def digest(self) -> str:
        """A hash of everything that changes a register's place or meaning."""
        shown = self.rows.model_dump_json(
            exclude={"title": True, "registers": {"__all__": {"text"}}}
        )
        return hashlib.sha256(shown.encode()).hexdigest()

    def compiled(
        self, layout: Layout, unit: int = 0, site: str = "", container: str = ""
    ) -> RegisterMap:
        """The map of a container's unit (counted from 0); MappingError if rows overlap or do not fit."""
        return _MapCompiler(self, layout, unit, site, container).compiled()

    def missing(self, row: RegisterRow) -> str | ConstantRow:
        """What a row shows for a missing value; of a limit `zero`, unless it refuses to answer (R19)."""
        policy = self.rows.missing if row.missing is None else row.missing
        point = POINTS.get(row.point or "")
        is_limit = point is not None and point.kind is Kind.LIMIT
        return "zero" if is_limit and policy != "exception" else policy

    def arrangement(self, row: RegisterRow) -> Arrangement:
        """The word and byte order of a row."""
        return Arrangement(
            row.word_order or self.rows.word_order, row.byte_order or self.rows.byte_order
        )


def load_map(library: Library, name: str, beside: Sequence[Path] = ()) -> MapRows:
    """Read a register map by path or name; MappingError with every problem."""
    path = library.need(name, "registers", "register map", beside)
    source = parse(read_text(path), str(path))
    rows = MapRows(source, load(source, MapFile))
    for index, row in enumerate(rows.rows.registers):
        for key, text, remedy in flaws(row):
            source.report(("registers", index, *key), text, remedy)
    source.stop()
    return rows


@dataclass(slots=True)
class _Group:
    """Rows that are encoded together."""

    spreads: list[Spread] = field(default_factory=list)
    rows: list[RegisterRow] = field(default_factory=list)


class _MapCompiler:
    """Puts rows into an address space and groups them into columns."""

    def __init__(self, rows: MapRows, layout: Layout, unit: int, site: str, container: str) -> None:
        self._rows, self._layout = rows, layout
        self._first_rack = unit * rows.rows.racks
        self._racks = max(0, min(rows.rows.racks, layout.topology.racks - self._first_rack))
        self._owner = np.full(REGISTERS, -1, np.int64)
        self._template = np.full(REGISTERS, 0xFFFF, np.uint16)
        shape = layout.topology
        major, minor, patch = (int(part) for part in rows.rows.version.split("."))
        self._identity: Mapping[str, str | int] = {
            "vendor": "ess-gateway", "product": "ESS gateway", "version": gateway.__version__,
            "map": rows.rows.map, "map_major": major, "map_minor": minor, "map_patch": patch,
            "map_hash": int(rows.digest[:12], 16), "site": site, "container": container,
            "racks": shape.racks, "modules": shape.modules, "cells": shape.cells,
            "sensors": shape.sensors, "first_rack": self._first_rack + 1,
        }  # fmt: skip

    def compiled(self) -> RegisterMap:
        file = self._rows.rows
        groups: dict[tuple[object, ...], _Group] = defaultdict(_Group)
        for index, row in enumerate(file.registers):
            if row.point is None:
                self._fixed(index, row)
                continue
            placed = spread(row, self._layout, self._first_rack, self._racks)
            if self._claim(index, placed.addresses, placed.kind.words, placed.bits):
                kind = self._layout.points[row.point].kind
                key = (
                    placed.kind.name,
                    self._rows.arrangement(row),
                    self._rows.missing(row),
                    kind is Kind.LIMIT,
                )
                group = groups[key]
                group.spreads.append(placed)
                group.rows.append(row)
        columns = [self._column(group) for group in groups.values()]
        mirrors = self._mirrors(columns)
        self._rows.source.stop()
        holes = np.zeros(REGISTERS, np.uint8)
        if file.gaps == "refuse":
            holes[self._owner < 0] = 1
        return RegisterMap(
            file.map, file.version, self._rows.digest, self._template, tuple(columns), mirrors,
            holes.tobytes(),
        )  # fmt: skip

    def _claim(
        self, index: int, addresses: Indices, words: int, bits: Indices | None = None
    ) -> bool:
        """Take registers for a row; False, and a problem, if some are taken or outside."""
        if not len(addresses):
            return False
        taken = (addresses[:, None] + np.arange(words)).ravel()
        at, source = ("registers", index), self._rows.source
        for reached in (taken.min(), taken.max()):
            if not 0 <= reached < REGISTERS:
                source.report(at, f"reaches register {reached}; the last is {REGISTERS - 1}")
                return False
        places, counts = np.unique(
            taken if bits is None else taken * BITS + bits, return_counts=True
        )
        if len(places) < len(taken):
            twice = places[counts > 1][0] // (1 if bits is None else BITS)
            source.report(at, f"its own values meet in register {twice}", "make the stride wider")
            return False
        used = taken[self._owner[taken] >= 0]
        if len(used):
            other = int(self._owner[used[0]])
            line = source.values["registers", other][0]
            source.report(
                at, f"register {used[0]} is already taken by line {line}", "move one of the rows"
            )
            return False
        self._owner[taken] = index
        return True

    def _fixed(self, index: int, row: RegisterRow) -> None:
        """Write a constant into the template."""
        value = self._identity[row.identity] if row.identity is not None else row.const
        order, source = self._rows.arrangement(row), self._rows.source
        if row.type == "string":
            words = text_to_words(str(value), row.words or 1, order)
        elif isinstance(value, str) or value is None:
            at = ("registers", index, "type")
            source.report(at, f"'{value}' is text", "type: string, words:")
            return
        else:
            count = counts_of(row, value)
            if count is None:
                text = f"{spoken(value)} does not fit into {row.type}"
                source.report(("registers", index), text)
                return
            words = constant_words(word_type(row), count, order)
        if self._claim(index, np.array([row.at]), len(words)):
            self._template[row.at : row.at + len(words)] = words

    def _column(self, group: _Group) -> Column:
        row, kind = group.rows[0], group.spreads[0].kind
        missing = self._rows.missing(row)
        counts = [len(part.elements) for part in group.spreads]
        points = self._layout.points
        addresses = np.concatenate([part.addresses for part in group.spreads])
        bits = [part.bits for part in group.spreads if part.bits is not None]
        signs = [
            -1.0
            if points[str(item.point)].signed and (item.sign or self._rows.rows.sign) == "charge"
            else 1.0
            for item in group.rows
        ]
        return Column(
            kind,
            self._rows.arrangement(row),
            np.concatenate([part.elements for part in group.spreads]),
            addresses,
            np.repeat([item.scale * sign for item, sign in zip(group.rows, signs, strict=True)], counts),
            np.repeat([item.offset * sign for item, sign in zip(group.rows, signs, strict=True)], counts),
            "constant" if isinstance(missing, ConstantRow) else missing,
            missing.constant if isinstance(missing, ConstantRow) else None,
            points[str(row.point)].kind is Kind.LIMIT,
            Packed.of(addresses, np.concatenate(bits)) if bits else None,
        )  # fmt: skip

    def _mirrors(self, columns: Sequence[Column]) -> Mirrors | None:
        file = self._rows.rows
        if file.mirrors is None or not columns:
            return None
        plain = [column for column in columns if column.packed is None]
        addresses = np.concatenate([column.registers() for column in plain] or [_NONE])
        elements = np.concatenate(
            [np.repeat(column.elements, column.kind.words) for column in plain] or [_NONE]
        )
        packed = [(of.elements, of.packed) for of in columns if of.packed is not None]
        shown = np.concatenate([addresses, *(bits.addresses for _, bits in packed)])
        for distance in (file.mirrors.quality, file.mirrors.age):
            there = shown + distance
            outside = there.min() < 0 or there.max() >= REGISTERS
            if outside or (self._owner[there] >= 0).any():
                at = ("mirrors",)
                self._rows.source.report(
                    at, "a mirror falls on other registers", "choose another distance"
                )
                return None
            self._owner[there] = len(file.registers)
        return Mirrors(elements, addresses, tuple(packed), file.mirrors.quality, file.mirrors.age)


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a map: where it lies and what it is. For people and clients, not for serving."""

    address: int
    words: int
    row: RegisterRow
    indices: tuple[int, ...]
    "Rack, module, cell or sensor, as far as the point has them."
    bit: int | None = None


def entries(rows: MapRows, layout: Layout, unit: int = 0) -> Iterator[Entry]:
    """Every value of a map for a topology, row by row."""
    first, racks = unit * rows.rows.racks, rows.rows.racks
    for row in rows.rows.registers:
        if row.point is None:
            words = row.words or 1 if row.type == "string" else word_type(row).words
            yield Entry(row.at, words, row, ())
            continue
        placed = spread(row, layout, first, racks)
        start = layout.first(row.point)
        positions = layout.positions(row.point)
        whole = layout.points[row.point].scope is Scope.CONTAINER
        for place, element in enumerate(placed.elements):
            indices = () if whole else positions[element - start]
            bit = None if placed.bits is None else int(placed.bits[place]) % BITS
            yield Entry(int(placed.addresses[place]), placed.kind.words, row, indices, bit)
