"""The simulated PCS as a Modbus client of the gateway: it asks what it may do, and does that.

Each 200 ms it reads the gateway's permission, power command, limits and heartbeat. A heartbeat that stands
still for 2 s, or a read without answer, means zero and stop.
"""

import asyncio
from dataclasses import dataclass

from conformance.sim.master import Master, NoAnswer, Register
from conformance.sim.pcs import Pcs

_PERIOD = 0.2  # s
_STILL = 2.0  # s


@dataclass(frozen=True, slots=True)
class Asked:
    """Where the gateway says what the PCS may do; AC power in W, DC currents in A."""

    permission: Register
    "Not 0: it may run."
    power: Register
    charge_current: Register
    discharge_current: Register
    heartbeat: Register


@dataclass(frozen=True, slots=True)
class Told:
    """What the gateway said."""

    permission: float
    power: float
    charge_current: float
    discharge_current: float
    heartbeat: float


class Follower:
    """What a PCS makes of what it is told; time is an argument."""

    def __init__(self, pcs: Pcs) -> None:
        self._pcs = pcs
        self._heartbeat: float | None = None
        self._moved = 0.0

    def take(self, told: Told, now: float) -> None:
        """Obey, while the gateway's heartbeat moves."""
        if told.heartbeat != self._heartbeat:
            self._heartbeat, self._moved = told.heartbeat, now
        if now - self._moved >= _STILL:
            self.stop()
            return
        setting = self._pcs.setting
        setting.run = bool(told.permission)
        setting.power = told.power if setting.run else 0.0
        setting.charge_current = told.charge_current
        setting.discharge_current = told.discharge_current
        self._pcs.touch()

    def stop(self) -> None:
        """Zero and stop."""
        self._pcs.setting.run, self._pcs.setting.power = False, 0.0


class PcsClient:
    """The link: reads, and lets the follower obey."""

    def __init__(self, pcs: Pcs, master: Master, asked: Asked) -> None:
        self._pcs, self._master, self._asked = pcs, master, asked
        self._follower = Follower(pcs)
        self.misses = 0

    async def run(self) -> None:
        """Ask until cancelled; a dead or mute PCS asks nothing."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                if self._pcs.answers:
                    await self._ask(loop)
                await asyncio.sleep(_PERIOD)
        finally:
            self._master.close()

    async def _ask(self, loop: asyncio.AbstractEventLoop) -> None:
        asked, read = self._asked, self._master.read
        try:
            told = Told(
                await read(asked.permission),
                await read(asked.power),
                await read(asked.charge_current),
                await read(asked.discharge_current),
                await read(asked.heartbeat),
            )
        except NoAnswer:
            self.misses += 1
            self._follower.stop()
            return
        self._follower.take(told, loop.time())
