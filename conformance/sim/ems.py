"""An energy management system as a Modbus master of the gateway: heartbeat, lease, connect, run, dispatch.

Each second it writes its heartbeat, what it enables, and its active power. Beside that it works through a list: take the lease,
select and connect, ask for mode run; what is refused is tried again each 2 s. The lease is asked for again at
half of its time.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from conformance.sim.master import Master, NoAnswer, Register
from conformance.sim.profile import Profile, steady

NEEDED = ("ems_heartbeat", "power_setpoint", "lease", "select", "connect", "mode_request")
"The commands that it writes, by the names of the gateway's table."
ENABLES = ("charge_enable", "discharge_enable")
"These too, where there are registers for them."
_CONNECT, _RUN = 2000, 4
"What `select` takes to arm `connect`, and the mode's number."
_BEAT, _AGAIN = 1.0, 2.0  # s

_IDLE = steady(0.0)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Plan:
    """What it is to do."""

    profile: Profile = _IDLE
    "Counted from when the gateway has taken mode run."
    lease: int = 60
    "s."
    connect: bool = True
    "False: whoever is connected already is enough."


class Ems:
    """The master; `faults` may hold `ems_hang`: it writes nothing and keeps its connection."""

    def __init__(
        self,
        master: Master,
        registers: Mapping[str, Register],
        plan: Plan | None = None,
        faults: set[str] | None = None,
    ) -> None:
        """`registers` says where each command of `NEEDED` is written; KeyError if one is absent."""
        self._master, self._plan = master, plan or Plan()
        self._registers = {name: registers[name] for name in NEEDED}
        self._enables = {name: registers[name] for name in ENABLES if name in registers}
        self._registers |= self._enables
        self._faults = faults if faults is not None else set()
        self.refused: Counter[tuple[str, int]] = Counter()
        "Refusals by command and exception code."
        self.dispatched = 0.0
        "W written last."
        self.misses = 0
        self._beats = 0
        connect = (("select", _CONNECT), ("connect", 1)) if self._plan.connect else ()
        self._todo = [connect, (("mode_request", _RUN),)]
        self._lease_due = self._next_try = -math.inf
        self._running_since: float | None = None

    @property
    def is_dispatching(self) -> bool:
        """Whether the gateway has taken all that it asked for."""
        return self._running_since is not None

    async def run(self) -> None:
        """Beat until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                if "ems_hang" not in self._faults:
                    await self._beat(loop.time())
                due = max(due + _BEAT, loop.time())
                await asyncio.sleep(due - loop.time())
        finally:
            self._master.close()

    async def _beat(self, now: float) -> None:
        try:
            self._beats = (self._beats + 1) % 0x10000
            await self._write("ems_heartbeat", self._beats)
            if now >= self._lease_due:
                await self._renew(now)
            if self._todo and now >= self._next_try:
                await self._go_on(now)
            for name in self._enables:
                await self._write(name, 1)
            since = self._running_since
            self.dispatched = 0.0 if since is None else self._plan.profile(now - since)
            await self._write("power_setpoint", self.dispatched)
        except NoAnswer:
            self.misses += 1

    async def _renew(self, now: float) -> None:
        if await self._write("lease", self._plan.lease):
            self._lease_due = now + self._plan.lease / 2

    async def _go_on(self, now: float) -> None:
        """Try what comes next; commands act on a change, so they are taken back first."""
        self._next_try = now + _AGAIN
        for name, _ in self._todo[0]:
            await self._write(name, 0)
        for name, value in self._todo[0]:
            if not await self._write(name, value):
                return
        del self._todo[0]
        if not self._todo:
            self._running_since = now

    async def _write(self, name: str, value: float) -> bool:
        """Whether it was taken."""
        code = await self._master.write(self._registers[name], value)
        if code:
            self.refused[name, code] += 1
            log.info("ems_refused", command=name, value=value, code=code)
        return not code
