"""Who may command: roles, the lease, the local key, and select-before-operate (R1, R2, R6, R7, R36)."""

import dataclasses
import math

from gateway.control.settings import Settings
from gateway.control.state import Heartbeat, Lease, Selection, State
from gateway.control.watchdog import begun, ended
from gateway.model.command import (
    BY_NUMBER,
    SELECT_STEP,
    Command,
    Origin,
    Reason,
    Verdict,
)
from gateway.model.event import KINDS, Event
from gateway.model.point import Scope

ACCEPTED = Verdict(accepted=True, acts=True)


def refused(reason: Reason, detail: str = "") -> Verdict:
    """A refusal and why."""
    return Verdict(accepted=False, reason=reason, detail=detail, acts=True)


def authority(state: State, origin: Origin) -> Verdict | None:
    """What stands against an unsafe command of a master; None: nothing (R2, R7, R36)."""
    if state.is_local and not origin.is_local:
        return refused(Reason.SWITCHING_HIERARCHY, "local")
    if state.lease is None:
        return refused(Reason.NO_AUTHORITY, "no lease")
    if state.lease.owner.name != origin.name:
        return refused(Reason.LOCKED_BY_OTHER, state.lease.owner.name)
    return None


def leased(state: State, command: Command, now: float) -> tuple[State, Verdict]:
    """Grant, renew or give back the lease (R7)."""
    holder, origin = state.lease, command.origin
    if state.is_local and not origin.is_local:
        return state, refused(Reason.SWITCHING_HIERARCHY, "local")
    theirs = holder is not None and holder.owner.name != origin.name
    if not command.value > 0:
        if holder is None or theirs:
            return state, refused(Reason.LOCKED_BY_OTHER if theirs else Reason.POSITION_REACHED)
        return dataclasses.replace(ended(state), heartbeat=Heartbeat()), ACCEPTED
    if holder is not None and theirs and not _overrides(origin, holder.owner):
        return state, refused(Reason.LOCKED_BY_OTHER, holder.owner.name)
    lease = Lease(origin, command.value, now + command.value)
    if holder is not None and not theirs:
        return dataclasses.replace(state, lease=lease), Verdict(accepted=True)  # no news
    return begun(state, lease, now), ACCEPTED


def _overrides(origin: Origin, holder: Origin) -> bool:
    """Whether a master may take the lease over: local beats remote, then the higher priority (R7)."""
    return (origin.is_local, origin.priority) > (holder.is_local, holder.priority)


def selected(
    state: State, command: Command, settings: Settings, now: float
) -> tuple[State, Verdict]:
    """Arm a command for a while (R2); the token lives as long as the lease."""
    number, rack = divmod(int(command.value), SELECT_STEP)
    target = BY_NUMBER.get(number)
    fits = target is not None and target.select and (target.scope is Scope.RACK) == (rack > 0)
    if target is None or not fits or rack > len(state.racks):
        return state, refused(Reason.NOT_SUPPORTED, f"select {command.value:g}")
    if command.origin.role < target.role:
        return state, refused(Reason.NO_AUTHORITY, target.name)
    if against := authority(state, command.origin):
        return state, against
    token = Selection((target.name, rack), command.origin.name, now + settings.select_window)
    return dataclasses.replace(state, selection=token), ACCEPTED


def armed(token: Selection | None, command: Command, now: float) -> Verdict | None:
    """What stands against operating a command that needs a select: CMD-01."""
    if token is None or token.target != command.key or token.owner != command.origin.name:
        return refused(Reason.NOT_SELECTED)
    return refused(Reason.TIME_LIMIT_OVER, "select") if now >= token.until else None


def switched(state: State, command: Command) -> tuple[State, Verdict]:
    """The local key (R36): only a master that is local turns it; it takes the other side's lease away (R7)."""
    if not command.origin.is_local:
        return state, refused(Reason.SWITCHING_HIERARCHY, "remote")
    wanted = command.value == 1
    changes = wanted is not state.is_local
    if changes and state.lease is not None and state.lease.owner.is_local is not wanted:
        state = dataclasses.replace(ended(state), heartbeat=Heartbeat())
    return dataclasses.replace(state, is_local=wanted), Verdict(accepted=True, acts=changes)


def is_edge(state: State, command: Command) -> bool:
    """Whether a one-shot acts: its value has changed, for this master, to something other than 0 (R3)."""
    key = (command.origin.name, *command.key)
    return command.value != 0 and state.held.get(key, math.nan) != command.value


def spent(state: State, command: Command) -> State:
    """The state after an operate that was refused: its value is no edge any more, its select is used up (R3)."""
    held = {**state.held, (command.origin.name, *command.key): command.value}
    token, mine = state.selection, (command.key, command.origin.name)
    used = token is not None and (token.target, token.owner) == mine
    return dataclasses.replace(state, held=held, selection=None if used else token)


def noted(state: State, command: Command) -> State:
    """The state that remembers what was written, for masters to read back."""
    written = {**state.written, command.key: command.value}
    if command.instruction.cyclic:
        return dataclasses.replace(state, written=written)
    held = {**state.held, (command.origin.name, *command.key): command.value}
    return dataclasses.replace(state, held=held, written=written)


def changed_hands(before: State, after: State, now: float) -> list[Event]:
    """What a command has done to the lease."""
    old, new = before.lease, after.lease
    if old is new or (old and new and old.owner.name == new.owner.name):
        return []
    events = []
    if old is not None:
        detail = f"taken by {new.owner.name}" if new else "given back, or local"
        events.append(Event(KINDS["lease_ended"], now, origin=old.owner.name, detail=detail))
    if new is not None:
        events.append(Event(KINDS["lease_granted"], now, origin=new.owner.name, value=new.term))
    return events
