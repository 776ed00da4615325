"""What racks on one DC bus come to together: weighted means, limits, counts, alarms.

Rules (CONTROL R19, R20, R43):
- means are taken over connected usable racks, and over all usable racks while none is connected; that of all
  installed racks is a point of its own;
- a bus may do what its most loaded conducting rack allows: the smallest of (rack limit / rack share); a rack
  whose contactors are unknown conducts; an unknown limit is 0; nothing conducts: 0;
- the share of a rack is that of its capacity, or its measured part of what flows if that is larger: of the
  current for limits in A, of the power for those in W. It is measured while more flows in the limit's own
  direction than 10 % of the racks' limits together, and than what sensors get wrong. An unknown capacity
  leaves the smallest rack limit; an unknown current leaves the shares of capacity;
- a BMU's own limit for the bus can only narrow it. The site's cap is a matter of control;
- a rack counts as valid while its voltage, current and SoC, as far as some message carries them, are usable;
- an alarm that was set stays set while its rack is silent or its signal is not available.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gateway.model.alarm import CAUSES, Level, alarm_point
from gateway.model.contributor import HELD, Contributors, Result, contributors, settle
from gateway.model.pack import Codes, Draft, Flags, Vector
from gateway.model.quality import BY_SEVERITY, SEVERITY, USABLE, Detail, worst

_NONE = int(Detail.NONE)
_INACCURATE = np.array([Detail.INACCURATE], np.uint8)
_ENOUGH = 0.1
"Part of the racks' limits together that must flow before shares are measured (R20)."
ESSENTIAL = ("rack_voltage", "rack_current", "rack_soc")


def _connection(draft: Draft) -> Vector:
    """For each rack 1, 0 or NaN (unknown)."""
    part = draft.layout.slices["rack_connected"]
    if "rack_connected" in draft.flawless:
        return draft.values[part]
    return np.where(USABLE[draft.quality[part]], draft.values[part], np.nan)


def _one(value: float, quality: int, age: float) -> Result:
    codes = np.array([quality], np.uint8)
    return Result(np.array([value]), codes, np.array([age]), whole=quality == _NONE)


def counted(draft: Draft, mask: Flags) -> Flags:
    """The members that a mean counts: those on the bus, or all while no rack is connected."""
    on_bus = _connection(draft) == 1
    return mask & on_bus if on_bus.any() else mask


def weights_of(draft: Draft, names: Iterable[str], chosen: Flags) -> Vector | None:
    """The product of some points for each chosen rack, 1 for a point that no message carries.

    Old numbers will do: capacity and health change over years. None where one is unknown.
    """
    weights = np.ones(np.count_nonzero(chosen))
    for name in names:
        if name in draft.carried:
            values = draft.values[draft.layout.slices[name]][chosen]
            if not (values > 0).all():  # NaN is not
                return None
            weights = weights * values
    return weights


@dataclass(frozen=True, slots=True)
class Weighted:
    """A mean over the racks that matter."""

    target: str
    source: str
    weights: tuple[str, ...]
    is_of_all: bool = False
    "Whether racks that are not connected count always."

    def apply(self, draft: Draft) -> None:
        """Write the mean of the connected racks, or of all: always, or while none is connected."""
        if self.target in draft.flawless:
            return  # the BMU reports it
        of = contributors(draft, self.source, 1)
        chosen = of.mask[0] if self.is_of_all else counted(draft, of.mask[0])
        weights = weights_of(draft, self.weights, chosen)
        whole, quality = of.whole and weights is not None, of.quality
        if weights is None:
            weights = np.ones(np.count_nonzero(chosen))
            quality = worst(quality, _INACCURATE)
        total = weights.sum()
        mean = of.values[0][chosen] @ weights / total if total else np.nan
        settle(draft, self.target, Result(np.array([mean]), quality, of.age, whole))


@dataclass(frozen=True, slots=True)
class BusLimit:
    """What the bus may do so that no conducting rack exceeds its own limit (R20)."""

    target: str
    source: str
    flow: str
    "What the shares of racks are measured by."
    least: float
    "A or W of the bus that say nothing about shares."

    def apply(self, draft: Draft) -> None:
        """Write the limit; 0 where a conducting rack's own is unknown."""
        of = contributors(draft, self.source, 1)
        conducts = _connection(draft) != 0
        if not of.whole and np.isinf(of.age[0]) and conducts.any():
            settle(draft, self.target, Result(np.array([np.nan]), of.quality, of.age))
            return
        settle(draft, self.target, self._narrowed(draft, self._limit(draft, of, conducts)))

    def _narrowed(self, draft: Draft, result: Result) -> Result:
        """The same, but not above what a BMU reports for the whole bus; 0 while that is unknown."""
        if self.target not in draft.carried:
            return result
        part = draft.layout.slices[self.target]
        if not USABLE[draft.quality[part]].all():
            return _one(0.0, Detail.INACCURATE, float(draft.age[part][0]))
        return dataclasses.replace(result, values=np.minimum(result.values, draft.values[part]))

    def _limit(self, draft: Draft, of: Contributors, conducts: Flags) -> Result:
        age = float(of.age[0] if of.whole else draft.age[draft.layout.slices[self.source]].max())
        if not conducts.any():
            return _one(0.0, _NONE, age)
        if not of.whole and not of.usable[0][conducts].all():
            return _one(0.0, Detail.INACCURATE, age)
        limits = of.values[0][conducts]
        weights = weights_of(draft, ("rack_capacity",), conducts)
        measured = self._by_flow(draft, limits, conducts)
        if weights is None:
            return _one(min(limits.min(), measured), Detail.INACCURATE, age)
        return _one(min((limits / weights).min() * weights.sum(), measured), _NONE, age)

    def _by_flow(self, draft: Draft, limits: Vector, conducts: Flags) -> float:
        """What the most loaded rack allows at the measured shares; no bound where they are not known.

        Old numbers will do: a limit does not rise because a current is known no longer.
        """
        part = draft.layout.slices[self.flow]
        codes = draft.quality[part][conducts]
        if not (USABLE[codes] | HELD[codes]).all():
            return np.inf
        flows = draft.values[part][conducts] * (1 if self.target.startswith("discharge") else -1)
        total = flows.sum()
        if not total > max(_ENOUGH * limits.sum(), self.least):
            return np.inf
        loaded = flows > 0
        return float((limits[loaded] * total / flows[loaded]).min())


