"""`essgw demo` and `essgw sim`: a simulated container, with or without the gateway that reads it."""

import asyncio
import contextlib
import re
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import can
import typer

from conformance.sim.battery import Battery, Ratings
from conformance.sim.emitter import Emitter
from gateway.app import Gateway, Runtime
from gateway.cli.overrides import with_buses
from gateway.cli.run import describe
from gateway.cli.screen import ListenOption, address, err, library, out, positive_seconds
from gateway.cli.serving import until_stopped
from gateway.errors import LinkError, UsageError
from gateway.links.log import configure
from gateway.mapping.site import Bus, load_site

_PORT, _TRIES = 5020, 50
SilenceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--silence",
        metavar="RACK[@SECONDS]",
        help="Stop a rack's BMU, at once or later; repeatable.",
    ),
]
ForOption = Annotated[
    float | None, typer.Option("--for", metavar="SECONDS", help="End after so long.")
]


def demo(
    silence: SilenceOption = None, listen: ListenOption = None, seconds: ForOption = None
) -> None:
    """Run a simulated container and serve its registers; `stop 3` and `start 3` silence and wake a rack."""
    configure(quiet=True)
    positive_seconds(seconds, "--for")
    site = load_site(library(None), "demo")
    plan = _plan(silence or [], Ratings().racks)
    until_stopped(_demo(Gateway(site, "simulation"), plan, listen, seconds))


def sim(
    bus: Annotated[
        str, typer.Option("--bus", metavar="BUS=INTERFACE:CHANNEL", help="Where to send.")
    ],
    racks: Annotated[
        int, typer.Option("--racks", min=1, max=15, help="How many racks speak.")
    ] = 12,
    silence: SilenceOption = None,
    seconds: ForOption = None,
) -> None:
    """Send the frames of the simulated container on a bus, for a gateway elsewhere."""
    configure(quiet=True)
    positive_seconds(seconds, "--for")
    site = with_buses(load_site(library(None), "demo"), [bus])
    emitter = Emitter(Battery(Ratings(racks=racks)))
    plan = _plan(silence or [], racks)
    until_stopped(_simulate(next(iter(site.buses.values())), plan, seconds, emitter))


def _plan(texts: list[str], racks: int) -> list[tuple[int, float]]:
    """Which rack falls silent when; UsageError if there is none of that number."""
    plan = []
    for text in texts:
        found = re.fullmatch(r"([0-9]{1,4})(?:@([0-9]+(?:\.[0-9]+)?))?", text, re.ASCII)
        if found is None:
            raise UsageError(f"--silence is RACK or RACK@SECONDS, like 3@20; not '{text}'")
        if not 1 <= int(found[1]) <= racks:
            raise UsageError(f"there is no rack {found[1]}: racks go from 1 to {racks}")
        plan.append((int(found[1]), float(found[2] or 0)))
    return plan


async def _demo(
    gateway: Gateway, plan: list[tuple[int, float]], listen: str | None, seconds: float | None
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
    emitter = Emitter(Battery())
    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            tasks.create_task(runtime.live())
            tasks.create_task(_simulate(gateway.site.buses["can0"], plan, None, emitter))
            _listen_to_keyboard(emitter)
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
    bus: Bus, plan: list[tuple[int, float]], seconds: float | None, emitter: Emitter
) -> None:
    loop = asyncio.get_running_loop()
    for rack, after in plan:
        loop.call_later(after, emitter.silenced.add, rack)
    try:
        port = can.Bus(channel=bus.channel, interface=bus.interface)
    except (can.CanError, OSError, ValueError) as error:
        raise LinkError(f"bus {bus.name} does not open: {error}") from None
    try:
        async with asyncio.timeout(seconds):
            await emitter.run(port)
    except TimeoutError:
        err.print(f"sent {emitter.sent} frames", markup=False)
    finally:
        port.shutdown()


def _listen_to_keyboard(emitter: Emitter) -> None:
    """Take `stop N` and `start N` from standard input, in a thread that ends with the program."""
    verbs: dict[str, Callable[[int], None]] = {
        "stop": emitter.silenced.add,
        "start": emitter.silenced.discard,
    }

    racks = emitter.battery.ratings.racks

    def listen() -> None:
        for line in sys.stdin:
            found = re.fullmatch(r"(stop|start) +([0-9]{1,4})", line.strip(), re.ASCII)
            if found is None and line.strip():
                err.print(f"'{line.strip()}' is neither 'stop RACK' nor 'start RACK'", markup=False)
            elif found is not None and not 1 <= int(found[2]) <= racks:
                err.print(f"there is no rack {found[2]}: racks go from 1 to {racks}", markup=False)
            elif found is not None:
                verbs[found[1]](int(found[2]))
                out.print(f"rack {int(found[2])}: {found[1]}", markup=False)

    threading.Thread(target=listen, name="keyboard", daemon=True).start()
