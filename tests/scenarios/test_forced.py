"""Each interlock forced once through the plant: its effects and no others, first-out, latch (R17, R21, R23, R24, R30, R31).

`PYTHONPATH=tests python tests/scenarios/test_forced.py` writes the table of what was seen anew.
"""

import functools
from pathlib import Path

import pytest
from scenarios.disturbed import Disturbed
from scenarios.forced_run import Seen, observed
from scenarios.forced_table import effects, published, table

from gateway.control.interlock import BY_NAME, INTERLOCKS, Effect, Interlock
from gateway.model.point import Scope

from closed import Closed

PAGE = Path(__file__).parent.parent.parent / "docs" / "interlocks-forced.md"
ROWS = pytest.mark.parametrize("row", INTERLOCKS, ids=lambda row: row.name)
ONE, BOTH, NONE = (True, False), (True, True), (False, False)
seen_of = functools.cache(observed)
"A row is forced once for all tests."


def concerned(row: Interlock, *effects: Effect) -> tuple[bool, bool]:
    """The racks that a row with one of some effects concerns, forced on rack 1."""
    if not any(effect & row.effects for effect in effects):
        return NONE
    return ONE if row.scope is Scope.RACK else BOTH


@ROWS
def test_it_has_its_effects_and_no_others(row: Interlock) -> None:
    """Nothing stands before; then it acts, alone but for what the same cause brings, as is published (R21, R23)."""
    seen = seen_of(row)
    standing, acts = seen.standing, frozenset({row.number} if row.effects else ())

    assert not seen.before.tripped
    assert acts <= standing.tripped <= acts | seen.how.company
    assert standing.caused == standing.tripped
    assert effects(seen) == published(seen)
    own = int(row.effects)
    assert standing.effects == (own, own if row.scope is Scope.CONTAINER else 0)


@ROWS
def test_power_obeys(row: Interlock) -> None:
    """What is not inhibited flows, what is does not; the PCS's setpoint says so too (R23)."""
    seen = seen_of(row)
    inhibits = (Effect.INHIBIT_CHARGE, Effect.INHIBIT_DISCHARGE)
    stops = tuple(bool(row.effects & (effect | Effect.ZERO)) for effect in inhibits)

    assert seen.standing.stopped == stops
    if Effect.OPEN not in row.effects and not seen.how.holds_power:
        assert seen.flows == (not stops[0], not stops[1])
    if seen.standing.stopped == BOTH and seen.how.reaches_pcs and not any(seen.flows):
        assert seen.asked_of_pcs == 0


@ROWS
def test_only_racks_concerned_are_opened_or_kept_open(row: Interlock) -> None:
    """A row of a rack leaves the other one on the bus, or lets it join; whoever is refused is not told (R23, R30)."""
    seen = seen_of(row)

    assert seen.asked_open == concerned(row, Effect.OPEN)
    if not seen.how.asks:
        assert seen.opened == concerned(row, Effect.OPEN)
    blocked = concerned(row, Effect.BLOCK_CLOSE, Effect.OPEN)
    assert seen.refused == (BOTH if seen.how.seems_closed else blocked)
    told = [rack for rack, refused in zip(seen.let_in, seen.refused, strict=True) if not refused]
    assert any(told) is (bool(told) and seen.how.told)
    assert not any(
        rack and refused for rack, refused in zip(seen.let_in, seen.refused, strict=True)
    )


@ROWS
def test_the_first_out_is_right(row: Interlock) -> None:
    """A latched row is the first-out with its rack and what it saw, until the reset; no other row is (R17, R24)."""
    seen = seen_of(row)
    standing, rack = seen.standing, int(row.scope is Scope.RACK)

    if not row.latches:
        assert standing.first_out == seen.gone.first_out == (0, 0)
        return
    assert standing.first_out == seen.obstinate.first_out == seen.gone.first_out
    assert standing.first_out == (row.number, rack)
    assert standing.rack == rack
    assert seen.how.value is not None
    assert standing.first_value == round(seen.how.value * 1000)


@ROWS
def test_it_stands_until_cause_and_reset(row: Interlock) -> None:
    """A latch outlives a reset with its cause, and its cause; the others end with theirs (R24)."""
    seen = seen_of(row)

    if row.latches:
        assert row.number in seen.obstinate.tripped
        assert seen.gone.tripped == {row.number}
        assert (row.number in seen.gone.caused) is (row.name in {"software_stop", "memory_lost"})
    else:
        assert not seen.gone.tripped
    assert not seen.cleared.tripped
    assert seen.cleared.first_out == (0, 0)
    assert seen.cleared.effects == (0, 0)
    assert seen.again == (0 if seen.opened == BOTH else 100_000)


@pytest.mark.parametrize("row", INTERLOCKS[:64], ids=lambda row: row.name)
def test_what_bmus_report_is_shown(row: Interlock) -> None:
    """Also where it has no effect: in the alarms or trips of its rack, as long as it is there."""
    seen = seen_of(row)

    assert seen.standing.reported == ONE
    assert seen.gone.reported == NONE


def test_the_first_of_two_stays_the_first() -> None:
    """A second row on the other rack does not take its place (R24)."""
    plant = Disturbed().work()
    first, second = BY_NAME["bmu_trip_soc_low"], BY_NAME["bmu_trip_fire"]
    plant.reports.add((2, first.number))
    plant.run(0.3)
    plant.reports.add((1, second.number))
    plant.run(0.3)

    closed: Closed = plant.closed
    assert closed.read(8, 2) == [first.number, 2]
    assert closed.read(89) == [2]


def test_a_changed_rack_is_confirmed_by_the_reset() -> None:
    """With the new serial number still told, the reset takes it for the rack's own (R31)."""
    plant = Disturbed().work()
    plant.told[1] = {"SerialNumber": 480_099}
    plant.run(1.3)
    assert plant.closed.read(8, 2) == [90, 1]
    assert plant.once(61105) == 0
    plant.run(1.3)

    assert plant.closed.read(8) == [0]
    assert not any(plant.closed.read(300, 6))


def every() -> list[Seen]:
    """All rows in turn."""
    return [seen_of(row) for row in INTERLOCKS]


def test_the_table_is_what_was_seen() -> None:
    """The page in the manual is of these runs; the first lines here tell how to write it anew."""
    assert table(every()).splitlines() == PAGE.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    PAGE.write_text(table(every()), encoding="utf-8")
