"""What control knows of a rack whose coils it drives: its contactors one by one, and both sides of them (R27)."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from gateway.control.facts import Facts
from gateway.control.settings import Settings
from gateway.control.state import Phase, State

ON_BUS = {Phase.CLOSED, Phase.UNLOADING}


class Poles(NamedTuple):
    """Contactors as 1, 0 or NaN, and both voltages in V."""

    volts: float
    bus: float
    negative: float
    precharge: float
    positive: float
    tells_precharge: bool
    is_live: bool
    "Whether other racks are on the bus."

    @property
    def gap(self) -> float:
        """V between the rack and the bus."""
        return abs(self.volts - self.bus)

    @property
    def closed(self) -> str:
        """The contactors that are told closed."""
        told = {
            "negative": self.negative,
            "precharge": self.precharge,
            "positive": self.positive,
        }
        return ", ".join(name for name, value in told.items() if value == 1)


NO_POLES = Poles(*(math.nan,) * 5, tells_precharge=False, is_live=False)
"Of a rack that is told by state requests."


def poles_of(state: State, facts: Facts, index: int) -> Poles:
    """Those of a rack, counted from 0."""
    told = facts.contacts
    if told is None:
        return NO_POLES
    return Poles(
        facts.voltage[index], told.bus[index], told.negative[index], told.precharge[index],
        told.positive[index], told.tells_precharge[index], _is_live(state, facts, index),
    )  # fmt: skip


def _is_live(state: State, facts: Facts, index: int) -> bool:
    """Whether a rack other than this one is on the bus."""
    return any(
        rack.phase in ON_BUS or connected == 1
        for place, (rack, connected) in enumerate(zip(state.racks, facts.connected, strict=True))
        if place != index
    )


def closed_of(facts: Facts, settings: Settings) -> Sequence[float]:
    """Of each rack whether any contactor is closed; where only requests are given, whether it is connected."""
    if not settings.drives_coils:
        return facts.connected
    if facts.contacts is None:
        return (math.nan,) * len(facts.connected)
    return facts.contacts.closed
