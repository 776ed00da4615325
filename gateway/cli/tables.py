"""Tables that people read at the terminal."""

from collections.abc import Sequence

from rich.table import Table

from gateway.cli.points import PointRow
from gateway.model.point import POINTS, Scope

_SHOWN = {Scope.CONTAINER, Scope.RACK}
_ALARMS = ("rack_warning_", "rack_alarm_", "rack_trip_")


def snapshot_table(name: str, rows: Sequence[PointRow]) -> Table:
    """Containers and racks of a snapshot; alarms only where they are set."""
    table = Table(
        title=name, title_justify="left", title_style="bold", box=None, header_style="dim"
    )
    for column in ("point", "rack"):
        table.add_column(column)
    table.add_column("value", justify="right")
    for column in ("unit", "quality"):
        table.add_column(column)
    table.add_column("age", justify="right")
    table.add_column("source")
    for row in rows:
        quiet = row["point"].startswith(_ALARMS) and not row["value"]
        if POINTS[row["point"]].scope in _SHOWN and not quiet:
            table.add_row(*_cells(row), style="" if row["quality"] == "good" else "yellow")
    return table


def _cells(row: PointRow) -> tuple[str, ...]:
    value = "-" if row["value"] is None else row["text"] or f"{row['value']:.10g}"
    source = row["source"]
    return (
        row["point"],
        "" if row["rack"] is None else str(row["rack"]),
        value,
        row["unit"],
        row["quality"] + (f", {row['detail']}" if row["detail"] else ""),
        "never" if row["age"] is None else f"{row['age']:.2f} s",
        "" if source is None else f"{source['bus']} {source['id']:X} {source['name']}",
    )
