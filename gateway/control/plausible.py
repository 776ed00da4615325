"""What contradicts itself in the plant, and is not to be believed (R42): one table of interlock rows.

Compared are the currents and powers of racks and PCS, the voltages of all that is on the DC bus, the power
that a BMU tells with its voltage and current, and a state of charge with the voltage of cells at rest, where
the site says what that ought to be. What stands against currents makes them unknown (`current.py`); a state of
charge that is wrong leaves them as they are, for else nothing could open its rack. Faces show what is
contradicted as inconsistent.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping

from gateway.control.facts import Facts, Plant
from gateway.control.interlock import BY_NAME
from gateway.control.limit import from_terminals
from gateway.control.settings import Settings
from gateway.control.state import State
from gateway.model.pack import Snapshot
from gateway.model.quality import USABLE, Detail

Contradiction = tuple[str, int, float]
"Interlock row, rack (0: the container), and the value that says so."


def contradictions(facts: Facts, settings: Settings) -> Iterator[Contradiction]:
    """What racks tell against each other and themselves."""
    yield from _powers(facts, settings)
    yield from _voltages(facts, settings, math.nan)
    for rack, volts in facts.resting.items():
        if abs(facts.current[rack - 1]) < settings.low_current:
            yield "soc_inconsistent", rack, volts


def of_pcs(facts: Facts, settings: Settings, plant: Plant) -> Iterator[Contradiction]:
    """What racks and a PCS that answers tell against each other."""
    racks = sum(
        current for current, on_bus in zip(facts.current, facts.conducts, strict=True) if on_bus
    )
    apart = abs(racks - plant.pcs.dc_current)
    by_power = abs(racks - _behind(plant.pcs.power, settings) / facts.bus_voltage)
    most = max((value for value in (apart, by_power) if not math.isnan(value)), default=0.0)
    if most > _currents(racks, settings):
        yield "bus_inconsistent", 0, most
    if plant.pcs.is_running:
        yield from _voltages(facts, settings, plant.pcs.dc_voltage)


def _behind(watts: float, settings: Settings) -> float:
    """The DC power behind an AC power of the PCS."""
    power = from_terminals(abs(watts), settings, discharging=watts > 0)
    return math.copysign(power, watts)


def _currents(amperes: float, settings: Settings) -> float:
    """How far a current may be from another, in A."""
    return max(settings.current_tolerance, settings.current_share * abs(amperes))


def _powers(facts: Facts, settings: Settings) -> Iterator[Contradiction]:
    """Racks whose power is not their voltage times their current."""
    told = zip(facts.power, facts.voltage, facts.current, strict=True)
    for number, (watts, volts, amperes) in enumerate(told, 1):
        apart = abs(watts - volts * amperes)
        if apart > volts * _currents(amperes, settings):
            yield "rack_power_inconsistent", number, apart


def _voltages(facts: Facts, settings: Settings, pcs: float) -> Iterator[Contradiction]:
    """Voltages that cannot all be those of one bus: of racks told to be on it, behind contactors, of the PCS."""
    on_bus = [number for number, told in enumerate(facts.connected) if told == 1]
    told = [facts.voltage[number] for number in on_bus]
    if facts.contacts is not None:
        told += [facts.contacts.bus[number] for number in on_bus]
    known = [volts for volts in (*told, pcs) if not math.isnan(volts)]
    if on_bus and known:
        apart = max(known) - min(known)
        if apart > max(settings.voltage_tolerance, settings.voltage_share * max(known)):
            yield "bus_voltage_inconsistent", 0, apart


def stands(state: State, name: str, rack: int = 0) -> bool:
    """Whether a row has tripped."""
    standing = state.chain.get((BY_NAME[name].number, rack))
    return standing is not None and standing.tripped is not None


DOUBTED: Mapping[str, tuple[str, ...]] = {
    "bus_inconsistent": ("current", "rack_current"),
    "bus_voltage_inconsistent": ("voltage", "rack_voltage", "current", "rack_current"),
    "rack_power_inconsistent": ("rack_power", "rack_current"),
    "soc_inconsistent": ("rack_soc",),
}
"The points that each row puts in doubt: of its rack, or of all."


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
            places = slice(part.start + rack - 1, part.start + rack) if rack else part
            codes = quality[places]
            codes[USABLE[codes]] = Detail.INCONSISTENT
    quality.flags.writeable = False
    return dataclasses.replace(snapshot, quality=quality)
