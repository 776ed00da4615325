"""A container in run with power flowing, without clock and sockets: the plant simulated, an EMS and a PCS on paper."""

import struct
from collections.abc import Iterator

from bench.master import HEARTBEAT, LEASE, MODE, RUN
from conformance.sim.battery import Battery
from conformance.sim.emitter import Emitter
from gateway.app import Gateway
from gateway.canbus.frame import EXTENDED, Frame
from gateway.control.state import Mode
from gateway.mapping.image import Table
from gateway.mapping.library import Library
from gateway.mapping.site import load_site
from gateway.modbus.session import Session
from gateway.model.order import PcsReport

_WATTS = 776_000
"At the PCS's AC terminals."
_EFFICIENCY = 0.97
_EMS = "127.0.0.2"
"Where the demo site knows its EMS from."
_TERM = 3600  # s
_BEAT = 0.5  # s
_COARSE, _PATIENCE = 0.1, 60.0  # s
CYCLE = 0.02  # s


class Dispatched:
    """The gateway of the demo site, and what it is told."""

    def __init__(self) -> None:
        """Adopt, take the lease, run, and ramp up."""
        self._battery = Battery()
        self._battery.power = _WATTS / _EFFICIENCY
        self._emitter = Emitter(self._battery)
        self.gateway = Gateway(load_site(Library(), "demo"), "simulation")
        (self.container,) = self.gateway.containers.values()
        (self.controller,) = self.gateway.controllers()
        ((self._listener, banks),) = self.gateway.faces.listeners().items()
        (self.bank,) = banks.values()
        self.session = Session(self.gateway.site.masters.at(_EMS, self._listener))
        self.now, self._beats, self._beaten = 0.0, 0, 0.0
        self._until(Mode.READY)
        self._write(LEASE, _TERM)
        self.advance(_BEAT)
        self._write(MODE, RUN)
        self._until(Mode.RUN)
        while self.controller.state.power.applied != _WATTS:
            self._cycle()

    def advance(self, seconds: float = CYCLE) -> None:
        """Let time pass: frames come in, the EMS beats, the PCS is read."""
        self.now += seconds
        for sent in self._emitter.due(self.now):
            self.gateway.receive("can0", Frame(self.now, sent.identifier | EXTENDED, sent.data))
        battery = self._battery
        self.controller.hear_pcs(
            PcsReport(
                self.now, _WATTS, 0.0, battery.bus_voltage, battery.bus_current, is_running=True
            )
        )
        if self.now - self._beaten >= _BEAT:
            self._beaten = self.now
            self._write(HEARTBEAT, *next(self.blocks()))

    def blocks(self) -> Iterator[tuple[int, ...]]:
        """What the EMS writes over and over: its heartbeat, both enables, its power."""
        while True:
            self._beats = (self._beats + 1) % 0x10000
            yield self._beats, 1, 1, _WATTS >> 16, _WATTS & 0xFFFF

    def _write(self, address: int, *words: int) -> None:
        self.bank.write(
            Table.HOLDING, address, struct.pack(f">{len(words)}H", *words), self.session
        )

    def _cycle(self) -> None:
        if self.now > _PATIENCE:
            raise TimeoutError(f"no power flows: {self.controller.state.power}")
        self.advance(_COARSE)
        self.gateway.cycle(self.now)

    def _until(self, mode: Mode) -> None:
        while self.controller.state.mode is not mode:
            self._cycle()
