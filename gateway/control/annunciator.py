"""The life of alarms (ISA-18.2, IEC 62682; R39): they come, are acknowledged, return, are shelved or suppressed.

    cause there for delay_on      acknowledged
    ------------> UNACKNOWLEDGED -------------> ACKNOWLEDGED
                       | cause gone for             | cause gone for delay_off
                       v delay_off   acknowledged   v
                   RETURNED ----------------> no alarm any more

Rules:
- nothing here changes an interlock: acknowledging is no reset, and what is shelved acts as before;
- what opens racks, and what a BMU trips for, is never shelved;
- an alarm that comes again is unacknowledged again;
- an alarm is suppressed while another says the same of all: racks that are silent because their bus is;
- more than `FLOOD` alarms in `FLOOD_TIME` are a flood: then low ones are listed and counted, but no event each.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from gateway.control.alarms import Key, Kind, Priority
from gateway.model.event import KINDS, Event

FLOOD, FLOOD_TIME, FLOOD_OVER = 10, 600.0, 5
"ISA-18.2-2016 table 5: more than 10 alarms in 10 minutes; it is over when no more than 5 are left of them."


class Life(IntEnum):
    """Where an alarm is in its life, as it is shown."""

    NONE = 0
    UNACKNOWLEDGED = 1
    ACKNOWLEDGED = 2
    RETURNED = 3
    SHELVED = 4
    SUPPRESSED = 5


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm at one rack."""

    turned: float
    "When its cause last came or went."
    value: float = math.nan
    is_caused: bool = True
    is_active: bool = False
    "Whether it has come, and not gone."
    since: float = math.nan
    "When it came, or went, last."
    acknowledged_by: str = ""
    "Empty: nobody yet."
    shelved_until: float = -math.inf
    shelved_by: str = ""
    count: int = 0
    "How often it has come since there was nothing of it."

    @property
    def is_left(self) -> bool:
        """Whether there is anything to show or remember of it."""
        is_open = self.is_active or (self.count and not self.acknowledged_by)
        return self.is_caused or bool(is_open) or self.shelved_until > -math.inf


