"""One row of the chain, one cycle (R23, R24)."""

from collections.abc import Mapping

import pytest
from control.paper import SETTINGS

from gateway.control.chain import Moved, advance
from gateway.control.interlock import BY_NAME
from gateway.control.state import FirstOut, Standing

LATCHES, PASSES, DELAYED = "bmu_trip_fire", "pcs_fault", "bus_inconsistent"
NOW = 100.0


def key(row: str, rack: int = 0) -> tuple[int, int]:
    """A row's key."""
    return BY_NAME[row].number, rack


def moved(row: str, before: Standing | None, value: float | None, first: FirstOut | None = None) -> Moved:  # fmt: skip
    """The chain after a cycle; `value`: of the cause, None where it is not there."""
    chain: Mapping[tuple[int, int], Standing] = {} if before is None else {key(row): before}
    return advance(chain, first, {} if value is None else {key(row): value}, SETTINGS, NOW)


@pytest.mark.parametrize(
    ("row", "before", "value", "after", "told"),
    [
        (LATCHES, None, 3.0, Standing(NOW, 3.0, NOW), ["interlock_latched", "first_out"]),
        (PASSES, None, 3.0, Standing(NOW, 3.0, NOW), ["interlock_tripped"]),
        (LATCHES, Standing(90.0, 3.0, 90.0), 4.0, Standing(90.0, 3.0, 90.0), []),
        (LATCHES, Standing(90.0, 3.0, 90.0), None, Standing(90.0, 3.0, 90.0, NOW), ["interlock_gone"]),
        (LATCHES, Standing(90.0, 3.0, 90.0, 95.0), None, Standing(90.0, 3.0, 90.0, 95.0), []),
        (LATCHES, Standing(90.0, 3.0, 90.0, 95.0), 4.0, Standing(90.0, 3.0, 90.0), []),
        (PASSES, Standing(90.0, 3.0, 90.0), None, None, ["interlock_gone"]),
        (PASSES, Standing(90.0, 3.0, 90.0), 4.0, Standing(90.0, 3.0, 90.0), []),
        (DELAYED, None, 30.0, Standing(NOW, 30.0), []),
        (DELAYED, Standing(95.5, 30.0), 40.0, Standing(95.5, 30.0), []),
        (DELAYED, Standing(95.0, 30.0), 40.0, Standing(95.0, 40.0, NOW), ["interlock_tripped"]),
        (DELAYED, Standing(95.0, 30.0), None, None, []),
    ],
)  # fmt: skip
def test_a_row_comes_trips_and_goes(
    row: str, before: Standing | None, value: float | None, after: Standing | None, told: list[str]
) -> None:
    """With the value at which it tripped; one that latches stays, and its cause may come back."""
    result = moved(row, before, value)

    assert result.chain.get(key(row)) == after
    assert [event.kind.name for event in result.events] == told


@pytest.mark.parametrize(
    ("row", "hard"), [(LATCHES, True), ("bmu_trip_soc_low", False), (PASSES, False), ("bmu_trip_door", True)]
)  # fmt: skip
def test_only_a_latch_that_takes_power_consumes_closes(row: str, *, hard: bool) -> None:
    """In the cycle in which it trips (R3)."""
    assert moved(row, None, 1.0).has_hard_trip is hard
    assert not moved(row, Standing(90.0, 1.0, 90.0), 1.0).has_hard_trip


def test_the_first_out_is_the_first() -> None:
    """With its time and value; it stays (R24)."""
    earlier = FirstOut(1, 2, 3.0, 50.0)

    assert moved(LATCHES, None, 3.0).first_out == FirstOut(key(LATCHES)[0], 0, 3.0, NOW)
    assert moved(LATCHES, None, 3.0, earlier).first_out == earlier
    assert moved(PASSES, None, 3.0).first_out is None
