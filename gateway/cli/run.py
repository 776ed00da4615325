"""`essgw run`: a site, live."""

import functools
from collections.abc import Callable
from typing import Annotated

import typer

from gateway.app import Gateway, Runtime
from gateway.cli.changes import loaded
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

    def read() -> tuple[Site, Library]:
        searched.append(library(path))
        return load_site(searched[-1], site, INTERFACES), searched[-1]

    load = functools.partial(loaded, file, read)
    found, running = load()
    tell_files(searched[-1])
    gateway = Gateway(with_buses(found, bus or []))
    runtime = Runtime(gateway, address(listen) if listen else None)
    reload = Reload(runtime, load, running)
    runtime.checked = reload.check
    until_stopped(_serve(runtime, reload.started), runtime.retire, reload)


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
