"""What a site decides about control; the defaults are those of CONTROL."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from gateway.control.alarms import Kind, Tuning, tuned
from gateway.model.command import Origin


class PcsPath(Enum):
    """How power commands reach the PCS (R11)."""

    POLLS_US = "polls_us"
    WE_DRIVE = "we_drive"
    EMS_RELAYS = "ems_relays"
    HARDWIRED = "hardwired"

    @property
    def carries_power(self) -> bool:
        """Whether a power command of ours reaches the PCS."""
        return self in {PcsPath.POLLS_US, PcsPath.WE_DRIVE}


class Intent(Enum):
    """What the container is connected for: which rack goes first (R29)."""

    CHARGE = "charge"
    DISCHARGE = "discharge"
    LARGEST_GROUP = "largest_group"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit of the site's own on a point of racks or the container: an interlock row that is fitted."""

    row: str
    "Name of the interlock."
    value: float
    delay: float = 0.0
    "s for which the value must be beyond."


@dataclass(frozen=True, slots=True)
class RestVoltage:
    """What a rack's mean cell has at rest at a state of charge: a point of the band that the site gives (R42)."""

    soc: float
    "%."
    low: float
    high: float
    "V."


@dataclass(frozen=True, slots=True)
class Settings:
    """All numbers of a container's control. Powers are AC at the PCS, in W and var; times in s."""

    charge_rating: float
    discharge_rating: float
    reactive_rating: float = 0.0
    path: PcsPath = PcsPath.EMS_RELAYS
    charge_cap: float = math.inf
    discharge_cap: float = math.inf
    "A that the site lets through the DC bus: cables, fuses, an agreement (R20)."
    drives_contactors: bool = True
    "False where the BMUs take no orders from us: racks are followed, not led."
    drives_coils: bool = False
    "Coil by coil, where BMUs leave precharge to us; else by state requests (R27)."
    efficiency: float = 1.0
    "Of the PCS, from DC to AC (R13)."
    auxiliaries: float = 0.0
    "W taken from the DC bus before the PCS (R13)."
    heartbeat_warning: float = 3.0
    heartbeat_loss: float = 5.0
    "R10."
    hold_after_loss: float = 0.0
    "s for which the last power is held after an EMS loss, before it goes to zero (R10)."
    open_after_loss: float | None = None
    "s after which an EMS loss opens the racks, at low current; not at all by default (R10)."
    restarts: int = 0
    "How often run resumes by itself when the EMS is back (R10)."
    setpoint_life: float = 5.0
    "R9."
    ramp_up: float = 0.2
    "Part of the rating per second by which power, and the limits of it, may rise (R22)."
    limit_band: float = 0.02
    "Part by which a limit must exceed what is passed on before that rises (R22)."
    ramp_down: float = 2.0
    "s from the rating to zero after an EMS loss (R10); any other fall is at once."
    select_window: float = 10.0
    low_current: float = 5.0
    "A of a rack, or of the bus, that count as none (R29, R30)."
    circulating: float = 20.0
    "A that may flow between racks while others join (R29); foxBMS has 20."
    rest: float = 1.0
    "s of low current before a rack may join (R29)."
    open_wait: float = 30.0
    "s to wait for low current (R30)."
    under_load_after: float = 1.0
    "s from the zero request to opening under load, where a row may (R30)."
    join_window: float = 10.0
    "V between a rack and the bus (R29)."
    intent: Intent = Intent.LARGEST_GROUP
    connect_time: float = 10.0
    "s from the order to the feedback (R28, R31)."
    tries: int = 3
    retry_wait: float = 3.0
    lockout: float = 60.0
    "s while the precharge resistor cools (R28)."
    coil_time: float = 1.0
    "s in which a contactor follows its coil; one that nobody tells of is taken to have done so then."
    precharge_time: float = 2.0
    "s of precharge in a try (R28)."
    precharge_difference: float = 0.02
    "Part of the rack's voltage to which the bus must come (R28)."
    precharge_current: float = 2.0
    "A to which the precharge current must decay (R28)."
    precharge_settle: float = 0.3
    "s for which a step must look done, so that no value from before it is believed."
    disconnect_time: float = 3.0
    "s from the order to the feedback; then the contactor is taken for welded (R31)."
    limits_stale: float = 1.0
    limits_lost: float = 10.0
    "T1 and T2 of R21."
    adopt_time: float = 5.0
    "s after which a rack that was never heard is declared lost (R14)."
    derating: float = 0.5
    "Part of the limits that a derate leaves."
    reset_time: float = 2.0
    "s for which a reset is passed on to the BMUs."
    pcs_timeout: float = 2.0
    current_tolerance: float = 30.0
    current_share: float = 0.1
    "How far currents on the DC bus may be apart: A, or part of them; powers as much, at its voltage (R42)."
    voltage_tolerance: float = 20.0
    voltage_share: float = 0.03
    "How far voltages of what is on the DC bus may be apart: V, or part of them (R42)."
    rest_voltages: tuple[RestVoltage, ...] = ()
    "By rising state of charge; none: not compared."
    thresholds: tuple[Threshold, ...] = ()
    alarms: tuple[Tuning, ...] = ()
    "What the site changes of the table of alarms."
    shelve_time: float = 3600.0
    "s for which an alarm is shelved (R39)."
    masters: tuple[Origin, ...] = field(default=())
    "In the order of the site file: a master's number is its place, from 1."

    @property
    def kinds(self) -> Mapping[int, Kind]:
        """The table of alarms as the site has it."""
        return tuned(self.alarms)

    def number_of(self, master: str) -> int:
        """The published number of a master; 0 for nobody."""
        names = [origin.name for origin in self.masters]
        return names.index(master) + 1 if master in names else 0
