"""Commands: what masters may write, and what becomes of it.

Rules of the table:
- a number is published (result block, `select`, journal) and never moves;
- a *cyclic* row may be written over and over and is never refused by control state (CONTROL R4); a
  *one-shot* row acts when its value changes to something other than 0, never on a held value (R3); one that
  `repeats` acts with every write, 0 included;
- *safe* rows need only the role (R1); *unsafe* ones also lease, mode, interlocks and, where marked, select
  (R2); a row that is neither is judged by its value: less is safe, more is not;
- power is AC at the terminals of the PCS, positive when discharging.

The table generates points of the same names (what was written last) and the command manual.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum

from gateway.model.point import Scope


class Role(IntEnum):
    """What a master may do; a higher one may do all that a lower one may."""

    VIEWER = 0
    "Read."
    DISPATCHER = 1
    "Lease, heartbeat, setpoints, limits; everything in the safe direction."
    OPERATOR = 2
    "Connect, enable, reset, release, mode."
    ENGINEER = 3
    "Clock and settings."


@dataclass(frozen=True, slots=True)
class Origin:
    """A configured master (R6): an identity, not a socket."""

    name: str
    role: Role = Role.VIEWER
    priority: int = 0
    "A higher one may take a lease over."
    is_local: bool = False
    "On the machine or behind the local key."


NOBODY = Origin("")
"Who is not configured: may read."
GATEWAY = Origin("gateway", Role.ENGINEER, is_local=True)
"The gateway itself: what it does by rule."


class Direction(Enum):
    """Which way a command moves the plant (R1, R2)."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    BY_VALUE = "by value"


@dataclass(frozen=True, slots=True)
class Instruction:
    """A row of the table of commands."""

    number: int
    name: str
    scope: Scope
    text: str
    role: Role
    direction: Direction
    cyclic: bool = False
    unit: str = ""
    low: float = 0
    high: float = 65534
    "Outside, the value is refused with exception 3 and nothing changes."
    select: bool = False
    "Needs a select before it (R2)."
    states: Mapping[int, str] = field(default_factory=dict)
    signed: bool = False
    repeats: bool = False
    withdrawable: bool = False
    "Whether the type's pattern for no value withdraws it."

    @property
    def is_edge(self) -> bool:
        """Whether its value is nothing but an edge: any change, but to 0, acts (R3)."""
        plain = not (self.cyclic or self.repeats or self.states or self.unit)
        return plain and self.name != "select"

    @property
    def fits_a_bit(self) -> bool:
        """Whether one bit says it."""
        return self.is_edge or (bool(self.states) and set(self.states) <= {0, 1})


MODE = {
    1: "adopt", 2: "standby", 3: "ready", 4: "run", 5: "fault", 6: "maintenance", 7: "test",
}  # fmt: skip
"The numbers of `mode` (R36)."
_YES_NO = {0: "no", 1: "yes"}
_C, _R = Scope.CONTAINER, Scope.RACK
_D, _O, _E = Role.DISPATCHER, Role.OPERATOR, Role.ENGINEER
_SAFE, _UNSAFE, _BY = Direction.SAFE, Direction.UNSAFE, Direction.BY_VALUE
_INF = math.inf

# fmt: off
_ROWS = (
    Instruction(1, "ems_heartbeat", _C, "EMS heartbeat: counts only when it changes", _D, _SAFE, cyclic=True, high=65535),
    Instruction(2, "power_setpoint", _C, "Active power at the PCS's AC terminals", _D, _BY, cyclic=True, unit="W", low=-_INF, high=_INF, signed=True, withdrawable=True),
    Instruction(3, "power_setpoint_percent", _C, "Active power, of the rating in its direction", _D, _BY, cyclic=True, unit="%", low=-_INF, high=_INF, signed=True, withdrawable=True),
    Instruction(4, "reactive_setpoint", _C, "Reactive power at the PCS's AC terminals, positive when injecting", _D, _BY, cyclic=True, unit="var", low=-_INF, high=_INF, withdrawable=True),
    Instruction(5, "reactive_setpoint_percent", _C, "Reactive power, of its rating", _D, _BY, cyclic=True, unit="%", low=-_INF, high=_INF, withdrawable=True),
    Instruction(6, "charge_enable", _C, "Whether the EMS allows charging", _D, _BY, cyclic=True, high=1, states=_YES_NO),
    Instruction(7, "discharge_enable", _C, "Whether the EMS allows discharging", _D, _BY, cyclic=True, high=1, states=_YES_NO),
    Instruction(8, "charge_current_cap", _C, "Charge current that the EMS allows; narrows only", _D, _BY, cyclic=True, unit="A", high=_INF, withdrawable=True),
    Instruction(9, "discharge_current_cap", _C, "Discharge current that the EMS allows; narrows only", _D, _BY, cyclic=True, unit="A", high=_INF, withdrawable=True),
    Instruction(10, "lease", _C, "Seconds for which the writer wants to command; 0 gives it back", _D, _BY, unit="s", high=3600, repeats=True),
    Instruction(11, "select", _C, "Arms a command: its number x 100 + rack", _D, _SAFE, high=65534),
    Instruction(12, "mode_request", _C, "2 standby: open all racks; 3 ready: stay closed without power; 4 run", _D, _BY, high=4, states={number: MODE[number] for number in (2, 3, 4)}),
    Instruction(13, "local_key", _C, "1 local: remote masters may only go the safe way; turned by local masters alone", _O, _BY, high=1, repeats=True, states={0: "remote", 1: "local"}),
    Instruction(20, "connect", _C, "Connect all enabled racks", _O, _UNSAFE, select=True),
    Instruction(21, "disconnect", _C, "Disconnect all racks, at low current", _D, _SAFE),
    Instruction(22, "rack_connect", _R, "Connect this rack", _O, _UNSAFE, select=True),
    Instruction(23, "rack_disconnect", _R, "Disconnect this rack, at low current", _D, _SAFE),
    Instruction(24, "rack_enable", _R, "Let this rack take part in connecting", _O, _UNSAFE),
    Instruction(25, "rack_disable", _R, "Leave this rack out; disconnects it", _D, _SAFE),
    Instruction(26, "enable", _C, "Let all racks take part in connecting", _O, _UNSAFE),
    Instruction(27, "disable", _C, "Leave all racks out; disconnects them", _D, _SAFE),
    Instruction(30, "alarm_reset", _C, "Reset latches whose cause is gone; nothing else", _O, _UNSAFE),
    Instruction(31, "trip", _C, "Trip until released by the same master", _D, _SAFE),
    Instruction(32, "trip_release", _C, "Take one's own trip back; then reset", _D, _SAFE),
    Instruction(33, "software_stop", _C, "Zero power, stop the PCS, open all racks at low current", _D, _SAFE),
    Instruction(34, "alarm_acknowledge", _C, "Acknowledge an alarm: its number x 100 + rack; 65534 all of them", _O, _BY, repeats=True),
    Instruction(35, "alarm_shelve", _C, "Put an alarm aside for a while: its number x 100 + rack", _O, _BY, repeats=True),
    Instruction(36, "alarm_unshelve", _C, "Take an alarm from the shelf: its number x 100 + rack", _O, _BY, repeats=True),
    Instruction(40, "clock", _C, "Set the clocks of the BMUs: seconds since 1970-01-01 UTC", _E, _UNSAFE, unit="s", high=4294967294),
)
# fmt: on

