"""Register maps at work: rows put into an address space, and grouped into columns of numpy work.

Rows that are encoded alike become one column. Points of the pack, of control and of traffic lie in different
vectors, so they become different columns: control's are encoded again after every write.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

import gateway
from gateway.mapping.image import (
    REGISTERS,
    Column,
    Columns,
    FaceMap,
    Mirrors,
    Packed,
    RegisterMap,
    Table,
)  # fmt: skip
from gateway.mapping.mailbox import Mailbox, Mailboxes, mailbox, slots_of
from gateway.mapping.registers import MapRows
from gateway.mapping.rows import counts_of, spoken
from gateway.mapping.schema.registers import ConstantRow, RegisterRow
from gateway.mapping.shown import SHOWN, Layouts, blank
from gateway.mapping.spread import BITS, Spread, spread, word_type
from gateway.mapping.words import Arrangement, Words, constant_words, text_to_words
from gateway.mapping.writable import Hold, Place, Writable
from gateway.model.command import INSTRUCTIONS
from gateway.model.pack import Indices, Layout
from gateway.model.point import Kind, Scope

_NONE = np.zeros(0, np.int64)


@dataclass(slots=True)
class _Group:
    """Rows that are encoded together."""

    spreads: list[Spread] = field(default_factory=list)
    rows: list[RegisterRow] = field(default_factory=list)


class _Compiler:
    """Puts rows into an address space and groups them into columns."""

    def __init__(
        self, rows: MapRows, layout: Layout, unit: int, site: str, container: str, table: Table
    ) -> None:
        self._rows, self._layouts = rows, Layouts(layout)
        self._table, self._is_bits = table, table in {Table.COIL, Table.DISCRETE}
        self._first_rack = unit * rows.rows.racks
        self._racks = max(0, min(rows.rows.racks, layout.topology.racks - self._first_rack))
        self._boxes: list[Mailbox] = []
        self._holds: dict[int, Hold] = {}
        self._owner = np.full(REGISTERS, -1, np.int64)
        self._template = np.full(REGISTERS, 0 if self._is_bits else 0xFFFF, np.uint16)
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
            if self._table.name.lower() not in row.tables:
                continue
            if not row.shows:
                self._fixed(index, row)
                continue
            layout = self._layouts.of(row)
            placed = spread(row, layout, self._first_rack, self._racks)
            if self._claim(index, placed.addresses, placed.kind.words, placed.bits):
                group = groups[self._key(row, layout, placed)]
                group.spreads.append(placed)
                group.rows.append(row)
        layouts = (self._layouts.pack, self._layouts.panel, self._layouts.traffic)
        pack, panel, traffic = (
            tuple(self._column(group, of) for key, group in groups.items() if key[0] == id(of))
            for of in layouts
        )
        columns, own, told = (
            Columns(part, self._mirrors(part, own=part is not pack))
            for part in (pack, panel, traffic)
        )
        self._rows.source.stop()
        undecided = own.encode(blank(self._layouts.panel), self._template)  # R19
        untold = told.encode(blank(self._layouts.traffic), self._template)
        holes = np.zeros(REGISTERS, np.uint8)
        if file.gaps == "refuse":
            holes[self._owner < 0] = 1
        return RegisterMap(
            self._template, columns, own, holes.tobytes(),
            Writable(dict(self._places(groups.values())), slots_of(self._boxes), self._holds),
            tuple(self._boxes), told, undecided, untold,
        )  # fmt: skip

    def objects(self) -> Mapping[int, str]:
        """Vendor, product code and revision; product, model and application by name."""
        known, file = self._identity, self._rows.rows
        return {
            0: str(known["vendor"]), 1: "essgw", 2: str(known["version"]), 4: str(known["product"]),
            5: f"{file.map} {file.version}", 6: f"{known['site']} {known['container']}".strip(),
        }  # fmt: skip

    def _key(self, row: RegisterRow, layout: Layout, placed: Spread) -> tuple[object, ...]:
        """What rows that are encoded together have in common; first of all whose points they show."""
        is_limit = layout.points[row.shows].kind is Kind.LIMIT
        order, missing = self._rows.arrangement(row), self._rows.missing(row)
        return id(layout), placed.kind.name, order, missing, is_limit

    def _places(self, groups: Iterable[_Group]) -> Iterator[tuple[int, Place]]:
        """The registers that masters may write."""
        for group in groups:
            for placed, row in zip(group.spreads, group.rows, strict=True):
                instruction = INSTRUCTIONS.get(row.command or "")
                if instruction is None:
                    continue
                order, sign = self._rows.arrangement(row), self._sign(row)
                first = self._layouts.panel.first(row.shows)
                for address, element in zip(
                    placed.addresses.tolist(), placed.elements.tolist(), strict=True
                ):
                    rack = element - first + 1 if instruction.scope is Scope.RACK else 0
                    yield (
                        address,
                        Place(
                            address,
                            instruction,
                            rack,
                            placed.kind,
                            order,
                            row.scale * sign,
                            row.offset * sign,
                        ),
                    )

    def _sign(self, row: RegisterRow) -> float:
        """-1 where the map's sign is not the gateway's."""
        turned = SHOWN[row.shows].signed and (row.sign or self._rows.rows.sign) == "charge"
        return -1.0 if turned else 1.0

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
        """Write a constant, or the initial value of a mailbox, into the template."""
        words = self._words(
            index, row, Arrangement() if row.mailbox else self._rows.arrangement(row)
        )
        if words is None:
            return
        if row.mailbox is not None:
            box = mailbox(row, self._rows.arrangement(row), words)
            if self._claim(index, box.addresses, 1):
                self._boxes.append(box)
                Mailboxes([box]).show([box], self._template)
        elif self._claim(index, np.array([row.at]), len(words)):
            if row.hold is not None:
                self._holds[row.at] = Hold(row.scale, row.hold)
            self._template[row.at : row.at + len(words)] = words

    def _words(self, index: int, row: RegisterRow, order: Arrangement) -> Words | None:
        """What a row shows that is no point, in an order; None, and a problem, if it cannot."""
        value = self._identity[row.identity] if row.identity is not None else row.const
        value, source = row.initial if row.mailbox is not None else value, self._rows.source
        value = 0 if row.hold is not None else value
        if row.type == "string":
            return text_to_words(str(value), row.words or 1, order)
        if isinstance(value, str) or value is None:
            at = ("registers", index, "type")
            source.report(at, f"'{value}' is text", "type: string, words:")
            return None
        count = counts_of(row, value)
        if count is None:
            text = f"{spoken(value)} does not fit into {row.type}"
            source.report(("registers", index), text)
            return None
        return constant_words(word_type(row), count, order)

    def _column(self, group: _Group, layout: Layout) -> Column:
        row, kind = group.rows[0], group.spreads[0].kind
        missing = self._rows.missing(row)
        counts = [len(part.elements) for part in group.spreads]
        addresses = np.concatenate([part.addresses for part in group.spreads])
        bits = [part.bits for part in group.spreads if part.bits is not None]
        signs = [self._sign(item) for item in group.rows]
        return Column(
            kind,
            self._rows.arrangement(row),
            np.concatenate([part.elements for part in group.spreads]),
            addresses,
            np.repeat([item.scale * sign for item, sign in zip(group.rows, signs, strict=True)], counts),
            np.repeat([item.offset * sign for item, sign in zip(group.rows, signs, strict=True)], counts),
            "constant" if isinstance(missing, ConstantRow) else missing,
            missing.constant if isinstance(missing, ConstantRow) else None,
            layout.points[row.shows].kind is Kind.LIMIT,
            Packed.of(addresses, np.concatenate(bits)) if bits else None,
        )  # fmt: skip

    def _mirrors(self, columns: Sequence[Column], *, own: bool = False) -> Mirrors | None:
        """The mirrors of some columns; of points that are not the pack's, of those before the first mirror."""
        file = self._rows.rows
        if file.mirrors is None or not columns or self._is_bits:
            return None
        nearest = min(abs(file.mirrors.quality), abs(file.mirrors.age)) if own else REGISTERS
        plain = [column for column in columns if column.packed is None]
        addresses = np.concatenate([column.registers() for column in plain] or [_NONE])
        elements = np.concatenate(
            [np.repeat(column.elements, column.kind.words) for column in plain] or [_NONE]
        )
        chosen = addresses < nearest
        addresses, elements = addresses[chosen], elements[chosen]
        packed = [
            (of.elements, of.packed)
            for of in columns
            if of.packed is not None and of.packed.addresses.max() < nearest
        ]
        shown = np.concatenate([addresses, *(bits.addresses for _, bits in packed)])
        if not len(shown):
            return None
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


def compile_map(
    rows: MapRows, layout: Layout, unit: int = 0, site: str = "", container: str = ""
) -> FaceMap:
    """A map for a container's unit (counted from 0); MappingError if rows overlap or do not fit.

    Tables that hold the same rows are one: holding and input registers of most maps.
    """
    file, made = rows.rows, dict[tuple[int, ...], RegisterMap]()
    tables: dict[Table, RegisterMap] = {}
    identity: Mapping[int, str] = {}
    for table in Table:
        held = tuple(
            at for at, row in enumerate(file.registers) if table.name.lower() in row.tables
        )
        if held and held not in made:
            compiler = _Compiler(rows, layout, unit, site, container, table)
            made[held], identity = compiler.compiled(), compiler.objects()
        if held:
            tables[table] = made[held]
    return FaceMap(file.map, file.version, rows.digest, tables, identity)
