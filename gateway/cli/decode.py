"""`essgw decode`: a capture frame by frame, as a person reads it."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from gateway.canbus.frame import ERROR, IDENTIFIER, REMOTE, Frame, identifier_text
from gateway.canbus.signal import Signal, is_present, raw_value
from gateway.canbus.table import Message
from gateway.cli.screen import JsonOption, PathOption, SiteArgument, library, out, tell_files
from gateway.errors import LinkError
from gateway.links.replay import feeds, replayed
from gateway.mapping.site import Site, load_site
from gateway.mapping.source import did_you_mean

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
    tables = {name: _messages(loaded, name) for name in loaded.buses}
    for item in replayed(feeds([(name, file) for name in _buses(loaded, bus)], loaded.buses)):
        for name in item.buses:
            message = tables[name].get(item.frame.key)
            if message is None and not everything:
                continue
            if as_json:
                typer.echo(_as_json(name, item.frame, message))
            else:
                out.print(_as_text(name, item.frame, message), markup=False)


def _buses(site: Site, given: list[str] | None) -> list[str]:
    for name in given or []:
        if name not in site.buses:
            raise LinkError(f"the site has no bus {name}; {did_you_mean(name, site.buses)}")
    described = [name for name in site.buses if _messages(site, name)]
    return given or described


def _messages(site: Site, bus: str) -> dict[int, Message]:
    return {
        message.key: message
        for container in site.containers
        for message in container.messages.get(bus, ())
    }


def _signals(message: Message, data: bytes) -> Iterator[tuple[Signal, float, str | None]]:
    """The signals that a frame carries, with value and label; none of a frame that is too short."""
    if len(data) < message.length:
        return
    data = data[: message.length]
    for signal in message.signals.values():
        if is_present(signal, data, message.signals):
            raw = raw_value(signal, data)
            yield (
                signal,
                raw * signal.scale + signal.offset,
                signal.labels.get(int(raw)) if math.isfinite(raw) else None,
            )


def _as_text(bus: str, frame: Frame, message: Message | None) -> str:
    data = frame.data.hex(" ").upper()
    head = f"{frame.time:11.6f}  {bus}  {identifier_text(frame.key):>8}  [{len(frame.data)}] {data:<23}"
    if message is None:
        kind = (
            "error frame"
            if frame.key & ERROR
            else "remote frame"
            if frame.key & REMOTE
            else "not described"
        )
        return f"{head}  ({kind})"
    values = ", ".join(
        f"{signal.name} {label or f'{value:.10g}'}{f' {signal.unit}' if signal.unit and not label else ''}"
        for signal, value, label in _signals(message, frame.data)
    )
    short = (
        f"too short: {message.length} bytes are described"
        if len(frame.data) < message.length
        else ""
    )
    return f"{head}  {message.name}: {values or short or 'no signals'}"


def _as_json(bus: str, frame: Frame, message: Message | None) -> str:
    signals = {} if message is None else {
        signal.name: {"value": round(value, 9) if math.isfinite(value) else None, "unit": signal.unit, "text": label}
        for signal, value, label in _signals(message, frame.data)
    }  # fmt: skip
    return json.dumps(
        {"time": frame.time, "bus": bus, "id": frame.key & IDENTIFIER, "data": frame.data.hex(),
         "name": message.name if message else None, "signals": signals}
    )  # fmt: skip
