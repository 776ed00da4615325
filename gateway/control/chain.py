"""The interlock chain at work: causes come and go, rows trip, latch and are reset (R23, R24)."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.control.facts import Asserted
from gateway.control.interlock import INTERLOCKS, Effect, Interlock
from gateway.control.settings import Settings
from gateway.control.state import Chain, FirstOut, Standing
from gateway.model.event import KINDS, Event

Key = tuple[int, int]


def row_of(key: Key) -> Interlock:
    """The table's row of a key."""
    return INTERLOCKS[key[0] - 1]


@dataclass(frozen=True, slots=True)
class Moved:
    """The chain after a cycle, and what happened to it."""

    chain: Chain
    first_out: FirstOut | None
    events: tuple[Event, ...] = ()


def advance(
    chain: Chain, first_out: FirstOut | None, asserted: Asserted, settings: Settings, now: float
) -> Moved:
    """Every row, evaluated once (R24)."""
    if not chain and not asserted:
        return Moved(chain, first_out)
    delays = {threshold.row: threshold.delay for threshold in settings.thresholds}
    moved: dict[Key, Standing] = {}
    events: list[Event] = []
    for key in sorted(chain.keys() | asserted.keys()):
        before = chain.get(key)
        after = _stood(key, before, asserted, delays, now)
        if after is None:
            continue
        moved[key] = after
        events += _told(key, before, after, now)
        if after.tripped == now and row_of(key).latches and first_out is None:
            first_out = FirstOut(key[0], key[1], after.value, now)
            row = row_of(key).name
            events.append(Event(KINDS["first_out"], now, rack=key[1], row=row, value=after.value))
    return Moved(moved, first_out, tuple(events))


def _stood(
    key: Key, standing: Standing | None, asserted: Asserted, delays: Mapping[str, float], now: float
) -> Standing | None:
    """One row after a cycle; None once it stands no more."""
    row = row_of(key)
    if key not in asserted:
        if standing is None or standing.tripped is None:
            return None
        standing = (
            standing if standing.gone is not None else dataclasses.replace(standing, gone=now)
        )
        over = standing.gone is not None and now - standing.gone >= row.delay_off
        return None if over and not row.latches else standing
    if standing is None:
        standing = Standing(now, asserted[key])
    elif standing.gone is not None:
        standing = dataclasses.replace(standing, gone=None)
    due = now - standing.since >= delays.get(row.name, row.delay_on)
    if standing.tripped is None and due:
        return dataclasses.replace(standing, tripped=now, value=asserted[key])
    return standing


def _told(key: Key, before: Standing | None, after: Standing, now: float) -> Iterable[Event]:
    row, (_, rack) = row_of(key), key
    if after.tripped == now and (before is None or before.tripped is None):
        yield Event(KINDS["interlock_tripped"], now, rack=rack, row=row.name, value=after.value)
    elif after.gone == now and before is not None and before.gone is None:
        yield Event(KINDS["interlock_gone"], now, rack=rack, row=row.name)


def tripped(chain: Chain) -> Mapping[Key, Standing]:
    """The rows that act."""
    return {key: standing for key, standing in chain.items() if standing.tripped is not None}


def united(chain: Chain, racks: Iterable[int]) -> Effect:
    """The union of what acts on some racks, the container's rows included (R23)."""
    wanted, found = {0, *racks}, Effect.NONE
    for key, standing in chain.items():
        if standing.tripped is not None and key[1] in wanted:
            found |= row_of(key).effects
    return found


def standing_against(chain: Chain, effect: Effect, racks: Iterable[int]) -> str:
    """The name of the first row that has an effect on some racks; empty if none has."""
    wanted = {0, *racks}
    for key, standing in sorted(chain.items()):
        if standing.tripped is not None and key[1] in wanted and row_of(key).effects & effect:
            return row_of(key).name
    return ""


def is_latched(chain: Chain) -> bool:
    """Whether something waits for a reset."""
    return any(row_of(key).latches for key in tripped(chain))


def is_fault(chain: Chain, racks: Iterable[int]) -> bool:
    """Whether a latch takes the power of the container, or of a rack that conducts, away."""
    wanted, hard = {0, *racks}, Effect.ZERO | Effect.OPEN
    return any(
        row_of(key).latches and row_of(key).effects & hard and key[1] in wanted
        for key in tripped(chain)
    )


def causes_left(chain: Chain) -> tuple[Key, ...]:
    """Latched rows whose cause is still there: they cannot be reset (R24)."""
    return tuple(
        key
        for key, standing in sorted(tripped(chain).items())
        if row_of(key).latches and standing.gone is None
    )


def reset(chain: Chain, now: float) -> tuple[Chain, tuple[Event, ...]]:
    """The chain without the latches whose cause is gone."""
    gone = [
        key for key, standing in chain.items() if row_of(key).latches and standing.gone is not None
    ]
    events = tuple(
        Event(KINDS["interlock_reset"], now, rack=key[1], row=row_of(key).name) for key in gone
    )
    return {key: standing for key, standing in chain.items() if key not in gone}, events
