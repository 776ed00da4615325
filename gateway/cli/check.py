"""`essgw check`: is a file right, and everything it names."""

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.kept import differs, kept_of, remedy_for
from gateway.cli.screen import JsonOption, PathOption, complain, library, out, tell_files
from gateway.errors import GatewayError, MappingError, Problem
from gateway.links.can_link import INTERFACES
from gateway.links.tls import context_of
from gateway.mapping.database import load_database
from gateway.mapping.frames import FrameCompiler
from gateway.mapping.library import Library
from gateway.mapping.notation import indices_in
from gateway.mapping.pcs_file import load_pcs
from gateway.mapping.placing import compile_map
from gateway.mapping.plan import Plan
from gateway.mapping.protocol import load_protocol
from gateway.mapping.registers import load_map
from gateway.mapping.restart import restart_gap
from gateway.mapping.site import load_site
from gateway.mapping.soundness import counted
from gateway.mapping.source import parse, read_text
from gateway.model.pack import LARGEST, Layout, Topology

FilesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...", help="Sites, frame files, register maps, PCS maps, databases."
    ),
]
_DATABASES = {".dbc", ".kcd", ".sym", ".arxml"}


def check(files: FilesArgument, path: PathOption = None, *, as_json: JsonOption = False) -> None:
    """Check files and what they name; tell every problem at its place."""
    status, told = 0, []
    for file in files:
        search = library(path)
        try:
            summary = _checked(search, file)
        except GatewayError as error:
            status = status or error.exit_status
            told.append(_as_row(file, error))
            if not as_json:
                complain(error)
            continue
        told.append({"file": file, "right": True, "summary": summary, "problems": []})
        if not as_json:
            out.print(f"{file}: {summary}", markup=False)
            tell_files(search)
    if as_json:
        typer.echo(json.dumps(told))
    raise typer.Exit(status)


def _as_row(file: str, error: GatewayError) -> dict[str, object]:
    problems = error.problems if isinstance(error, MappingError) else [Problem(file, str(error))]
    rows = [dataclasses.asdict(problem) for problem in problems]
    return {"file": file, "right": False, "summary": str(error), "problems": rows}


def _checked(search: Library, file: str) -> str:
    """What a file is and holds, if it is right."""
    if Path(file).suffix.lower() in _DATABASES:
        return _database(search, file)
    source_file = next(
        (
            found
            for kind in ("sites", "registers", "frames", "pcs")
            if (found := search.find(file, kind))
        ),
        None,
    )
    if source_file is None:
        raise MappingError(
            [Problem(file, "no such file", remedy="name a site, a map, a frame file or a PCS map")]
        )
    source = parse(read_text(source_file), str(source_file))
    keys = source.data if isinstance(source.data, dict) else {}
    for key, told in _KINDS.items():
        if key in keys:
            return told(search, str(source_file))
    raise MappingError(
        [source.problem((), "is neither a site, a register map nor a frame file, nor a PCS map",
                        "begin it with site:, map:, protocol: or pcs:")]
    )  # fmt: skip


def _site(search: Library, file: str) -> str:
    site = load_site(search, file, INTERFACES)
    if old := site.outdated(time.time()):
        raise MappingError(old)
    for rules in site.listeners.values():
        if rules.tls is not None:
            context_of(rules.tls)
    messages = sum(
        len(part) for container in site.containers for part in container.messages.values()
    )
    counts = f"containers {len(site.containers)}, messages {messages}, faces {len(site.faces)}"
    gaps = [(container.name, restart_gap(container)) for container in site.containers]
    remarks = [f"; {name}: {gap}" for name, gap in gaps if gap is not None]
    text = read_text(site.file)
    _, kept = kept_of(site.file, text)
    if kept is not None and (told := differs(site.file, text, kept)):
        remarks.append(f"; not applied yet, {told}: {remedy_for(site.file)}")
    return f"site {site.name} is right: {counts}" + "".join(remarks)


_BY_ID = Topology(8, LARGEST.modules, LARGEST.cells, LARGEST.sensors)
_BY_NAME = Topology(LARGEST.racks, 16, 128, 128)
"What frame files are checked against alone, whether or not their ids carry the rack: as much as packs have."


def _map(search: Library, file: str) -> str:
    rows = load_map(search, file)
    compile_map(rows, Layout(Topology(2, 2, 8, 8)))
    return f"register map {rows.rows.map} {rows.rows.version} is right: {len(rows.rows.registers)} rows"


def _frames(search: Library, file: str) -> str:
    protocol = load_protocol(search, file)
    buses = {row.bus: row.bus for row in protocol.rows.messages}
    buses |= {row.bus: row.bus for row in protocol.rows.sends}
    identifiers = [row.id for row in protocol.rows.messages]
    every = all(part is not None and "rack" in indices_in(part) for part in identifiers)
    shape = _BY_ID if every else _BY_NAME
    rows = [row for message in protocol.rows.messages for row in message.signals.items()]
    several = every or any("{rack" in name or "rack" in counted(row) for name, row in rows)
    racks = range(1, shape.racks + 1) if several else (1,)
    FrameCompiler(protocol, Plan(Layout(shape)), buses, {rack: rack for rack in racks}).add()
    sent = f", {len(protocol.rows.sends)} sent" if protocol.rows.sends else ""
    return f"frame file {protocol.rows.protocol} is right: {len(protocol.rows.messages)} rows{sent}"


def _database(search: Library, file: str) -> str:
    database = load_database(search.need(file, "frames", "database"))
    signals = sum(len(message.signals) for message in database.messages.values())
    told = f"database is right: {len(database.messages)} messages, {signals} signals"
    for key, names in database.shared.items():
        told += f"; {key & 0x1FFFFFFF:X} is shared by {', '.join(names)}"
    return told


def _pcs(search: Library, file: str) -> str:
    pcs = load_pcs(search, file)
    written = sum(len(span) for span in pcs.write_spans)
    told = f"PCS map {pcs.name} is right: {len(pcs.reads)} rows read, {written} written"
    requests = len(pcs.read_spans) + len(pcs.write_spans)
    told += f", {requests} requests every {pcs.poll:g} s, watchdog {pcs.watchdog:g} s"
    return told + ("; not tried on a device" if pcs.unverified else "")


_KINDS: dict[str, Callable[[Library, str], str]] = {
    "site": _site, "map": _map, "protocol": _frames, "pcs": _pcs,
}  # fmt: skip
