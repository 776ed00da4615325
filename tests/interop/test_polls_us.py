"""A PCS that asks the gateway what it may do (R11 `polls_us`), and an EMS that commands: both pymodbus clients.

Gateway, BMUs, PCS and EMS run in real time in one loop; the CAN bus is python-can's virtual one. The plant is
simulated.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import can
import pytest

from conformance.sim.battery import Battery, Ratings
from conformance.sim.demo import registers
from conformance.sim.ems import Plan
from conformance.sim.master import Master, Register
from conformance.sim.pcs_client import Asked
from conformance.sim.plant import Plant
from conformance.sim.profile import steady
from gateway.app import Gateway, Runtime
from gateway.mapping.library import Library
from gateway.mapping.site import load_site

SITE = """
site: polled
buses: {can0: {interface: virtual, channel: test-polled}}
containers:
  - name: C1
    topology: {racks: 2, modules: 8, cells: 52}
    sources: [{frames: demo-bmu, bus: can0}]
    control:
      rating: {charge: 400000, discharge: 400000}
      pcs: {path: polls_us}
faces: [{map: native, listen: '127.0.0.1:5020', unit: 1}]
masters: [{name: ems, from: 127.0.0.1, role: operator}]
"""
ASKED = Asked(
    permission=Register(86, 1), power=Register(80, 2, signed=True),
    charge_current=Register(76, 2, scale=0.1), discharge_current=Register(78, 2, scale=0.1),
    heartbeat=Register(0, 1),
)  # fmt: skip
WATTS = -60_000.0


@dataclass
class Polled:
    """What runs."""

    plant: Plant
    gateway: Gateway
    cycles: asyncio.Task[None]

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for a state of the plant."""
        async with asyncio.timeout(60):
            while not holds():
                assert not self.cycles.done() or self.cycles.cancelled(), what
                await asyncio.sleep(0.02)


@pytest.fixture
async def polled(tmp_path: Path) -> AsyncIterator[Polled]:
    """Closed racks, a gateway that serves, a PCS that asks it, an EMS that wants to charge."""
    (tmp_path / "site.yaml").write_text(SITE)
    site = load_site(Library(), str(tmp_path / "site.yaml"))
    gateway = Gateway(site, "simulation")
    runtime = Runtime(gateway, ("127.0.0.1", 0))
    await runtime.start()
    host, _, port = runtime.endpoints[0].rpartition(":")
    plant = Plant(Battery(Ratings(racks=2), closed=True))
    plant.poll_gateway(Master(host, int(port)), ASKED)
    plant.dispatch(
        Master(host, int(port)), registers(site.faces[0]), Plan(steady(WATTS), connect=False)
    )
    with can.Bus(interface="virtual", channel="test-polled") as bus:
        cycles = asyncio.create_task(runtime.live())
        world = asyncio.create_task(plant.run(bus))
        try:
            yield Polled(plant, gateway, cycles)
        finally:
            for task in (cycles, world):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await runtime.stop()


async def test_the_pcs_follows_the_command_that_it_reads(polled: Polled) -> None:
    """The EMS's setpoint reaches a PCS that only reads, and the racks charge."""
    plant = polled.plant
    await polled.until(lambda: plant.pcs.power == pytest.approx(WATTS, rel=0.01), "charging")

    assert plant.battery.rack_current.max() < -10
    assert plant.pcs.setting.charge_current > 0


async def test_limits_of_zero_stop_it(polled: Polled) -> None:
    """BMUs whose limits drop to 0 stop it through the registers that it reads (R19)."""
    plant = polled.plant
    await polled.until(lambda: plant.pcs.power == pytest.approx(WATTS, rel=0.01), "charging")
    for rack in (1, 2):
        plant.faults.add("zero_limits", rack)
    await polled.until(lambda: plant.pcs.power == 0, "stopped")

    assert plant.pcs.setting.charge_current == 0


async def test_a_gateway_whose_cycles_stop_stops_it(polled: Polled) -> None:
    """The server still answers, but its heartbeat stands still: the PCS goes to zero within its 2 s (R8)."""
    plant = polled.plant
    await polled.until(lambda: plant.pcs.power == pytest.approx(WATTS, rel=0.01), "charging")
    polled.cycles.cancel()
    await polled.until(lambda: plant.pcs.power == 0, "stopped")

    assert plant.pcs.setting.run is False
