"""`essgw read`: registers of a running gateway, or of any server, as points of a map."""

import fnmatch
import json
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.table import Table

from gateway.cli.points import Place, plain, text_of
from gateway.cli.screen import JsonOption, PathOption, address, err, library, out
from gateway.errors import LinkError, MappingError, Problem
from gateway.links.modbus_client import RegisterReader, register_reader
from gateway.mapping.registers import Entry, MapRows, entries, load_map
from gateway.mapping.source import did_you_mean
from gateway.mapping.spread import word_type
from gateway.mapping.words import from_words, text_from_words
from gateway.model.pack import Layout, Topology
from gateway.model.point import POINTS, Scope
from gateway.model.quality import QUALITIES, QUALITY_REGISTER

PointsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="POINT...", help="Points, also like 'rack_*'; default: container and racks."
    ),
]
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
_AGE_UNIT, _NEVER = 0.01, 65535


def read(  # noqa: PLR0913 - the options of the verb
    server: Annotated[str, typer.Argument(metavar="HOST:PORT")],
    points: PointsArgument = None,
    map_name: Annotated[
        str, typer.Option("--map", metavar="MAP", help="Register map file, or its name.")
    ] = "native",
    unit: Annotated[int, typer.Option("--unit", help="Unit id.")] = 1,
    topology: TopologyOption = None,
    path: PathOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Read points from a Modbus TCP server."""
    rows = load_map(library(path), map_name)
    with register_reader(*address(server), unit) as reader:
        shape, first = _shape(rows, reader, topology)
        chosen = _chosen(rows, Layout(shape), first, points or [])
        if not chosen:
            raise LinkError(f"the map {rows.rows.map} shows none of these points")
        registers = reader.read_all(
            _places(rows, chosen), _BRIDGE if rows.rows.gaps == "fill" else 0
        )
    values = [_value(rows, entry, registers) for entry in chosen]
    if as_json:
        typer.echo(
            json.dumps({"server": server, "unit": unit, "map": rows.rows.map, "points": values})
        )
    else:
        out.print(_table(values))


def _shape(rows: MapRows, reader: RegisterReader, given: str | None) -> tuple[Topology, int]:
    """The topology behind a unit, and the number of its first rack."""
    if given is not None:
        try:
            numbers = [int(part) for part in given.lower().split("x")]
            return Topology(*numbers), 1
        except (ValueError, TypeError):
            raise LinkError(f"--topology is RxMxCxS, like 12x8x52x52; not '{given}'") from None
    places = {
        row.identity: row
        for row in rows.rows.registers
        if row.identity in {*_TOLD, "first_rack", "map_hash"}
    }
    if not set(_TOLD) <= places.keys():
        shown = {POINTS[row.point].scope for row in rows.rows.registers if row.point}
        if shown - {Scope.CONTAINER}:
            raise LinkError(
                f"the map {rows.rows.map} does not tell the topology; give --topology RxMxCxS"
            )
        return Topology(1), 1
    told = {
        name: int(
            from_words(
                word_type(row), reader.read(row.at, word_type(row).words), rows.arrangement(row)
            )
            or 0
        )
        for name, row in places.items()
    }
    if told.get("map_hash", 0) not in {0, int(rows.digest[:12], 16)}:
        err.print(
            f"the server's map differs from {rows.source.file}: values may be wrong", style="yellow"
        )
    return Topology(*(told[name] for name in _TOLD)), told.get("first_rack", 1)


def _chosen(rows: MapRows, layout: Layout, first_rack: int, wanted: Sequence[str]) -> list[Entry]:
    shown = {str(row.point or row.identity or "") for row in rows.rows.registers}
    for pattern in wanted:
        if not fnmatch.filter(shown, pattern):
            remedy = did_you_mean(pattern, shown - {""})
            raise MappingError([Problem(rows.source.file, f"shows no '{pattern}'", remedy=remedy)])
    return [
        entry
        for entry in entries(rows, layout, (first_rack - 1) // rows.rows.racks)
        if _is_wanted(entry, wanted)
    ]


def _is_wanted(entry: Entry, wanted: Sequence[str]) -> bool:
    name = str(entry.row.point or entry.row.identity or "")
    if wanted:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in wanted)
    return name in POINTS and POINTS[name].scope in {Scope.CONTAINER, Scope.RACK}


def _places(rows: MapRows, chosen: Sequence[Entry]) -> list[tuple[int, int]]:
    places = [(entry.address, entry.words) for entry in chosen]
    mirrors = rows.rows.mirrors
    if mirrors is not None:
        values = [entry.address for entry in chosen if entry.row.point]
        places += [
            (at + distance, 1) for at in values for distance in (mirrors.quality, mirrors.age)
        ]
    return places


def _value(
    rows: MapRows, entry: Entry, registers: Mapping[int, int]
) -> dict[str, str | float | None]:
    """What an entry reads, with quality and age where the map mirrors them."""
    row, words = entry.row, [registers[entry.address + word] for word in range(entry.words)]
    place = Place(*entry.indices)
    told: dict[str, str | float | None] = {
        "point": row.point or row.identity or "constant", "address": entry.address,
        "rack": place.rack, "module": place.module, "cell": place.cell,
    }  # fmt: skip
    if row.type == "string":
        return told | {
            "value": text_from_words(words),
            "text": None,
            "unit": "",
            "quality": None,
            "age": None,
        }
    number = from_words(word_type(row), words, rows.arrangement(row))
    if number is not None and entry.bit is not None:
        number = int(number) >> entry.bit & 1
    point = POINTS.get(row.point or "")
    value: float | None = None if number is None else number * row.scale + row.offset
    text = None
    if point is not None and value is not None:
        if point.signed and (row.sign or rows.rows.sign) == "charge":
            value = -value
        value = plain(point, value)
        text = None if value is None else text_of(point, value)
    unit = point.unit if point else ""
    return told | {"value": value, "text": text, "unit": unit} | _mirrored(rows, entry, registers)


def _mirrored(
    rows: MapRows, entry: Entry, registers: Mapping[int, int]
) -> dict[str, str | float | None]:
    mirrors = rows.rows.mirrors
    if mirrors is None or entry.row.point is None:
        return {"quality": None, "age": None}
    code = registers[entry.address + mirrors.quality]
    age = registers[entry.address + mirrors.age]
    known = {int(QUALITY_REGISTER[row.detail]): row for row in QUALITIES}.get(code)
    quality = f"unknown code {code}" if known is None else known.validity.name.lower()
    if known is not None and known.detail:
        quality += f", {known.text}"
    return {"quality": quality, "age": None if age == _NEVER else round(age * _AGE_UNIT, 2)}


def _table(values: Sequence[Mapping[str, str | float | None]]) -> Table:
    table = Table(box=None, header_style="dim")
    for column in ("register", "point", "where"):
        table.add_column(column)
    table.add_column("value", justify="right")
    for column in ("unit", "quality", "age"):
        table.add_column(column)
    for told in values:
        where = " ".join(
            str(told[name]) for name in ("rack", "module", "cell") if told[name] is not None
        )
        value = "-" if told["value"] is None else told["text"] or told["value"]
        shown = f"{value:.10g}" if isinstance(value, float) else str(value)
        age = "" if told["age"] is None else f"{told['age']:.2f} s"
        good = told["quality"] in {"good", None}
        table.add_row(
            str(told["address"]), str(told["point"]), where, shown, str(told["unit"]),
            str(told["quality"] or ""), age, style="" if good else "yellow",
        )  # fmt: skip
    return table
