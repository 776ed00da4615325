"""`essgw demo` and `essgw sim`: a simulated plant, with or without the gateway that reads it."""

import asyncio
import contextlib
import math
import shutil
import sys
from pathlib import Path
from typing import Annotated

import can
import typer

from conformance.sim import script
from conformance.sim.battery import Battery, Ratings
from conformance.sim.plant import Plant
from conformance.sim.profile import Profile, cycle, steady
from conformance.sim.script import Timed
from gateway.app import Gateway, Runtime
from gateway.cli.overrides import with_buses
from gateway.cli.run import describe
from gateway.cli.screen import ListenOption, address, err, library, out, positive_seconds
from gateway.cli.serving import until_stopped
from gateway.errors import LinkError, UsageError
from gateway.links.log import configure
from gateway.mapping.site import Bus, load_site

_PORT, _TRIES = 5020, 50
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
ForOption = Annotated[
    float | None, typer.Option("--for", metavar="SECONDS", help="End after so long.")
]


def demo(
    silence: SilenceOption = None,
    fault: FaultOption = None,
    listen: ListenOption = None,
    seconds: ForOption = None,
) -> None:
    """Run a simulated container and serve its registers.

    Words at the keyboard: `stop 3` and `start 3` silence and wake a rack, `fault NAME [RACK]` and
    `clear NAME [RACK]` let something fail and mend it.
    """
    configure(quiet=True)
    positive_seconds(seconds, "--for")
    site = load_site(library(None), "demo")
    ratings = Ratings()
    plan = script.planned(silence, fault, ratings.racks)
    plant = Plant(Battery(ratings, closed=True), cycle(ratings.racks * _RACK_POWER))
    until_stopped(_demo(Gateway(site, "simulation"), plant, plan, listen, seconds))


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
    start_open: Annotated[
        bool, typer.Option("--open", help="Contactors are open until a gateway orders otherwise.")
    ] = False,
    silence: SilenceOption = None,
    fault: FaultOption = None,
    seconds: ForOption = None,
) -> None:
    """Send the frames of the simulated container on a bus, for a gateway elsewhere, and obey it."""
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


async def _demo(
    gateway: Gateway,
    plant: Plant,
    plan: list[Timed],
    listen: str | None,
    seconds: float | None,
) -> None:
    runtime, endpoint = await _started(gateway, listen)
    host, _, port = endpoint.rpartition(":")
    out.print(
        f"{describe(gateway.site)}, simulated, serves Modbus TCP at {endpoint}, unit 1",
        markup=False,
    )
    out.print(f"  mbpoll -m tcp -p {port} -a 1 -0 -r 0 -c 40 -1 -t 4:hex {host}", markup=False)
    out.print(f"  {_program()} read {endpoint} voltage current soc 'rack_*'", markup=False)
    out.print("type 'stop 3' to silence rack 3, 'start 3' to wake it; Ctrl-C ends", markup=False)
    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            tasks.create_task(runtime.live())
            tasks.create_task(_simulate(gateway.site.buses["can0"], plant, plan))
            script.listen(plant.faults, plant.battery.ratings.racks, _say, _complain)
    except TimeoutError:
        pass
    finally:
        await runtime.stop()


def _program() -> str:
    """How to call this program from here."""
    if shutil.which("essgw") is not None:
        return "essgw"
    called = Path(sys.argv[0])
    if called.name != "essgw":
        return f"{Path(sys.executable).name} -m gateway"
    here = Path.cwd()
    return str(called.relative_to(here) if called.is_relative_to(here) else called)


async def _started(gateway: Gateway, listen: str | None) -> tuple[Runtime, str]:
    """A listening runtime: at the address asked for, else at the first free port from 5020."""
    if listen is not None:
        runtime = Runtime(gateway, address(listen))
        await runtime.start()
        return runtime, runtime.endpoints[0]
    for port in range(_PORT, _PORT + _TRIES):
        runtime = Runtime(gateway, ("127.0.0.1", port))
        with contextlib.suppress(LinkError):
            await runtime.start()
            return runtime, runtime.endpoints[0]
    raise LinkError(
        f"no port from {_PORT} to {_PORT + _TRIES - 1} is free; give --listen HOST:PORT"
    )


async def _simulate(
    bus: Bus,
    plant: Plant,
    plan: list[Timed],
    seconds: float | None = None,
    pcs: tuple[str, int] | None = None,
) -> None:
    """Run the plant on a bus, with the PCS's registers served where asked."""
    if pcs is not None:
        server = await plant.serve_pcs(*pcs)
        out.print(f"the PCS serves Modbus TCP at {server.host}:{server.port}, unit 1", markup=False)
    script.start(plan, plant.faults)
    try:
        port = can.Bus(channel=bus.channel, interface=bus.interface)
    except (can.CanError, OSError, ValueError) as error:
        raise LinkError(f"bus {bus.name} does not open: {error}") from None
    try:
        async with asyncio.timeout(seconds):
            await plant.run(port)
    except TimeoutError:
        err.print(f"sent {plant.emitter.sent} frames", markup=False)
    finally:
        port.shutdown()


def _say(text: str) -> None:
    out.print(text, markup=False)


def _complain(text: str) -> None:
    err.print(text, markup=False)