@dataclass(frozen=True, slots=True)
class CellCount:
    """How many cells or sensors of each rack are usable."""

    target: str
    source: str

    def apply(self, draft: Draft) -> None:
        """Write the counts: always good, for 0 is an answer."""
        racks = draft.layout.topology.racks
        codes = draft.quality[draft.layout.slices[self.source]].reshape(racks, -1)
        if self.source in draft.flawless:
            counts = np.full(racks, float(codes.shape[1]))
        else:
            counts = USABLE[codes].sum(axis=1).astype(np.float64)
        settle(draft, self.target, _known(counts))


@dataclass(frozen=True, slots=True)
class Count:
    """The sum of what is known of the racks."""

    target: str
    source: str

    def apply(self, draft: Draft) -> None:
        """Write the sum; racks that are unknown add nothing and make it inaccurate."""
        if self.target in draft.carried:
            return  # the BMU counts
        of = contributors(draft, self.source, 1)
        total = of.values.sum() if of.whole else np.where(of.usable, of.values, 0.0).sum()
        settle(draft, self.target, _one(total, int(of.quality[0]), of.age[0]))


@dataclass(frozen=True, slots=True)
class RackCount:
    """How many racks are valid."""

    def apply(self, draft: Draft) -> None:
        """Write the count."""
        carried = draft.carried.intersection(ESSENTIAL)
        if carried and draft.flawless.issuperset(carried):
            settle(draft, "racks_valid", _one(draft.layout.topology.racks, _NONE, 0.0))
            return
        codes = [draft.quality[draft.layout.slices[name]] for name in carried]
        valid = np.all(USABLE[codes], axis=0) if codes else np.zeros(1)
        settle(draft, "racks_valid", _one(float(np.count_nonzero(valid)), _NONE, 0.0))


