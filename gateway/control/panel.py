"""What control shows: its own points, in a vector of their own beside the pack's.

Rules of the table:
- a row of each instruction shows what was written to it last, by whomever;
- numbers of modes, phases, waits, limiters, stages and reasons are published and never move;
- interlocks are indexed by their number, results from the latest.

The table generates the control part of the point manual; `picture` fills it.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gateway.control.chain import by_rack, row_of, united
from gateway.control.facts import Facts
from gateway.control.interlock import INTERLOCKS, Effect
from gateway.control.latest import EVENT_POINTS, EVENTS
from gateway.control.limit import Allowed, Limiter
from gateway.control.listing import ALARM_POINTS, LINES, list_alarms
from gateway.control.settings import Settings
from gateway.control.state import Applied, Mode, Phase, State, Wait
from gateway.control.verify import first_out_number
from gateway.control.watchdog import POWER, REACTIVE
from gateway.model.command import INSTRUCTIONS, MODE, Instruction, Reason, Stage
from gateway.model.pack import Layout, Snapshot, Topology, Vector
from gateway.model.point import Kind, Point, Scope
from gateway.model.quality import Detail

RESULTS = 4
_YES_NO = {0: "no", 1: "yes"}


def _texts(numbers: type[Mode | Phase | Wait | Limiter | Stage | Reason]) -> dict[int, str]:
    return {int(item): item.name.lower() for item in numbers}


def _written(row: Instruction) -> Point:
    kind = Kind.STATE if row.states else Kind.MEASURE if row.unit else Kind.COUNT
    return Point(
        row.name, row.scope, row.unit, row.text, kind, states=row.states, signed=row.signed
    )


_C, _R, _I, _L = Scope.CONTAINER, Scope.RACK, Scope.INTERLOCK, Scope.RESULT
_ROWS = {row.number: row.name for row in INTERLOCKS}
SUMMARY = ("warning", "alarm", "trip", "derate", "bypass", "force", "not_live", "journal_failed")
"Bits of `summary`, from 0."

# fmt: off
_SHOWN = (
    Point("mode", _C, "", "Mode", Kind.STATE, states=MODE),
    Point("mode_age", _C, "s", "Time in this mode", Kind.MEASURE),
    Point("summary", _C, "", "Summary: " + ", ".join(f"{bit} {name}" for bit, name in enumerate(SUMMARY)), Kind.COUNT),
    Point("boot", _C, "", "Changes with every start of the gateway", Kind.COUNT),
    Point("local", _C, "", "Whether the local key is turned", Kind.STATE, states=_YES_NO),
    Point("lease_owner", _C, "", "Number of the master that has the lease, in the order of the site file; 0 nobody", Kind.COUNT),
    Point("lease_remaining", _C, "s", "Time that the lease still has"),
    Point("heartbeat_age", _C, "s", "Time since the EMS heartbeat changed"),
    Point("charge_permitted", _C, "", "Whether charging is allowed now", Kind.STATE, states=_YES_NO),
    Point("discharge_permitted", _C, "", "Whether discharging is allowed now", Kind.STATE, states=_YES_NO),
    Point("charge_power_allowed", _C, "W", "Charge power allowed at the PCS's AC terminals, by everything", Kind.LIMIT),
    Point("discharge_power_allowed", _C, "W", "Discharge power allowed at the PCS's AC terminals, by everything", Kind.LIMIT),
    Point("charge_current_allowed", _C, "A", "DC charge current allowed, by everything", Kind.LIMIT),
    Point("discharge_current_allowed", _C, "A", "DC discharge current allowed, by everything", Kind.LIMIT),
    Point("charge_bound_by", _C, "", "What binds charging", Kind.STATE, states=_texts(Limiter)),
    Point("discharge_bound_by", _C, "", "What binds discharging", Kind.STATE, states=_texts(Limiter)),
    Point("power_requested", _C, "W", "Active power that is asked for, AC", signed=True),
    Point("power_applied", _C, "W", "Active power that is let through: the PCS's command, AC", signed=True),
    Point("power_limited_by", _C, "", "What binds it", Kind.STATE, states=_texts(Limiter)),
    Point("power_remaining", _C, "s", "Time until the setpoint dies"),
    Point("reactive_requested", _C, "var", "Reactive power that is asked for"),
    Point("reactive_applied", _C, "var", "Reactive power that is let through"),
    Point("reactive_limited_by", _C, "", "What binds it", Kind.STATE, states=_texts(Limiter)),
    Point("reactive_remaining", _C, "s", "Time until the setpoint dies"),
    Point("pcs_run", _C, "", "Whether the PCS is to run", Kind.STATE, states=_YES_NO),
    Point("first_out", _C, "", "Interlock that tripped first; 0 none", Kind.STATE, states={0: "none", **_ROWS}),
    Point("first_out_rack", _C, "", "Its rack; 0 the container", Kind.COUNT),
    Point("first_out_value", _C, "", "What it saw, in thousandths of its unit", Kind.MEASURE),
    Point("first_out_age", _C, "s", "Time since it tripped"),
    Point("interlocks_tripped", _C, "", "Rows that act, racks counted one by one", Kind.COUNT),
    Point("resets_needed", _C, "", "Rows that wait for a reset", Kind.COUNT),
    *ALARM_POINTS,
    *EVENT_POINTS,
    Point("result_sequence", _L, "", "Number of the command", Kind.COUNT),
    Point("result_command", _L, "", "Which command", Kind.STATE, states={row.number: row.name for row in INSTRUCTIONS.values()}),
    Point("result_rack", _L, "", "Its rack; 0 the container", Kind.COUNT),
    Point("result_origin", _L, "", "Number of the master, in the order of the site file", Kind.COUNT),
    Point("result_stage", _L, "", "Where it is", Kind.STATE, states=_texts(Stage)),
    Point("result_reason", _L, "", "Why (AddCause of IEC 61850-7-2)", Kind.STATE, states=_texts(Reason)),
    Point("result_age", _L, "s", "Time since the last change"),
    Point("result_requested", _L, "", "The value that was written", signed=True),
    Point("result_applied", _L, "", "What of it is applied: all once it is done, else 0", signed=True),
    Point("result_first_out", _L, "", "Interlock that had tripped first by the last change; 0 none", Kind.STATE, states={0: "none", **_ROWS}),
    Point("interlock_tripped", _I, "", "Whether the row acts", Kind.STATE, states=_YES_NO),
    Point("interlock_cause", _I, "", "Whether its cause is there", Kind.STATE, states=_YES_NO),
    Point("interlock_rack", _I, "", "The first rack that it stands against; 0 the container", Kind.COUNT),
    Point("interlock_value", _I, "", "What it saw", Kind.MEASURE),
    Point("interlock_threshold", _I, "", "Threshold in force, of rows that the site fits", Kind.MEASURE),
    Point("interlock_age", _I, "s", "Time since its cause came"),
    Point("rack_phase", _R, "", "Where the rack is on its way to the bus", Kind.STATE, states=_texts(Phase)),
    Point("rack_wait", _R, "", "Why it waits", Kind.STATE, states=_texts(Wait)),
    Point("rack_tries", _R, "", "Tries to connect it", Kind.COUNT),
    Point("rack_enabled", _R, "", "Whether it takes part", Kind.STATE, states=_YES_NO),
    Point("rack_effects", _R, "", "What stands against it: " + ", ".join(f"{effect.value} {str(effect.name).lower()}" for effect in Effect), Kind.COUNT),
    Point("rack_openings_under_load", _R, "", "Openings under load since the start", Kind.COUNT),
)
# fmt: on

PANEL: Mapping[str, Point] = {
    point.name: point for point in (*map(_written, INSTRUCTIONS.values()), *_SHOWN)
}
SIZES = {
    Scope.INTERLOCK: len(INTERLOCKS),
    Scope.RESULT: RESULTS,
    Scope.ALARM: LINES,
    Scope.EVENT: EVENTS,
}


def panel_layout(topology: Topology) -> Layout:
    """Where each of control's points lies for a container."""
    return Layout(topology, PANEL, SIZES)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a panel is filled from."""

    state: State
    facts: Facts
    allowed: Allowed
    settings: Settings
    boot: int = 0
    warnings: float = 0.0
    alarms: float = 0.0
    is_live: bool = True
    journal_failed: bool = False
    latest: Vector | None = None
    "Points of the latest events."


def picture(layout: Layout, shown: Shown, now: float) -> Snapshot:
    """Control's points as of now: always good, NaN where there is none."""
    values = np.full(layout.elements, np.nan)
    _write(values, layout, "mode", list(_container(shown, now).values()))
    _write(values, layout, "rack_phase", _racks(shown))
    for (name, rack), value in shown.state.written.items():
        values[layout.first(name) + max(rack - 1, 0)] = value
    _results(values, layout, shown, now)
    _interlocks(values, layout, shown, now)
    if shown.latest is not None:
        first = layout.first("event_number")
        values[first : first + len(shown.latest)] = shown.latest
    list_alarms(values, layout, shown.state.annunciator, shown.settings.kinds, now)
    quality = np.full(layout.elements, Detail.NONE, np.uint8)
    quality[np.isnan(values)] = Detail.NOT_AVAILABLE
    age, computed = np.zeros(layout.elements), np.ones(layout.elements, np.bool_)
    for part in (values, quality, age, computed):
        part.flags.writeable = False
    return Snapshot(layout, now, values, quality, age, computed)