@dataclass(frozen=True, slots=True)
class Annunciator:
    """All alarms of a container."""

    alarms: Mapping[Key, Alarm] = field(default_factory=dict)
    came: tuple[float, ...] = ()
    "When alarms came, in the last ten minutes."
    is_flood: bool = False
    untold: int = 0
    "Low alarms of this flood that are no event."


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the list of alarms."""

    key: Key
    kind: Kind
    life: Life
    alarm: Alarm


NO_ALARMS = Annunciator()


def advance(
    before: Annunciator, causes: Mapping[Key, float], lingering: frozenset[Key],
    kinds: Mapping[int, Kind], now: float,
) -> tuple[Annunciator, tuple[Event, ...]]:  # fmt: skip
    """Every alarm after a cycle; what lingers is not there any more, and not gone either."""
    if not causes and not before.alarms:
        return (before, ()) if not before.came else _flooded(before, (), now)
    alarms: dict[Key, Alarm] = {}
    events: list[tuple[Kind, Event]] = []
    for key in sorted(before.alarms.keys() | causes.keys()):
        kind, old = kinds[key[0]], before.alarms.get(key)
        alarm, told = _moved(kind, key[1], old, causes.get(key), now, lingers=key in lingering)
        events += ((kind, event) for event in told)
        if alarm.is_left:
            alarms[key] = alarm
    return _flooded(dataclasses.replace(before, alarms=alarms), events, now)


def _moved(
    kind: Kind, rack: int, old: Alarm | None, cause: float | None, now: float, *, lingers: bool
) -> tuple[Alarm, Iterable[Event]]:
    alarm = old or Alarm(turned=now)
    is_caused = cause is not None or (alarm.is_caused and lingers)
    if old is not None and is_caused is not alarm.is_caused:
        alarm = dataclasses.replace(alarm, is_caused=is_caused, turned=now)
    events = []
    if alarm.shelved_until <= now and alarm.shelved_by:
        alarm = dataclasses.replace(alarm, shelved_until=-math.inf, shelved_by="")
        events.append(Event(KINDS["alarm_unshelved"], now, rack=rack, row=kind.name, detail="its time is over"))  # fmt: skip
    waited = now - alarm.turned
    if alarm.is_caused and not alarm.is_active and waited >= kind.delay_on:
        value = math.nan if cause is None else cause
        alarm = dataclasses.replace(
            alarm, is_active=True, since=now, value=value, acknowledged_by="", count=alarm.count + 1
        )
        events.append(Event(KINDS["alarm"], now, rack=rack, row=kind.name, value=value))
    elif alarm.is_active and not alarm.is_caused and waited >= kind.delay_off:
        alarm = dataclasses.replace(alarm, is_active=False, since=now)
        events.append(Event(KINDS["alarm_gone"], now, rack=rack, row=kind.name))
    return alarm, events


def _flooded(
    state: Annunciator, events: Iterable[tuple[Kind, Event]], now: float
) -> tuple[Annunciator, tuple[Event, ...]]:
    """Whether it is a flood, and what is told in it."""
    came = tuple(at for at in state.came if now - at < FLOOD_TIME)
    told, untold = list[Event](), state.untold
    for kind, event in events:
        is_new = event.kind is KINDS["alarm"]
        came += (now,) * is_new
        if kind.is_interlock and event.kind in _OF_CHAIN:
            continue
        if state.is_flood and kind.priority is Priority.LOW and event.kind in _OF_CHAIN:
            untold += is_new
        else:
            told.append(event)
    is_flood = len(came) > (FLOOD_OVER if state.is_flood else FLOOD)
    if is_flood and not state.is_flood:
        told.append(Event(KINDS["alarm_flood"], now, value=len(came)))
    if state.is_flood and not is_flood:
        told.append(Event(KINDS["alarm_flood_over"], now, value=untold))
        untold = 0
    if came == state.came and is_flood is state.is_flood and untold == state.untold:
        return state, tuple(told)
    return dataclasses.replace(state, came=came, is_flood=is_flood, untold=untold), tuple(told)


_OF_CHAIN = (KINDS["alarm"], KINDS["alarm_gone"])
"Coming and going: of interlocks the chain tells them."


def life_of(alarm: Alarm, kind: Kind, alarms: Mapping[Key, Alarm]) -> Life:
    """Where an alarm is in its life; NONE where nothing is shown of it."""
    if not alarm.count or not (alarm.is_active or not alarm.acknowledged_by):
        return Life.SHELVED if alarm.shelved_by else Life.NONE
    if alarm.shelved_by:
        return Life.SHELVED
    explained = alarms.get((kind.suppressed_by, 0))
    if explained is not None and explained.is_active:
        return Life.SUPPRESSED
    if not alarm.is_active:
        return Life.RETURNED
    return Life.ACKNOWLEDGED if alarm.acknowledged_by else Life.UNACKNOWLEDGED


def listed(state: Annunciator, kinds: Mapping[int, Kind]) -> list[Listed]:
    """All alarms that are shown: unacknowledged before others, then by priority, the newest first."""
    lines = [
        Listed(key, kinds[key[0]], life_of(alarm, kinds[key[0]], state.alarms), alarm)
        for key, alarm in state.alarms.items()
    ]
    shown = [line for line in lines if line.life is not Life.NONE]
    return sorted(shown, key=lambda line: (_ORDER[line.life], line.kind.priority, -line.alarm.since, line.key))  # fmt: skip


_ORDER = {Life.UNACKNOWLEDGED: 0, Life.RETURNED: 1, Life.ACKNOWLEDGED: 2, Life.SHELVED: 3, Life.SUPPRESSED: 4}  # fmt: skip


def known(state: Annunciator, chosen: Iterable[Key], by: str) -> Annunciator:
    """Some alarms acknowledged: what is gone already is no alarm any more."""
    alarms = dict(state.alarms)
    for key in chosen:
        alarm = dataclasses.replace(alarms[key], acknowledged_by=by)
        if alarm.is_left:
            alarms[key] = alarm
        else:
            del alarms[key]
    return dataclasses.replace(state, alarms=alarms)


def unknown(state: Annunciator) -> tuple[Key, ...]:
    """The alarms that nobody has acknowledged."""
    return tuple(
        key for key, alarm in state.alarms.items() if alarm.count and not alarm.acknowledged_by
    )


def shelved(state: Annunciator, key: Key, until: float, by: str) -> Annunciator:
    """One alarm put on the shelf, or taken from it where `by` is empty."""
    alarm = dataclasses.replace(state.alarms[key], shelved_until=until, shelved_by=by)
    alarms = {**state.alarms, key: alarm}
    if not alarm.is_left:
        del alarms[key]
    return dataclasses.replace(state, alarms=alarms)
