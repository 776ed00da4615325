"""One-shot commands, each with what stands against it and what it changes (R1-R3): one table by name.

A function takes the state and the situation and gives the new state and a verdict. Safe commands find
nothing in their way here; the others have passed role, lease, key and select before.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.control import arbiter, attend
from gateway.control.arbiter import ACCEPTED, refused
from gateway.control.chain import causes_left, is_latched, row_of, standing_against
from gateway.control.facts import Facts, Plant
from gateway.control.identity import ROW, confirmed
from gateway.control.interlock import Effect
from gateway.control.settings import PcsPath, Settings
from gateway.control.state import Mode, Phase, Rack, Selection, State
from gateway.control.watchdog import idle
from gateway.model.command import Command, Reason, Verdict


@dataclass(frozen=True, slots=True)
class Situation:
    """What a command is judged by, beside the state."""

    facts: Facts
    plant: Plant
    settings: Settings
    now: float
    selection: Selection | None = None
    "What was armed before this write: a select and its command come in two (R2)."


Change = tuple[State, Verdict]
_OFF_BUS = {Phase.OPEN, Phase.COOLING, Phase.WAITING}
_ENDED = {"software_stop", "memory_lost", ROW.name}
"Rows whose cause ends with the reset."
_BMU_ROWS = 64
"Rows up to here are reported by BMUs: a reset is passed on to them before it is judged."


def _with(state: State, number: int, **changes: object) -> State:
    """The state with one rack changed (from 1), or all of them (0)."""
    racks = tuple(
        dataclasses.replace(rack, **changes) if number in {0, place} else rack  # type: ignore[arg-type] # its fields
        for place, rack in enumerate(state.racks, 1)
    )
    return dataclasses.replace(state, racks=racks)


def _connect(state: State, command: Command, on: Situation) -> Change:
    """Connect one rack or all enabled ones: CMD-01, CMD-02."""
    if not on.settings.drives_contactors:
        return state, refused(Reason.NOT_SUPPORTED, "the BMUs take no orders from here")
    numbers = [command.rack] if command.rack else [*range(1, len(state.racks) + 1)]
    chosen = [number for number in numbers if _may_close(state.racks[number - 1])]
    if against := _against_closing(state, command, on, numbers, chosen):
        return state, against
    for number in chosen:
        if not standing_against(state.chain, Effect.BLOCK_CLOSE | Effect.OPEN, (number,)):
            state = _with(
                state, number, is_wanted=True, is_cancelled=False, tries=0, open_timed_out=False
            )
    return state, ACCEPTED


def _may_close(rack: Rack) -> bool:
    return rack.is_enabled and rack.phase in _OFF_BUS


def _against_closing(
    state: State, command: Command, on: Situation, numbers: list[int], chosen: list[int]
) -> Verdict | None:
    if state.mode in {Mode.ADOPT, Mode.FAULT, Mode.MAINTENANCE, Mode.TEST}:
        row = standing_against(state.chain, Effect.BLOCK_CLOSE, numbers)
        return refused(Reason.BLOCKED_BY_MODE, row or state.mode.name.lower())
    if any(state.racks[number - 1].is_wanted and number in chosen for number in numbers):
        return refused(Reason.IN_EXECUTION)
    if not chosen:
        closed = all(state.racks[number - 1].phase is Phase.CLOSED for number in numbers)
        return refused(Reason.POSITION_REACHED if closed else Reason.INVALID_POSITION)
    row = standing_against(state.chain, Effect.BLOCK_CLOSE | Effect.OPEN, ())
    rows = [
        standing_against(state.chain, Effect.BLOCK_CLOSE | Effect.OPEN, (number,))
        for number in chosen
    ]
    if row or all(rows):
        return refused(Reason.BLOCKED_BY_INTERLOCKING, row or rows[0])
    return _against_bus(state, command, on, chosen)


def _against_bus(
    state: State, command: Command, on: Situation, chosen: list[int]
) -> Verdict | None:
    """What the bus and the PCS say against closing."""
    on_bus = [rack.phase is Phase.CLOSED for rack in state.racks]
    if on.settings.path is PcsPath.WE_DRIVE and on.plant.pcs.is_running and not any(on_bus):
        return refused(Reason.BLOCKED_BY_PROCESS, "pcs_running")
    if not command.rack:
        return None
    volts = on.facts.voltage[chosen[0] - 1]
    others = [other for other, closed in zip(on.facts.voltage, on_bus, strict=True) if closed]
    if not volts > 0 or any(not abs(volts - other) <= on.settings.join_window for other in others):
        return refused(Reason.BLOCKED_BY_PROCESS, "voltage")
    return None


def _disconnect(state: State, command: Command, _: Situation) -> Change:
    """Disconnect, at low current (R30); anything on its way to the bus turns back."""
    state = left(state, command.rack)
    return state if command.rack else idle(state), ACCEPTED


def left(state: State, number: int) -> State:
    """The state in which one rack, or all, are to leave the bus; who is on the way to it turns back."""
    return _with(state, number, is_wanted=False, open_timed_out=False, is_cancelled=True)


def _enable(state: State, command: Command, _: Situation) -> Change:
    return _with(state, command.rack, is_enabled=True), ACCEPTED


def _disable(state: State, command: Command, on: Situation) -> Change:
    """Disconnect, and leave out of every connect until it is enabled again."""
    state, verdict = _disconnect(state, command, on)
    return _with(state, command.rack, is_enabled=False), verdict


def _reset(state: State, _: Command, on: Situation) -> Change:
    """Reset what can be reset (R24, CMD-06); what only a BMU can take back is asked of it first.

    It confirms racks whose identity has changed, until there are commands of maintenance (R31).
    """
    fault = on.settings.path is PcsPath.WE_DRIVE and on.plant.pcs.has_fault
    if not is_latched(state.chain) and not fault:
        return state, refused(Reason.POSITION_REACHED, "nothing is latched")
    left = [key for key in causes_left(state.chain) if key[0] > _BMU_ROWS]
    left = [key for key in left if row_of(key).name not in _ENDED]
    if left:
        return state, refused(Reason.BLOCKED_BY_INTERLOCKING, row_of(left[0]).name)
    state = confirmed(state, on.facts)
    until = on.now + on.settings.reset_time
    return dataclasses.replace(state, reset_until=until, stopped=False, forgot=False), ACCEPTED


def _trip(state: State, command: Command, _: Situation) -> Change:
    """Trip; it consumes every pending close (R3)."""
    names = {origin.name for origin in state.tripped_by}
    owners = (*state.tripped_by, *([] if command.origin.name in names else [command.origin]))
    return turned_back(dataclasses.replace(idle(state), tripped_by=owners)), ACCEPTED


def _release(state: State, command: Command, _: Situation) -> Change:
    """Take a trip back: each master its own, somebody local all (R1)."""
    if not state.tripped_by:
        return state, refused(Reason.POSITION_REACHED, "no trip stands")
    others = tuple(owner for owner in state.tripped_by if owner.name != command.origin.name)
    if command.origin.is_local:
        others = ()
    if others == state.tripped_by:
        return state, refused(Reason.NO_AUTHORITY, ", ".join(owner.name for owner in others))
    return dataclasses.replace(state, tripped_by=others), ACCEPTED


def _stop(state: State, _: Command, __: Situation) -> Change:
    return turned_back(dataclasses.replace(idle(state), stopped=True)), ACCEPTED


def turned_back(state: State) -> State:
    """Every rack on its way to the bus turns back, and no command is armed any more (R3)."""
    racks = tuple(
        dataclasses.replace(
            rack, is_wanted=rack.is_wanted and rack.phase is Phase.CLOSED, open_timed_out=False
        )
        for rack in state.racks
    )
    return dataclasses.replace(state, racks=racks, selection=None)


def _mode(state: State, command: Command, on: Situation) -> Change:
    """Open all racks, stay closed without power, or run (R36)."""
    if command.value == Mode.STANDBY:
        return _disconnect(state, command, on)
    if command.value == Mode.READY:
        return idle(state), ACCEPTED
    if against := _against_run(state, command):
        return state, against
    return dataclasses.replace(state, wants_run=True, resumes=False, restarts=0), ACCEPTED


def _against_run(state: State, command: Command) -> Verdict | None:
    if command.value != Mode.RUN:
        return refused(Reason.NOT_SUPPORTED, "mode")
    if state.mode not in {Mode.READY, Mode.RUN}:
        return refused(Reason.BLOCKED_BY_MODE, state.mode.name.lower())
    if state.heartbeat.is_lost:
        return refused(Reason.COMMUNICATION_LOST, "ems_heartbeat")
    row = standing_against(state.chain, Effect.ZERO | Effect.OPEN, ())
    return refused(Reason.BLOCKED_BY_INTERLOCKING, row) if row else None


def _clock(state: State, command: Command, _: Situation) -> Change:
    """Set the clocks of BMUs, never the machine's (R40)."""
    return dataclasses.replace(state, clock=command.value), ACCEPTED


