"""What is known of the racks' currents: a contradiction makes them unknown, the bus tells of a silent rack."""

import math
from collections.abc import Sequence

from gateway.control.facts import Facts, Numbers, Plant
from gateway.control.plausible import stands
from gateway.control.settings import Settings
from gateway.control.state import State


def known_currents(
    state: State, facts: Facts, settings: Settings, plant: Plant, now: float
) -> Numbers:
    """The current of each rack, NaN where it is not known: that counts as high (R30)."""
    if stands(state, "bus_inconsistent") or stands(state, "bus_voltage_inconsistent"):
        return (math.nan,) * len(state.racks)  # R42
    currents = tuple(
        [
            math.nan if stands(state, "rack_power_inconsistent", rack) else amperes
            for rack, amperes in enumerate(facts.current, 1)
        ]
    )
    silent = [
        index
        for index, (current, connected) in enumerate(zip(currents, facts.connected, strict=True))
        if connected != 0 and math.isnan(current)
    ]
    known = [
        (connected, current)
        for current, connected in zip(currents, facts.connected, strict=True)
        if connected != 0 and not math.isnan(current)
    ]
    is_sure = any(connected == 1 for connected, _ in known)
    is_sure = is_sure and not any(abs(facts.current[of]) >= settings.low_current for of in silent)
    others = [current for _, current in known] if is_sure else []
    if len(silent) != 1 or not _is_dead(state, others, settings, plant, now):
        return currents
    return tuple(0.0 if index in silent else amperes for index, amperes in enumerate(currents))


def _is_dead(
    state: State, others: Sequence[float], settings: Settings, plant: Plant, now: float
) -> bool:
    """Whether the bus carries no current, as its other racks and the PCS tell (R21).

    Racks in parallel share what flows: where power has been zero for a while and all others tell of no
    current, the one that is silent carries none either. A rack alone on its bus can prove nothing.
    """
    low = settings.low_current
    if not others or not all(abs(current) < low for current in others):
        return False
    return now - state.zero_since >= settings.rest and not abs(plant.pcs.dc_current) >= low
