"""`essgw write`: commands to a running gateway, and what becomes of them."""

import json
from itertools import chain
from typing import Annotated

import typer

from gateway.cli.assignments import assigned, check_names, places_of, select_of, together
from gateway.cli.operator import Done, Operator
from gateway.cli.reasons import reason_named, stage_named
from gateway.cli.screen import JsonOption, PathOption, out
from gateway.cli.served import (
    MapOption,
    ServerArgument,
    TlsOption,
    UnitOption,
    plain_number,
    point_text,
    served,
)
from gateway.errors import LinkError
from gateway.mapping.image import Table

AssignmentsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="POINT[=VALUE]...",
        help="Commands of the map, in their unit or as text; a one-shot alone acts.",
    ),
]
RackOption = Annotated[
    int | None, typer.Option("--rack", metavar="N", min=1, help="The rack of rack_... commands.")
]
SelectOption = Annotated[
    bool, typer.Option("--select/--no-select", help="Select first where a command needs it.")
]
LeaseOption = Annotated[
    int | None,
    typer.Option("--lease", metavar="SECONDS", min=1, max=3600, help="Take the lease first."),
]
WaitOption = Annotated[
    float, typer.Option("--wait", metavar="SECONDS", min=0, help="For a final result.")
]


def write(  # noqa: PLR0913 - the options of the verb
    server: ServerArgument,
    assignments: AssignmentsArgument,
    *,
    rack: RackOption = None,
    lease: LeaseOption = None,
    wait: WaitOption = 60,
    map_name: MapOption = "native",
    unit: UnitOption = 1,
    path: PathOption = None,
    tls: TlsOption = None,
    select: SelectOption = True,
    as_json: JsonOption = False,
) -> None:
    """Write commands to a gateway, and tell what became of them.

    Exit status 0: done, or taken; 4: refused, or not done; then it says why.
    """
    texts = [f"lease={lease}", *assignments] if lease is not None else assignments
    told: list[Done] = []
    with served(server, map_name, unit, path, racks=rack or 1, tls=tls) as gateway:
        check_names(gateway.rows, texts)
        places = places_of(gateway.rows, gateway.layout, gateway.part)
        groups = together(assigned(places, texts, rack))
        for item in chain(*groups):
            item.words(item.given)
        operator = Operator(gateway, wait, selects=select)
        for group in groups:
            told.append(operator.write(group, select_of(places, group[0])))
            if not as_json:
                _show(told[-1])
            if told[-1].failure:
                break
    if as_json:
        rows = [_as_row(done) for done in told]
        typer.echo(json.dumps({"server": server, "unit": unit, "writes": rows}))
    if told[-1].failure:
        raise LinkError(told[-1].failure)


def _show(done: Done) -> None:
    """A write for people: what went out, what came of it, what it shows now."""
    for step in done.steps:
        coil = "coil " if step.table is Table.COIL else ""
        out.print(f"{f'{coil}{step.address}':>5}  {step.text}", markup=False)
    if done.result is not None:
        style = "green" if done.result.is_done else "bold"
        line = f"       {done.result.name}: {done.result}"
        out.print(f"{line} (command {done.result.sequence})", style=style, markup=False)
    elif not done.failure:
        out.print("       taken", style="green", markup=False)
    for name, value in done.shown.items():
        if done.failure and not value:
            continue  # no first-out
        out.print(f"       {name} {point_text(name, value)}", style="dim", markup=False)
    for item in done.against:
        out.print(f"       {item.row.name}, {item.where}: {item.row.text}", markup=False)
        out.print(f"         {item.row.remedy}", style="dim", markup=False)


def _as_row(done: Done) -> dict[str, object]:
    """A write for scripts."""
    told = done.result
    result = None
    if told is not None:
        reason = reason_named(told.reason)
        result = told._asdict() | {
            "command": told.name, "stage": stage_named(told.stage), "reason_text": reason,
        }  # fmt: skip
    return {
        "asked": [
            {"command": item.row.name, "rack": item.place.rack or None, "value": plain_number(item.value)}
            for item in done.items
        ],
        "written": [
            {"table": step.table.name.lower(), "address": step.address, "text": step.text}
            for step in done.steps
        ],
        "result": result,
        "shown": {
            name: {"value": value, "text": point_text(name, value)}
            for name, value in done.shown.items()
        },
        "against": [item.as_row() for item in done.against],
        "failure": done.failure or None,
    }  # fmt: skip