OPERATIONS: Mapping[str, Callable[[State, Command, Situation], Change]] = {
    "lease": lambda state, command, on: arbiter.leased(state, command, on.now),
    "select": lambda state, command, on: arbiter.selected(state, command, on.settings, on.now),
    "local_key": lambda state, command, _: arbiter.switched(state, command),
    "mode_request": _mode,
    "connect": _connect,
    "disconnect": _disconnect,
    "rack_connect": _connect,
    "rack_disconnect": _disconnect,
    "enable": _enable,
    "disable": _disable,
    "rack_enable": _enable,
    "rack_disable": _disable,
    "alarm_reset": _reset,
    "alarm_acknowledge": lambda state, command, _: attend.acknowledged(state, command),
    "alarm_shelve": lambda state, command, on: attend.shelved(state, command, on.settings, on.now),
    "alarm_unshelve": lambda state, command, _: attend.unshelved(state, command),
    "trip": _trip,
    "trip_release": _release,
    "software_stop": _stop,
    "clock": _clock,
}


def targets(state: State, command: Command) -> tuple[int, ...]:
    """The racks (from 1) whose way decides about a command's result."""
    name = command.instruction.name
    numbers = range(1, len(state.racks) + 1)
    if name in {"rack_connect", "rack_disconnect", "rack_disable"}:
        return (command.rack,)
    if name == "connect":
        return tuple(number for number in numbers if state.racks[number - 1].is_wanted)
    if name in {"disconnect", "disable", "trip", "software_stop"} or (
        name == "mode_request" and command.value == Mode.STANDBY
    ):
        return tuple(n for n in numbers if state.racks[n - 1].phase is not Phase.OPEN)
    return ()
