"""What control looks at in a snapshot: a few numbers a rack, unknown ones as NaN.

A number is known while its quality lets it be used; old data are unknown here, whatever a face shows.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from gateway.control.alarms import Key
from gateway.control.reported import Asserted, beyond, signals
from gateway.control.settings import RestVoltage, Settings
from gateway.model.order import NO_REPORT, PcsReport
from gateway.model.pack import Snapshot
from gateway.model.quality import USABLE, Detail

Numbers = tuple[float, ...]


class Identity(NamedTuple):
    """What a rack's BMU tells of who the rack is; NaN where it does not (R31)."""

    serial: float = math.nan
    firmware: float = math.nan
    modules: float = math.nan


UNKNOWN = Identity()


@dataclass(frozen=True, slots=True)
class Plant:
    """What the links know: everything that control hears of, except CAN frames."""

    pcs: PcsReport = NO_REPORT
    duplicate: str = ""
    "The identifier that another master sends, and on which bus (R34)."
    journal_failed: str = ""
    is_live: bool = True
    "False for replayed data (R35)."


QUIET = Plant()


@dataclass(frozen=True, slots=True)
class Basis:
    """What the container's state of charge is made of (R43)."""

    racks: tuple[int, ...]
    is_connected: bool
    "Whether they are on the bus; if none is, all racks count."


@dataclass(frozen=True, slots=True)
class Contacts:
    """What racks tell of their contactors one by one, and of the voltage behind them (R27)."""

    bus: Numbers
    "V on the bus side of each rack's contactors."
    negative: Numbers
    precharge: Numbers
    positive: Numbers
    tells_precharge: tuple[bool, ...]
    "Of each rack, whether any message carries its precharge contactor's feedback."

    @property
    def closed(self) -> Numbers:
        """Of each rack: 1 while any contactor is told closed, 0 while all are told open, else NaN."""
        precharge = (
            value if told else 0.0
            for value, told in zip(self.precharge, self.tells_precharge, strict=True)
        )  # fmt: skip
        told = zip(self.negative, self.positive, precharge, strict=True)
        return tuple(1.0 if 1 in each else sum(each) for each in told)


@dataclass(frozen=True, slots=True)
class Facts:
    """One container at one instant, as control sees it."""

    voltage: Numbers
    "V of each rack."
    current: Numbers
    connected: Numbers
    "1, 0 or NaN of each rack."
    precharging: tuple[bool, ...]
    "Found in half-done precharge (R14)."
    heard: tuple[bool, ...]
    "Whether the rack's feedback has ever been heard (R17)."
    limits_age: Numbers
    "s since the rack last told its limits; inf: never; NaN where no rack tells any."
    charge_amperes: float
    discharge_amperes: float
    charge_watts: float
    discharge_watts: float
    "DC limits of the bus: NaN where no message carries them, 0 where they are not known (R19)."
    bus_voltage: float
    reported: Asserted
    "Alarms and trips of BMUs, and thresholds of the site's own."
    identities: tuple[Identity, ...]
    "Of each rack."
    power: Numbers
    "W of each rack: what its BMU tells, else its voltage times its current."
    resting: Mapping[int, float]
    "Racks whose state of charge contradicts the voltage that their cells would have at rest: the V (R42)."
    basis: Basis | None = None
    "None where the state of charge does not come from racks."
    contacts: Contacts | None = None
    "None where no message tells the voltage behind the contactors."
    signalled: Asserted = field(default_factory=dict)
    "Warnings of BMUs, and alarms of theirs that have no effect, by the number of the alarm (R39)."
    doubtful: frozenset[Key] = frozenset()
    "Alarms that were told once, and cannot be read now: they neither come nor go."

    @property
    def conducts(self) -> tuple[bool, ...]:
        """Racks that carry current, or may (R20)."""
        return tuple(value != 0 for value in self.connected)


