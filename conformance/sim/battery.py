"""A container of LFP racks on a DC bus that behaves plausibly: charge, resistance, heat, balancing, capacitance.

Plausible, not exact: the numbers are typical of 280 Ah cells and serve to make registers move the way a
real container's do. Current and power are positive when discharging. The battery is driven: what the plant
takes is set from outside, and nothing but physics limits it.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float64]

_SOC = np.array([0, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 100]) / 100
_OCV = np.array(
    [2.60, 3.00, 3.15, 3.22, 3.255, 3.275, 3.285, 3.295, 3.31, 3.325, 3.335, 3.345, 3.38, 3.48]
)
"Open-circuit voltage of an LFP cell over its state of charge."

_RESISTANCE = 0.25e-3  # Ohm, a 280 Ah cell at 25 degC
_COLD = 0.012  # rise of resistance per degC below 25
_HEAT_CAPACITY = 5400.0  # J/K, 5.4 kg at 1000 J/kgK
_COOLING = 1.6  # W/K to the air of the container
_AMBIENT = 24.0  # degC
_BLEED = 0.1  # A while balancing
_BALANCE_FROM, _BALANCE_SPREAD = 3.34, 0.006  # V
_BLEED_RESISTANCE = 20e3  # Ohm, across the bus's capacitors
_FULL, _EMPTY = 3.60, 2.80  # V, where the limits reach 0
_TAPER = 0.12  # V over which they fall


@dataclass(frozen=True, slots=True)
class Ratings:
    """What the container is built of."""

    racks: int = 12
    modules: int = 8
    cells: int = 52
    capacity: float = 280.0
    "Ah of a cell."
    current: float = 140.0
    "A of a rack, both ways."
    precharge: float = 33.0
    "Ohm of a rack's precharge resistor."
    capacitance: float = 6e-3
    "F of the DC bus: the PCS's input capacitors."


class Battery:
    """Cells of all racks on one DC bus, moved on by `step`."""

    def __init__(
        self, ratings: Ratings | None = None, seed: int = 1, *, closed: bool = True
    ) -> None:
        """`closed`: all racks are on the bus from the start; else it is dead."""
        self.ratings = ratings or Ratings()
        shape = (self.ratings.racks, self.ratings.modules, self.ratings.cells)
        chance = np.random.default_rng(seed)
        self.soc: Grid = (
            0.55 + chance.normal(0, 0.004, (shape[0], 1, 1)) + chance.normal(0, 0.004, shape)
        )
        self.capacity: Grid = self.ratings.capacity * (1 + chance.normal(0, 0.006, shape))
        self.resistance: Grid = _RESISTANCE * (1 + np.abs(chance.normal(0, 0.08, shape)))
        self.temperature: Grid = _AMBIENT + 2 + chance.normal(0, 0.8, shape)
        self.balancing = np.zeros(shape, np.bool_)
        self.voltage: Grid = np.interp(self.soc, _SOC, _OCV)
        self.rack_current: Grid = np.zeros(shape[0])
        "A out of each rack, mean of the last step."
        self.inserted: Grid = np.full(shape[0], 0.0 if closed else np.inf)
        "Ohm between each rack and the bus: 0 closed, the resistor while precharging, infinite when open."
        self.power = 0.0
        "W that the plant takes from the DC bus; without a closed rack it drains the capacitors."
        self.bus_current = 0.0
        "A that the plant took of the racks in the last step."
        self.bus_voltage = float(self.rack_voltage().mean()) if closed else 0.0
        self.time = 0.0

    def step(self, seconds: float) -> None:
        """Move on by some seconds, at the plant's power."""
        self.time += seconds
        ocv = np.interp(self.soc, _SOC, _OCV)
        resistance = self.resistance * (1 + _COLD * np.clip(25 - self.temperature, 0, None))
        self._flow(ocv.sum(axis=(1, 2)), resistance.sum(axis=(1, 2)), seconds)
        current = self.rack_current[:, None, None] + np.where(self.balancing, _BLEED, 0.0)
        self.voltage = ocv - current * resistance
        self.soc = np.clip(self.soc - current * seconds / 3600 / self.capacity, 0.0, 1.0)
        heat = current**2 * resistance - _COOLING * (self.temperature - _AMBIENT)
        self.temperature = self.temperature + heat * seconds / _HEAT_CAPACITY
        lowest = self.voltage.min(axis=(1, 2), keepdims=True)
        self.balancing = (self.voltage > _BALANCE_FROM) & (self.voltage > lowest + _BALANCE_SPREAD)

    def _flow(self, source: Grid, inner: Grid, seconds: float) -> None:
        """Currents of the racks and the voltage of the bus: racks and capacitor as one source, solved exactly."""
        conductance = 1 / (inner + self.inserted)
        total = float(conductance.sum()) + 1 / _BLEED_RESISTANCE
        unloaded = float((conductance * source).sum()) / total
        if (self.inserted == 0).any():
            self.bus_current = self._taken(unloaded, total)
        else:
            self._drain(seconds)
        settled = unloaded - self.bus_current / total
        speed = total / self.ratings.capacitance * seconds
        decay = math.exp(-speed)
        mean = settled + (self.bus_voltage - settled) * (1 - decay) / speed
        self.bus_voltage = settled + (self.bus_voltage - settled) * decay
        self.rack_current = (source - mean) * conductance

    def _taken(self, unloaded: float, conductance: float) -> float:
        """The current at which the bus gives the power that is asked for, or the most that it can give."""
        most = unloaded**2 * conductance / 4
        power = min(self.power, most)
        volts = (unloaded + math.sqrt(max(unloaded**2 - 4 * power / conductance, 0))) / 2
        return power / volts

    def _drain(self, seconds: float) -> None:
        """Without a closed rack the plant lives on the capacitors, and not for long."""
        charge = self.ratings.capacitance
        squared = self.bus_voltage**2 - 2 * self.power * seconds / charge
        self.bus_voltage = math.sqrt(max(squared, 0.0)) if self.bus_voltage > 0 else 0.0
        self.bus_current = 0.0

    def rack_voltage(self) -> Grid:
        """Voltage of each rack, in V."""
        total: Grid = self.voltage.sum(axis=(1, 2))
        return total

    def current_limits(self) -> tuple[Grid, Grid]:
        """Charge and discharge current that each rack allows: less near full, near empty, and when hot or cold."""
        highest, lowest = self.voltage.max(axis=(1, 2)), self.voltage.min(axis=(1, 2))
        hot, cold = self.temperature.max(axis=(1, 2)), self.temperature.min(axis=(1, 2))
        heat = np.clip((55 - hot) / 10, 0, 1)
        charge = np.clip((_FULL - highest) / _TAPER, 0, 1) * heat * np.clip(cold / 10, 0, 1)
        discharge = np.clip((lowest - _EMPTY) / _TAPER, 0, 1) * heat
        return charge * self.ratings.current, discharge * self.ratings.current
