"""The demo: a gateway and a whole simulated plant in one process, joined by a virtual bus and real Modbus TCP."""

import asyncio
import contextlib
import dataclasses
import shutil
import sys
from pathlib import Path

import can

from conformance.sim import script
from conformance.sim.ems import Plan
from conformance.sim.master import Master, Register
from conformance.sim.plant import Plant
from conformance.sim.profile import Profile
from conformance.sim.script import Timed
from conformance.sim.showing import show
from gateway.app import Gateway, Runtime
from gateway.cli.run import describe
from gateway.cli.screen import address, out
from gateway.errors import LinkError
from gateway.links.can_link import open_bus
from gateway.mapping.faces import Face
from gateway.mapping.parts import Bus, Container
from gateway.mapping.site import Site

_PORT, _TRIES = 5020, 50
_EMS = "127.0.0.2"
"Where the site knows its EMS from."


@dataclasses.dataclass(frozen=True, slots=True)
class Wish:
    """What the user asks of the demo."""

    plan: list[Timed]
    listen: str | None = None
    seconds: float | None = None
    profile: Profile | None = None
    "What the EMS dispatches; None: there is no EMS."


async def run(site: Site, plant: Plant, wish: Wish) -> None:
    """Run both until cancelled, or for so long."""
    containers = [await _driven(container, plant) for container in site.containers]
    gateway = Gateway(dataclasses.replace(site, containers=containers), "simulation")
    runtime, endpoint = await _started(gateway, wish.listen)
    host, _, port = endpoint.rpartition(":")
    out.print(
        f"{describe(gateway.site)}, simulated, serves Modbus TCP at {endpoint}, unit 1",
        markup=False,
    )
    out.print(f"  mbpoll -m tcp -p {port} -a 1 -0 -r 0 -c 40 -1 -t 4:hex {host}", markup=False)
    out.print(f"  {_program()} read {endpoint} voltage current soc 'rack_*'", markup=False)
    out.print("type 'stop 3' to silence rack 3, 'start 3' to wake it; Ctrl-C ends", markup=False)
    if wish.profile is not None:
        plant.dispatch(
            Master(_reachable(host), int(port), source=_EMS),
            registers(site.faces[0]),
            Plan(wish.profile, connect=False),
        )
    runtime.told = show
    script.start(wish.plan, plant.faults)
    try:
        async with asyncio.timeout(wish.seconds), asyncio.TaskGroup() as tasks:
            tasks.create_task(runtime.live())
            tasks.create_task(on_bus(plant, gateway.site.buses["can0"]))
            script.listen(plant.faults, plant.battery.ratings.racks)
    except TimeoutError:
        pass
    finally:
        await runtime.stop()


def registers(face: Face) -> dict[str, Register]:
    """Where a face takes the commands of its container, by their names."""
    writable = face.map.holding.writable
    return {
        place.instruction.name: Register(
            place.address, place.kind.words, place.kind.name.lower().startswith("i"), place.scale
        )
        for place in writable.places.values()
        if not place.rack
    }


async def on_bus(plant: Plant, bus: Bus) -> None:
    """Run a plant on a bus of a site."""
    try:
        port = open_bus(bus)
    except (can.CanError, OSError, ValueError) as error:
        raise LinkError(f"bus {bus.name} does not open: {error}") from None
    try:
        await plant.run(port)
    finally:
        port.shutdown()


async def _driven(container: Container, plant: Plant) -> Container:
    """A container whose PCS is the plant's: at the site's port, or at a free one if that is taken."""
    if container.pcs is None:
        return container
    try:
        server = await plant.serve_pcs(container.pcs.host, container.pcs.port)
    except LinkError:
        server = await plant.serve_pcs(container.pcs.host, 0)
    return dataclasses.replace(container, pcs=dataclasses.replace(container.pcs, port=server.port))


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


def _reachable(host: str) -> str:
    """Where the EMS finds the gateway."""
    return "127.0.0.1" if host == "0.0.0.0" else host.strip("[]")  # noqa: S104 - listened at, not by us
