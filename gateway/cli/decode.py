"""`essgw decode`: a capture frame by frame, as a person reads it."""

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from gateway.canbus.adapter import Adapter
from gateway.canbus.frame import ERROR, IDENTIFIER, REMOTE, Frame, identifier_text
from gateway.canbus.signal import is_present, raw_value
from gateway.canbus.table import Message
from gateway.cli.points import text_of
from gateway.cli.screen import (
    JsonOption,
    PathOption,
    SiteArgument,
    err,
    library,
    progress,
    tell_files,
)
from gateway.errors import UsageError
from gateway.links.replay import feeds, replayed
from gateway.mapping.site import Site, load_site
from gateway.mapping.source import did_you_mean
from gateway.model.pack import Layout

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="Capture.")]
BusOption = Annotated[
    list[str] | None,
    typer.Option("--bus", help="Bus of the site; all that the capture feeds, if not given."),
]
AllOption = Annotated[
    bool, typer.Option("--all", help="Also frames that the site does not describe.")
]


def decode(
    site: SiteArgument,
    file: FileArgument,
    path: PathOption = None,
    bus: BusOption = None,
    *,
    everything: AllOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print each frame of a capture with the signals that its message has."""
    search = library(path)
    loaded = load_site(search, site)
    tell_files(search)
    tables = {name: _readers(loaded, name) for name in loaded.buses}
    with progress("looking through the capture", None):
        sources = feeds([(name, file) for name in _buses(loaded, bus)], loaded.buses)
    for item in replayed(sources):
        for name in item.buses:
            reader = tables[name].get(item.frame.key)
            if reader is None and not everything:
                continue
            told = None if reader is None else reader(item.frame)
            if as_json:
                typer.echo(_as_json(name, item.frame, told))
            else:
                typer.echo(_as_text(name, item.frame, told))
    for source in sources:
        for remark in source.capture.remarks():
            err.print(remark, style="yellow", markup=False)


class Part(NamedTuple):
    """One value that a frame carries."""

    name: str
    value: float
    unit: str
    text: str | None


class Told(NamedTuple):
    """What a frame tells."""

    name: str
    parts: Sequence[Part]
    remark: str
    "Why it tells nothing."


Reader = Callable[[Frame], Told]


def _buses(site: Site, given: list[str] | None) -> list[str]:
    for name in given or []:
        if name not in site.buses:
            raise UsageError(f"the site has no bus {name}; {did_you_mean(name, site.buses)}")
    return given or [name for name in site.buses if _readers(site, name)] or list(site.buses)


def _readers(site: Site, bus: str) -> dict[int, Reader]:
    """What makes sense of each identifier on a bus: its message, or an adapter."""
    readers: dict[int, Reader] = {}
    for container in site.containers:
        for message in container.messages.get(bus, ()):
            readers[message.key] = partial(_by_table, message)
        for coded in container.coded:
            if coded.bus == bus:
                read = partial(_by_adapter, coded.adapter, container.layout)
                readers |= {slot.key: read for slot in coded.adapter.slots}
    return readers


def _by_table(message: Message, frame: Frame) -> Told:
    """The signals that a frame has; none of one that is too short."""
    if len(frame.data) < message.length:
        return Told(message.name, (), f"too short: {message.length} bytes are described")
    data, parts = frame.data[: message.length], []
    for signal in message.signals.values():
        if is_present(signal, data, message.signals):
            raw = raw_value(signal, data)
            label = signal.labels.get(int(raw)) if math.isfinite(raw) else None
            parts.append(Part(signal.name, raw * signal.scale + signal.offset, signal.unit, label))
    return Told(message.name, parts, "no signals")


def _by_adapter(adapter: Adapter, layout: Layout, frame: Frame) -> Told:
    """The points that an adapter reads in a frame."""
    readings = list(adapter.decode(frame))
    parts = []
    for element, value in (item for reading in readings for item in reading.values.items()):
        point = layout.points[layout.name_of(element)]
        place = ".".join(map(str, layout.indices_of(element)))
        text = None if math.isnan(value) else text_of(point, value)
        parts.append(Part(f"{point.name} {place}".strip(), value, point.unit, text))
    names = dict.fromkeys(adapter.slots[reading.slot].name for reading in readings)
    return Told(", ".join(names) or type(adapter).__name__, parts, "nothing that counts")


def _as_text(bus: str, frame: Frame, told: Told | None) -> str:
    data = frame.data.hex(" ").upper()
    head = f"{frame.time:11.6f}  {bus}  {identifier_text(frame.key):>8}  [{len(frame.data)}] {data:<23}"
    if told is None:
        kinds = {ERROR: "error frame", REMOTE: "remote frame"}
        kind = next((text for flag, text in kinds.items() if frame.key & flag), "not described")
        return f"{head}  ({kind})"
    values = ", ".join(
        f"{name} {text}" if text else f"{name} {value:.10g} {unit}".rstrip()
        for name, value, unit, text in told.parts
    )
    return f"{head}  {told.name}: {values or told.remark}"


def _as_json(bus: str, frame: Frame, told: Told | None) -> str:
    signals = {
        name: {"value": round(value, 9) if math.isfinite(value) else None, "unit": unit, "text": text}
        for name, value, unit, text in (told.parts if told else ())
    }  # fmt: skip
    return json.dumps(
        {"time": frame.time, "bus": bus, "id": frame.key & IDENTIFIER, "data": frame.data.hex(),
         "name": told.name if told else None, "signals": signals}
    )  # fmt: skip
