"""What a demo BMU does for its own rack's sake: warnings, alarms and latched trips.

A trip latches until an alarm reset comes with its cause gone. All trips but those of `REPORTED` open the
contactors at once. A failed precharge is also forgiven when the connect order is withdrawn, so that it can be
ordered again.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.sim.alarms import BITS

REPORTED = frozenset({"TripDoor", "TripInsulation"})
"Trips that are told, and left to others to act on."
_LEVELS = ("Warning", "Alarm", "Trip")
_OVERVOLTAGE = (3.55, 3.60, 3.65)  # V
_UNDERVOLTAGE = (2.90, 2.80, 2.60)  # V
_OVERTEMPERATURE = (45.0, 50.0, 55.0)  # degC
_MARGIN = 1.2  # of the limit
_LEAST = 0.05  # of the rated current: racks even out even at a limit of 0
_OVERLOAD = 2.0  # s


@dataclass(frozen=True, slots=True)
class Reading:
    """What protection looks at, as the BMU reports it."""

    highest: float
    lowest: float
    "V of cells."
    hottest: float
    "degC."
    current: float
    "A, positive discharging."
    charge_limit: float
    discharge_limit: float
    "A."
    rated: float
    "A."


def levels(reading: Reading) -> Iterator[str]:
    """The alarms that cells and temperatures give now, at each level."""
    for level, over, under, hot in zip(
        _LEVELS, _OVERVOLTAGE, _UNDERVOLTAGE, _OVERTEMPERATURE, strict=True
    ):
        if reading.highest > over:
            yield f"{level}CellOvervoltage"
        if reading.lowest < under:
            yield f"{level}CellUndervoltage"
        if reading.hottest > hot:
            yield f"{level}Overtemperature"


class Protection:
    """The trips of a rack."""

    def __init__(self) -> None:
        self.latched: set[str] = set()
        self._charging = self._discharging = 0.0
        "Seconds of overcurrent."

    @property
    def opens(self) -> bool:
        """Whether the contactors must be open."""
        return not self.latched <= REPORTED

    def step(self, reading: Reading, further: set[str], *, reset: bool, seconds: float) -> None:
        """Latch what stands now, cells and currents and what others found; on a reset let go of the rest."""
        least = _LEAST * reading.rated
        charge = -reading.current > max(_MARGIN * reading.charge_limit, least)
        discharge = reading.current > max(_MARGIN * reading.discharge_limit, least)
        self._charging = self._charging + seconds if charge else 0.0
        self._discharging = self._discharging + seconds if discharge else 0.0
        causes = further | {name for name in levels(reading) if name.startswith("Trip")}
        if self._charging > _OVERLOAD:
            causes.add("TripChargeOvercurrent")
        if self._discharging > _OVERLOAD:
            causes.add("TripDischargeOvercurrent")
        self.latched = causes if reset else self.latched | causes

    def bits(self, reading: Reading) -> int:
        """The alarm bits of the status message."""
        return sum(1 << BITS[name] for name in self.latched.union(levels(reading)))
