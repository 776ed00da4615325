"""Faults that can be put into the simulated plant by name.

Rules of the table: a rack's fault is of one rack or of all; what a row declares beside its text is done by the
BMU that reads it (`bmu.py`, `contactor.py`) or by the PCS (`pcs.py`) or EMS (`ems.py`) under the row's name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum


class Target(Enum):
    """What a fault is of."""

    RACK = "rack"
    PCS = "PCS"
    EMS = "EMS"


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the table."""

    name: str
    text: str
    target: Target = Target.RACK
    trip: str = ""
    "The alarm bit that stands while the fault does."
    cell_voltage: float | None = None
    "V, reported of cell 6 of module 2."
    cell_temperature: float | None = None
    "degC, reported of the same place."
    insulation: int | None = None
    "kOhm."


_PCS, _EMS = Target.PCS, Target.EMS

_ROWS = (
    Fault("stuck_open", "the positive contactor does not close"),
    Fault("welded", "the main contactors do not open"),
    Fault("no_precharge", "the precharge resistor is broken: precharge never succeeds"),
    Fault("stuck_precharge", "the precharge contactor does not open"),
    Fault("hasty", "told to close its negative contactor, it closes both (coil by coil only)"),
    Fault("silent", "the BMU says nothing; it still listens"),
    Fault("deaf", "the BMU hears no request"),
    Fault("frozen_payload", "values stand still while counters advance"),
    Fault("frozen_counter", "counters stand still while values move"),
    Fault("wrong_counter", "counters jump"),
    Fault("zero_limits", "all limits are 0"),
    Fault("cell_overvoltage", "a cell reports 3.70 V", cell_voltage=3.70),
    Fault("cell_undervoltage", "a cell reports 2.50 V", cell_voltage=2.50),
    Fault("overtemperature", "a sensor reports 60 degC", cell_temperature=60.0),
    Fault("hvil", "the high-voltage interlock loop is open", trip="TripInterlock"),
    Fault("emergency_stop", "the emergency stop is pressed", trip="TripEmergencyStop"),
    Fault("fire", "fire is detected", trip="TripFire"),
    Fault("door", "a door is open; reported, the BMU does not open for it", trip="TripDoor"),
    Fault(
        "insulation", "20 kOhm to earth; reported, the BMU does not open for it",
        trip="TripInsulation", insulation=20,
    ),
    Fault("pcs_ignores_limits", "the PCS does not heed its DC current limits", _PCS),
    Fault("pcs_overshoots", "the PCS gives 30 % more than its setpoint", _PCS),
    Fault("pcs_mute", "the PCS answers nothing and keeps its last power; no watchdog", _PCS),
    Fault("pcs_dead", "the PCS answers nothing and its power is gone", _PCS),
    Fault("pcs_trip", "the PCS trips of itself", _PCS),
    Fault("pcs_restart", "the PCS restarts: 3 s dead, then standby with all settings as delivered", _PCS),
    Fault("ems_hang", "the EMS stops writing and keeps its connection", _EMS),
)  # fmt: skip

FAULTS: Mapping[str, Fault] = {row.name: row for row in _ROWS}


class Faults:
    """The faults that stand: by rack, and those of PCS and EMS."""

    def __init__(self, racks: int) -> None:
        self._racks = tuple(set[str]() for _ in range(racks))
        self.plant: set[str] = set()
        "Names of the PCS's and the EMS's."

    def of(self, rack: int) -> set[str]:
        """Those of a rack, as a set that follows."""
        return self._racks[rack - 1]

    def add(self, name: str, rack: int = 0) -> None:
        """Let a fault stand; rack 0 is all racks."""
        for names in self._where(name, rack):
            names.add(name)

    def clear(self, name: str, rack: int = 0) -> None:
        """Take a fault away; what it has latched stays."""
        for names in self._where(name, rack):
            names.discard(name)

    def _where(self, name: str, rack: int) -> Iterable[set[str]]:
        if FAULTS[name].target is not Target.RACK:
            return (self.plant,)
        return (self._racks[rack - 1],) if rack else self._racks
