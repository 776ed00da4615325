"""Values made of other values: cells to racks, racks to containers, as one table.

The order of `STEPS` is the order of computation: a row may use what an earlier row made. A row whose
sources nobody carries or makes is left out of a container's plan. What a missing contributor means is
said in `contributor.py` and, for limits and counts, in `container.py`.
"""

import dataclasses
import functools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gateway.model.charge import Energy, RackExtreme
from gateway.model.container import (
    ALARM_BITS,
    AlarmBits,
    BusLimit,
    CellCount,
    Count,
    RackCount,
    Silence,
    Weighted,
)
from gateway.model.contributor import Result, contributors, reconcile, settle
from gateway.model.pack import Draft, Indices, Layout, Vector
from gateway.model.quality import Detail, worst


@dataclass(frozen=True, slots=True)
class Extreme:
    """The highest or lowest member of each group, and where it is."""

    target: str
    source: str
    highest: bool
    tolerance: float
    places: tuple[str, ...]
    "Suffixes of the points that take the position, outermost first."

    def told_by(self, known: Collection[str]) -> "Extreme":
        """The same with those places alone that the racks tell of."""
        if self.places[0] != "rack":
            return self
        inside = (place for place in self.places[1:] if f"{self.source}_{place}" in known)
        return dataclasses.replace(self, places=("rack", *inside))

    def apply(self, draft: Draft) -> None:
        """Write the extreme of each group and its position."""
        layout = draft.layout
        target = layout.slices[self.target]
        groups = target.stop - target.start
        of = contributors(draft, self.source, groups)
        if of.whole:
            best = of.values.argmax(axis=1) if self.highest else of.values.argmin(axis=1)
        else:
            best = np.where(of.mask, of.values if self.highest else -of.values, -np.inf).argmax(
                axis=1
            )
        rows = np.arange(groups)
        values = of.values[rows, best]
        values = values if of.whole else np.where(of.mask[rows, best], values, np.nan)
        result = Result(values, of.quality, of.age, of.whole)
        beyond = np.greater if self.highest else np.less
        wins = reconcile(
            draft, self.target, result, self.tolerance, trusts_report=False, beyond=beyond
        )
        codes = draft.quality[target]
        for place, index in zip(self.places, self._position(draft, best), strict=True):
            name = f"{self.target}_{place}"
            if wins is None:
                known = index if of.whole else np.where(np.isnan(values), np.nan, index)
                settle(draft, name, Result(known, codes, of.age, of.whole))
                continue
            part = layout.slices[name]
            np.copyto(draft.values[part], index, where=wins)
            np.copyto(draft.quality[part], codes, where=wins)
            np.copyto(draft.age[part], of.age, where=wins)
            draft.computed[part] |= wins

    def _position(self, draft: Draft, best: Indices) -> list[Vector]:
        """The indices of the extreme; for a container's, the rack and the position inside it."""
        layout = draft.layout
        if self.places[0] == "rack":
            inside = [layout.slices[f"{self.source}_{place}"] for place in self.places[1:]]
            return [best + np.float64(1), *(draft.values[part][best] for part in inside)]
        members = layout.shape(self.source)[-1]
        return [best // members + np.float64(1), best % members + np.float64(1)]


@dataclass(frozen=True, slots=True)
class Total:
    """The sum or mean of each group; what the BMU reports is trusted before it."""

    target: str
    source: str
    mean: bool = False
    needs_all: bool = True
    "Whether a missing member makes the result unknown."
    tolerance: float = 0.02
    "As a part of the value."

    def apply(self, draft: Draft) -> None:
        """Write the total of each group."""
        target = draft.layout.slices[self.target]
        of = contributors(draft, self.source, target.stop - target.start)
        if of.whole:
            values = of.values.mean(axis=1) if self.mean else of.values.sum(axis=1)
        else:
            total = np.where(of.mask, of.values, 0.0).sum(axis=1)
            members = of.mask.sum(axis=1)
            values = total / np.maximum(members, 1) if self.mean else total
            enough = members >= (of.values.shape[1] if self.needs_all else 1)
            values = np.where(enough, values, np.nan)
        result = Result(values, of.quality, of.age, of.whole)
        reconcile(draft, self.target, result, np.abs(values) * self.tolerance, trusts_report=True)


@dataclass(frozen=True, slots=True)
class Power:
    """Power of a rack that reports voltage and current alone."""

    def apply(self, draft: Draft) -> None:
        """Write V x I where the BMU reports no power."""
        racks = draft.layout.topology.racks
        volts, amperes = (
            contributors(draft, name, racks) for name in ("rack_voltage", "rack_current")
        )
        result = Result(
            (volts.values * amperes.values)[:, 0],
            worst(volts.quality, amperes.quality),
            np.maximum(volts.age, amperes.age),
            volts.whole and amperes.whole,
        )
        reconcile(draft, "rack_power", result, np.inf, trusts_report=True)


@dataclass(frozen=True, slots=True)
class Connected:
    """Whether each rack is on the DC bus: all its contactors closed, or its state says so."""

    sources: tuple[str, ...]

    def apply(self, draft: Draft) -> None:
        """Write 1, 0 or unknown; one open contactor is enough for 0."""
        racks = draft.layout.topology.racks
        parts = [contributors(draft, name, racks) for name in self.sources]
        age = functools.reduce(np.maximum, [of.age for of in parts])
        if all(of.whole for of in parts) and self.sources != ("rack_state",):
            values = functools.reduce(np.minimum, [of.values[:, 0] for of in parts])
            settle(draft, "rack_connected", Result(values, parts[0].quality, age, whole=True))
            return
        seen = [np.where(of.usable, of.values, np.nan)[:, 0] for of in parts]
        if self.sources == ("rack_state",):
            seen = [np.select([seen[0] == 1, seen[0] == 3], [0.0, 1.0], np.nan)]  # noqa: PLR2004 - RACK_STATE
        values = np.minimum.reduce(seen)
        values[np.equal(seen, 0.0).any(axis=0)] = 0.0
        quality = worst(*(of.quality for of in parts))
        quality[~np.isnan(values)] = Detail.NONE
        settle(draft, "rack_connected", Result(values, quality, age))


@dataclass(frozen=True, slots=True)
class Step:
    """A row of the table: what is done, out of what, and what it makes."""

    operation: (
        Extreme | Total | Power | Connected
        | Weighted | RackExtreme | Energy | BusLimit | CellCount | Count | RackCount | Silence | AlarmBits
    )  # fmt: skip
    sources: tuple[str, ...]
    targets: tuple[str, ...]


def _from_one(operation: Total | Weighted | RackExtreme | BusLimit | CellCount | Count) -> Step:
    return Step(operation, (operation.source,), (operation.target,))


def _extreme(operation: Extreme) -> Step:
    places = (f"{operation.target}_{place}" for place in operation.places)
    return Step(operation, (operation.source,), (operation.target, *places))


def _connected(*sources: str) -> Step:
    return Step(Connected(sources), sources, ("rack_connected",))


def _extremes(prefix: str, source: str, places: tuple[str, ...]) -> Iterator[Step]:
    rows = (("voltage", 0.05, "cell"), ("temperature", 3.0, "sensor"))  # tolerances in V, degC
    for what, tolerance, unit in rows:
        for end in ("max", "min"):
            name = source.format(what=what, end=end)
            inside = (*places, "module", unit)
            target = f"{prefix}cell_{what}_{end}"
            yield _extreme(Extreme(target, name, end == "max", tolerance, inside))


STEPS: Sequence[Step] = (
    _from_one(Total("module_voltage", "cell_voltage")),
    _from_one(Total("rack_voltage", "module_voltage")),
    _from_one(Total("rack_cell_voltage_avg", "cell_voltage", mean=True, needs_all=False)),
    *_extremes("rack_", "cell_{what}", ()),
    Step(Power(), ("rack_voltage", "rack_current"), ("rack_power",)),
    _connected("rack_contactor_positive", "rack_contactor_negative"),
    _connected("rack_contactor_positive"),
    _connected("rack_state"),
    _from_one(CellCount("rack_cells_valid", "cell_voltage")),
    _from_one(CellCount("rack_sensors_valid", "cell_temperature")),
    Step(Silence(), (), ("rack_alarm_communication",)),
    Step(AlarmBits(), (), ALARM_BITS),
    *_extremes("", "rack_cell_{what}_{end}", ("rack",)),
    _from_one(Weighted("voltage", "rack_voltage", ())),
    _from_one(Weighted("soc", "rack_soc", ("rack_capacity", "rack_soh"))),
    _from_one(Weighted("soc_installed", "rack_soc", ("rack_capacity", "rack_soh"), is_of_all=True)),
    _from_one(RackExtreme("soc_min", "rack_soc", highest=False)),
    _from_one(RackExtreme("soc_max", "rack_soc", highest=True)),
    Step(
        Energy(), ("rack_soc", "rack_capacity", "rack_soh", "rack_voltage"), ("energy_available",)
    ),
    _from_one(Weighted("soh", "rack_soh", ("rack_capacity",))),
    _from_one(Total("current", "rack_current", needs_all=False)),
    _from_one(Total("power", "rack_power", needs_all=False)),
    _from_one(BusLimit("charge_current_limit", "rack_charge_current_limit", "rack_current", 5.0)),
    _from_one(
        BusLimit("discharge_current_limit", "rack_discharge_current_limit", "rack_current", 5.0)
    ),
    _from_one(BusLimit("charge_power_limit", "rack_charge_power_limit", "rack_power", 1000.0)),
    _from_one(
        BusLimit("discharge_power_limit", "rack_discharge_power_limit", "rack_power", 1000.0)
    ),
    Step(RackCount(), (), ("racks_valid",)),
    _from_one(Count("racks_connected", "rack_connected")),
    _from_one(Count("cells_valid", "rack_cells_valid")),
    _from_one(Count("sensors_valid", "rack_sensors_valid")),
)


class Aggregator:
    """The steps that make sense for a container, given what its messages carry."""

    def __init__(self, layout: Layout, carried: frozenset[str]) -> None:
        """`carried` names the points that some message carries."""
        known: set[str] = set(carried)
        steps: list[Step] = []
        for row in STEPS:
            step = row
            if isinstance(row.operation, Extreme):
                step = _extreme(row.operation.told_by(known))
            done = isinstance(row.operation, Connected) and "rack_connected" in known
            if not done and known.issuperset(step.sources):
                steps.append(step)
                known.update(step.targets)
        self.layout = layout
        self.steps = tuple(steps)
        self.known = frozenset(known)
        "Points that have a value, or will once their messages arrive."

    def complete(self, draft: Draft) -> None:
        """Add the computed points to a draft."""
        for step in self.steps:
            step.operation.apply(draft)