def _write(values: Vector, layout: Layout, name: str, numbers: Sequence[float]) -> None:
    """Write numbers from a point on: those of the points that follow it in the table too."""
    first = layout.first(name)
    values[first : first + len(numbers)] = numbers


_WITHHELD = (
    "charge_permitted",
    "discharge_permitted",
    "power_applied",
    "reactive_applied",
    "pcs_run",
)


def withheld(panel: Snapshot) -> Snapshot:
    """The same without anything that would let power through (R35)."""
    panel = panel.without_limits()
    values = panel.values.copy()
    for name in _WITHHELD:
        values[panel.layout.slices[name]] = 0.0
    values.flags.writeable = False
    return dataclasses.replace(panel, values=values)


def _container(shown: Shown, now: float) -> dict[str, float]:
    """The container's points, in the order of the table."""
    state, allowed = shown.state, shown.allowed
    lease, beat, first = state.lease, state.heartbeat, state.first_out
    return {
        "mode": state.mode,
        "mode_age": now - state.mode_since,
        "summary": _summary(shown),
        "boot": shown.boot,
        "local": state.is_local,
        "lease_owner": shown.settings.number_of(lease.owner.name) if lease else 0,
        "lease_remaining": max(0.0, lease.until - now) if lease else 0,
        "heartbeat_age": now - beat.changed,
        "charge_permitted": allowed.charge.watts > 0,
        "discharge_permitted": allowed.discharge.watts > 0,
        "charge_power_allowed": allowed.charge.watts,
        "discharge_power_allowed": allowed.discharge.watts,
        "charge_current_allowed": allowed.charge.amperes,
        "discharge_current_allowed": allowed.discharge.amperes,
        "charge_bound_by": allowed.charge.bound_by,
        "discharge_bound_by": allowed.discharge.bound_by,
        **_setpoint("power", state.power, state, POWER, now),
        **_setpoint("reactive", state.reactive, state, REACTIVE, now),
        "pcs_run": state.runs,
        "first_out": first_out_number(state),
        "first_out_rack": first.rack if first else 0,
        "first_out_value": first.value * 1000 if first else math.nan,
        "first_out_age": now - first.at if first else math.nan,
        "interlocks_tripped": sum(item.tripped is not None for item in state.chain.values()),
        "resets_needed": sum(
            item.tripped is not None and row_of(key).latches for key, item in state.chain.items()
        ),
    }


