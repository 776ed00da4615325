"""What contradicts itself in the plant, and is not to be believed (R42).

Compared are the currents and powers of racks and PCS, the voltages of all that is on the DC bus, the power
that a BMU tells with its voltage and current, and a state of charge with the voltage of cells at rest, where
the site says what that ought to be. What stands against currents makes them unknown (`current.py`); a state of
charge that is wrong leaves them as they are, for else nothing could open its rack. What cannot be compared any
more has not come to agree: its row stays. Faces show what is contradicted as inconsistent.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping

from gateway.control.facts import Facts
from gateway.control.interlock import BY_NAME
from gateway.control.settings import Settings
from gateway.control.state import State
from gateway.model.order import PcsReport
from gateway.model.pack import Snapshot
from gateway.model.quality import USABLE, Detail

Contradiction = tuple[str, int, float]
"Interlock row, rack (0: the container), and the value that says so; NaN: it cannot be told."


def contradictions(
    facts: Facts, settings: Settings, pcs: PcsReport | None
) -> Iterator[Contradiction]:
    """What racks and the PCS tell against each other and themselves; `pcs` is None while it tells nothing."""
    yield from _power_of_racks(facts, settings)
    yield from _current_of_bus(facts, settings, pcs)
    yield from _voltage_of_bus(facts, settings, pcs)
    for rack, volts in facts.resting.items():
        if abs(facts.current[rack - 1]) < settings.low_current:
            yield "soc_inconsistent", rack, volts


def _tolerated(amperes: float, settings: Settings) -> float:
    """How far a current may be from another, in A."""
    return max(settings.current_tolerance, settings.current_share * abs(amperes))


def _power_of_racks(facts: Facts, settings: Settings) -> Iterator[Contradiction]:
    """Racks whose power is not their voltage times their current."""
    told = zip(facts.power, facts.voltage, facts.current, strict=True)
    for number, (watts, volts, amperes) in enumerate(told, 1):
        apart = abs(watts - volts * amperes)
        if not apart <= volts * _tolerated(amperes, settings):
            yield "rack_power_inconsistent", number, apart


def _current_of_bus(
    facts: Facts, settings: Settings, pcs: PcsReport | None
) -> Iterator[Contradiction]:
    """The racks' currents against the PCS's own, and against its power."""
    racks = sum(
        current for current, on_bus in zip(facts.current, facts.conducts, strict=True) if on_bus
    )
    apart = () if pcs is None else (abs(racks - pcs.dc_current), _by_power(racks, facts, settings, pcs))  # fmt: skip
    most = max((value for value in apart if not math.isnan(value)), default=math.nan)
    if not most <= _tolerated(racks, settings):
        yield "bus_inconsistent", 0, most


def _by_power(racks: float, facts: Facts, settings: Settings, pcs: PcsReport) -> float:
    """How many A lie between the racks' current and what the PCS's AC power may be on the bus (R13).

    What it loses is not known: from nothing to all that efficiency and auxiliaries declare.
    """
    if not facts.bus_voltage > 0:
        return math.nan
    least, loss = pcs.power, settings.efficiency
    most = (least / loss if least > 0 else least * loss) + settings.auxiliaries
    watts = racks * facts.bus_voltage
    return max(least - watts, watts - most, 0.0) / facts.bus_voltage


def _voltage_of_bus(
    facts: Facts, settings: Settings, pcs: PcsReport | None
) -> Iterator[Contradiction]:
    """Voltages that cannot all be those of one bus: of racks told to be on it, behind contactors, of the PCS.

    One that does not run may have opened its own switch.
    """
    on_bus = [number for number, told in enumerate(facts.connected) if told == 1]
    told = [facts.voltage[number] for number in on_bus]
    if facts.contacts is not None:
        told += [facts.contacts.bus[number] for number in on_bus]
    unsure = pcs is None or any(map(math.isnan, (*facts.connected, *told)))
    if on_bus and pcs is not None and pcs.is_running:
        told.append(pcs.dc_voltage)
    known = [volts for volts in told if not math.isnan(volts)]
    apart = max(known) - min(known) if known else 0.0
    if apart > max(settings.voltage_tolerance, settings.voltage_share * max(known, default=0.0)):
        yield "bus_voltage_inconsistent", 0, apart
    elif unsure:
        yield "bus_voltage_inconsistent", 0, math.nan


def stands(state: State, name: str, rack: int = 0) -> bool:
    """Whether a row has tripped."""
    standing = state.chain.get((BY_NAME[name].number, rack))
    return standing is not None and standing.tripped is not None


_FLOWS, _RACK_FLOWS = ("current", "power"), ("rack_current", "rack_power")
DOUBTED: Mapping[str, tuple[str, ...]] = {
    "bus_inconsistent": (*_FLOWS, *_RACK_FLOWS),
    "bus_voltage_inconsistent": ("voltage", "rack_voltage", *_FLOWS, *_RACK_FLOWS),
    "rack_power_inconsistent": (*_FLOWS, *_RACK_FLOWS),
    "soc_inconsistent": ("rack_soc",),
}
"The points that each row puts in doubt: of its rack, or of all, and of the container."


def doubted(snapshot: Snapshot, state: State) -> Snapshot:
    """The same picture, with what is contradicted as inconsistent."""
    standing = [
        (name, rack)
        for name in DOUBTED
        for number, rack in state.chain
        if number == BY_NAME[name].number and stands(state, name, rack)
    ]
    if not standing:
        return snapshot
    quality = snapshot.quality.copy()
    for name, rack in standing:
        for point in DOUBTED[name]:
            part = snapshot.layout.slices[point]
            own = rack > 0 and point.startswith("rack_")
            places = slice(part.start + rack - 1, part.start + rack) if own else part
            codes = quality[places]
            codes[USABLE[codes]] = Detail.INCONSISTENT
    quality.flags.writeable = False
    return dataclasses.replace(snapshot, quality=quality)