INSTRUCTIONS: Mapping[str, Instruction] = {row.name: row for row in _ROWS}
BY_NUMBER: Mapping[int, Instruction] = {row.number: row for row in _ROWS}
POWER_COMMANDS = frozenset(
    {
        "power_setpoint", "power_setpoint_percent", "reactive_setpoint", "reactive_setpoint_percent",
    }
)  # fmt: skip
"Those that need a way to the PCS (R11)."
SELECT_STEP = 100
"`select` says number x SELECT_STEP + rack; rack 0 is the container."


@dataclass(frozen=True, slots=True)
class Command:
    """One value that a master writes."""

    instruction: Instruction
    value: float
    "In the row's unit; NaN withdraws."
    origin: Origin
    rack: int = 0
    "From 1; 0 is the container."

    @property
    def key(self) -> tuple[str, int]:
        """The row and rack that it is written to."""
        return self.instruction.name, self.rack


class Reason(IntEnum):
    """Why a command was refused or held: the additional causes of IEC 61850-7-2 (AddCause)."""

    NOT_SUPPORTED = 1
    SWITCHING_HIERARCHY = 2
    SELECT_FAILED = 3
    INVALID_POSITION = 4
    POSITION_REACHED = 5
    BLOCKED_BY_MODE = 8
    BLOCKED_BY_PROCESS = 9
    BLOCKED_BY_INTERLOCKING = 10
    IN_EXECUTION = 12
    BLOCKED_BY_HEALTH = 13
    ABORTED_BY_CANCEL = 15
    TIME_LIMIT_OVER = 16
    TRIPPED = 17
    NOT_SELECTED = 18
    NO_AUTHORITY = 20
    COMMUNICATION_LOST = 23
    BLOCKED_BY_COMMAND = 24
    NONE = 25
    INCONSISTENT_PARAMETERS = 26
    LOCKED_BY_OTHER = 27


class Stage(IntEnum):
    """Where a command is in its life."""

    NONE = 0
    ADMITTED = 1
    "Taken; not yet released to the plant, or waiting for its turn."
    RELEASED = 2
    "Orders are out."
    OK = 3
    "Done, and seen done."
    NOK = 4
    "The plant did something else."
    TIMEOUT = 5
    REFUSED = 6
    ABORTED = 7
    "Overtaken by a trip, a stop or a contrary command."
    HELD = 8
    "A cyclic value that is taken but not applied (R4)."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gateway says to a command at once; a refusal is a value."""

    accepted: bool
    "False: exception 4. Cyclic rows are always accepted where they are well formed (R4)."
    reason: Reason = Reason.NONE
    detail: str = ""
    "The interlock, the lease holder, the mode: what stands against it."
    acts: bool = False
    "Whether it changed something beyond a cyclic value: it is journalled, and its answer waits for that."


@dataclass(frozen=True, slots=True)
class Result:
    """The life of the latest one-shot command, as the result block shows it."""

    sequence: int = 0
    origin: str = ""
    number: int = 0
    rack: int = 0
    value: float = math.nan
    stage: Stage = Stage.NONE
    reason: Reason = Reason.NONE
    detail: str = ""
    at: float = math.nan
    "Monotonic seconds of the last change."
    first_out: int = 0
    "The interlock that had tripped first by then; 0 none."
