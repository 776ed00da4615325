"""The interlock chain at work: causes come and go, rows trip, latch and are reset (R23, R24)."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.control.interlock import FIRST_ALARM, INTERLOCKS, Effect, Interlock
from gateway.control.reported import Asserted
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
    has_hard_trip: bool = False
    "Whether a latch has just taken power away: it consumes every pending close (R3)."


def advance(
    chain: Chain, first_out: FirstOut | None, asserted: Asserted, settings: Settings, now: float
) -> Moved:
    """Every row, evaluated once (R24)."""
    if not chain and not asserted:
        return Moved(chain, first_out)
    delays = {threshold.row: threshold.delay for threshold in settings.thresholds}
    moved: dict[Key, Standing] = {}
    events: list[Event] = []
    has_hard_trip = False
    for key in sorted(chain.keys() | asserted.keys()):
        before = chain.get(key)
        after = _stood(key, before, asserted, delays, now)
        events += _told(key, before, after, now)
        if after is None:
            continue
        moved[key] = after
        row = row_of(key)
        if after.tripped != now or not row.latches:
            continue
        has_hard_trip |= bool(row.effects & _HARD)
        if first_out is None:
            first_out = FirstOut(key[0], key[1], after.value, now)
            events.append(
                Event(KINDS["first_out"], now, rack=key[1], row=row.name, value=after.value)
            )
    return Moved(moved, first_out, tuple(events), has_hard_trip)


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


def _told(key: Key, before: Standing | None, after: Standing | None, now: float) -> Iterable[Event]:
    rack, acted = key[1], before is not None and before.tripped is not None
    if after is not None and after.tripped is not None and not acted:
        row = row_of(key)
        kind = KINDS["interlock_latched" if row.latches else "interlock_tripped"]
        yield Event(kind, now, rack=rack, row=row.name, value=after.value)
    went = after is None or (after.gone is not None)
    if acted and went and before is not None and before.gone is None:
        yield Event(KINDS["interlock_gone"], now, rack=rack, row=row_of(key).name)


def tripped(chain: Chain) -> Mapping[Key, Standing]:
    """The rows that act."""
    return {key: standing for key, standing in chain.items() if standing.tripped is not None}


_HARD = Effect.ZERO | Effect.OPEN


def by_rack(chain: Chain) -> Mapping[int, Effect]:
    """What acts on each rack that something stands against; 0: on the container."""
    found: dict[int, Effect] = {}
    for key, standing in chain.items():
        if standing.tripped is not None:
            found[key[1]] = found.get(key[1], Effect.NONE) | row_of(key).effects
    return found


def tripped_by_bmus(chain: Chain) -> set[int]:
    """The racks at which a trip of a BMU stands; 0: one of the container's."""
    return {
        key[1] for key, standing in chain.items()
        if key[0] < FIRST_ALARM and standing.tripped is not None
    }  # fmt: skip


def united(chain: Chain, racks: Iterable[int]) -> Effect:
    """The union of what acts on some racks, the container's rows included (R23)."""
    if not chain:
        return Effect.NONE
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
    wanted = {0, *racks}
    return any(
        row_of(key).latches and row_of(key).effects & _HARD and key[1] in wanted
        for key in tripped(chain)
    )


def causes_left(chain: Chain) -> tuple[Key, ...]:
    """Latched rows whose cause is still there: they cannot be reset (R24)."""
    return tuple(
        key
        for key, standing in sorted(tripped(chain).items())
        if row_of(key).latches and standing.gone is None
    )


def reset(chain: Chain, asked: float, now: float) -> tuple[Chain, tuple[Event, ...]]:
    """The chain without the latches that stood when the reset was asked for, and whose cause is gone (R24)."""
    gone = [
        key
        for key, standing in sorted(chain.items())
        if row_of(key).latches
        and standing.gone is not None
        and standing.tripped is not None
        and standing.tripped <= asked
    ]
    events = tuple(
        Event(KINDS["interlock_reset"], now, rack=key[1], row=row_of(key).name) for key in gone
    )
    return {key: standing for key, standing in chain.items() if key not in gone}, events
