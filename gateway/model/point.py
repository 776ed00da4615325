"""The point dictionary: everything the gateway can know about a pack, one row a point.

Conventions, decided here for the whole program:
- SI units: V, A, W, Wh, Ohm, degC, %; times in seconds; charge in Ah.
- Current and power are positive when the pack discharges (generation convention).
- Limits are magnitudes, never negative; a limit of 0 is data, not absence.
- Racks, modules, cells and sensors count from 1.
- A name carries its scope: `rack_...`, `module_...`, `cell_...`; without a prefix it is the container's.
- Enumerations and bits are integers; `states` gives their texts.

`iec` names IEC 61850-7-420 data objects as visible in IEEE 1815.2 profiles, `sunspec` the point of models
802 (container), 804 (rack), 805 (module, cell). The table generates the point manual.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from gateway.model.alarm import CAUSES, Level, alarm_point


class Scope(Enum):
    """What a point belongs to."""

    CONTAINER = 0
    RACK = 1
    MODULE = 2
    CELL = 3
    SENSOR = 4
    "A temperature sensor of a module; indexed as rack, module, sensor."
    INTERLOCK = 5
    "A row of the interlock chain; indexed by its number."
    RESULT = 6
    "The result of a command; 1 is the latest."
    MASTER = 7
    "A master by its number; 0 is all that are not configured."
    ALARM = 8
    "A line of the list of alarms; 1 is what matters most."
    EVENT = 9
    "An event of the latest; 1 is the last."


AXES: Mapping[Scope, tuple[str, ...]] = {
    Scope.CONTAINER: (),
    Scope.RACK: ("rack",),
    Scope.MODULE: ("rack", "module"),
    Scope.CELL: ("rack", "module", "cell"),
    Scope.SENSOR: ("rack", "module", "sensor"),
    Scope.INTERLOCK: ("interlock",),
    Scope.RESULT: ("result",),
    Scope.MASTER: ("master",),
    Scope.ALARM: ("alarm",),
    Scope.EVENT: ("event",),
}
"The indices of a scope, outermost first."
FROM_0 = {Scope.MASTER}
"Scopes whose indices do not count from 1."


class Kind(Enum):
    """How a value is to be understood."""

    MEASURE = "measure"
    LIMIT = "limit"
    STATE = "state"
    COUNT = "count"
    BITS = "bits"


@dataclass(frozen=True, slots=True)
class Point:
    """One row of the dictionary."""

    name: str
    scope: Scope
    unit: str
    text: str
    kind: Kind = Kind.MEASURE
    iec: str = ""
    sunspec: str = ""
    states: Mapping[int, str] = field(default_factory=dict)
    signed: bool = False
    "True where the sign says charge or discharge."


CONTACTOR = {0: "open", 1: "closed"}
ON_OFF = {0: "off", 1: "on"}
RACK_STATE = {
    1: "disconnected",
    2: "initializing",
    3: "connected",
    4: "standby",
    5: "soc_protection",
    6: "suspending",
    99: "fault",
}
"The numbers of SunSpec 802.State."
DATA_SOURCE = {0: "live", 1: "replay", 2: "simulation", 3: "test"}


def _position(name: str, scope: Scope, what: str, sunspec: str = "") -> Point:
    return Point(name, scope, "", what, Kind.COUNT, sunspec=sunspec)


_C, _R = Scope.CONTAINER, Scope.RACK

# fmt: off
_CONTAINER = (
    Point("voltage", _C, "V", "DC voltage: connected racks, else all racks", iec="DBAT.ExtVol", sunspec="802.V"),
    Point("current", _C, "A", "DC current", iec="DBAT.Amp", sunspec="802.A", signed=True),
    Point("power", _C, "W", "DC power", iec="DBAT.Watt", sunspec="802.W", signed=True),
    Point("soc", _C, "%", "State of charge", iec="DSTO.SocPct", sunspec="802.SoC"),
    Point("soc_installed", _C, "%", "State of charge of all racks, connected or not"),
    Point("soc_min", _C, "%", "Lowest state of charge of a rack, connected or not"),
    Point("soc_max", _C, "%", "Highest state of charge of a rack, connected or not"),
    Point("energy_available", _C, "Wh", "Energy until the first rack of those that soc counts is empty, at the voltage of now"),
    Point("soh", _C, "%", "State of health", sunspec="802.SoH"),
    Point("cell_voltage_max", _C, "V", "Highest cell voltage", iec="SBAT.CelVolHi", sunspec="802.CellVMax"),
    Point("cell_voltage_min", _C, "V", "Lowest cell voltage", iec="SBAT.CelVolLo", sunspec="802.CellVMin"),
    Point("cell_temperature_max", _C, "degC", "Highest cell temperature", iec="SBAT.CelTmpMax"),
    Point("cell_temperature_min", _C, "degC", "Lowest cell temperature", iec="SBAT.CelTmpMin"),
    Point("charge_current_limit", _C, "A", "Charge current allowed", Kind.LIMIT, "DBAT.ChaAmpLim", "802.AChaMax"),
    Point("discharge_current_limit", _C, "A", "Discharge current allowed", Kind.LIMIT, "DBAT.DschAmpLim", "802.ADisChaMax"),
    Point("charge_power_limit", _C, "W", "Charge power allowed, DC", Kind.LIMIT, "DSTO.ChaWMax"),
    Point("discharge_power_limit", _C, "W", "Discharge power allowed, DC", Kind.LIMIT, "DSTO.WMax"),
    Point("racks_configured", _C, "", "Racks in the site file", Kind.COUNT, sunspec="803.NStr"),
    Point("racks_connected", _C, "", "Racks with contactors known closed", Kind.COUNT, "DBAT.CelStrgCnt", "803.NStrCon"),
    Point("racks_valid", _C, "", "Racks whose voltage, current and SoC are usable", Kind.COUNT),
    Point("cells_configured", _C, "", "Cells in the site file", Kind.COUNT),
    Point("cells_valid", _C, "", "Cells whose voltage is usable", Kind.COUNT),
    Point("sensors_configured", _C, "", "Temperature sensors in the site file", Kind.COUNT),
    Point("sensors_valid", _C, "", "Temperature sensors that are usable", Kind.COUNT),
    Point("warnings", _C, "", "Warnings of any rack, by cause", Kind.BITS, sunspec="802.Evt1"),
    Point("alarms", _C, "", "Alarms of any rack, by cause", Kind.BITS, sunspec="802.Evt1"),
    Point("trips", _C, "", "Trips of any rack, by cause", Kind.BITS, sunspec="802.Evt1"),
    Point("heartbeat", _C, "", "Counts seconds of completed cycles", Kind.COUNT, sunspec="802.Hb"),
    Point("image_counter", _C, "", "Counts register images", Kind.COUNT),
    Point("data_source", _C, "", "Where the data come from", Kind.STATE, states=DATA_SOURCE),
    *(
        _position(f"{extreme}_{part}", _C, f"Where {extreme} is: {part}", sunspec)
        for extreme, parts in (
            ("cell_voltage_max", (("rack", "802.CellVMaxStr"), ("module", "802.CellVMaxMod"), ("cell", ""))),
            ("cell_voltage_min", (("rack", "802.CellVMinStr"), ("module", "802.CellVMinMod"), ("cell", ""))),
            ("cell_temperature_max", (("rack", ""), ("module", ""), ("sensor", ""))),
            ("cell_temperature_min", (("rack", ""), ("module", ""), ("sensor", ""))),
        )
        for part, sunspec in parts
    ),
)

_RACK = (
    Point("rack_voltage", _R, "V", "Voltage", iec="DBAT.IntnVol", sunspec="804.V"),
    Point("rack_current", _R, "A", "Current", iec="DBAT.Amp", sunspec="804.A", signed=True),
    Point("rack_power", _R, "W", "DC power", iec="DBAT.Watt", signed=True),
    Point("rack_soc", _R, "%", "State of charge", iec="DSTO.SocPct", sunspec="804.SoC"),
    Point("rack_soh", _R, "%", "State of health", sunspec="804.SoH"),
    Point("rack_capacity", _R, "Ah", "Capacity when full", iec="DBAT.AhrRtg"),
    Point("rack_cell_voltage_max", _R, "V", "Highest cell voltage", iec="SBAT.CelVolHi", sunspec="804.CellVMax"),
    Point("rack_cell_voltage_min", _R, "V", "Lowest cell voltage", iec="SBAT.CelVolLo", sunspec="804.CellVMin"),
    Point("rack_cell_voltage_avg", _R, "V", "Mean cell voltage", sunspec="804.CellVAvg"),
    Point("rack_cell_temperature_max", _R, "degC", "Highest temperature", iec="SBAT.CelTmpMax", sunspec="804.ModTmpMax"),
    Point("rack_cell_temperature_min", _R, "degC", "Lowest temperature", iec="SBAT.CelTmpMin", sunspec="804.ModTmpMin"),
    Point("rack_charge_current_limit", _R, "A", "Charge current allowed", Kind.LIMIT, "DBAT.ChaAmpLim"),
    Point("rack_discharge_current_limit", _R, "A", "Discharge current allowed", Kind.LIMIT, "DBAT.DschAmpLim"),
    Point("rack_charge_power_limit", _R, "W", "Charge power allowed, DC", Kind.LIMIT, "DSTO.ChaWMax"),
    Point("rack_discharge_power_limit", _R, "W", "Discharge power allowed, DC", Kind.LIMIT, "DSTO.WMax"),
    Point("rack_insulation_resistance", _R, "Ohm", "Insulation to earth", iec="GndFlt"),
    Point("rack_contactor_positive", _R, "", "Positive contactor", Kind.STATE, "CSWI.Pos", "804.ConSt", CONTACTOR),
    Point("rack_contactor_negative", _R, "", "Negative contactor", Kind.STATE, "CSWI.Pos", "804.ConSt", CONTACTOR),
    Point("rack_contactor_precharge", _R, "", "Precharge contactor", Kind.STATE, "CSWI.Pos", "804.ConSt", CONTACTOR),
    Point("rack_breaker", _R, "", "Breaker", Kind.STATE, "XCBR.Pos", states=CONTACTOR),
    Point("rack_state", _R, "", "State", Kind.STATE, "DBAT.BatSt", "802.State", RACK_STATE),
    Point("rack_connected", _R, "", "On the DC bus", Kind.STATE, "DBAT.DCSwCls", "804.St", {0: "no", 1: "yes"}),
    Point("rack_bus_voltage", _R, "V", "Voltage on the bus side of its contactors", iec="DBAT.ExtVol"),
    Point("rack_serial", _R, "", "Serial number that the BMU tells", Kind.COUNT),
    Point("rack_firmware", _R, "", "Firmware version that the BMU tells, as a number", Kind.COUNT),
    Point("rack_modules", _R, "", "Modules that the BMU tells of", Kind.COUNT),
    Point("rack_cells_valid", _R, "", "Cells whose voltage is usable", Kind.COUNT),
    Point("rack_sensors_valid", _R, "", "Temperature sensors that are usable", Kind.COUNT),
    Point("rack_warnings", _R, "", "Warnings, by cause", Kind.BITS, sunspec="804.Evt1"),
    Point("rack_alarms", _R, "", "Alarms, by cause", Kind.BITS, sunspec="804.Evt1"),
    Point("rack_trips", _R, "", "Trips, by cause", Kind.BITS, sunspec="804.Evt1"),
    *(
        _position(f"rack_{extreme}_{part}", _R, f"Where the rack's {extreme} is: {part}", sunspec)
        for extreme, parts in (
            ("cell_voltage_max", (("module", "804.CellVMaxMod"), ("cell", ""))),
            ("cell_voltage_min", (("module", "804.CellVMinMod"), ("cell", ""))),
            ("cell_temperature_max", (("module", "804.ModTmpMaxMod"), ("sensor", ""))),
            ("cell_temperature_min", (("module", "804.ModTmpMinMod"), ("sensor", ""))),
        )
        for part, sunspec in parts
    ),
)

_BELOW = (
    Point("module_voltage", Scope.MODULE, "V", "Voltage", sunspec="805.V"),
    Point("cell_voltage", Scope.CELL, "V", "Voltage", sunspec="805.CellV"),
    Point("cell_temperature", Scope.SENSOR, "degC", "Temperature", sunspec="805.CellTmp"),
    Point("cell_balancing", Scope.CELL, "", "Balancing", Kind.STATE, sunspec="805.CellSt", states=ON_OFF),
)
# fmt: on

_ALARMS = tuple(
    Point(
        alarm_point(level, cause),
        _R,
        "",
        f"{cause.text} ({level.value})",
        Kind.STATE,
        cause.iec and f"{cause.iec}{'Wrn' if level is Level.WARNING else 'Alm'}",
        f"804.Evt1 bit {cause.evt1_warning if level is Level.WARNING else cause.evt1_alarm}",
        ON_OFF,
    )
    for level in Level
    for cause in CAUSES
)

POINTS: Mapping[str, Point] = {
    point.name: point for point in (*_CONTAINER, *_RACK, *_BELOW, *_ALARMS)
}
