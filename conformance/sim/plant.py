"""A whole simulated plant: battery, BMUs on a bus, PCS, and on request their Modbus links and an EMS.

    plant = Plant()                                               # racks open, PCS idle
    await plant.serve_pcs("127.0.0.1", 5502)                      # we_drive: the gateway writes to the PCS
    plant.poll_gateway(Master("127.0.0.1", 5020), asked)          # or polls_us: the PCS asks the gateway
    plant.dispatch(Master("127.0.0.1", 5020), registers, Plan(profile))   # the EMS
    await plant.run(can_bus)                                      # until cancelled

Without links, a profile lets the PCS work by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import can

from conformance.sim.battery import Battery
from conformance.sim.emitter import Emitter
from conformance.sim.ems import Ems, Plan
from conformance.sim.fault import Faults
from conformance.sim.master import Master, Register
from conformance.sim.pcs import FaultCode, Pcs
from conformance.sim.pcs_client import Asked, PcsClient
from conformance.sim.pcs_server import PcsServer
from conformance.sim.profile import Profile

_OF_THE_BUS = {FaultCode.DC_UNDERVOLTAGE, FaultCode.DC_OVERVOLTAGE}


class Plant:
    """The parts, and what connects them."""

    def __init__(
        self, battery: Battery | None = None, profile: Profile | None = None, *,
        coils: bool = False,
    ) -> None:  # fmt: skip
        """`profile`: power that the PCS gives by itself, within what the racks allow.

        `coils`: the BMUs leave precharge to the gateway.
        """
        self.battery = battery or Battery(closed=False)
        self.faults = Faults(self.battery.ratings.racks)
        self.pcs = Pcs(faults=self.faults.plant)
        self.emitter = Emitter(self.battery, self.faults, self._drive, coils=coils)
        self.ems: Ems | None = None
        self._profile = profile
        self._links: list[Callable[[], Awaitable[None]]] = []

    async def serve_pcs(self, host: str, port: int, unit: int = 1) -> PcsServer:
        """Let masters drive the PCS; port 0 takes a free one, which the server tells."""
        server = PcsServer(self.pcs, host, port, unit)
        await server.start()
        self._links.append(server.run)
        return server

    def poll_gateway(self, gateway: Master, asked: Asked) -> PcsClient:
        """Let the PCS ask the gateway what it may do."""
        client = PcsClient(self.pcs, gateway, asked)
        self._links.append(client.run)
        return client

    def dispatch(self, gateway: Master, registers: Mapping[str, Register], plan: Plan) -> Ems:
        """Let an EMS command the gateway."""
        self.ems = Ems(gateway, registers, plan, self.faults.plant)
        self._links.append(self.ems.run)
        return self.ems

    async def run(self, bus: can.BusABC) -> None:
        """Run all parts until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.emitter.run(bus))
            for link in self._links:
                tasks.create_task(_awaited(link))

    def _drive(self, seconds: float) -> None:
        """Before each step of the battery: what the PCS takes of it."""
        self.pcs.dc_voltage = self.battery.bus_voltage
        if self._profile is not None:
            self._by_itself(self._profile)
        self.pcs.step(seconds)
        self.battery.power = self.pcs.dc_power

    def _by_itself(self, profile: Profile) -> None:
        """A PCS that heeds the racks' limits without a gateway, and comes back when the bus does."""
        rating = self.pcs.rating
        if self.pcs.fault in _OF_THE_BUS and rating.dc_low < self.pcs.dc_voltage < rating.dc_high:
            self.pcs.reset()
        setting, on_bus = self.pcs.setting, self.battery.inserted == 0
        charge, discharge = (
            float(limit[on_bus].min()) * int(on_bus.sum()) if on_bus.any() else 0.0
            for limit in self.battery.current_limits()
        )
        setting.watchdog, setting.run = 0.0, True
        setting.power = profile(self.battery.time)
        setting.charge_current, setting.discharge_current = charge, discharge


async def _awaited(link: Callable[[], Awaitable[None]]) -> None:
    await link()
