"""The state of control: one frozen value a container; a test can start from any."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from gateway.control.annunciator import NO_ALARMS, Annunciator
from gateway.control.facts import UNKNOWN, Basis, Identity
from gateway.model.command import Origin, Reason, Result


class Mode(IntEnum):
    """What the container is doing (R36); maintenance and test are kept for operation on site."""

    ADOPT = 1
    STANDBY = 2
    READY = 3
    RUN = 4
    FAULT = 5
    MAINTENANCE = 6
    TEST = 7


class Phase(IntEnum):
    """Where a rack is on its way to the DC bus and back."""

    UNKNOWN = 0
    OPEN = 1
    WAITING = 2
    CLOSING = 3
    CLOSED = 4
    UNLOADING = 5
    "Waits for low current, then opens (R30)."
    OPENING = 6
    COOLING = 7
    "Between two tries (R28)."


class Wait(IntEnum):
    """Why a rack waits (R29)."""

    NOTHING = 0
    TURN = 1
    REST = 2
    VOLTAGE = 3
    INTERLOCK = 4
    UNKNOWN = 5
    "Its voltage or the bus's is not known."
    PAUSE = 6
    DISABLED = 7
    NEGATIVE = 8
    "On the way to the bus: for its negative contactor."
    PRECHARGE = 9
    "For the bus to come to its voltage, and for the current to decay (R28)."
    POSITIVE = 10
    "For its positive contactor."
    RELEASE = 11
    "For its precharge contactor to open."


class Step(IntEnum):
    """How far the coils of a rack are driven (R27); the table of steps is in `coil.py`."""

    NEGATIVE = 1
    PRECHARGE = 2
    POSITIVE = 3
    RELEASE = 4


@dataclass(frozen=True, slots=True)
class Lease:
    """Who commands (R7)."""

    owner: Origin
    term: float
    until: float


@dataclass(frozen=True, slots=True)
class Selection:
    """An armed command (R2)."""

    target: tuple[str, int]
    owner: str
    until: float


@dataclass(frozen=True, slots=True)
class Setpoint:
    """A value that a master asked for."""

    value: float
    owner: str
    at: float
    deadline: float = math.inf


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The EMS's heartbeat, of the lease holder alone (R8)."""

    value: int | None = None
    changed: float = math.nan
    "NaN: never yet."
    is_late: bool = False
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """One interlock row at one rack, from its cause to its reset."""

    since: float
    value: float
    "What it was when the cause came; kept when it trips (R24)."
    tripped: float | None = None
    gone: float | None = None
    "Since when the cause is away."


@dataclass(frozen=True, slots=True)
class FirstOut:
    """The first row to trip (R24)."""

    number: int
    rack: int
    value: float
    at: float


@dataclass(frozen=True, slots=True)
class Closing:
    """A try to close a rack coil by coil."""

    step: Step
    since: float
    bus: float
    "V behind its contactors before the try: precharge is judged against it (R28)."
    is_live: bool
    "Whether other racks were on the bus."
    held: float = math.nan
    "Since when what ends the step is so."


@dataclass(frozen=True, slots=True)
class Rack:
    """One rack's way to the bus and back."""

    phase: Phase = Phase.UNKNOWN
    since: float = 0.0
    is_wanted: bool = False
    is_enabled: bool = True
    tries: int = 0
    locked_until: float = -math.inf
    is_forced: bool = False
    "Opens because an interlock says so, not a person (R30)."
    wait: Wait = Wait.NOTHING
    open_timed_out: bool = False
    is_cancelled: bool = False
    "Its way to the bus was taken back by a contrary command."
    contrary: float = math.nan
    "Since when its feedback contradicts its order."
    fell: float = math.nan
    "When it left the bus without an order; NaN once that is explained, or latched (R31)."
    mismatch: bool = False
    "Its feedback has contradicted the order beyond its time (R31)."
    openings_under_load: int = 0
    identity: Identity = UNKNOWN
    "Whom the rack was last known, or confirmed, to be (R31)."
    coil: Closing | None = None
    "On its way to the bus, where its coils are driven one by one (R27)."


