"""`essgw replay`: a capture through a site, as a snapshot or as live registers."""

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from gateway.app import Gateway, Runtime
from gateway.cli.points import point_rows
from gateway.cli.screen import (
    JsonOption,
    ListenOption,
    PathOption,
    SiteArgument,
    address,
    err,
    library,
    out,
    progress,
    tell_files,
)
from gateway.cli.serving import until_stopped
from gateway.cli.tables import print_snapshot
from gateway.errors import UsageError
from gateway.links.log import configure
from gateway.links.replay import Feed, Pace, fast_forward, feeds, paced, replayed
from gateway.mapping.site import Site, load_site
from gateway.mapping.source import did_you_mean

LogOption = Annotated[
    list[str], typer.Option("--log", metavar="BUS=FILE", help="Capture for a bus; repeatable.")
]
SpeedOption = Annotated[
    str | None,
    typer.Option(
        "--speed", metavar="N|max", help="Times recorded speed (default: max, serving: 1)."
    ),
]
UntilOption = Annotated[
    float | None,
    typer.Option("--until", metavar="SECONDS", help="Stop there, frames at SECONDS included."),
]
ServeOption = Annotated[
    bool, typer.Option("--serve", help="Serve the registers, and hold the end.")
]


def replay(  # noqa: PLR0913 - the options of the verb
    site: SiteArgument,
    log: LogOption,
    path: PathOption = None,
    speed: SpeedOption = None,
    until: UntilOption = None,
    listen: ListenOption = None,
    *,
    serve: ServeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Replay captures through a site: print the snapshot at the end, or serve it live."""
    configure(quiet=not serve)
    if until is not None and not 0 <= until < math.inf:
        raise UsageError("--until is a time from the first frame, in seconds, 0 or more")
    if (listen is not None and not serve) or (as_json and serve):
        raise UsageError("--listen goes with --serve, --json without it")
    rate = _rate(speed, 1.0 if serve else math.inf)
    search = library(path)
    loaded = load_site(search, site)
    tell_files(search)
    with progress("looking through the captures", None):
        sources = feeds([_bus_and_file(loaded, text) for text in log], loaded.buses)
    gateway = Gateway(loaded, "replay")
    length = max(source.last - source.first for source in sources)
    with progress(f"replaying {loaded.name}", length if until is None else until) as report:
        run = _Run(gateway, sources, rate, math.inf if until is None else until, report)
        if serve:
            until_stopped(run.serve(address(listen) if listen else None))
            return
        clock = run.at_once() if math.isinf(rate) else asyncio.run(run.paced())
    for remark in run.remarks(clock):
        err.print(remark, style="yellow", markup=False)
    show(gateway, clock, as_json=as_json)


@dataclass(slots=True)
class _Run:
    """One replay."""

    gateway: Gateway
    sources: Sequence[Feed]
    rate: float
    until: float
    report: Callable[[float], None]

    def at_once(self) -> float:
        """As fast as possible."""
        cycle = self.gateway.site.cycle
        return fast_forward(self.gateway, replayed(self.sources), self.until, cycle, self.report)

    async def paced(self) -> float:
        """At the rate asked for."""
        pace = Pace(self.rate, self.until, self.gateway.site.cycle)
        return await paced(self.gateway, replayed(self.sources), pace, self.report)

    async def serve(self, listen: tuple[str, int] | None) -> None:
        """At the rate asked for, with registers; the end stays until the program is stopped."""
        runtime = Runtime(self.gateway, listen, on_loopback=True)
        await runtime.start()
        try:
            err.print(f"serving {', '.join(runtime.endpoints)}; Ctrl-C stops", markup=False)
            clock = await self.paced()
            for remark in (*self.remarks(clock), f"holding the picture at {clock:.3f} s"):
                err.print(remark, markup=False)
            await asyncio.Event().wait()
        finally:
            await runtime.stop()

    def remarks(self, clock: float) -> list[str]:
        """What the reader should know about the captures."""
        remarks = []
        if math.isfinite(self.until) and clock < self.until:
            remarks.append(f"the capture ends at {clock:.3f} s: this is the picture there")
        return [*remarks, *(text for source in self.sources for text in source.capture.remarks())]


def show(gateway: Gateway, clock: float, *, as_json: bool) -> None:
    """Print the snapshots of all containers."""
    rows = {name: list(point_rows(state)) for name, state in gateway.containers.items()}
    if as_json:
        points = [row for part in rows.values() for row in part]
        typer.echo(
            json.dumps({"site": gateway.site.name, "time": round(clock, 6), "points": points})
        )
        return
    out.print(f"{gateway.site.name} at {clock:.3f} s")
    for name, part in rows.items():
        print_snapshot(name, part)
    for bus in gateway.buses:
        out.print(_traffic(gateway, bus), markup=False)


def _traffic(gateway: Gateway, bus: str) -> str:
    """What came in on a bus, and what was odd about it."""
    odd = dict(gateway.traffic(bus))
    frames = odd.pop("frames")
    told = ", ".join(f"{kind} {count}" for kind, count in odd.items())
    return f"{bus}: {frames} frames" + (f" ({told})" if told else "")


def _rate(text: str | None, default: float) -> float:
    if text is None:
        return default
    if text == "max":
        return math.inf
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not rate > 0:
        raise UsageError(f"--speed is a number above 0, or max; not '{text}'")
    return rate


def _bus_and_file(site: Site, text: str) -> tuple[str, Path]:
    bus, equals, file = text.partition("=")
    if not equals or not file:
        raise UsageError(f"--log is BUS=FILE, like can0=capture.log; not '{text}'")
    if bus not in site.buses:
        raise UsageError(f"the site has no bus {bus}; {did_you_mean(bus, site.buses)}")
    return bus, Path(file)
