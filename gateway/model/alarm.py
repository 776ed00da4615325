"""The alarm catalogue: causes, each with three levels.

Rules: a row's `bit` is published in registers and never moves; a cause that is gone keeps its number.
The bits of one level of a rack travel as one bit field, so there are at most 48 causes (exact in float64).
SunSpec bits are those of `Evt1` of models 802-804 (sunspec/models); a cause without a bit there shows as
OTHER_ALARM (25) or OTHER_WARNING (26). IEC names are those visible in IEEE 1815.2 profiles of
IEC 61850-7-420. The table generates points (`rack_trip_cell_overvoltage`, ...) and the alarm manual.
"""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How bad, in rising order; foxBMS says MOL, RSL, MSL, Chinese practice 1, 2, 3."""

    WARNING = "warning"
    ALARM = "alarm"
    TRIP = "trip"


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of alarms."""

    bit: int
    name: str
    text: str
    remedy: str
    evt1_alarm: int = 25
    evt1_warning: int = 26
    iec: str = ""


_CELLS = (
    "Look up the cell's position; check its voltage with a meter before balancing or replacing it."
)
_HEAT = "Check cooling, fans and the sensor; let the pack rest."
_LOAD = "Compare the PCS setpoint with the pack's current limits."
_STOP = "Find the cause on site; the hardwired loop, not the gateway, releases it."

# fmt: off
CAUSES = (
    Cause(0, "cell_overvoltage", "A cell's voltage is too high", _CELLS, 9, 10, "DBAT.IntnVolHi"),
    Cause(1, "cell_undervoltage", "A cell's voltage is too low", _CELLS, 11, 12, "DBAT.IntnVolLo"),
    Cause(2, "overvoltage", "The rack's voltage is too high", _LOAD, 9, 10, "DBAT.ExtVolHi"),
    Cause(3, "undervoltage", "The rack's voltage is too low", _LOAD, 11, 12, "DBAT.ExtVolLo"),
    Cause(4, "overtemperature", "A temperature is too high", _HEAT, 1, 2, "DBAT.ExtTmpHi"),
    Cause(5, "undertemperature", "A temperature is too low", _HEAT, 3, 4, "DBAT.ExtTmpLo"),
    Cause(6, "charge_overcurrent", "Charging current is too high", _LOAD, 5, 6, "DBAT.ChaAmpHi"),
    Cause(7, "discharge_overcurrent", "Discharging current too high", _LOAD, 7, 8, "DBAT.DschAmpHi"),
    Cause(8, "soc_low", "State of charge is too low", "Charge the pack.", 13, 14, "DBAT.SocLo"),
    Cause(9, "soc_high", "State of charge is too high", "Discharge it.", 15, 16, "DBAT.SocHi"),
    Cause(10, "voltage_imbalance", "Cell voltages differ", _CELLS, 25, 17, "DBAT.UnbVol"),
    Cause(11, "temperature_imbalance", "Temperatures differ", _HEAT, 18, 19, "DBAT.UnbTmp"),
    Cause(12, "current_imbalance", "Rack currents differ", _LOAD, 25, 24, "DBAT.UnbAmp"),
    Cause(13, "contactor", "A contactor does not follow", "Isolate; check it.", 20, 26, "DBAT.ContFail"),
    Cause(14, "precharge", "Precharge failed", "Check resistor and bus.", 20, 26, "DBAT.ContFail"),
    Cause(15, "breaker", "The rack's breaker is open or failed", _STOP, 20, 26, "DBAT.ContFail"),
    Cause(16, "cooling", "Fan, chiller or air handler failed", _HEAT, 21, 26, "FanErr"),
    Cause(17, "insulation", "Insulation is too low", "Find the ground fault.", 22, 26, "GndFlt"),
    Cause(18, "door", "A door is open", "Close the door.", 23, 26, "DoorOpnAlm"),
    Cause(19, "communication", "The BMU is silent", "Check bus, fuse, power.", 0, 26, "LCCH.ChLiv"),
    Cause(20, "emergency_stop", "Emergency stop", _STOP),
    Cause(21, "fire", "Fire alarm", _STOP, iec="SFIR.FireAlm"),
    Cause(22, "gas", "Gas detected", _STOP),
    Cause(23, "water", "Water detected", _STOP),
    Cause(24, "interlock", "High-voltage interlock loop is open", _STOP),
    Cause(25, "fuse", "A fuse has blown", "Replace the fuse after finding the cause."),
    Cause(26, "configuration", "Configuration error", "Check versions.", 28, 29, "DBAT.ConfAlm"),
    Cause(27, "sensor", "A sensor failed or is implausible", "Check the sensor and its wiring."),
    Cause(28, "internal", "The BMU reports another fault", "Read the BMU's own fault memory."),
    Cause(29, "safety", "The BMU is in its safety mode", "Clear the cause, then reset the BMU."),
    Cause(30, "charge_blocked", "The BMU does not allow charging", "See the other alarms."),
    Cause(31, "discharge_blocked", "The BMU does not allow discharging", "See the other alarms."),
)
# fmt: on

CAUSE = {cause.name: cause for cause in CAUSES}


def alarm_point(level: Level, cause: Cause) -> str:
    """The name of the rack point that holds one cause at one level."""
    return f"rack_{level.value}_{cause.name}"
