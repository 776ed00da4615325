"""The table of interlocks itself (X4), and what a wrong feeling about it would break (R23-R26)."""

from gateway.control import chain
from gateway.control.interlock import BY_NAME, FIRST_ALARM, INTERLOCKS, WATCHED, Effect
from gateway.control.state import Standing
from gateway.model.alarm import CAUSES
from gateway.model.point import POINTS, Scope

NEVER_BYPASSED = {"emergency_stop", "fire", "gas", "interlock", "contactor"}


def test_numbers_are_places_and_names_are_unique() -> None:
    """A row's number is its place from 1; 64 rows are those of the alarm catalogue."""
    assert [row.number for row in INTERLOCKS] == list(range(1, len(INTERLOCKS) + 1))
    assert len(BY_NAME) == len(INTERLOCKS)
    for cause in CAUSES:
        assert INTERLOCKS[cause.bit].name == f"bmu_trip_{cause.name}"
        assert INTERLOCKS[FIRST_ALARM - 1 + cause.bit].name == f"bmu_alarm_{cause.name}"


def test_every_trip_of_a_bmu_acts_and_is_told_to_people() -> None:
    """No trip is without effect; every row has text and remedy."""
    for row in INTERLOCKS:
        assert row.text
        assert row.remedy
        if row.name.startswith("bmu_trip_"):
            assert row.effects
        if row.name.startswith("bmu_alarm_"):
            assert not row.latches, "alarms come and go"


def test_who_opens_also_stops() -> None:
    """A row that opens takes power away and blocks closing; only what opens may do so under load (R30)."""
    for row in INTERLOCKS:
        if Effect.OPEN in row.effects:
            assert Effect.ZERO in row.effects
            assert Effect.BLOCK_CLOSE in row.effects
        if Effect.UNDER_LOAD in row.effects:
            assert Effect.OPEN | Effect.STOP_PCS in row.effects


def test_what_may_never_be_bypassed_is_not_bypassable() -> None:
    """HVIL, emergency stop, fire, gas, weld, and every trip of a BMU (R26)."""
    for row in INTERLOCKS:
        reported = row.name.removeprefix("bmu_trip_").removeprefix("bmu_alarm_") != row.name
        if reported or row.name in {"contactor_mismatch", "trip", "software_stop"}:
            assert not row.bypassable
    assert {row.name for row in INTERLOCKS if row.bypassable} <= WATCHED.keys()


def test_thresholds_look_at_points_that_exist() -> None:
    """Each row of the site's own watches a rack point; its direction is in its name."""
    for name, watched in WATCHED.items():
        assert POINTS[watched.point].scope is Scope.RACK
        assert BY_NAME[name].number > 79
        assert watched.is_upper is name.endswith("_high")
        assert watched.absolute is (name == "rack_current_high")


def test_the_union_is_taken_over_the_racks_that_are_meant() -> None:
    """Container rows count always, rack rows for their rack; what has not tripped counts nothing (R23)."""
    rows = {name: BY_NAME[name] for name in ("journal_failed", "soc_high", "soc_low", "trip")}
    standing = {
        (rows["journal_failed"].number, 0): Standing(0, 1, tripped=0),
        (rows["soc_high"].number, 1): Standing(0, 1, tripped=0),
        (rows["soc_low"].number, 2): Standing(0, 1, tripped=0),
        (rows["trip"].number, 0): Standing(0, 1),
    }

    assert chain.united({}, (1, 2)) == Effect.NONE
    assert chain.united(standing, ()) == Effect.BLOCK_CLOSE
    assert chain.united(standing, (1,)) == Effect.BLOCK_CLOSE | Effect.INHIBIT_CHARGE
    assert chain.by_rack(standing) == {
        0: Effect.BLOCK_CLOSE, 1: Effect.INHIBIT_CHARGE, 2: Effect.INHIBIT_DISCHARGE,
    }  # fmt: skip
    assert chain.standing_against(standing, Effect.INHIBIT_CHARGE, (1, 2)) == "soc_high"
    assert chain.standing_against(standing, Effect.INHIBIT_CHARGE, (2,)) == ""
    assert not chain.is_latched(standing)
    assert not chain.is_fault(standing, (1, 2))


def test_a_row_that_goes_late_stands_for_its_delay() -> None:
    """Delay off: the effect stays until the cause has been away for long enough (R23)."""
    number = BY_NAME["soc_high"].number
    late = INTERLOCKS[number - 1]

    assert late.delay_off == 0
    assert BY_NAME["bus_inconsistent"].delay_on == 5
