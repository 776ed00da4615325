"""Heartbeats, deadlines and leases: what dies when nobody renews it (R7-R10)."""

import dataclasses
import math
from collections.abc import Mapping

from gateway.control.settings import Settings
from gateway.control.state import Heartbeat, Lease, Setpoint, State
from gateway.model.event import KINDS, Event

POWER, REACTIVE = "power_setpoint", "reactive_setpoint"


def expired(state: State, now: float) -> tuple[State, tuple[Event, ...]]:
    """The state without leases, selections and setpoints whose time is over."""
    events: list[Event] = []
    lease = state.lease
    if lease is not None and now >= lease.until:
        events.append(_ended(lease, now, "its time is over"))
        state = dataclasses.replace(state, lease=None, selection=None)
    dead = {key for key, setpoint in state.setpoints.items() if now >= setpoint.deadline}
    if dead:
        events += [Event(KINDS["setpoint_expired"], now, row=key) for key in sorted(dead)]
        alive = {key: item for key, item in state.setpoints.items() if key not in dead}
        state = dataclasses.replace(state, setpoints=alive)
    return state, tuple(events)


def _ended(lease: Lease, now: float, why: str) -> Event:
    return Event(KINDS["lease_ended"], now, origin=lease.owner.name, detail=why)


def watched(state: State, settings: Settings, now: float) -> tuple[State, tuple[Event, ...]]:
    """The EMS's heartbeat after a cycle: late, lost, or back (R10).

    A lost one takes run back; it comes back by itself only as often as the site allows.
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
    resumes = beat.is_lost and not lost and state.restarts < settings.restarts
    new = dataclasses.replace(beat, is_late=late, is_lost=lost)
    return dataclasses.replace(
        state, heartbeat=new, wants_run=(state.wants_run or resumes) and not lost,
        restarts=state.restarts + resumes,
    ), tuple(events)  # fmt: skip


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
    """The state after a lease is granted: the next heartbeat is awaited from now (R8, R15)."""
    same = state.lease is not None and state.lease.owner.name == lease.owner.name
    beat = (
        state.heartbeat
        if same
        else Heartbeat(None, now, state.heartbeat.is_late, state.heartbeat.is_lost)
    )
    return dataclasses.replace(state, lease=lease, heartbeat=beat)


def set_to(
    setpoints: Mapping[str, Setpoint], key: str, setpoint: Setpoint | None
) -> Mapping[str, Setpoint]:
    """Setpoints with one renewed, or withdrawn."""
    kept = {name: item for name, item in setpoints.items() if name != key}
    return kept if setpoint is None else {**kept, key: setpoint}
