"""`essgw why`: what stands against closing and against power, as a tree of plain words."""

import json
from collections.abc import Iterator, Mapping, Sequence

import typer
from rich.text import Text
from rich.tree import Tree

from gateway.cli.findings import Findings, find, missing
from gateway.cli.reasons import STAGES
from gateway.cli.results import Told
from gateway.cli.screen import JsonOption, PathOption, out
from gateway.cli.served import MapOption, ServerArgument, TlsOption, UnitOption, point_text, served
from gateway.cli.standing import Stands, effects_named, spans
from gateway.control.interlock import Effect
from gateway.model.command import Stage

_BAD, _GOOD, _WEAK = "bold red", "green", "dim"


def why(
    server: ServerArgument,
    *,
    map_name: MapOption = "native",
    unit: UnitOption = 1,
    path: PathOption = None,
    tls: TlsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what stands against closing and against power."""
    with served(server, map_name, unit, path, tls=tls) as gateway:
        found = find(gateway)
    if as_json:
        typer.echo(json.dumps({"server": server, "unit": unit, **found.as_row()}))
        return
    out.print(tree(f"{server} unit {unit}", found), soft_wrap=False)


def tree(title: str, found: Findings) -> Tree:
    """All findings, the answers first."""
    top = Tree(Text(title, style="bold"), guide_style="dim")
    _answers(top, found)
    _authority(top, found)
    _interlocks(top, found)
    _racks(top, found)
    _results(top, found.results)
    return top


def _answers(top: Tree, found: Findings) -> None:
    mode = f"mode: {found.text('mode')}"
    top.add(Text.assemble(mode, (f", for {span(found.number('mode_age'))}", _WEAK)))
    _answer(top, "closing", found.against_closing)
    for side in ("charge", "discharge"):
        bound = found.text(f"{side}_bound_by")
        allowed = f"{found.text(f'{side}_power_allowed')}, {found.text(f'{side}_current_allowed')}"
        permitted = bool(found.number(f"{side}_permitted"))
        words = f"{side}: {'permitted' if permitted else 'not permitted'}, {allowed}"
        style = _GOOD if permitted else _BAD
        top.add(Text.assemble((words, style), (f"; bound by {bound}", _WEAK)))
    _power(top, found, "power")
    _power(top, found, "reactive")


def _answer(top: Tree, what: str, reasons: Sequence[str]) -> None:
    if not reasons:
        top.add(Text(f"{what}: nothing stands against it", style=_GOOD))
        return
    branch = top.add(Text(f"{what}: not now", style=_BAD))
    for reason in reasons:
        branch.add(Text(reason))


def _power(top: Tree, found: Findings, kind: str) -> None:
    requested = found.number(f"{kind}_requested")
    if requested is None and kind == "reactive":
        return
    limiter = found.text(f"{kind}_limited_by")
    is_free = limiter == "nothing"
    asked = "no setpoint" if requested is None else f"asked {found.text(f'{kind}_requested')}"
    words = f"{kind}: {asked}, applied {found.text(f'{kind}_applied')}"
    line = Text.assemble((words, _GOOD if is_free else "yellow"))
    line.append("; nothing limits it" if is_free else f"; limited by {limiter}", _WEAK)
    if (left := found.number(f"{kind}_remaining")) is not None:
        line.append(f", dies in {left:.1f} s", _WEAK)
    top.add(line)


def _authority(top: Tree, found: Findings) -> None:
    owner, left = found.number("lease_owner"), found.text("lease_remaining")
    who = (
        f"master {owner:.0f}, {left} left"
        if owner
        else "nobody has it, and closing, run and reset need it"
    )
    beat = found.number("heartbeat_age")
    heart = "no heartbeat yet" if beat is None else f"heartbeat changed {span(beat)} ago"
    top.add(Text.assemble(f"lease: {who}", (f"; {heart}", _WEAK)))
    key = "local: remote masters may only go the safe way" if found.number("local") else "remote"
    top.add(Text(f"local key: {key}"))


def _interlocks(top: Tree, found: Findings) -> None:
    first = found.number("first_out")
    if first:
        where = found.number("first_out_rack")
        place = f" at rack {where:.0f}" if where else ""
        words = f"first out: {found.text('first_out')}{place}"
        age = f", {span(found.number('first_out_age'))} ago"
        top.add(Text.assemble((words, _BAD), (age, _WEAK)))
    if not found.standing:
        top.add(Text("interlocks: none stands", style=_GOOD))
        return
    resets = found.number("resets_needed") or 0
    head = f"interlocks: {len(found.standing)}" + (f", {resets:.0f} to reset" if resets else "")
    branch = top.add(Text(head))
    for item in found.standing:
        _interlock(branch, item)


def _interlock(branch: Tree, item: Stands) -> None:
    style = _BAD if item.tripped and item.row.effects else "yellow"
    head = Text.assemble((item.row.name, style), f", {item.where}: {item.state}")
    head.append("" if item.age is None else f", since {span(item.age)}", _WEAK)
    leaf = branch.add(head)
    leaf.add(Text(item.row.text + (f": {item.saw}" if item.saw else "")))
    leaf.add(Text(f"does: {item.effects}", style=_WEAK))
    leaf.add(Text(f"remedy: {item.row.remedy}"))


def _racks(top: Tree, found: Findings) -> None:
    told = list(_waiting(found.racks, found.effects))
    if not told:
        return
    branch = top.add(Text("racks that are not on the bus, or held back"))
    for line in told:
        branch.add(line)


def _waiting(racks: Mapping[int, Mapping[str, float]], above: Effect) -> Iterator[Text]:
    """A line for racks that have the same to say, without the effects of the container's rows."""
    alike: dict[tuple[str, str], list[int]] = {}
    for number, rack in racks.items():
        phase, wait = (point_text(name, rack.get(name)) for name in ("rack_phase", "rack_wait"))
        words = [phase, *([f"waits for {wait}"] if wait not in {"nothing", "disabled"} else [])]
        words += [lacks] if (lacks := missing(rack)) else []
        words += ["disabled"] if not rack.get("rack_enabled", 1) else []
        tries = rack.get("rack_tries") or 0
        words += [f"tries {tries:.0f}"] if tries else []
        effects = Effect(int(rack.get("rack_effects") or 0)) & ~above
        held = f"held by: {effects_named(effects)}" if effects else ""
        if phase != "closed" or held:
            alike.setdefault((", ".join(words), held), []).append(number)
    for (told, held), numbers in alike.items():
        line = Text(f"rack {spans(numbers)}: {told}")
        yield line.append(f"; {held}", _WEAK) if held else line


def _results(top: Tree, results: Sequence[Told]) -> None:
    if not results:
        return
    branch = top.add(Text("latest commands"))
    for told in results:
        style = _GOOD if told.is_done else _BAD if told.is_final else "yellow"
        line = Text(f"{told.sequence} {told.name}: ").append(told.short, style)
        line.append("" if told.is_done else _meaning(told))
        branch.add(line.append(f", by master {told.origin}, {span(told.age)} ago", _WEAK))


def _meaning(told: Told) -> str:
    known = not told.is_final and told.stage in set(Stage)
    return f" ({STAGES[Stage(told.stage)]})" if known else ""


def span(seconds: float | None) -> str:
    """A time in its nearest unit."""
    if seconds is None:
        return "-"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - a digit is enough
