"""The interlock chain: the site's cause-and-effect matrix, as one table (R23-R25).

Rules of the table:
- a number is published and never moves; names are those of the registers and the journal;
- rows 1-32 and 33-64 are the trips and alarms that BMUs report, by cause of the alarm catalogue;
- `effects` are united over all tripped rows, and no order contradicts the union (R23). Effects on power
  count for a rack while it conducts, or may;
- a row with LATCH stays until its cause is gone and a reset was asked for (R24); the first of them to trip is
  the first-out;
- only rows with UNDER_LOAD may open a rack whose current does not fall (R30);
- rows of the scope CONTAINER stand at rack 0, whichever rack reported them.

Places for site inputs (digital inputs, Modbus remote I/O) and bypasses are kept: `missing` and `bypassable`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntFlag

from gateway.model.alarm import CAUSES, Cause, Level, alarm_point
from gateway.model.pack import Layout
from gateway.model.point import Scope


class Effect(IntFlag):
    """What a tripped row does."""

    NONE = 0
    INHIBIT_CHARGE = 1
    INHIBIT_DISCHARGE = 2
    DERATE = 4
    ZERO = 8
    STOP_PCS = 16
    BLOCK_CLOSE = 32
    OPEN = 64
    LATCH = 128
    UNDER_LOAD = 256


_CHARGE, _DISCHARGE = Effect.INHIBIT_CHARGE, Effect.INHIBIT_DISCHARGE
_LATCH, _BLOCK = Effect.LATCH, Effect.BLOCK_CLOSE
_STAND = Effect.ZERO | _BLOCK | _LATCH
_LEAVE = _STAND | Effect.OPEN
_DANGER = _LEAVE | Effect.STOP_PCS | Effect.UNDER_LOAD


@dataclass(frozen=True, slots=True)
class Interlock:
    """A row of the chain."""

    number: int
    name: str
    scope: Scope
    effects: Effect
    text: str
    remedy: str
    delay_on: float = 0.0
    delay_off: float = 0.0
    bypassable: bool = False
    missing: str = "not fitted"
    "What an input that nobody carries means."

    @property
    def latches(self) -> bool:
        """Whether it stays until it is reset."""
        return bool(self.effects & Effect.LATCH)


_TRIPS: Mapping[str, tuple[Scope, Effect]] = {
    "cell_overvoltage": (Scope.RACK, _CHARGE | _BLOCK | _LATCH),
    "overvoltage": (Scope.RACK, _CHARGE | _BLOCK | _LATCH),
    "soc_high": (Scope.RACK, _CHARGE | _LATCH),
    "charge_overcurrent": (Scope.RACK, _CHARGE | _BLOCK | _LATCH),
    "charge_blocked": (Scope.RACK, _CHARGE),
    "cell_undervoltage": (Scope.RACK, _DISCHARGE | _LATCH),
    "undervoltage": (Scope.RACK, _DISCHARGE | _LATCH),
    "soc_low": (Scope.RACK, _DISCHARGE | _LATCH),
    "discharge_overcurrent": (Scope.RACK, _DISCHARGE | _BLOCK | _LATCH),
    "discharge_blocked": (Scope.RACK, _DISCHARGE),
    "undertemperature": (Scope.RACK, _CHARGE | _LATCH),
    "voltage_imbalance": (Scope.RACK, _CHARGE | _LATCH),
    "door": (Scope.CONTAINER, Effect.ZERO | _BLOCK | _LATCH),
    "emergency_stop": (Scope.CONTAINER, _DANGER),
    "fire": (Scope.CONTAINER, _DANGER),
    "gas": (Scope.CONTAINER, _DANGER),
    "water": (Scope.CONTAINER, _LEAVE | Effect.STOP_PCS),
    "interlock": (Scope.CONTAINER, _DANGER),
    "insulation": (Scope.CONTAINER, _LEAVE | Effect.STOP_PCS),
    "contactor": (Scope.RACK, _STAND),
    "precharge": (Scope.RACK, _BLOCK | _LATCH),
    "communication": (Scope.RACK, Effect.ZERO | _BLOCK | _LATCH),
    "configuration": (Scope.RACK, _STAND),
}
"Effects of what BMUs report at level trip; any other cause leaves the rack."
_ALARMS: Mapping[str, tuple[Scope, Effect]] = {
    "cell_overvoltage": (Scope.RACK, _CHARGE),
    "overvoltage": (Scope.RACK, _CHARGE),
    "soc_high": (Scope.RACK, _CHARGE),
    "charge_overcurrent": (Scope.RACK, _CHARGE),
    "charge_blocked": (Scope.RACK, _CHARGE),
    "undertemperature": (Scope.RACK, _CHARGE),
    "cell_undervoltage": (Scope.RACK, _DISCHARGE),
    "undervoltage": (Scope.RACK, _DISCHARGE),
    "soc_low": (Scope.RACK, _DISCHARGE),
    "discharge_overcurrent": (Scope.RACK, _DISCHARGE),
    "discharge_blocked": (Scope.RACK, _DISCHARGE),
    "overtemperature": (Scope.RACK, Effect.DERATE),
    "insulation": (Scope.CONTAINER, _BLOCK),
    "door": (Scope.CONTAINER, _BLOCK),
    "emergency_stop": (Scope.CONTAINER, Effect.ZERO | _BLOCK),
    "interlock": (Scope.CONTAINER, Effect.ZERO | _BLOCK),
    "fire": (Scope.CONTAINER, Effect.ZERO | _BLOCK),
    "gas": (Scope.CONTAINER, Effect.ZERO | _BLOCK),
    "precharge": (Scope.RACK, _BLOCK),
    "contactor": (Scope.RACK, _BLOCK),
}
"Effects of what BMUs report at level alarm: never latched; any other cause has none."
FIRST_ALARM = len(CAUSES) + 1


def _reported() -> Iterator[Interlock]:
    for cause in CAUSES:
        scope, effects = _TRIPS.get(cause.name, (Scope.RACK, _LEAVE))
        yield _of(cause, 1 + cause.bit, "trip", scope, effects)
    for cause in CAUSES:
        scope, effects = _ALARMS.get(cause.name, (Scope.RACK, Effect.NONE))
        yield _of(cause, FIRST_ALARM + cause.bit, "alarm", scope, effects)


def _of(cause: Cause, number: int, level: str, scope: Scope, effects: Effect) -> Interlock:
    name = f"bmu_{level}_{cause.name}"
    return Interlock(number, name, scope, effects, f"{cause.text} (BMU {level})", cause.remedy)


_R, _C = Scope.RACK, Scope.CONTAINER

# fmt: off
_OWN = (
    Interlock(65, "limits_stale", _R, Effect.ZERO, "A rack that conducts, or may, tells no limits (R21)", "Check the rack's BMU and its bus."),
    Interlock(66, "limits_lost", _R, Effect.ZERO | Effect.OPEN | _BLOCK, "Its limits are lost for good: the rack is opened (R21)", "Check the rack's BMU and its bus."),
    Interlock(67, "contactor_mismatch", _R, Effect.ZERO | _BLOCK | _LATCH, "Contactors contradict the order: weld or failure (R31)", "Isolate the rack; check its contactors and their feedback."),
    Interlock(68, "precharge_lockout", _R, _BLOCK, "Precharge failed too often; the resistor cools (R28)", "Check precharge resistor, fuse and bus voltage; wait."),
    Interlock(69, "never_heard", _R, _BLOCK, "The BMU was never heard: waiting (R17)", "Check the rack's BMU, address and bus."),
    Interlock(70, "bus_silent", _C, Effect.ZERO | Effect.STOP_PCS | _BLOCK, "No rack is heard any more (R21)", "Check the CAN bus, its power and its termination."),
    Interlock(71, "ems_lost", _C, _BLOCK, "The EMS heartbeat is lost; power went to zero (R10)", "Check the EMS and its connection."),
    Interlock(72, "trip", _C, _LEAVE | Effect.STOP_PCS, "A master has tripped the container", "Let the same master release it, then reset."),
    Interlock(73, "software_stop", _C, _LEAVE | Effect.STOP_PCS, "A master has stopped the container", "Find out why, then reset."),
    Interlock(74, "duplicate_master", _C, Effect.ZERO | Effect.STOP_PCS | _BLOCK | _LATCH, "Somebody else sends our frames (R34)", "Remove the other master, then restart the gateway."),
    Interlock(75, "pcs_lost", _C, Effect.ZERO | _BLOCK, "The PCS does not answer", "Check the PCS and its connection."),
    Interlock(76, "pcs_fault", _C, Effect.ZERO | _BLOCK, "The PCS has a fault", "Read the PCS's own fault memory; alarm_reset resets it, also after its watchdog."),
    Interlock(77, "journal_failed", _C, _BLOCK, "The journal cannot be written (R41)", "Make room on the disk, or check its rights."),
    Interlock(78, "not_live", _C, Effect.ZERO | _BLOCK, "The data are replayed (R35)", "Nothing: this is no live plant."),
    Interlock(79, "bus_inconsistent", _C, Effect.ZERO | _BLOCK, "Currents or powers of racks and PCS contradict each other (R42)", "Compare with a clamp meter; find the wrong sensor.", delay_on=5.0, delay_off=60.0),
    Interlock(80, "cell_voltage_high", _R, _CHARGE, "A cell is above the threshold of the site, or lost", "Discharge; balance the cells.", bypassable=True),
    Interlock(81, "cell_voltage_low", _R, _DISCHARGE, "A cell is below the threshold of the site, or lost", "Charge; balance the cells.", bypassable=True),
    Interlock(82, "cell_temperature_high", _R, Effect.ZERO | _BLOCK, "A temperature is above the threshold of the site, or lost", "Check cooling.", bypassable=True),
    Interlock(83, "cell_temperature_low", _R, _CHARGE, "A temperature is below the threshold of the site, or lost", "Let it warm up.", bypassable=True),
    Interlock(84, "rack_voltage_high", _R, _CHARGE | _BLOCK, "The rack's voltage is above the threshold of the site, or lost", "Discharge.", bypassable=True),
    Interlock(85, "rack_voltage_low", _R, _DISCHARGE, "The rack's voltage is below the threshold of the site, or lost", "Charge.", bypassable=True),
    Interlock(86, "insulation_low", _C, _STAND, "Insulation is below the threshold of the site, or lost", "Find the ground fault."),
    Interlock(87, "rack_current_high", _R, _LEAVE, "The rack's current is above the threshold of the site, or lost", "Compare the PCS setpoint with the limits."),
    Interlock(88, "soc_high", _R, _CHARGE, "State of charge is above the threshold of the site, or lost", "Discharge.", bypassable=True),
    Interlock(89, "soc_low", _R, _DISCHARGE, "State of charge is below the threshold of the site, or lost", "Charge.", bypassable=True),
    Interlock(90, "rack_identity_changed", _R, _BLOCK | _LATCH, "The rack tells another serial number, firmware or count of modules than before (R31)", "Check the rack; the reset confirms it."),
    Interlock(91, "rack_power_inconsistent", _R, Effect.ZERO | _BLOCK, "The rack's power is not its voltage times its current (R42)", "Compare with a clamp meter; find the wrong sensor, or the wrong scale.", delay_on=5.0, delay_off=60.0),
    Interlock(92, "bus_voltage_inconsistent", _C, Effect.ZERO | _BLOCK, "Voltages of racks and PCS on one bus contradict each other (R42)", "Measure the bus; find the wrong sensor, or the contactor that is not closed.", delay_on=5.0, delay_off=60.0),
    Interlock(93, "soc_inconsistent", _R, _BLOCK, "At rest, the cells' voltage contradicts the rack's state of charge (R42)", "Have its BMU set the state of charge right, or correct the band of the site.", delay_on=60.0),
    Interlock(94, "memory_lost", _C, Effect.ZERO | _BLOCK | _LATCH, "What was known before the start cannot be read: latches, lockouts, racks out of service (R15)", "Look for what stood (`essgw events`), lock out again what was locked out, then reset."),
)
# fmt: on

INTERLOCKS: tuple[Interlock, ...] = (*_reported(), *_OWN)
BY_NAME: Mapping[str, Interlock] = {row.name: row for row in INTERLOCKS}


def acting_alarms(layout: Layout) -> frozenset[int]:
    """The elements of a layout that are alarms which a row acts on."""
    levels = {0: Level.TRIP, FIRST_ALARM - 1: Level.ALARM}
    return frozenset(
        layout.first(alarm_point(level, cause)) + rack
        for before, level in levels.items()
        for cause in CAUSES
        if INTERLOCKS[before + cause.bit].effects
        for rack in range(layout.topology.racks)
    )


@dataclass(frozen=True, slots=True)
class Watched:
    """What a threshold row looks at."""

    point: str
    is_upper: bool
    absolute: bool = False


WATCHED: Mapping[str, Watched] = {
    "cell_voltage_high": Watched("rack_cell_voltage_max", is_upper=True),
    "cell_voltage_low": Watched("rack_cell_voltage_min", is_upper=False),
    "cell_temperature_high": Watched("rack_cell_temperature_max", is_upper=True),
    "cell_temperature_low": Watched("rack_cell_temperature_min", is_upper=False),
    "rack_voltage_high": Watched("rack_voltage", is_upper=True),
    "rack_voltage_low": Watched("rack_voltage", is_upper=False),
    "insulation_low": Watched("rack_insulation_resistance", is_upper=False),
    "rack_current_high": Watched("rack_current", is_upper=True, absolute=True),
    "soc_high": Watched("rack_soc", is_upper=True),
    "soc_low": Watched("rack_soc", is_upper=False),
}
"Rows that a site fits by giving a threshold."
