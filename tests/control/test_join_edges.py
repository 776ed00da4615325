"""Which rack is next, and when the bus is at rest, at their edges (R27, R29)."""

import dataclasses
import math

import pytest
from control.paper import SETTINGS, Paper

from gateway.control.facts import Contacts, Facts
from gateway.control.join import next_to_join, rest_since
from gateway.control.poles import NO_POLES, poles_of
from gateway.control.settings import Intent
from gateway.control.state import Phase, Rack, State, Wait, fresh


def state(*phases: Phase, **fields: object) -> State:
    """Racks in some phases."""
    return dataclasses.replace(fresh(len(phases), 0.0), racks=tuple(map(Rack, phases)), **fields)  # type: ignore[arg-type] # its own


def told(racks: int, **fields: object) -> Facts:
    """What racks tell."""
    return dataclasses.replace(Paper(count=racks).facts(), **fields)  # type: ignore[arg-type] # its own


@pytest.mark.parametrize(
    ("currents", "since"),
    [
        ((0.0, 0.0), 5.0), ((4.5, 0.0), 5.0), ((5.0, 0.0), math.nan), ((-5.0, 0.0), math.nan),
        ((19.5, -19.5), 5.0), ((20.0, -20.0), math.nan), ((2.5, 2.5), math.nan), ((2.5, 2.0), 5.0),
        ((math.nan, 0.0), math.nan), ((0.0, math.nan), math.nan),
    ],
)  # fmt: skip
def test_a_bus_is_at_rest_below_both_currents(currents: tuple[float, float], since: float) -> None:
    """5 A of the bus, 20 A of a rack; at them it is not (R29)."""
    of = state(Phase.CLOSED, Phase.CLOSED, rest_since=5.0)
    facts = told(2, connected=(1.0, 1.0))

    assert rest_since(of, facts, currents, SETTINGS, 9.0) == pytest.approx(since, nan_ok=True)
    begun = rest_since(dataclasses.replace(of, rest_since=math.nan), facts, currents, SETTINGS, 9.0)
    assert begun == pytest.approx(9.0 if since == 5.0 else math.nan, nan_ok=True)


def test_a_rack_that_is_off_does_not_disturb_the_rest() -> None:
    """Whatever it tells; one that is not known does."""
    of = state(Phase.OPEN, Phase.CLOSED, rest_since=5.0)

    assert rest_since(of, told(2, connected=(0.0, 1.0)), (80.0, 0.0), SETTINGS, 9.0) == 5.0
    assert math.isnan(
        rest_since(of, told(2, connected=(math.nan, 1.0)), (80.0, 0.0), SETTINGS, 9.0)
    )


@pytest.mark.parametrize("intent", Intent)
def test_the_first_of_equals_is_the_first(intent: Intent) -> None:
    """Whatever it is connected for (R29)."""
    settings = dataclasses.replace(SETTINGS, intent=intent)
    waiting = state(Phase.WAITING, Phase.WAITING, Phase.WAITING)
    same = next_to_join(waiting, told(3, voltage=(1300.0,) * 3), settings, 0.0)
    apart = next_to_join(waiting, told(3, voltage=(1300.0, 1305.0, 1295.0)), settings, 0.0)

    assert same == {0: Wait.NOTHING, 1: Wait.TURN, 2: Wait.TURN}
    first = {Intent.CHARGE: 2, Intent.DISCHARGE: 1, Intent.LARGEST_GROUP: 2}[intent]
    assert [index for index, wait in apart.items() if wait is Wait.NOTHING] == [first]


def test_the_largest_group_counts_those_that_are_close() -> None:
    """Three within half a volt of each other come before one that is lower alone (R29)."""
    facts = told(4, voltage=(1300.0, 1320.5, 1320.0, 1320.5))
    waits = next_to_join(state(*[Phase.WAITING] * 4), facts, SETTINGS, 0.0)

    assert [index for index, wait in waits.items() if wait is Wait.NOTHING] == [2]


