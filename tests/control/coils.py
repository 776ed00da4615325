"""Racks on paper whose coils are driven one by one: contactors that follow, a bus that is precharged, faults."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.control.facts import Contacts
from gateway.control.settings import Settings
from gateway.model.order import COILS, Orders

FOLLOW = 0.1
"s that a contactor takes to follow its coil."
RISE = 0.5
"s in which the bus comes to the rack's voltage, in a line."
PEAK = 40.0
"A at which precharge begins; falls in a line too."
NAMES = ("negative", "precharge", "positive")


@dataclass(frozen=True, slots=True)
class Coils:
    """The coils of a rack, and what lies behind its contactors."""

    negative: float = 0.0
    precharge: float = 0.0
    positive: float = 0.0
    bus: float = 0.0
    "V behind the contactors."
    ordered: tuple[float, ...] = (math.nan,) * 3
    since: tuple[float, ...] = (0.0,) * 3
    "When each coil's order changed."
    welded: frozenset[str] = frozenset()
    "Contactors that do not open."
    stuck: frozenset[str] = frozenset()
    "Contactors that do not close."
    hidden: frozenset[str] = frozenset()
    "What is not known: contactors, or bus."
    tells_precharge: bool = True
    "Else no message carries its precharge contactor."
    seen: float | None = None
    "V that its sensor tells, whatever the bus is."
    has_resistor: bool = True
    "Else no current flows, and the bus stays what it is."
    hasty: bool = False
    "Its BMU closes the positive contactor together with the negative one."

    @property
    def connected(self) -> float:
        """Whether both main contactors are told closed."""
        told = (self.told("negative"), self.told("positive"))
        return 0.0 if 0 in told else told[0] * told[1]

    def told(self, name: str) -> float:
        """What is told of it, if anything."""
        value: float = getattr(self, name)
        if name == "bus" and self.seen is not None:
            value = self.seen
        untold = name == "precharge" and not self.tells_precharge
        return math.nan if untold or name in self.hidden else value

    def closed(self, *names: str) -> bool:
        """Whether these contactors are closed, whatever is told."""
        return all(getattr(self, name) == 1 for name in names)


def made(settings: Settings) -> Coils | None:
    """The coils of a rack, where a site drives them."""
    return Coils() if settings.drives_coils else None


def mended(coils: Coils) -> Coils:
    """The same without faults."""
    none = frozenset[str]()
    return dataclasses.replace(
        coils, welded=none, stuck=none, hidden=none, seen=None, has_resistor=True, hasty=False
    )


class Rack(Protocol):
    """What a rack has for itself; without coils its BMU takes requests."""

    voltage: float
    current: float
    connected: float
    coils: Coils | None


def follow(racks: Sequence[Rack], orders: Orders, now: float, seconds: float) -> None:
    """A cycle of racks with coils: contactors follow, and the bus what is closed."""
    coiled = [(number, rack) for number, rack in enumerate(racks, 1) if rack.coils is not None]
    bus = max((rack.coils.bus for _, rack in coiled if rack.coils is not None), default=0.0)
    for _, rack in coiled:
        if rack.coils is not None and rack.coils.closed("negative", "positive"):
            bus = rack.voltage
    for number, rack in coiled:
        assert rack.coils is not None
        before = dataclasses.replace(rack.coils, bus=bus)
        _charge(rack, _switched(before, orders, number, now), seconds)


def _switched(coils: Coils, orders: Orders, number: int, now: float) -> Coils:
    orders_now = tuple(orders.value(name, number) for name in COILS)
    if coils.hasty:
        orders_now = (orders_now[0], orders_now[1], orders_now[0])
    since = tuple(
        then if new == old or math.isnan(new) else now
        for new, old, then in zip(orders_now, coils.ordered, coils.since, strict=True)
    )
    ordered = tuple(
        old if math.isnan(new) else new for new, old in zip(orders_now, coils.ordered, strict=True)
    )
    moved = {
        name: _moved(coils, name, order)
        for name, order, then in zip(NAMES, ordered, since, strict=True)
        if now - then >= FOLLOW - 1e-9
    }
    return dataclasses.replace(coils, ordered=ordered, since=since, **moved)  # type: ignore[arg-type] # by name


def _moved(coils: Coils, name: str, order: float) -> float:
    if order == 1 and name not in coils.stuck:
        return 1.0
    before: float = getattr(coils, name)
    return 0.0 if order == 0 and name not in coils.welded else before


def _charge(rack: Rack, coils: Coils, seconds: float) -> None:
    """The bus rises while the resistor lies in between; the rack tells the current."""
    was_on = rack.coils is not None and rack.coils.closed("negative", "positive")
    if coils.closed("negative", "positive"):
        coils = dataclasses.replace(coils, bus=rack.voltage)
    elif coils.closed("negative", "precharge") and coils.has_resistor:
        step = abs(rack.voltage) / RISE * seconds
        missing = rack.voltage - coils.bus
        moved = missing if math.isnan(missing) else math.copysign(min(abs(missing), step), missing)
        coils = dataclasses.replace(coils, bus=coils.bus + moved)
        rack.current = PEAK * (rack.voltage - coils.bus) / rack.voltage
    elif was_on or (rack.coils is not None and rack.coils.closed("precharge")):
        rack.current = 0.0
    rack.coils, rack.connected = coils, coils.connected


def contacts(racks: Sequence[Rack], silent: Sequence[bool]) -> Contacts | None:
    """What control sees of them; None where racks have no coils."""
    told = [rack.coils for rack in racks if rack.coils is not None]
    if not told:
        return None

    def column(name: str) -> tuple[float, ...]:
        return tuple(
            math.nan if is_silent else coils.told(name)
            for coils, is_silent in zip(told, silent, strict=True)
        )

    return Contacts(
        column("bus"), column("negative"), column("precharge"), column("positive"),
        tuple(coils.tells_precharge for coils in told),
    )  # fmt: skip
