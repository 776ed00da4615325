"""Which rack may close next: one at a time, at rest, within the voltage window (R29)."""

import math
from collections.abc import Mapping, Sequence

from gateway.control.facts import Facts, Numbers
from gateway.control.settings import Intent, Settings
from gateway.control.state import Phase, State, Wait

_BUSY = {Phase.CLOSING, Phase.OPENING}
_ON_BUS = {Phase.CLOSED, Phase.UNLOADING}


def next_to_join(state: State, facts: Facts, settings: Settings, now: float) -> Mapping[int, Wait]:
    """For each waiting rack (counted from 0) why it waits; NOTHING for the one that may close."""
    waiting = [index for index, rack in enumerate(state.racks) if rack.phase is Phase.WAITING]
    if not waiting:
        return {}
    on_bus = _on_bus(state, facts)
    reasons = {index: _reason(facts.voltage[index], on_bus, settings) for index in waiting}
    if settings.drives_coils:
        reasons |= dict.fromkeys(_unseen(facts, waiting), Wait.UNKNOWN)
    busy = any(rack.phase in _BUSY for rack in state.racks)
    ready = [index for index, reason in reasons.items() if reason is Wait.TURN]
    if busy or not ready:
        return reasons
    if not _at_rest(state, settings, now):
        return {index: Wait.REST if index in ready else reason for index, reason in reasons.items()}
    return {**reasons, _first(ready, on_bus, facts, settings): Wait.NOTHING}


def _unseen(facts: Facts, waiting: Sequence[int]) -> Sequence[int]:
    """Racks whose contactors, or the voltage behind them, are not known: they cannot be precharged (R28)."""
    if facts.contacts is None:
        return waiting
    known = [
        bus + closed for bus, closed in zip(facts.contacts.bus, facts.contacts.closed, strict=True)
    ]
    return [index for index in waiting if math.isnan(known[index])]


def _at_rest(state: State, settings: Settings, now: float) -> bool:
    return (
        not any(rack.phase in _ON_BUS for rack in state.racks)
        or now - state.rest_since >= settings.rest
    )


def _on_bus(state: State, facts: Facts) -> list[float]:
    """Voltages of the racks that are on the bus, or may be: NaN where one is not known (R20)."""
    return [
        math.nan if rack.phase is Phase.UNKNOWN else volts
        for rack, volts in zip(state.racks, facts.voltage, strict=True)
        if rack.phase in _ON_BUS or (rack.phase is Phase.UNKNOWN and rack.is_enabled)
    ]


def _reason(volts: float, on_bus: Sequence[float], settings: Settings) -> Wait:
    if not volts > 0 or any(math.isnan(other) for other in on_bus):
        return Wait.UNKNOWN
    if on_bus and any(abs(volts - other) > settings.join_window for other in on_bus):
        return Wait.VOLTAGE
    return Wait.TURN


def _first(ready: Sequence[int], on_bus: Sequence[float], facts: Facts, settings: Settings) -> int:
    """The rack to begin with, by what the container is connected for."""
    volts = facts.voltage
    if settings.intent is Intent.CHARGE:
        return min(ready, key=lambda index: (volts[index], index))
    if settings.intent is Intent.DISCHARGE:
        return max(ready, key=lambda index: (volts[index], -index))

    def group(index: int) -> int:
        """How many racks fit into the window above the bus's lowest, once this one is on it."""
        low = min(volts[index], *on_bus) if on_bus else volts[index]
        return sum(0 <= volts[other] - low <= settings.join_window for other in ready)

    return min(ready, key=lambda index: (-group(index), volts[index], index))


def rest_since(
    state: State, facts: Facts, currents: Numbers, settings: Settings, now: float
) -> float:
    """Since when the bus carries no current, and its racks none between them that counts (R29)."""
    total = 0.0
    for current, connected in zip(currents, facts.connected, strict=True):
        if connected != 0:
            total += current
            if not abs(current) < settings.circulating:
                return math.nan
    if not abs(total) < settings.low_current:
        return math.nan
    return now if math.isnan(state.rest_since) else state.rest_since
