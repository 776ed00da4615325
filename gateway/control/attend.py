"""What people do about alarms: acknowledge, shelve, take from the shelf (R39). No interlock hears of it."""

import dataclasses
import math

from gateway.control import annunciator
from gateway.control.alarms import Key
from gateway.control.arbiter import ACCEPTED, refused
from gateway.control.settings import Settings
from gateway.control.state import State
from gateway.model.command import SELECT_STEP, Command, Reason, Verdict

ALL = 65534
"What acknowledges every alarm."

Change = tuple[State, Verdict]


def acknowledged(state: State, command: Command) -> Change:
    """Somebody has seen an alarm, or all of them."""
    waiting, key = annunciator.unknown(state.annunciator), _key(command)
    chosen = waiting if command.value == ALL else tuple(one for one in waiting if one == key)
    if not chosen:
        return state, refused(Reason.POSITION_REACHED, "no such alarm is unacknowledged")
    known = annunciator.known(state.annunciator, chosen, command.origin.name)
    return dataclasses.replace(state, annunciator=known), ACCEPTED


def shelved(state: State, command: Command, settings: Settings, now: float) -> Change:
    """An alarm is put aside for a while: it acts as before, and is told again when its time is over."""
    key = _key(command)
    alarm = state.annunciator.alarms.get(key)
    if alarm is None or not alarm.count:
        return state, refused(Reason.INVALID_POSITION, "no such alarm")
    if not settings.kinds[key[0]].can_be_shelved:
        return state, refused(Reason.INCONSISTENT_PARAMETERS, "it may not be shelved")
    until, by = now + settings.shelve_time, command.origin.name
    shelf = annunciator.shelved(state.annunciator, key, until, by)
    return dataclasses.replace(state, annunciator=shelf), ACCEPTED


def unshelved(state: State, command: Command) -> Change:
    """An alarm is taken from the shelf before its time."""
    key = _key(command)
    alarm = state.annunciator.alarms.get(key)
    if alarm is None or not alarm.shelved_by:
        return state, refused(Reason.POSITION_REACHED, "it is not shelved")
    shelf = annunciator.shelved(state.annunciator, key, -math.inf, "")
    return dataclasses.replace(state, annunciator=shelf), ACCEPTED


def _key(command: Command) -> Key:
    """The alarm that is meant: its number x 100 + rack."""
    number, rack = divmod(int(command.value), SELECT_STEP)
    return number, rack
