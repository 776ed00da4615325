"""What is known of the racks' currents: a contradiction makes them unknown, the bus tells of a silent rack."""

import math

from gateway.control.facts import Facts, Numbers, Plant
from gateway.control.interlock import BY_NAME
from gateway.control.settings import Settings
from gateway.control.state import State

_INCONSISTENT = (BY_NAME["bus_inconsistent"].number, 0)


def known_currents(
    state: State, facts: Facts, settings: Settings, plant: Plant, now: float
) -> Numbers:
    """The current of each rack, NaN where it is not known: that counts as high (R30)."""
    standing = state.chain.get(_INCONSISTENT)
    if standing is not None and standing.tripped is not None:
        return (math.nan,) * len(state.racks)  # R42
    if not any(map(math.isnan, facts.current)):
        return facts.current
    silent = [
        index
        for index, (current, connected) in enumerate(
            zip(facts.current, facts.connected, strict=True)
        )
        if connected != 0 and math.isnan(current)
    ]
    if len(silent) != 1 or not _is_dead(state, facts, settings, plant, now):
        return facts.current
    return tuple(0.0 if index in silent else amperes for index, amperes in enumerate(facts.current))


def _is_dead(state: State, facts: Facts, settings: Settings, plant: Plant, now: float) -> bool:
    """Whether the bus carries no current, as its other racks and the PCS tell (R21).

    Racks in parallel share what flows: where power has been zero for a while and all others tell of no
    current, the one that is silent carries none either. A rack alone on its bus can prove nothing.
    """
    others = [
        current
        for current, connected in zip(facts.current, facts.connected, strict=True)
        if connected == 1 and not math.isnan(current)
    ]
    low = settings.low_current
    if not others or not all(abs(current) < low for current in others):
        return False
    return now - state.zero_since >= settings.rest and not abs(plant.pcs.dc_current) >= low
