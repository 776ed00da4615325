"""Cyclic rows: heartbeat, setpoints, caps and enables; never refused by control state (R4, R5, R9)."""

import dataclasses
import math

from gateway.control import arbiter, watchdog
from gateway.control.operate import Situation
from gateway.control.settings import Settings
from gateway.control.state import Fate, Setpoint, State
from gateway.control.verify import held
from gateway.control.watchdog import POWER, REACTIVE
from gateway.model.command import Command, Reason, Verdict
from gateway.model.event import KINDS, Event

_PERCENT = {"power_setpoint_percent": POWER, "reactive_setpoint_percent": REACTIVE}
_PARTS = 100.0
Change = tuple[State, Verdict, list[Event]]


def written(state: State, command: Command, on: Situation) -> Change:
    """What a cyclic row changes; one that is not allowed is held: accepted, not applied, with its reason."""
    state = arbiter.noted(state, command)
    against = arbiter.authority(state, command.origin)
    if command.instruction.name == "ems_heartbeat":
        if against is None and not math.isfinite(command.value):
            against = arbiter.refused(Reason.INCONSISTENT_PARAMETERS, "no number")
        if against is not None:
            return _fate(state, command, against, on)
        return watchdog.beaten(state, int(command.value), on.now), Verdict(accepted=True), []
    key, value = _as_stored(command, on.settings)
    before = state.setpoints.get(key)
    if against is not None and not _is_less(before, value, key):
        return _fate(state, command, against, on)
    setpoint = None
    if not math.isnan(value):
        life = on.settings.setpoint_life if key in {POWER, REACTIVE} else math.inf
        owner, ends = command.origin.name, on.now + life
        if against is not None and before is not None:
            owner, ends = before.owner, before.deadline  # less is allowed, longer is not (R9)
        setpoint = Setpoint(value, owner, on.now, ends)
    if key == POWER and setpoint is None:
        state = dataclasses.replace(state, resumes=False)  # nothing is held for who withdraws (R1)
    state = dataclasses.replace(state, setpoints=watchdog.set_to(state.setpoints, key, setpoint))
    return _fate(state, command, None, on)


def _fate(state: State, command: Command, against: Verdict | None, on: Situation) -> Change:
    """The verdict on a cyclic value; told where it is another than before: not at each renewal.

    One that is held has a result of its own, so that its master can read why (R4), and a new one after a pause.
    """
    name, origin, now = command.instruction.name, command.origin.name, on.now
    reason = Reason.NONE if against is None else against.reason
    verdict = Verdict(
        accepted=True, reason=reason, detail="" if against is None else against.detail
    )
    before = state.fates.get((origin, name))
    state = dataclasses.replace(state, fates={**state.fates, (origin, name): Fate(reason, now)})
    paused = before is not None and now - before.at > on.settings.setpoint_life
    if before and before.reason is reason and not (paused and against):
        return state, verdict, []
    if against is None:
        told = "accepted"
    else:
        told = f"held, {reason.name.lower()}, {verdict.detail}"
        state = held(state, command, verdict, now)
    event = Event(KINDS["setpoint"], now, row=name, value=command.value, origin=origin, detail=told)
    return state, verdict, [event]


def _as_stored(command: Command, settings: Settings) -> tuple[str, float]:
    """The setpoint that a row writes, in its own unit and within the rating (R5)."""
    name, value = command.instruction.name, command.value
    if name in _PERCENT:
        key = _PERCENT[name]
        value = value / _PARTS * _rating(key, value, settings)
    else:
        key = name
    return key, value


def _rating(key: str, value: float, settings: Settings) -> float:
    if key == REACTIVE:
        return settings.reactive_rating
    return settings.discharge_rating if value > 0 else settings.charge_rating


def _is_less(before: Setpoint | None, value: float, name: str) -> bool:
    """Whether a value asks for less than what stands (R1): that needs the role alone."""
    if name.endswith("_cap"):
        return before is None or value < before.value
    if value == 0:
        return True
    if before is None:
        return False
    return math.isnan(value) or (abs(value) <= abs(before.value) and value * before.value >= 0)
