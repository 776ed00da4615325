"""`essgw read`: registers of a running gateway, or of any server, as points of a map."""

import fnmatch
import json
import math
from collections.abc import Sequence
from typing import Annotated

import typer

from gateway.cli.points import plain, text_of
from gateway.cli.screen import JsonOption, PathOption, address, library, progress
from gateway.cli.served import (
    MapOption,
    ServerArgument,
    TlsOption,
    TopologyOption,
    UnitOption,
    readings,
    shape_of,
    told_by,
)
from gateway.cli.tables import Line, print_table
from gateway.errors import MappingError, Problem, UsageError
from gateway.links.modbus_client import register_reader
from gateway.mapping.readback import Reading
from gateway.mapping.registers import Entry, MapRows, entries, load_map
from gateway.mapping.shown import SHOWN, point_of
from gateway.mapping.source import did_you_mean
from gateway.model.pack import Layout
from gateway.model.point import AXES, Scope
from gateway.model.quality import QUALITIES, QUALITY_REGISTER

PointsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="POINT...", help="Points, also like 'rack_*'; default: container and racks."
    ),
]


def read(  # noqa: PLR0913 - the options of the verb
    server: ServerArgument,
    points: PointsArgument = None,
    *,
    map_name: MapOption = "native",
    unit: UnitOption = 1,
    topology: TopologyOption = None,
    path: PathOption = None,
    tls: TlsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read points from a Modbus TCP server."""
    rows = load_map(library(path), map_name)
    given = None if topology is None else shape_of(topology)
    with register_reader(*address(server), unit, tls) as reader:
        shape, first = (given, 1) if given is not None else told_by(rows, reader)
        chosen = _chosen(rows, Layout(shape), first, points or [])
        with progress(f"reading {server}", 1, "") as report:
            values = readings(rows, reader, chosen, report)
    if as_json:
        told = [_as_row(value) for value in values]
        typer.echo(
            json.dumps({"server": server, "unit": unit, "map": rows.rows.map, "points": told})
        )
    else:
        head = ("register", "point", "where", "value", "unit", "quality", "age")
        lines = [_line(value) for value in values if not _is_nobody(value)]
        print_table(head, lines, {"register", "value", "age"})


def _chosen(rows: MapRows, layout: Layout, first_rack: int, wanted: Sequence[str]) -> list[Entry]:
    shown = {row.name for row in rows.rows.registers} - {""}
    problems = [
        Problem(rows.source.file, f"shows no '{pattern}'", remedy=did_you_mean(pattern, shown))
        for pattern in wanted
        if not fnmatch.filter(shown, pattern)
    ]
    if problems:
        raise MappingError(problems)
    unit = (first_rack - 1) // rows.rows.racks
    chosen = [entry for entry in entries(rows, layout, unit) if _is_wanted(entry, wanted)]
    if not chosen:
        raise UsageError(f"the map {rows.rows.map} has none of these points for this topology")
    return chosen


def _is_wanted(entry: Entry, wanted: Sequence[str]) -> bool:
    name = entry.row.name
    if wanted:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in wanted)
    told = name in SHOWN and entry.row.command is None
    return told and SHOWN[name].scope in {Scope.CONTAINER, Scope.RACK}


def _as_row(told: Reading) -> dict[str, str | float | None]:
    """A reading as scripts get it."""
    row, point = told.entry.row, point_of(told.entry.row)
    value, text = told.value, None
    if point is not None and value is not None and not isinstance(value, str):
        value = plain(point, value)
        text = None if value is None else text_of(point, value)
    return {
        "point": row.name or "constant", "address": told.entry.address,
        **dict.fromkeys(AXES[Scope.CELL]), **_where(told),
        "value": value, "text": text, "unit": point.unit if point else "",
        "quality": _quality(told.quality), "age": None if told.age is None else round(told.age, 2),
    }  # fmt: skip


def _quality(code: int | None) -> str | None:
    if code is None:
        return None
    known = {int(QUALITY_REGISTER[row.detail]): row for row in QUALITIES}.get(code)
    if known is None:
        return f"unknown code {code}"
    return known.validity.name.lower() + (f", {known.text}" if known.detail else "")


def _where(told: Reading) -> dict[str, float]:
    """What a reading is of, by name; of a mailbox which of its values."""
    point = point_of(told.entry.row)
    axes = ("place",) if point is None else AXES[point.scope]
    return dict(zip(axes, told.entry.indices, strict=False))


def _is_nobody(told: Reading) -> bool:
    """Whether it is missing for a master: the site has none of that number, or it was never heard."""
    point = point_of(told.entry.row)
    return point is not None and point.scope is Scope.MASTER and told.value is None


def _line(told: Reading) -> Line:
    """A reading as people get it, with the decimals that the register has."""
    shown = _as_row(told)
    where = map(str, _where(told).values())
    value = shown["value"]
    if value is None:
        text = "-"
    elif isinstance(value, float):
        text = f"{value:.{_decimals(told.entry.row.scale, told.entry.row.type)}f}"
    else:
        text = str(shown["text"] or value)
    age = "" if shown["age"] is None else f"{shown['age']:.2f} s"
    cells = (str(shown["address"]), str(shown["point"]), " ".join(where), text,
             str(shown["unit"]), str(shown["quality"] or ""), age)  # fmt: skip
    return Line(cells, "" if shown["quality"] in {"good", None} else "yellow")


def _decimals(scale: float, kind: str) -> int:
    """How many decimals a register can tell; six of a floating-point one."""
    return 6 if kind in {"f32", "f64"} else max(0, min(6, math.ceil(-math.log10(abs(scale)))))
