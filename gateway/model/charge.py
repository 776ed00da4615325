"""How full racks are, beside the mean: the extremes, and the energy until the first of them is empty (R43)."""

from dataclasses import dataclass

import numpy as np

from gateway.model.container import counted, weights_of
from gateway.model.contributor import Result, contributors, settle
from gateway.model.pack import Draft
from gateway.model.quality import worst

_PER_CENT = 0.01


@dataclass(frozen=True, slots=True)
class RackExtreme:
    """The highest or lowest of all racks, connected or not."""

    target: str
    source: str
    highest: bool

    def apply(self, draft: Draft) -> None:
        """Write the extreme of the racks that tell."""
        if self.target in draft.carried:
            return  # the BMU reports it
        of = contributors(draft, self.source, 1)
        values = of.values[of.mask]
        value = np.nan
        if values.size:
            value = values.max() if self.highest else values.min()
        settle(draft, self.target, Result(np.array([value]), of.quality, of.age, of.whole))


@dataclass(frozen=True, slots=True)
class Energy:
    """What the racks that the state of charge counts give until the first of them is empty.

    They share by capacity, so each loses as many per cent as the lowest has left. Where one of the
    numbers is not known of one of them, nothing is.
    """

    def apply(self, draft: Draft) -> None:
        """Write the energy in Wh; capacity and health may be old, they change over years."""
        if "energy_available" in draft.carried:
            return  # the BMU reports it
        socs, volts = (contributors(draft, name, 1) for name in ("rack_soc", "rack_voltage"))
        chosen = counted(draft, socs.mask[0])
        charges = weights_of(draft, ("rack_capacity", "rack_soh"), chosen)
        energy = np.nan
        if charges is not None and charges.size and volts.mask[0][chosen].all():
            whole = (charges * _PER_CENT) @ volts.values[0][chosen]
            energy = socs.values[0][chosen].min() * _PER_CENT * whole
        result = Result(
            np.array([energy]), worst(socs.quality, volts.quality), np.maximum(socs.age, volts.age)
        )
        settle(draft, "energy_available", result)
