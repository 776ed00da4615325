"""Register maps as they are written: rows, checked as far as that goes without a topology.

A map says for each row where it lies, what it shows or which command it takes, in which type, scale, sign
and order, and what a missing value looks like. `placing.py` makes an encoder of it for a topology.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.mapping.image import Table
from gateway.mapping.library import Library
from gateway.mapping.rows import flaws
from gateway.mapping.schema import MapFile, load
from gateway.mapping.schema.registers import ConstantRow, RegisterRow
from gateway.mapping.shown import Layouts, point_of
from gateway.mapping.source import Source, parse, read_text
from gateway.mapping.spread import BITS, spread, word_type
from gateway.mapping.words import Arrangement
from gateway.model.pack import Layout
from gateway.model.point import POINTS, Kind, Scope


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
            exclude={"title": True, "registers": {"__all__": {"text"}}}, exclude_defaults=True
        )
        return hashlib.sha256(shown.encode()).hexdigest()

    def missing(self, row: RegisterRow) -> str | ConstantRow:
        """What a row shows for a missing value; of a limit `zero`, unless it refuses to answer (R19)."""
        policy = self.rows.missing if row.missing is None else row.missing
        point = point_of(row)
        is_limit = point is not None and point.kind is Kind.LIMIT
        return "zero" if is_limit and policy != "exception" else policy

    def is_mirrored(self, row: RegisterRow, address: int) -> bool:
        """Whether a value has a quality and an age; control's own have, where there is room before the mirrors."""
        mirrors = self.rows.mirrors
        if mirrors is None or not row.shows or row.type == "bit":
            return False
        return row.shows in POINTS or address < min(abs(mirrors.quality), abs(mirrors.age))

    def arrangement(self, row: RegisterRow) -> Arrangement:
        """The word and byte order of a row; a bit has none."""
        if row.type == "bit":
            return Arrangement()
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


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a map: where it lies and what it is. For people and clients, not for serving."""

    address: int
    words: int
    row: RegisterRow
    indices: tuple[int, ...]
    "Rack, module, cell or sensor, as far as the point has them; of a mailbox the value."
    bit: int | None = None

    @property
    def table(self) -> Table:
        """Where it is read: as a holding register if it is one."""
        return Table[self.row.tables[0].upper()]


def entries(rows: MapRows, layout: Layout, unit: int = 0) -> Iterator[Entry]:
    """Every value of a map for a topology, row by row."""
    first, racks = unit * rows.rows.racks, rows.rows.racks
    layouts = Layouts(layout)
    for row in rows.rows.registers:
        if not row.shows:
            words = row.words or 1 if row.type == "string" else word_type(row).words
            for place in range(row.count):
                indices = (place + 1,) if row.count > 1 else ()
                yield Entry(row.at + place * words, words, row, indices)
            continue
        own = layouts.of(row)
        placed = spread(row, own, first, racks)
        start, positions = own.first(row.shows), own.positions(row.shows)
        whole = own.points[row.shows].scope is Scope.CONTAINER
        for place, element in enumerate(placed.elements):
            indices = () if whole else positions[element - start]
            bit = None if placed.bits is None else int(placed.bits[place]) % BITS
            yield Entry(int(placed.addresses[place]), placed.kind.words, row, indices, bit)
