"""A container of LFP racks that behaves plausibly: voltage by charge, resistance, heat, balancing.

Plausible, not exact: the numbers are typical of 280 Ah cells and serve to make registers move the way a
real container's do. Current is positive when discharging.
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


class Battery:
    """Cells of all racks on one DC bus, moved on by `step`."""

    def __init__(self, ratings: Ratings | None = None, seed: int = 1) -> None:
        self.ratings = ratings or Ratings()
        shape = (self.ratings.racks, self.ratings.modules, self.ratings.cells)
        chance = np.random.default_rng(seed)
        self.soc: Grid = (
            0.55 + chance.normal(0, 0.012, (shape[0], 1, 1)) + chance.normal(0, 0.004, shape)
        )
        self.capacity: Grid = self.ratings.capacity * (1 + chance.normal(0, 0.006, shape))
        self.resistance: Grid = _RESISTANCE * (1 + np.abs(chance.normal(0, 0.08, shape)))
        self.temperature: Grid = _AMBIENT + 2 + chance.normal(0, 0.8, shape)
        self.balancing = np.zeros(shape, np.bool_)
        self.voltage: Grid = np.interp(self.soc, _SOC, _OCV)
        self.rack_current: Grid = np.zeros(shape[0])
        self.time = 0.0

    def demand(self) -> float:
        """The current that the plant asks of the container: slow cycles with a quick ripple, in A."""
        slow = math.sin(2 * math.pi * self.time / 300)
        quick = 0.15 * math.sin(2 * math.pi * self.time / 7)
        return (0.7 * slow + quick) * self.ratings.racks * self.ratings.current

    def step(self, seconds: float) -> None:
        """Move on by some seconds, at the plant's demand."""
        self.time += seconds
        ocv = np.interp(self.soc, _SOC, _OCV)
        resistance = self.resistance * (1 + _COLD * np.clip(25 - self.temperature, 0, None))
        source, inner = ocv.sum(axis=(1, 2)), resistance.sum(axis=(1, 2))
        charge, discharge = self.current_limits()
        wanted = min(
            max(self.demand(), -charge.min() * len(charge)), discharge.min() * len(discharge)
        )
        bus = ((source / inner).sum() - wanted) / (1 / inner).sum()
        self.rack_current = (source - bus) / inner
        current = self.rack_current[:, None, None] + np.where(self.balancing, _BLEED, 0.0)
        self.voltage = ocv - current * resistance
        self.soc = np.clip(self.soc - current * seconds / 3600 / self.capacity, 0.0, 1.0)
        heat = current**2 * resistance - _COOLING * (self.temperature - _AMBIENT)
        self.temperature = self.temperature + heat * seconds / _HEAT_CAPACITY
        lowest = self.voltage.min(axis=(1, 2), keepdims=True)
        self.balancing = (self.voltage > _BALANCE_FROM) & (self.voltage > lowest + _BALANCE_SPREAD)

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
