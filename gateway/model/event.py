"""The event dictionary: everything the journal can say.

Rules of the table: a number is published and never moves; `text` is filled from the event's own fields:
{rack}, {row}, {value}, {origin}, {detail}. The table generates the event manual.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How much an event matters; the order is that of syslog turned round."""

    INFO = 1
    NOTICE = 2
    WARNING = 3
    ALARM = 4
    TRIP = 5


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the dictionary."""

    number: int
    name: str
    severity: Severity
    text: str


_I, _N, _W, _A, _T = Severity

_ROWS = (
    Kind(1, "started", _N, "gateway started: boot {detail}"),
    Kind(2, "stopped", _N, "gateway stopped"),
    Kind(3, "clock_step", _W, "the machine's clock stepped by {value:.3f} s"),
    Kind(4, "journal_failed", _A, "the journal cannot be written: {detail}"),
    Kind(5, "journal_restored", _N, "the journal is written again"),
    Kind(6, "settings", _N, "settings {detail}"),
    Kind(7, "journal_damaged", _A, "the journal was damaged and is begun anew; the old one is {detail}"),
    Kind(8, "crashed", _A, "gateway ends: a cycle failed: {detail}"),
    Kind(9, "cycle_stalled", _A, "no control cycle was completed for {value:.3f} s"),
    Kind(10, "mode", _N, "mode is {detail}"),
    Kind(11, "command", _N, "{origin}: {row} {value:g}: {detail}"),
    Kind(12, "result", _N, "{row}: {detail}"),
    Kind(13, "setpoint", _I, "{origin}: {row} {value:g}: {detail}"),
    Kind(14, "stop_refused", _A, "told to stop, the gateway stays: racks of {detail} are closed and would not bear it"),
    Kind(15, "settings_refused", _W, "a changed site file is not taken over: {detail}"),
    Kind(16, "settings_unlike", _W, "the site file is not what runs: it is {detail}"),
    Kind(17, "settings_lost", _A, "what ran last cannot be used any more, and the site file is taken: {detail}"),
    Kind(18, "certificates", _N, "changed certificates serve the next handshakes at {detail}"),
    Kind(19, "certificates_refused", _W, "changed certificates are not taken over: {detail}"),
    Kind(20, "lease_granted", _N, "{origin} has the lease for {value:g} s"),
    Kind(21, "lease_ended", _N, "{origin} has the lease no more: {detail}"),
    Kind(22, "certificate_ends", _W, "{detail}"),
    Kind(30, "interlock_tripped", _W, "{row} acts: {value:g}"),
    Kind(31, "interlock_gone", _N, "the cause of {row} is gone"),
    Kind(32, "first_out", _T, "first out: {row}, {value:g}"),
    Kind(33, "interlock_reset", _N, "{row} is reset"),
    Kind(34, "interlock_latched", _A, "{row} acts until it is reset: {value:g}"),
    Kind(40, "ems_late", _W, "the EMS heartbeat is late: {value:g} s"),
    Kind(41, "ems_lost", _A, "the EMS heartbeat is lost: power goes to zero"),
    Kind(42, "ems_back", _N, "the EMS heartbeat is back"),
    Kind(43, "setpoint_expired", _W, "{row} was not renewed: it is dead"),
    Kind(50, "rack_waiting", _I, "waits: {detail}"),
    Kind(51, "rack_connecting", _N, "is told to connect, try {value:g}"),
    Kind(52, "rack_connected", _N, "is connected"),
    Kind(53, "rack_disconnecting", _N, "is told to disconnect"),
    Kind(54, "rack_disconnected", _N, "is disconnected"),
    Kind(55, "rack_connect_failed", _W, "did not connect in time, try {value:g}"),
    Kind(56, "rack_locked_out", _A, "is locked out after {value:g} tries"),
    Kind(57, "rack_mismatch", _A, "its contactors contradict the order: {detail}"),
    Kind(58, "open_timeout", _A, "stays closed: the current did not fall, {value:g} A"),
    Kind(59, "opened_under_load", _A, "is opened under load: {value:g} A"),
    Kind(60, "duplicate_master", _A, "another master sends {detail}: nothing is sent any more"),
    Kind(61, "bus_lost", _A, "bus {detail} is lost"),
    Kind(62, "bus_back", _N, "bus {detail} is back"),
    Kind(63, "coils_dropped", _W, "its coils are dropped on the way to the bus: {detail}"),
    Kind(70, "pcs_lost", _A, "the PCS does not answer: {detail}"),
    Kind(71, "pcs_back", _N, "the PCS answers again"),
    Kind(72, "pcs_left_alone", _A, "the PCS is left alone, so that its own watchdog stops it"),
    Kind(80, "alarm", _W, "{row} came"),
    Kind(81, "alarm_gone", _N, "{row} went"),
    Kind(82, "alarm_unshelved", _N, "{row} is shelved no more: {detail}"),
    Kind(83, "alarm_flood", _W, "{value:g} alarms in 10 minutes: low ones are listed, and not told one by one"),
    Kind(84, "alarm_flood_over", _N, "the flood of alarms is over; {value:g} were not told"),
    Kind(90, "soc_basis", _I, "the state of charge counts {value:g} racks"),
)  # fmt: skip

KINDS: Mapping[str, Kind] = {row.name: row for row in _ROWS}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, with the monotonic time at which it did."""

    kind: Kind
    at: float
    container: str = ""
    rack: int = 0
    "From 1; 0 is the container."
    row: str = ""
    "The interlock, command, point or alarm that is meant."
    value: float = math.nan
    origin: str = ""
    detail: str = ""

    def __str__(self) -> str:
        told = self.kind.text.format(
            rack=self.rack, row=self.row, value=self.value, origin=self.origin, detail=self.detail
        )
        return f"rack {self.rack}: {told}" if self.rack else told


@dataclass(frozen=True, slots=True)
class Dated:
    """An event, and when it happened by the clock on the wall."""

    event: Event
    utc: float
    "Seconds since 1970-01-01; NaN where nobody knows."
    is_synchronised: bool | None
    "Whether that clock was set by others then; None where nobody knows (R40)."
