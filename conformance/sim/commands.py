"""`essgw demo` and `essgw sim`: a simulated plant, with or without the gateway that reads it."""

import asyncio
import math
from typing import Annotated

import typer

from conformance.sim import script
from conformance.sim.battery import Battery, Ratings
from conformance.sim.demo import Wish, on_bus, run
from conformance.sim.plant import Plant
from conformance.sim.profile import Profile, cycle, steady
from conformance.sim.script import Timed
from gateway.cli.overrides import with_buses
from gateway.cli.screen import ListenOption, address, err, library, out, positive_seconds
from gateway.cli.serving import until_stopped
from gateway.errors import UsageError
from gateway.links.log import configure
from gateway.mapping.parts import Bus
from gateway.mapping.site import load_site

_RACK_POWER = 190e3
"W of a rack at its rated current."
SilenceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--silence",
        metavar="RACK[@SECONDS]",
        help="Stop a rack's BMU, at once or later; repeatable.",
    ),
]
FaultOption = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        metavar="NAME[:RACK][@SECONDS]",
        help="Let something fail, at once or later, at all racks or one; repeatable.",
    ),
]
OpenOption = Annotated[
    bool, typer.Option("--open", help="Contactors are open until the gateway orders otherwise.")
]
ForOption = Annotated[
    float | None, typer.Option("--for", metavar="SECONDS", help="End after so long.")
]


def demo(  # noqa: PLR0913 - the options of the verb
    silence: SilenceOption = None,
    fault: FaultOption = None,
    listen: ListenOption = None,
    seconds: ForOption = None,
    *,
    start_open: OpenOption = False,
    alone: Annotated[
        bool, typer.Option("--no-ems", help="No EMS dispatches: command it yourself.")
    ] = False,
    coils: Annotated[
        bool, typer.Option("--coils", help="The BMUs leave precharge to the gateway.")
    ] = False,
) -> None:
    """Run a simulated plant, and the gateway that serves its registers and obeys an EMS.

    Words at the keyboard: `stop 3` and `start 3` silence and wake a rack, `fault NAME [RACK]` and
    `clear NAME [RACK]` let something fail and mend it.
    """
    configure(quiet=True)
    positive_seconds(seconds, "--for")
    site = load_site(library(None), "demo-coils" if coils else "demo")
    ratings = Ratings()
    plan = script.planned(silence, fault, ratings.racks)
    profile = None if alone else cycle(ratings.racks * _RACK_POWER)
    wish = Wish(plan, listen, seconds, profile)
    plant = Plant(Battery(ratings, closed=not start_open), coils=coils)
    until_stopped(run(site, plant, wish))


def sim(  # noqa: PLR0913 - the options of the verb
    *,
    bus: Annotated[
        str, typer.Option("--bus", metavar="BUS=INTERFACE:CHANNEL", help="Where to send.")
    ],
    racks: Annotated[
        int, typer.Option("--racks", min=1, max=15, help="How many racks speak.")
    ] = 12,
    load: Annotated[
        str | None,
        typer.Option(
            "--load",
            metavar="WATTS|cycle",
            help="What the PCS does by itself, positive discharging; cycle unless --pcs is given.",
        ),
    ] = None,
    pcs: Annotated[
        str | None,
        typer.Option("--pcs", metavar="HOST:PORT", help="Serve the PCS's registers here."),
    ] = None,
    start_open: OpenOption = False,
    silence: SilenceOption = None,
    fault: FaultOption = None,
    seconds: ForOption = None,
) -> None:
    """Send the frames of the simulated container on a bus, for a gateway elsewhere, and obey it; type faults as in the demo."""
    configure()
    positive_seconds(seconds, "--for")
    site = with_buses(load_site(library(None), "demo"), [bus])
    ratings = Ratings(racks=racks)
    profile = None if load is None and pcs is not None else _profile(load or "cycle", racks)
    plant = Plant(Battery(ratings, closed=not start_open), profile)
    plan = script.planned(silence, fault, racks)
    place = None if pcs is None else address(pcs)
    until_stopped(_simulate(next(iter(site.buses.values())), plant, plan, seconds, place))


def _profile(text: str, racks: int) -> Profile:
    """What `--load` says; UsageError if it is nothing."""
    if text == "cycle":
        return cycle(racks * _RACK_POWER)
    try:
        watts = float(text)
    except ValueError:
        watts = math.nan
    if not math.isfinite(watts):
        raise UsageError(f"--load is a number of watts or 'cycle'; not '{text}'")
    return steady(watts)


async def _simulate(
    bus: Bus, plant: Plant, plan: list[Timed], seconds: float | None, pcs: tuple[str, int] | None
) -> None:
    """Run the plant on a bus, with the PCS's registers served where asked."""
    if pcs is not None:
        server = await plant.serve_pcs(*pcs)
        out.print(f"the PCS serves Modbus TCP at {server.host}:{server.port}, unit 1", markup=False)
    script.start(plan, plant.faults)
    script.listen(plant.faults, plant.battery.ratings.racks)
    try:
        async with asyncio.timeout(seconds):
            await on_bus(plant, bus)
    except TimeoutError:
        err.print(f"sent {plant.emitter.sent} frames", markup=False)
