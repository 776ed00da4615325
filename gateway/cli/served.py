"""A server as its register map shows it: connected to, asked for its topology, read by points."""

import contextlib
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.screen import address, err, library
from gateway.errors import LinkError, UsageError
from gateway.links.modbus_client import RegisterReader, register_reader
from gateway.mapping.image import Table
from gateway.mapping.readback import Reading, places, reading
from gateway.mapping.registers import Entry, MapRows, entries, load_map
from gateway.mapping.shown import SHOWN
from gateway.mapping.spread import word_type
from gateway.mapping.words import from_words
from gateway.model.pack import LARGEST, Layout, Topology
from gateway.model.point import Scope

ServerArgument = Annotated[
    str, typer.Argument(metavar="HOST:PORT", help="Modbus TCP server, like 127.0.0.1:5020.")
]
MapOption = Annotated[
    str, typer.Option("--map", metavar="MAP", help="Register map file, or its name.")
]
TlsOption = Annotated[
    Path | None,
    typer.Option(
        "--tls",
        metavar="CERTIFICATE",
        envvar="ESSGW_TLS",
        help="Come by TLS and show this, NAME.pem; NAME.key and root.pem are beside it.",
    ),
]
UnitOption = Annotated[int, typer.Option("--unit", min=0, max=255, help="Unit id.")]
TopologyOption = Annotated[
    str | None,
    typer.Option(
        "--topology",
        metavar="RxMxCxS",
        help="Racks, modules, cells, sensors, where the map does not tell.",
    ),
]
_TOLD = ("racks", "modules", "cells", "sensors")
_BRIDGE = 16
"Registers between two values that are cheaper to read than to skip."

Values = Mapping[tuple[int, ...], float]
"Values of a point by its indices (rack, interlock, result); those that are missing are left out."


@dataclass(frozen=True, slots=True)
class Served:
    """A unit of a server, and the map that it is read by."""

    rows: MapRows
    reader: RegisterReader
    layout: Layout
    first_rack: int

    @property
    def part(self) -> int:
        """Which unit of the container it is, from 0, where the map splits the racks."""
        return (self.first_rack - 1) // self.rows.racks_per_unit

    def shows(self, name: str) -> bool:
        """Whether the map has a point."""
        return any(row.shows == name for row in self.rows.rows.registers)

    def values(self, names: Collection[str]) -> Mapping[str, Values]:
        """Points as they are now; those that the map does not have have no values."""
        wanted = [row for row in self.rows.rows.registers if row.shows in names]
        part = MapRows(self.rows.source, self.rows.rows.model_copy(update={"registers": wanted}))
        chosen = list(entries(part, self.layout, self.part))
        found: dict[str, dict[tuple[int, ...], float]] = {name: {} for name in names}
        for told in readings(self.rows, self.reader, chosen, mirrors=False):
            if told.value is not None and not isinstance(told.value, str):
                found[told.entry.row.shows][told.entry.indices] = told.value
        return found

    def value(self, name: str) -> float | None:
        """A point of the container; None where it is missing."""
        return self.values((name,))[name].get(())


@contextlib.contextmanager
def served(
    server: str,
    map_name: str,
    unit: int,
    path: list[Path] | None,
    racks: int = 1,
    tls: Path | None = None,
) -> Iterator[Served]:
    """Connect to a server's unit for a while; `racks` is what to take where the map does not tell."""
    rows = load_map(library(path), map_name)
    with register_reader(*address(server), unit, tls) as reader:
        shape, first = told_by(rows, reader, Topology(racks))
        yield Served(rows, reader, Layout(shape), first)


def readings(
    rows: MapRows,
    reader: RegisterReader,
    chosen: Sequence[Entry],
    report: Callable[[float], None] = lambda _: None,
    *,
    mirrors: bool = True,
) -> list[Reading]:
    """What values of a map read, in few requests; with their quality and age, or without."""
    registers, bridge = dict[Table, Mapping[int, int]](), _BRIDGE if rows.rows.gaps == "fill" else 0
    for table in {entry.table for entry in chosen}:
        part = [entry for entry in chosen if entry.table is table]
        wanted = places(rows, part) if mirrors else ((entry.address, entry.words) for entry in part)
        registers[table] = reader.read_all(wanted, bridge, report, table)
    return [reading(rows, entry, registers[entry.table]) for entry in chosen]


def shape_of(text: str) -> Topology:
    """What --topology says; UsageError if it is nothing."""
    try:
        shape = Topology(*(int(part) for part in text.lower().split("x")))
    except (ValueError, TypeError):
        shape = Topology(0)
    if not shape.can_be:
        most = f"{LARGEST.racks}x{LARGEST.modules}x{LARGEST.cells}x{LARGEST.sensors}"
        raise UsageError(f"--topology is RxMxCxS, like 12x8x52x52, at most {most}; not '{text}'")
    return shape


def told_by(
    rows: MapRows, reader: RegisterReader, otherwise: Topology | None = None
) -> tuple[Topology, int]:
    """The topology that a server tells of, and the number of its first rack; else `otherwise`."""
    known = {
        row.identity: row for row in rows.rows.registers if row.identity and row.type != "string"
    }
    if not set(_TOLD) <= known.keys():
        if otherwise is not None:
            return otherwise, 1
        shown = {SHOWN[row.shows].scope for row in rows.rows.registers if row.shows}
        if shown & {Scope.RACK, Scope.MODULE, Scope.CELL, Scope.SENSOR}:
            text = f"the map {rows.rows.map} does not tell the topology; give --topology RxMxCxS"
            raise UsageError(text)
        return Topology(1), 1
    told = {
        name: from_words(
            word_type(row), reader.read(row.at, word_type(row).words), rows.arrangement(row)
        )
        for name, row in known.items()
        if name in {*_TOLD, "first_rack", "map_hash"}
    }
    shape = Topology(*(int(told[name] or 0) for name in _TOLD))
    remedy = f"is it the map {rows.rows.map} that it serves? --map and --unit choose others"
    if not shape.can_be:
        raise LinkError(
            f"the server tells of no container that can be ({shape.racks} racks); {remedy}"
        )
    if "map_hash" in told and told["map_hash"] != int(rows.digest[:12], 16):
        text = f"the server's map is not that of {rows.source.file}: values may be wrong; {remedy}"
        err.print(text, style="yellow", markup=False)
    return shape, int(told.get("first_rack") or 1)


def point_text(name: str, value: float | None) -> str:
    """A value of a point in words: its state, or its number and unit."""
    if value is None:
        return "-"
    point = SHOWN[name]
    return point.states.get(int(value), f"{value:.10g} {point.unit}".strip())


def plain_number(value: float | None) -> float | None:
    """A number as JSON has it: null where there is none."""
    return None if value is None or not math.isfinite(value) else value
