"""`essgw map`: register maps as tables."""

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from gateway.cli.screen import JsonOption, PathOption, library, out
from gateway.cli.tables import Line, print_table
from gateway.mapping.registers import MapRows, load_map
from gateway.mapping.rows import UNSCALED
from gateway.mapping.schema.registers import ConstantRow, RegisterRow
from gateway.mapping.shown import point_of
from gateway.mapping.spread import word_type
from gateway.model.point import Point

verbs = typer.Typer(help="Register maps.", no_args_is_help=True, rich_markup_mode=None)

MapArgument = Annotated[
    str, typer.Argument(metavar="MAP", help="Register map file, or the name of one.")
]
MarkdownOption = Annotated[bool, typer.Option("--markdown", help="Print a Markdown page.")]
_FORM = 400001
"What older tools add to a register of function 3."
_COLUMNS = (
    "register", "4xxxxx", "shows", "type", "words", "value is", "order", "stride", "missing", "meaning",
)  # fmt: skip


@verbs.callback()
def about() -> None:
    """Register maps."""


@verbs.command("show")
def show(
    name: MapArgument = "native",
    path: PathOption = None,
    *,
    markdown: MarkdownOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print the rows of a register map."""
    rows = load_map(library(path), name)
    if as_json:
        typer.echo(json.dumps(_as_json(rows)))
        return
    cells = [_cells(rows, row) for row in rows.rows.registers]
    if markdown:
        typer.echo(_page(rows, cells))
    else:
        out.print(_title(rows), style="bold", markup=False)
        print_table(_COLUMNS, map(Line, cells), {"register", "4xxxxx", "words"})


def _title(rows: MapRows) -> str:
    return f"{rows.rows.title or rows.rows.map} ({rows.rows.map} {rows.rows.version})"


def _as_json(rows: MapRows) -> dict[str, object]:
    """All that a program needs to read the map's registers."""
    file = rows.rows
    head = file.model_dump(include={"map", "version", "title", "gaps", "racks", "mirrors"})
    return head | {"sha256": rows.digest, "rows": [_json_row(rows, row) for row in file.registers]}


def _json_row(rows: MapRows, row: RegisterRow) -> dict[str, object]:
    point, order = point_of(row), rows.arrangement(row)
    missing = rows.missing(row)
    return {
        "register": row.at, "tables": row.tables, "4xxxxx": _FORM + row.at if "holding" in row.tables else None,
        "point": row.point, "command": row.command, "identity": row.identity, "mailbox": row.mailbox, "constant": row.const,
        "type": row.type, "words": _words(row), "scale": row.scale, "offset": row.offset,
        "unit": point.unit if point else "",
        "positive": (row.sign or rows.rows.sign) if point and point.signed else None,
        "word_order": order.word_order, "byte_order": order.byte_order,
        "stride": row.stride.model_dump(exclude_none=True),
        "missing": missing.constant if isinstance(missing, ConstantRow) else missing if point else None,
        "states": dict(point.states) if point else {}, "text": _meaning(row, point),
    }  # fmt: skip


def _words(row: RegisterRow) -> int:
    return row.words or 1 if row.type == "string" else word_type(row).words


def _meaning(row: RegisterRow, point: Point | None) -> str:
    """What the dictionary says of a row's point, or what the row itself says instead."""
    states = ", ".join(f"{number} {text}" for number, text in point.states.items()) if point else ""
    told = (point.text if point else "", row.text, states)
    return "; ".join(part for part in told if part)


def _cells(rows: MapRows, row: RegisterRow) -> tuple[str, ...]:
    told = _json_row(rows, row)
    point = point_of(row)
    swaps = [
        text
        for text, order in (("lowest word first", "word_order"), ("bytes swapped", "byte_order"))
        if told[order] == "little" and (order == "byte_order" or _words(row) > 1)
    ]
    stride = row.stride.model_dump(exclude_none=True).items()
    return (
        str(row.at),
        str(_FORM + row.at) if "holding" in row.tables else row.tables[0],
        _subject(row),
        row.type,
        str(_words(row)),
        "" if point is None or row.type in UNSCALED else _scaling(rows, row, point),
        ", ".join(swaps),
        ", ".join(f"{axis} {step}" for axis, step in stride),
        "" if point is None else {"zero": "0"}.get(str(told["missing"]), str(told["missing"])),
        _meaning(row, point),
    )


def _subject(row: RegisterRow) -> str:
    """What a row shows; a command can be written too."""
    if row.command or row.mailbox or row.hold:
        return f"{row.name} (write)"
    return row.name or f"{row.const}"


def _scaling(rows: MapRows, row: RegisterRow, point: Point) -> str:
    """How a register becomes a value."""
    text = "n" if row.scale == 1 else f"n x {row.scale:g}"
    if row.offset:
        text += f" {'+' if row.offset > 0 else '-'} {abs(row.offset):g}"
    charge = point.signed and (row.sign or rows.rows.sign) == "charge"
    return f"{text} {point.unit}".strip() + (", positive charges" if charge else "")


def _page(rows: MapRows, cells: Sequence[Sequence[str]]) -> str:
    file = rows.rows
    first = "highest" if file.word_order == "big" else "lowest"
    positive = "discharges" if file.sign == "discharge" else "charges"
    lines = [
        f"# {_title(rows)}",
        "",
        f"Generated by `essgw map show {file.map} --markdown`; sha256 `{rows.digest}`.",
        "",
        "Registers are 0-based PDU addresses; 4xxxxx is the same register as older tools count it.",
        f"Words of a value: {first} first. Current and power are positive when the pack {positive}.",
        f"One unit id shows up to {file.racks} racks.",
    ]
    if file.mirrors is not None:
        lines += [
            f"The quality of the value in register n is in n + {file.mirrors.quality} (low byte",
            f"validity, high byte detail), its age in n + {file.mirrors.age} (10 ms, at most 65534;",
            "65535: never seen).",
        ]
    lines += ["", "| " + " | ".join(_COLUMNS) + " |", "|" + "---|" * len(_COLUMNS)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
    return "\n".join(lines)