def _setpoint(
    prefix: str, applied: Applied, state: State, key: str, now: float
) -> dict[str, float]:
    setpoint = state.setpoints.get(key)
    return {
        f"{prefix}_requested": applied.requested,
        f"{prefix}_applied": applied.applied,
        f"{prefix}_limited_by": applied.limited_by,
        f"{prefix}_remaining": math.nan if setpoint is None else max(0.0, setpoint.deadline - now),
    }


def _summary(shown: Shown) -> int:
    """The summary bits; bypass and force are kept for operation on site."""
    effects = united(shown.state.chain, range(1, len(shown.state.racks) + 1))
    bits = (
        shown.warnings > 0, shown.alarms > 0, bool(effects & Effect.LATCH),
        bool(effects & ~Effect.LATCH), False, False, not shown.is_live, shown.journal_failed,
    )  # fmt: skip
    return sum(int(bit) << place for place, bit in enumerate(bits))


def _racks(shown: Shown) -> list[float]:
    """The racks' points, in the order of the table: all racks of one, then of the next."""
    racks, against = shown.state.racks, by_rack(shown.state.chain)
    common = against.get(0, Effect.NONE)
    effects = [0] * len(racks)
    if against:
        effects = [int(common | against.get(place, common)) for place in range(1, len(racks) + 1)]
    return [
        *[rack.phase for rack in racks],
        *[rack.wait for rack in racks],
        *[rack.tries for rack in racks],
        *[rack.is_enabled for rack in racks],
        *effects,
        *[rack.openings_under_load for rack in racks],
    ]


def _results(values: Vector, layout: Layout, shown: Shown, now: float) -> None:
    first = layout.first("result_sequence")
    for place, result in enumerate(shown.state.results[:RESULTS], first):
        values[place : place + 10 * RESULTS : RESULTS] = (
            result.sequence, result.number, result.rack, shown.settings.number_of(result.origin),
            result.stage, result.reason, now - result.at,
            result.value, result.value if result.stage is Stage.OK else 0, result.first_out,
        )  # fmt: skip


def _interlocks(values: Vector, layout: Layout, shown: Shown, now: float) -> None:
    first, count = layout.first("interlock_tripped"), len(INTERLOCKS)
    values[first : first + 2 * count] = 0
    for threshold in shown.settings.thresholds:
        values[layout.first("interlock_threshold") + _PLACES[threshold.row]] = threshold.value
    fifth = layout.first("interlock_age")
    for (number, rack), standing in sorted(shown.state.chain.items(), reverse=True):
        place = first + number - 1
        values[place : place + 4 * count : count] = (
            standing.tripped is not None, standing.gone is None, rack, standing.value,
        )  # fmt: skip
        values[fifth + number - 1] = now - standing.since


_PLACES = {row.name: place for place, row in enumerate(INTERLOCKS)}


def bits_of(snapshot: Snapshot, name: str) -> float:
    """A container's alarm bits as a number; 0 where none is known."""
    value = float(snapshot.values[snapshot.layout.first(name)])
    return value if value > 0 else 0.0
