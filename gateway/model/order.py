"""Orders: what the control core tells adapters and the PCS link to do.

Rules of the table:
- orders are state requests that hold until the next cycle says otherwise (CONTROL R27, R33); NaN is no
  order, and a frame that would carry one is not sent;
- orders age: what a stalled cycle left behind is not sent any more (R8).

Frame files name these rows in the signals of the messages that they send.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.model.point import Scope


@dataclass(frozen=True, slots=True)
class Request:
    """A row of the table of orders."""

    name: str
    scope: Scope
    text: str
    states: Mapping[int, str] = field(default_factory=dict)


OPERATION = {0: "standby", 1: "discharge", 2: "charge"}
_C, _R = Scope.CONTAINER, Scope.RACK
_SWITCH = {0: "off", 1: "on"}

# fmt: off
_ROWS = (
    Request("rack_connect", _R, "Be on the DC bus; the BMU precharges", {0: "disconnect", 1: "connect"}),
    Request("rack_coil_negative", _R, "Negative contactor's coil", _SWITCH),
    Request("rack_coil_precharge", _R, "Precharge contactor's coil", _SWITCH),
    Request("rack_coil_positive", _R, "Positive contactor's coil", _SWITCH),
    Request("rack_wake", _R, "While nothing is known of its contactors: its BMU may sleep", {1: "wake"}),
    Request("operation", _C, "What the plant is about to do with the container", OPERATION),
    Request("alarm_reset", _C, "1 while a reset is passed on to the BMUs", _SWITCH),
    Request("stop", _C, "1 while a stop or trip stands", _SWITCH),
    Request("heartbeat", _C, "Counts seconds of completed control cycles"),
    Request("clock", _C, "Seconds since 1970-01-01 UTC that BMU clocks are to be set to; sent once for each order"),
)
# fmt: on

COILS = ("rack_coil_negative", "rack_coil_precharge", "rack_coil_positive")
"In the order in which they are driven; contactors take these or `rack_connect`, never both (R27)."
REQUESTS: Mapping[str, Request] = {row.name: row for row in _ROWS}


@dataclass(frozen=True, slots=True)
class Orders:
    """All orders of a container, as of one cycle."""

    at: float
    "Monotonic seconds of the cycle that gave them."
    values: Mapping[str, tuple[float, ...]]
    "By row: one value a rack, or one for the container; a row that is absent is not ordered."

    def value(self, name: str, rack: int = 0) -> float:
        """The value of a row for a rack (from 1; 0 is the container's); NaN: no order."""
        values = self.values.get(name, ())
        place = max(rack - 1, 0)
        return values[place] if place < len(values) else math.nan


NO_ORDERS = Orders(-math.inf, {})
"Before the first cycle: nothing is sent."


@dataclass(frozen=True, slots=True)
class PcsOrder:
    """What the PCS link writes, in `we_drive` (R11, R12)."""

    at: float
    power: float = 0.0
    "W at the PCS's AC terminals, positive when discharging."
    reactive: float = 0.0
    "var, positive when injecting."
    run: bool = False
    stop: bool = True
    reset: bool = False
    "Take a fault back."
    access: bool = True
    "False: leave the PCS alone, reads included, so that its own watchdog trips it (R12)."
    charge_current: float = 0.0
    discharge_current: float = 0.0
    "A of DC current allowed."


@dataclass(frozen=True, slots=True)
class PcsReport:
    """What the PCS link knows of the PCS."""

    at: float = -math.inf
    "Monotonic seconds of the last complete answer."
    power: float = math.nan
    "W at its AC terminals, positive when discharging."
    reactive: float = math.nan
    dc_voltage: float = math.nan
    dc_current: float = math.nan
    "A, positive when discharging the battery."
    is_running: bool = False
    has_fault: bool = False
    watchdog_tripped: bool = False


NO_REPORT = PcsReport()
