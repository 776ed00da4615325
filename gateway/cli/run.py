"""`essgw run`: a site, live."""

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from gateway.app import Gateway, Runtime
from gateway.cli.kept import Start, begin, loaded, remedy_for
from gateway.cli.overrides import with_buses
from gateway.cli.reload import Reload
from gateway.cli.screen import (
    ListenOption,
    PathOption,
    SiteArgument,
    address,
    err,
    library,
    tell_files,
)
from gateway.cli.serving import until_stopped
from gateway.links.can_link import INTERFACES
from gateway.links.log import configure
from gateway.mapping.library import Library
from gateway.mapping.site import Site, load_site
from gateway.mapping.source import Source

BusOption = Annotated[
    list[str] | None,
    typer.Option(
        "--bus", metavar="BUS=INTERFACE:CHANNEL", help="Open a bus here instead; repeatable."
    ),
]


def run(
    site: SiteArgument,
    path: PathOption = None,
    bus: BusOption = None,
    listen: ListenOption = None,
) -> None:
    """Run a site: receive from its buses and serve its registers until stopped."""
    configure()
    file, searched = library(path).need(site, "sites", "site"), list[Library]()

    def read(source: Source) -> tuple[Site, Library]:
        searched.append(library(path))
        return load_site(searched[-1], site, INTERFACES, source), searched[-1]

    start = begin(file, read)
    tell_files(searched[-1])
    warn(file, start)
    gateway = Gateway(with_buses(start.site, bus or []))
    runtime = Runtime(gateway, address(listen) if listen else None)
    reload = Reload(runtime, functools.partial(loaded, file, read), start)
    runtime.checked = reload.check
    until_stopped(_serve(runtime, reload.started), runtime.retire, reload)


def warn(file: Path, start: Start) -> None:
    """Say aloud that what runs is not what somebody may expect (R18).

    A certificate's date stops no gateway: the clock may be what is wrong, and BMUs and PCS wait.
    """
    for problem in start.site.outdated(time.time()):
        err.print(str(problem), style="bold yellow", markup=False)
    if start.unlike:
        text = f"{file} is not what runs: {start.unlike}"
        remedy = f"the gateway goes on with what ran last; stop it and say {remedy_for(file)}"
        err.print(f"{text}; {remedy}", style="bold yellow", markup=False)
    elif start.lost:
        text = f"what ran last cannot be used any more, and {file} is taken"
        err.print(f"{text}: {start.lost}", style="bold red", markup=False)


async def _serve(runtime: Runtime, started: Callable[[], None]) -> None:
    try:
        await runtime.start()
        started()
        err.print(
            f"serving {describe(runtime.gateway.site)} at {', '.join(runtime.endpoints)}; Ctrl-C stops",
            markup=False,
        )
        await runtime.live()
    finally:
        await runtime.stop()


def describe(site: Site) -> str:
    """A site in a few words."""
    parts = []
    for container in site.containers:
        shape = container.layout.topology
        inside = f" x {shape.modules} x {shape.cells}" if shape.cells else ""
        parts.append(f"{container.name} ({shape.racks}{inside})" if inside else container.name)
    return f"{site.name}: {', '.join(parts)}"