@dataclass(frozen=True, slots=True)
class Applied:
    """What becomes of a power setpoint."""

    requested: float = math.nan
    applied: float = 0.0
    limited_by: int = 0
    "A `limit.Limiter`."


@dataclass(frozen=True, slots=True)
class Passed:
    """The limits of one direction that were passed on last: they rise slowly (R22)."""

    watts: float = 0.0
    amperes: float = 0.0
    is_rising: bool = False


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a cyclic value when it was last written (R4)."""

    reason: Reason
    at: float


Chain = Mapping[tuple[int, int], Standing]


@dataclass(frozen=True, slots=True)
class State:
    """Everything that control remembers."""

    racks: tuple[Rack, ...]
    mode: Mode = Mode.ADOPT
    mode_since: float = 0.0
    started: float = 0.0
    stepped: float = -math.inf
    "When the last cycle was completed (R8)."
    wants_run: bool = False
    "Asked for, or granted: at the end of a cycle it stands in mode run alone."
    resumes: bool = False
    "Run was taken back by the EMS's loss, and by nothing else since (R10)."
    restarts: int = 0
    "How often it has resumed since it was asked for."
    is_local: bool = False
    "The local key (R36)."
    lease: Lease | None = None
    selection: Selection | None = None
    heartbeat: Heartbeat = Heartbeat()
    setpoints: Mapping[str, Setpoint] = field(default_factory=dict)
    "By instruction: power, reactive, caps, enables."
    written: Mapping[tuple[str, int], float] = field(default_factory=dict)
    "What was last written to each row and rack: what a master reads back."
    held: Mapping[tuple[str, str, int], float] = field(default_factory=dict)
    "Per master, row and rack: one-shots act when this changes (R3)."
    fates: Mapping[tuple[str, str], Fate] = field(default_factory=dict)
    "Per master and cyclic row."
    chain: Chain = field(default_factory=dict)
    first_out: FirstOut | None = None
    tripped_by: tuple[Origin, ...] = ()
    "Masters whose trips stand; each takes back its own (R1)."
    stopped: bool = False
    "A software stop stands until the reset."
    forgot: bool = False
    "What was known before the start is lost; until the reset."
    reset_until: float = -math.inf
    "A reset is being passed on to the BMUs."
    clock: float = math.nan
    "Seconds since 1970 that BMU clocks are to be set to."
    power: Applied = Applied()
    reactive: Applied = Applied()
    passed: tuple[Passed, Passed] = (Passed(), Passed())
    "Of charging and discharging."
    runs: bool = False
    "Whether the PCS is to run."
    basis: Basis | None = None
    "What the state of charge was last made of (R43)."
    rest_since: float = math.nan
    zero_since: float = math.nan
    left_alone: bool = False
    "The PCS is left alone (R12)."
    annunciator: Annunciator = NO_ALARMS
    sequence: int = 0
    "Of commands: survives a restart (R15)."
    results: tuple[Result, ...] = ()
    "The latest first."
    pending: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    "Sequence of each command in execution: the racks that it waits for."

    @property
    def is_on_bus(self) -> bool:
        """Whether a rack is closed, or on its way."""
        return any(rack.phase is Phase.CLOSED or rack.phase in _MOVING for rack in self.racks)

    @property
    def is_wanted(self) -> bool:
        """Whether a rack is to be on the bus."""
        return any(rack.is_wanted for rack in self.racks)

    @property
    def is_moving(self) -> bool:
        """Whether racks are still found out about, or one is on its way to the bus or off it."""
        return self.mode is Mode.ADOPT or any(rack.phase in _MOVING for rack in self.racks)

    @property
    def is_at_work(self) -> bool:
        """Whether power flows by our command, or may be asked for."""
        return self.mode is Mode.RUN or self.power.applied != 0


_MOVING = frozenset({Phase.CLOSING, Phase.UNLOADING, Phase.OPENING})


def fresh(racks: int, now: float) -> State:
    """The state of a start: adopt, and nothing ordered (R14)."""
    return State(tuple(Rack(since=now) for _ in range(racks)), mode_since=now, started=now)