@dataclass(frozen=True, slots=True)
class Silence:
    """The communication alarm: of racks that were heard and are heard no more, and of BMUs that report one."""

    def apply(self, draft: Draft) -> None:
        """Write the alarm: 1 where some message that tells of the rack has stopped, or says so."""
        told = draft.values[draft.layout.slices["rack_alarm_communication"]] == 1
        settle(draft, "rack_alarm_communication", _known((draft.silent | told).astype(np.float64)))


def _known(values: Vector) -> Result:
    """Values that the gateway knows of itself: good and new."""
    return Result(values, np.zeros(len(values), np.uint8), np.zeros(len(values)), whole=True)


_WEIGHTS = np.array([2.0**cause.bit for cause in CAUSES])
_LEVELS = tuple(level.value for level in Level)
ALARM_BITS = tuple(f"{whose}{level}s" for level in _LEVELS for whose in ("rack_", ""))
_FIRST = alarm_point(Level.WARNING, CAUSES[0])


@dataclass(frozen=True, slots=True)
class AlarmBits:
    """The alarms of each level as bit fields: of each rack, and of any rack."""

    def apply(self, draft: Draft) -> None:
        """Write the bits; an alarm that was set stays so while its rack is silent or it cannot be read.

        A rack's field is incomplete where some of its alarms can be read, as doubtful as the worst where none
        can. The container's is incomplete unless all racks' are good, unknown if no alarm can be read at all.
        """
        layout, racks = draft.layout, draft.layout.topology.racks
        shape = (len(_LEVELS), len(CAUSES), racks)
        first = layout.first(_FIRST)
        block = slice(first, first + len(_LEVELS) * len(CAUSES) * racks)
        codes = draft.quality[block].reshape(shape)
        active = draft.values[block].reshape(shape) == 1
        seen = codes != Detail.NEVER_SEEN
        ranks = np.where(seen, SEVERITY[codes], 0).max(axis=1)
        ages = np.where(seen, draft.age[block].reshape(shape), -np.inf).max(axis=1)
        bits = (active * _WEIGHTS[:, None]).sum(axis=1)
        heard, readable = seen.any(axis=1), (seen & USABLE[codes]).any(axis=1)
        for index, level in enumerate(_LEVELS):
            if heard[index].any():
                of = (bits[index], ranks[index], ages[index], heard[index], readable[index])
                settle(draft, f"rack_{level}s", _of_racks(*of))
                settle(draft, f"{level}s", _of_any(active[index], *of[1:]))


def _of_racks(bits: Vector, ranks: Codes, ages: Vector, heard: Flags, readable: Flags) -> Result:
    """The bits of each rack."""
    quality = BY_SEVERITY[ranks]
    if heard.all() and not quality.any():
        return Result(bits, quality, ages, whole=True)
    quality[~heard] = Detail.NEVER_SEEN
    quality[readable & ~USABLE[quality]] = Detail.INACCURATE
    has_value = readable | (bits > 0) | HELD[quality]
    return Result(np.where(has_value, bits, np.nan), quality, np.where(heard, ages, np.inf))


def _of_any(active: Flags, ranks: Codes, ages: Vector, heard: Flags, readable: Flags) -> Result:
    """The bits of any rack."""
    value, age, worst_of = float(active.any(axis=1) @ _WEIGHTS), float(ages.max()), ranks.max()
    if not worst_of and heard.all():
        return _one(value, _NONE, age)
    if value or readable.any():
        return _one(value, Detail.INACCURATE, age)
    detail = int(BY_SEVERITY[worst_of])
    return _one(0.0 if HELD[detail] else np.nan, detail, age)