def test_without_contactors_that_are_told_nobody_is_next() -> None:
    """Coil by coil alone (R28)."""
    waiting, coils = state(Phase.WAITING), dataclasses.replace(SETTINGS, drives_coils=True)

    assert next_to_join(waiting, told(1, contacts=None), coils, 0.0) == {0: Wait.UNKNOWN}
    assert next_to_join(waiting, told(1, contacts=contacts(1)), coils, 0.0) == {0: Wait.NOTHING}
    unknown = dataclasses.replace(contacts(1), bus=(math.nan,))
    assert next_to_join(waiting, told(1, contacts=unknown), coils, 0.0) == {0: Wait.UNKNOWN}
    assert next_to_join(waiting, told(1, contacts=None), SETTINGS, 0.0) == {0: Wait.NOTHING}


@pytest.mark.parametrize(
    ("volts", "wait"),
    [(1310.0, Wait.NOTHING), (1310.5, Wait.VOLTAGE), (1290.0, Wait.NOTHING), (1289.5, Wait.VOLTAGE),
     (0.5, Wait.VOLTAGE), (0.0, Wait.UNKNOWN), (math.nan, Wait.UNKNOWN)],
)  # fmt: skip
def test_who_fits_to_the_bus(volts: float, wait: Wait) -> None:
    """Within 10 V of every rack on it (R29)."""
    of = state(Phase.CLOSED, Phase.WAITING, rest_since=0.0)
    assert next_to_join(of, told(2, voltage=(1300.0, volts)), SETTINGS, 9.0) == {1: wait}


def test_half_a_volt_joins_a_dead_bus() -> None:
    """Alone, any voltage does."""
    assert next_to_join(state(Phase.WAITING), told(1, voltage=(0.5,)), SETTINGS, 9.0) == {0: Wait.NOTHING}  # fmt: skip


@pytest.mark.parametrize(("now", "wait"), [(5.05, Wait.REST), (5.125, Wait.NOTHING), (6.0, Wait.NOTHING)])  # fmt: skip
def test_the_bus_must_have_been_at_rest_for_its_time(now: float, wait: Wait) -> None:
    """To the moment; while another rack moves it is nobody's turn."""
    settings = dataclasses.replace(SETTINGS, rest=0.125)
    of = state(Phase.CLOSED, Phase.WAITING, rest_since=5.0)

    assert next_to_join(of, told(2), settings, now) == {1: wait}
    for busy in (Phase.CLOSING, Phase.OPENING):
        assert next_to_join(state(busy, Phase.WAITING, rest_since=0.0), told(2), settings, now) == {1: Wait.TURN}  # fmt: skip


def contacts(racks: int) -> Contacts:
    """Everything open, and told."""
    none = (0.0,) * racks
    return Contacts((1200.0,) * racks, none, none, none, (True,) * racks)


@pytest.mark.parametrize(
    ("phase", "connected", "live"),
    [
        (Phase.OPEN, 0.0, False), (Phase.OPEN, math.nan, False), (Phase.OPEN, 1.0, True),
        (Phase.CLOSED, 0.0, True), (Phase.UNLOADING, math.nan, True), (Phase.CLOSING, 0.0, False),
    ],
)  # fmt: skip
def test_a_bus_is_live_by_any_other_rack(phase: Phase, connected: float, *, live: bool) -> None:
    """That is on it, or tells so; a rack itself does not count (R27, R28)."""
    of = state(Phase.CLOSED, phase, Phase.OPEN)
    facts = told(3, connected=(1.0, connected, 0.0), contacts=contacts(3))

    alone = dataclasses.replace(facts, connected=(0.0, connected, 0.0))
    without = state(Phase.OPEN, phase, Phase.OPEN)
    assert poles_of(without, alone, 0).is_live is live
    assert poles_of(without, alone, 2).is_live is live
    assert not poles_of(without, dataclasses.replace(alone, connected=(0.0, 0.0, 0.0)), 1).is_live
    assert poles_of(of, facts, 1).is_live
    assert (poles_of(of, facts, 1).bus, poles_of(of, facts, 1).volts) == (1200.0, 1300.0)


def test_where_nobody_tells_of_contactors_there_are_none() -> None:
    """Nothing is known of them."""
    assert poles_of(state(Phase.OPEN), told(1, contacts=None), 0) is NO_POLES
