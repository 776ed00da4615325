"""Heartbeats, deadlines and leases: what dies when nobody renews it (R7-R10)."""

import dataclasses
import math
from collections.abc import Mapping

from gateway.control.settings import Settings
from gateway.control.state import Lease, Setpoint, State
from gateway.model.event import KINDS, Event

POWER, REACTIVE = "power_setpoint", "reactive_setpoint"


def idle(state: State) -> State:
    """The state in which nobody asks for run, and nothing brings it back (R10)."""
    if not state.wants_run and not state.resumes:
        return state
    return dataclasses.replace(state, wants_run=False, resumes=False)


def ended(state: State) -> State:
    """The state without a lease: nothing that its owner asked for stays alive, except caps, which narrow (R7)."""
    caps = {name: item for name, item in state.setpoints.items() if name.endswith("_cap")}
    return dataclasses.replace(idle(state), lease=None, selection=None, setpoints=caps)


def expired(state: State, now: float) -> tuple[State, tuple[Event, ...]]:
    """The state without leases, selections and setpoints whose time is over."""
    events: list[Event] = []
    lease = state.lease
    if lease is not None and now >= lease.until:
        detail = "its time is over"
        events.append(Event(KINDS["lease_ended"], now, origin=lease.owner.name, detail=detail))
        state = ended(state)
    dead = {key for key, setpoint in state.setpoints.items() if now >= setpoint.deadline}
    if dead:
        events += [Event(KINDS["setpoint_expired"], now, row=key) for key in sorted(dead)]
        alive = {key: item for key, item in state.setpoints.items() if key not in dead}
        state = dataclasses.replace(state, setpoints=alive)
    return state, tuple(events)


def watched(state: State, settings: Settings, now: float) -> tuple[State, tuple[Event, ...]]:
    """The EMS's heartbeat after a cycle: late, lost, or back (R10).

    A lost one takes run back; that comes back by itself only where nothing else has taken it, and only as
    often as the site allows.
    """
    beat = state.heartbeat
    if math.isnan(beat.changed):
        return state, ()
    age = now - beat.changed
    late, lost = age >= settings.heartbeat_warning, age >= settings.heartbeat_loss
    if (late, lost) == (beat.is_late, beat.is_lost):
        return state, ()
    events = []
    if late and not beat.is_late:
        events.append(Event(KINDS["ems_late"], now, value=age))
    if lost and not beat.is_lost:
        events.append(Event(KINDS["ems_lost"], now, value=age))
    if beat.is_lost and not lost:
        events.append(Event(KINDS["ems_back"], now))
    state = dataclasses.replace(
        state, heartbeat=dataclasses.replace(beat, is_late=late, is_lost=lost)
    )
    if lost:
        taken = state.wants_run or state.resumes
        return dataclasses.replace(state, wants_run=False, resumes=taken), tuple(events)
    if state.resumes and state.restarts < settings.restarts:
        again = state.restarts + 1
        state = dataclasses.replace(state, wants_run=True, resumes=False, restarts=again)
    return state, tuple(events)


def holds(state: State, settings: Settings, now: float) -> bool:
    """Whether the power that flowed when the EMS was lost is still held: not without its lease (R10)."""
    return (
        state.lease is not None
        and now - state.heartbeat.changed < settings.heartbeat_loss + settings.hold_after_loss
    )


def deserted(state: State, settings: Settings, now: float) -> bool:
    """Whether the EMS has, in this cycle, been lost for as long as the site lets racks stay closed (R10)."""
    if settings.open_after_loss is None or not state.heartbeat.is_lost:
        return False
    due = state.heartbeat.changed + max(settings.open_after_loss, settings.heartbeat_loss)
    return state.stepped < due <= now


def beaten(state: State, value: int, now: float) -> State:
    """The state after the lease holder has written its heartbeat; only a change counts (R8)."""
    beat, lease = state.heartbeat, state.lease
    if beat.value == value:
        return state
    if lease is not None:
        lease = dataclasses.replace(lease, until=max(lease.until, now + lease.term))
    is_first = beat.value is None
    changed = beat.changed if is_first and not math.isnan(beat.changed) else now
    return dataclasses.replace(
        state, lease=lease, heartbeat=dataclasses.replace(beat, value=value, changed=changed)
    )


def begun(state: State, lease: Lease, now: float) -> State:
    """The state after a lease is granted: the next heartbeat is awaited from now (R8, R15).

    A loss stays until a heartbeat of the new owner changes: to take the lease is no sign of life.
    """
    beat = state.heartbeat
    since = beat.changed if beat.is_lost else now
    beat = dataclasses.replace(beat, value=None, changed=since)
    return dataclasses.replace(ended(state), lease=lease, heartbeat=beat)


def set_to(
    setpoints: Mapping[str, Setpoint], key: str, setpoint: Setpoint | None
) -> Mapping[str, Setpoint]:
    """Setpoints with one renewed, or withdrawn."""
    kept = {name: item for name, item in setpoints.items() if name != key}
    return kept if setpoint is None else {**kept, key: setpoint}
