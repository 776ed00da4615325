"""Every alarm and every contactor as control sees it: one picture at a time (R23, R27)."""

import dataclasses
import math

import pytest
from control.test_facts import LAYOUT, seen, snapshot, spoilt

from gateway.control.facts import Contacts
from gateway.control.interlock import BY_NAME, INTERLOCKS, acting_alarms
from gateway.model.alarm import CAUSES, Level, alarm_point
from gateway.model.point import Scope
from gateway.model.quality import Detail

ACTED = [(level, cause) for level in (Level.ALARM, Level.TRIP) for cause in CAUSES]
NAN = math.nan


@pytest.mark.parametrize(("level", "cause"), ACTED, ids=lambda of: getattr(of, "name", str(of)))
def test_each_alarm_is_reported_by_its_row_if_that_acts(level: Level, cause: object) -> None:
    """At rack 2, or for the container; and an early cycle is asked for by the same ones (R23)."""
    assert cause in CAUSES
    (known,) = [item for item in CAUSES if item is cause]
    row = BY_NAME[f"bmu_{level.value}_{known.name}"]
    point = alarm_point(level, known)
    place = 0 if row.scope is Scope.CONTAINER else 2
    first = LAYOUT.first(point)

    assert seen(snapshot(**{point: [0.0, 1.0]})).reported == ({(row.number, place): 1.0} if row.effects else {})  # fmt: skip
    assert acting_alarms(LAYOUT).issuperset({first, first + 1}) is bool(row.effects)
    assert acting_alarms(LAYOUT).isdisjoint({first, first + 1}) is not bool(row.effects)


def test_only_alarms_act() -> None:
    """As many elements as racks and rows that act; warnings never do."""
    rows = sum(bool(row.effects) for row in INTERLOCKS[: 2 * len(CAUSES)])
    assert len(acting_alarms(LAYOUT)) == 2 * rows
    for cause in CAUSES:
        assert LAYOUT.first(alarm_point(Level.WARNING, cause)) not in acting_alarms(LAYOUT)


@pytest.mark.parametrize(
    ("negative", "precharge", "positive", "tells", "closed"),
    [
        (0, 0, 0, True, 0), (1, 0, 0, True, 1), (0, 1, 0, True, 1), (0, 0, 1, True, 1), (1, 1, 1, True, 1),
        (NAN, 0, 0, True, NAN), (0, NAN, 0, True, NAN), (0, 0, NAN, True, NAN), (NAN, 0, 1, True, 1),
        (0, NAN, 0, False, 0), (0, 1, 0, False, 0), (1, NAN, 0, False, 1),
    ],
)  # fmt: skip
def test_a_rack_is_closed_by_any_of_its_contactors(
    negative: float, precharge: float, positive: float, closed: float, *, tells: bool
) -> None:
    """Open only if all are told open; a precharge contactor that nobody tells of does not count (R27)."""
    contacts = Contacts((0.0,), (negative,), (precharge,), (positive,), (tells,))
    assert contacts.closed == pytest.approx((closed,), nan_ok=True)


def test_contactors_are_known_where_the_voltage_behind_them_is_told() -> None:
    """By any message of the container; else a rack is told by state requests (R27)."""
    of = snapshot(rack_bus_voltage=[1200, 1201], rack_contactor_negative=[1, 0], rack_contactor_positive=[0, 1])  # fmt: skip
    told = seen(dataclasses.replace(of, carried=frozenset({"rack_bus_voltage"}))).contacts

    assert seen(of).contacts is None
    assert told is not None
    assert (told.bus, told.negative, told.positive) == ((1200, 1201), (1, 0), (0, 1))
    assert all(map(math.isnan, told.precharge))
    assert told.tells_precharge == (False, False)


def test_a_rack_that_was_heard_once_is_heard() -> None:
    """Of two the second one was not (R17)."""
    facts = seen(spoilt(snapshot(), "rack_connected", Detail.NEVER_SEEN, 1))
    assert (facts.heard, facts.conducts) == ((False, True), (True, False))
