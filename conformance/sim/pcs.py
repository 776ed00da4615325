"""A power conversion system between the DC bus and the grid: obeys its setpoint, its limits, its own watchdog.

A pure model: time comes with `step`, the DC voltage is set from outside, what it takes of the DC bus is read
off. Its input capacitors are the bus capacitance of `battery.Ratings`. Power and current are positive when
discharging the battery.
"""

import math
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import IntEnum


class State(IntEnum):
    """What it is doing, as its registers say."""

    OFF = 0
    "The DC bus is dead, or the PCS is."
    STANDBY = 1
    RUNNING = 2
    FAULT = 3


class FaultCode(IntEnum):
    """Why it stopped itself, as its registers say."""

    NONE = 0
    WATCHDOG = 1
    "No master has read or written for the watchdog's time."
    DC_UNDERVOLTAGE = 2
    DC_OVERVOLTAGE = 3
    INTERNAL = 4


@dataclass(frozen=True, slots=True)
class Rating:
    """What it is built for."""

    power: float = 2_500_000.0
    "W and var at its AC terminals."
    ramp: float = 5_000_000.0
    "W/s and var/s."
    efficiency: float = 0.975
    dc_low: float = 1000.0
    "V, below it cannot run."
    dc_high: float = 1530.0
    "V, above it trips."


@dataclass(slots=True)
class Setting:
    """What masters write, as delivered."""

    heartbeat: int = 0
    run: bool = False
    power: float = 0.0
    "W at the AC terminals."
    reactive: float = 0.0
    "var, positive when injecting."
    charge_current: float = 0.0
    discharge_current: float = 0.0
    "A of DC current allowed; nothing until somebody allows something."
    watchdog: float = 5.0
    "Seconds; 0 is off."


_RESTART = 3.0  # s
_OVERSHOOT = 1.3
_SILENT = frozenset({"pcs_mute", "pcs_dead", "pcs_restart"})
_DEAD = frozenset({"pcs_dead", "pcs_restart"})


class Pcs:
    """The model; `faults` holds names of `fault.FAULTS` and may change."""

    def __init__(self, rating: Rating | None = None, faults: set[str] | None = None) -> None:
        self.rating = rating or Rating()
        self.faults = faults if faults is not None else set()
        self.setting = Setting()
        self.state, self.fault = State.OFF, FaultCode.NONE
        self.dc_voltage = 0.0
        self.power = self.reactive = self.dc_current = 0.0
        self.uptime = 0.0
        self._idle, self._down = math.nan, 0.0
        "Seconds without a master, from the first that came; seconds dead."

    @property
    def dc_power(self) -> float:
        """W that it takes of the DC bus."""
        return self.dc_current * self.dc_voltage

    @property
    def answers(self) -> bool:
        """Whether masters get an answer."""
        return not self.faults & _SILENT

    def touch(self) -> None:
        """A master has read or written: the watchdog begins again."""
        self._idle = 0.0

    def reset(self) -> None:
        """Leave a fault whose cause is gone; running needs a new command."""
        self.fault, self.state, self.setting.run = FaultCode.NONE, State.STANDBY, False
        self._idle = 0.0

    def step(self, seconds: float) -> None:
        """Move on by some seconds."""
        if self.faults & _DEAD:
            self._lie_dead(seconds)
            return
        if "pcs_mute" in self.faults:
            self.dc_current = self._dc_power(self.power) / max(self.dc_voltage, 1.0)
            return
        self.uptime += seconds
        self._idle += seconds
        self._judge()
        running = self.state is State.RUNNING
        self.power = self._ramped(self.power, self._wanted() if running else 0.0, seconds)
        self.reactive = self._ramped(self.reactive, self._bounded(self.setting.reactive), seconds)
        if not running:
            self.reactive = 0.0
        if self.state in {State.FAULT, State.OFF}:
            self.power = 0.0
        self._limit(self.faults)

    def _lie_dead(self, seconds: float) -> None:
        """No power, no answer; after a restart's time the settings are as delivered."""
        self.power = self.reactive = self.dc_current = self.uptime = 0.0
        self.state, self.fault, self.setting = State.OFF, FaultCode.NONE, Setting()
        self._idle = math.nan
        self._down = self._down + seconds if "pcs_restart" in self.faults else 0.0
        if self._down >= _RESTART:
            self._down = 0.0
            self.faults.discard("pcs_restart")

    def _judge(self) -> None:
        """The state that comes of command, voltage and watchdog."""
        if self.state is not State.FAULT and (code := self._cause()):
            self.state, self.fault = State.FAULT, code
        if self.state is State.FAULT:
            return
        if self.dc_voltage < self.rating.dc_low:
            self.state = State.OFF
        else:
            self.state = State.RUNNING if self.setting.run else State.STANDBY

    def _cause(self) -> FaultCode:
        """What trips it now."""
        watchdog = self.setting.watchdog
        rows = (
            (watchdog > 0 and self._idle >= watchdog, FaultCode.WATCHDOG),
            (
                self.state is State.RUNNING and self.dc_voltage < self.rating.dc_low,
                FaultCode.DC_UNDERVOLTAGE,
            ),
            (self.dc_voltage > self.rating.dc_high, FaultCode.DC_OVERVOLTAGE),
            ("pcs_trip" in self.faults, FaultCode.INTERNAL),
        )
        return next((code for holds, code in rows if holds), FaultCode.NONE)

    def _wanted(self) -> float:
        """W at the AC terminals that it goes for."""
        wanted = self._bounded(self.setting.power)
        return wanted * _OVERSHOOT if "pcs_overshoots" in self.faults else wanted

    def _bounded(self, value: float) -> float:
        return max(-self.rating.power, min(value, self.rating.power))

    def _ramped(self, value: float, wanted: float, seconds: float) -> float:
        reach = self.rating.ramp * seconds
        return max(value - reach, min(wanted, value + reach))

    def _limit(self, faults: AbstractSet[str]) -> None:
        """DC current of the AC power, and both brought within the limits at once."""
        if self.dc_voltage <= 0:
            self.power = self.dc_current = 0.0
            return
        amperes = self._dc_power(self.power) / self.dc_voltage
        if "pcs_ignores_limits" not in faults:
            setting = self.setting
            bounded = max(-setting.charge_current, min(amperes, setting.discharge_current))
            if bounded != amperes:
                self.power = self._ac_power(bounded * self.dc_voltage)
            amperes = bounded
        self.dc_current = amperes

    def _dc_power(self, watts: float) -> float:
        return watts / self.rating.efficiency if watts > 0 else watts * self.rating.efficiency

    def _ac_power(self, watts: float) -> float:
        return watts * self.rating.efficiency if watts > 0 else watts / self.rating.efficiency
