"""Tables that people read at the terminal: lined up, and never cut, however narrow the terminal is."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from rich.text import Text

from gateway.cli.points import PointRow
from gateway.cli.screen import out
from gateway.mapping.shown import SHOWN
from gateway.model.command import INSTRUCTIONS
from gateway.model.point import Scope

_SHOWN = {Scope.CONTAINER, Scope.RACK}
_ALARMS = ("rack_warning_", "rack_alarm_", "rack_trip_")
_PRINTED = 200
"Lines given to the terminal at once."


class Line(NamedTuple):
    """One row of a table."""

    cells: Sequence[str]
    style: str = ""


def print_table(head: Sequence[str], lines: Iterable[Line], right: Collection[str] = ()) -> None:
    """Print rows below their heads; columns named in `right` are set to the right."""
    rows = [Line(head, "dim"), *lines]
    widths = [max(len(row.cells[place]) for row in rows) for place in range(len(head))]
    text = Text()
    for number, row in enumerate(rows, 1):
        cells = (
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(head, row.cells, widths, strict=True)
        )
        text.append("  ".join(cells).rstrip() + "\n", row.style or None)
        if not number % _PRINTED:
            out.print(text, end="")
            text = Text()
    out.print(text, end="")


def print_snapshot(name: str, rows: Sequence[PointRow]) -> None:
    """Containers and racks of a snapshot; alarms only where they are set."""
    out.print(name, style="bold", markup=False)
    head = ("point", "rack", "value", "unit", "quality", "age", "source")
    print_table(head, [_line(row) for row in rows if _is_told(row)], {"rack", "value", "age"})


def _is_told(row: PointRow) -> bool:
    quiet = row["point"].startswith(_ALARMS) and not row["value"]
    quiet |= row["point"] in INSTRUCTIONS
    return SHOWN[row["point"]].scope in _SHOWN and not quiet


def _line(row: PointRow) -> Line:
    value = "-" if row["value"] is None else row["text"] or f"{row['value']:.10g}"
    source = row["source"]
    cells = (
        row["point"],
        "" if row["rack"] is None else str(row["rack"]),
        value,
        row["unit"],
        row["quality"] + (f", {row['detail']}" if row["detail"] else ""),
        "never" if row["age"] is None else f"{row['age']:.2f} s",
        "" if source is None else f"{source['bus']} {source['id']:X} {source['name']}",
    )
    return Line(cells, "" if row["quality"] == "good" else "yellow")