def facts_of(snapshot: Snapshot, settings: Settings) -> Facts:
    """Everything control needs of a snapshot."""
    connected = _known(snapshot, "rack_connected")
    state, coil = _known(snapshot, "rack_state"), _known(snapshot, "rack_contactor_precharge")
    precharging = tuple(
        on_bus != 1 and (told == 2 or closed == 1)  # noqa: PLR2004 - RACK_STATE: initializing
        for on_bus, told, closed in zip(connected, state, coil, strict=True)
    )
    told = signals(snapshot)
    heard = tuple((snapshot.quality_of("rack_connected") != Detail.NEVER_SEEN).tolist())
    return Facts(
        _known(snapshot, "rack_voltage"),
        _known(snapshot, "rack_current"),
        connected,
        precharging,
        heard,
        _limits_age(snapshot),
        _limit(snapshot, "charge_current_limit"),
        _limit(snapshot, "discharge_current_limit"),
        _limit(snapshot, "charge_power_limit"),
        _limit(snapshot, "discharge_power_limit"),
        _known(snapshot, "voltage")[0],
        {**told.acting, **beyond(snapshot, settings.thresholds)},
        tuple(map(Identity, *(_named(snapshot, part) for part in Identity._fields))),
        _known(snapshot, "rack_power"),
        _resting(snapshot, settings.rest_voltages),
        _basis(snapshot, connected),
        _contacts(snapshot, coil) if _BEHIND in snapshot.carried else None,
        told.others,
        told.doubtful,
    )


_BEHIND = "rack_bus_voltage"


def _contacts(snapshot: Snapshot, precharge: Numbers) -> Contacts:
    return Contacts(
        _known(snapshot, _BEHIND),
        _known(snapshot, "rack_contactor_negative"),
        precharge,
        _known(snapshot, "rack_contactor_positive"),
        snapshot.is_told("rack_contactor_precharge"),
    )


def _known(snapshot: Snapshot, name: str) -> Numbers:
    part = snapshot.layout.slices[name]
    values = np.where(USABLE[snapshot.quality[part]], snapshot.values[part], np.nan)
    numbers: list[float] = values.tolist()
    return tuple(numbers)


def _named(snapshot: Snapshot, part: str) -> Numbers:
    """A part of each rack's identity; what starts up tells 0, which names nobody."""
    return tuple(value or math.nan for value in _known(snapshot, f"rack_{part}"))


def _limit(snapshot: Snapshot, name: str) -> float:
    """A limit of the bus: NaN if no message carries it or its racks', 0 if it is unknown (R19)."""
    place = snapshot.layout.first(name)
    detail, value = int(snapshot.quality[place]), float(snapshot.values[place])
    if detail == Detail.NEVER_SEEN:
        return math.nan if snapshot.carried.isdisjoint({name, f"rack_{name}"}) else 0.0
    return max(value, 0.0) if USABLE[detail] and not math.isnan(value) else 0.0


def _basis(snapshot: Snapshot, connected: Numbers) -> Basis | None:
    """The racks that the state of charge counts, as `gateway/model/container.py` chooses them."""
    if "rack_soc" not in snapshot.carried or "soc" in snapshot.carried:
        return None
    any_is = 1 in connected
    tells = [not math.isnan(soc) for soc in _known(snapshot, "rack_soc")]
    racks = tuple(
        number
        for number, (told, on_bus) in enumerate(zip(tells, connected, strict=True), 1)
        if told and (on_bus == 1 or not any_is)
    )
    return Basis(racks, any_is)


_LIMITS = (
    "rack_charge_current_limit", "rack_discharge_current_limit",
    "rack_charge_power_limit", "rack_discharge_power_limit",
)  # fmt: skip


def _limits_age(snapshot: Snapshot) -> Numbers:
    """For each rack the age of its oldest limit, of those that racks of this container tell."""
    ages = np.array([snapshot.age[snapshot.layout.slices[name]] for name in _LIMITS])
    told = np.isfinite(ages).any(axis=1)
    if not told.any():
        return (math.nan,) * snapshot.layout.topology.racks
    oldest: list[float] = ages[told].max(axis=0).tolist()
    return tuple(oldest)


def _resting(snapshot: Snapshot, curve: tuple[RestVoltage, ...]) -> dict[int, float]:
    """Racks whose mean cell voltage is not what their state of charge would make it at rest."""
    if not curve:
        return {}
    charges = [point.soc for point in curve]
    found = {}
    told = zip(_known(snapshot, "rack_soc"), _known(snapshot, "rack_cell_voltage_avg"), strict=True)
    for number, (soc, volts) in enumerate(told, 1):
        low, high = (
            np.interp(soc, charges, [getattr(point, end) for point in curve]) for end in _ENDS
        )
        if volts < low or volts > high:
            found[number] = volts
    return found


_ENDS = ("low", "high")
