"""`essgw alarms`: the alarms of a running gateway; acknowledge them, shelve them, take them from the shelf (R39)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

import typer

from gateway.cli.assignments import assigned, check_names, places_of
from gateway.cli.operator import Operator
from gateway.cli.screen import JsonOption, PathOption, out
from gateway.cli.served import MapOption, Served, ServerArgument, TlsOption, UnitOption, served
from gateway.cli.tables import Line, print_table
from gateway.control.alarms import ALARMS, BY_NAME
from gateway.control.annunciator import Life
from gateway.control.attend import ALL
from gateway.control.listing import LINES
from gateway.errors import LinkError, UsageError
from gateway.mapping.source import did_you_mean
from gateway.model.command import SELECT_STEP

_ALARM = "ALARM[:RACK]"
AcknowledgeOption = Annotated[
    str | None,
    typer.Option("--acknowledge", metavar=_ALARM, help="Say that it has been seen; or all."),
]
ShelveOption = Annotated[
    str | None, typer.Option("--shelve", metavar=_ALARM, help="Put it aside for a while.")
]
UnshelveOption = Annotated[
    str | None, typer.Option("--unshelve", metavar=_ALARM, help="Take it from the shelf.")
]
_WAIT = 10.0  # s
_COUNTS = ("alarms_active", "alarms_unacknowledged", "alarms_shelved", "alarm_flood")
_LINE = ("number", "rack", "state", "priority", "age", "count")
_STYLES = {Life.UNACKNOWLEDGED: "bold red", Life.RETURNED: "yellow", Life.ACKNOWLEDGED: "red"}


@dataclass(frozen=True, slots=True)
class Told:
    """A line of the list."""

    number: int
    rack: int
    state: int
    priority: int
    age: float
    count: int


def alarms(  # noqa: PLR0913 - the options of the verb
    server: ServerArgument,
    *,
    acknowledge: AcknowledgeOption = None,
    shelve: ShelveOption = None,
    unshelve: UnshelveOption = None,
    map_name: MapOption = "native",
    unit: UnitOption = 1,
    path: PathOption = None,
    tls: TlsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List alarms, those first that nobody has acknowledged; acknowledge or shelve some before."""
    asked = {"acknowledge": acknowledge, "shelve": shelve, "unshelve": unshelve}
    orders = {f"alarm_{verb}": _key(text) for verb, text in asked.items() if text is not None}
    with served(server, map_name, unit, path, tls=tls) as gateway:
        if not gateway.shows("alarm_number"):
            raise UsageError(
                f"the map {gateway.rows.rows.map} shows no alarms; --map names another"
            )
        if orders:
            check_names(gateway.rows, list(orders))
        for name, value in orders.items():
            _order(gateway, name, value)
        counts = {name: int(gateway.value(name) or 0) for name in _COUNTS}
        lines = list(_lines(gateway))
    if as_json:
        rows = [_as_row(line) for line in lines]
        typer.echo(json.dumps({"server": server, "unit": unit, **counts, "alarms": rows}))
    else:
        _show(lines, counts)


def _key(text: str) -> int:
    """The number of a command for an alarm; UsageError if there is none like it."""
    if text == "all":
        return ALL
    name, _, rack = text.partition(":")
    if name not in BY_NAME:
        near = did_you_mean(name, BY_NAME) or "docs/alarms.md lists them"
        raise UsageError(f"there is no alarm '{name}'; {near}")
    if rack and not (rack.isdecimal() and int(rack) < SELECT_STEP):
        raise UsageError(f"'{text}' is not ALARM:RACK, like {name}:3")
    return BY_NAME[name].number * SELECT_STEP + int(rack or 0)


def _order(gateway: Served, name: str, value: int) -> None:
    places = places_of(gateway.rows, gateway.layout, gateway.part)
    done = Operator(gateway, _WAIT, selects=False).write(
        assigned(places, [f"{name}={value}"], None), looks=False
    )
    if done.failure:
        raise LinkError(done.failure)


def _lines(gateway: Served) -> Iterator[Told]:
    """The list, as registers have it."""
    found = gateway.values([f"alarm_{part}" for part in _LINE])
    for index in sorted(found["alarm_number"]):
        values = (found[f"alarm_{part}"].get(index, 0) for part in _LINE)
        number, rack, state, priority, age, count = values
        yield Told(int(number), int(rack), int(state), int(priority), age, int(count))


def _show(lines: list[Told], counts: Mapping[str, int]) -> None:
    if not lines:
        out.print("no alarms", style="green")
        return
    head = ("state", "priority", "alarm", "rack", "for", "times", "what it is")
    print_table(head, [_line(line) for line in lines], {"rack", "for", "times"})
    if len(lines) == LINES:
        out.print(f"no more than {LINES} are listed", style="dim", markup=False)
    if counts["alarm_flood"]:
        out.print("a flood of alarms: low ones are no event each", style="yellow", markup=False)


def _line(told: Told) -> Line:
    kind, row = ALARMS.get(told.number), _as_row(told)
    text = "" if kind is None else f"{kind.text}: {kind.remedy}"
    cells = (
        str(row["state"]), str(told.priority), str(row["alarm"]), str(told.rack or ""),
        f"{told.age:.0f} s", str(told.count), text,
    )  # fmt: skip
    return Line(cells, _STYLES.get(Life(told.state), "dim"))


def _as_row(told: Told) -> dict[str, object]:
    kind = ALARMS.get(told.number)
    return {
        "alarm": str(told.number) if kind is None else kind.name,
        "rack": told.rack or None,
        "state": Life(told.state).name.lower(),
        "priority": told.priority,
        "age": told.age,
        "count": told.count,
        "remedy": "" if kind is None else kind.remedy,
    }
