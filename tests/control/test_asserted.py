"""Every cause that is not a BMU's, with its value, at its rack, to the moment (R17, R21, R31, R34, R35, R41, R42)."""

import dataclasses
import math

import pytest
from control.paper import EMS, SETTINGS, Paper

from gateway.control.asserted import causes
from gateway.control.facts import QUIET, Facts, Identity, Plant
from gateway.control.interlock import BY_NAME
from gateway.control.settings import PcsPath, Settings
from gateway.control.state import Heartbeat, Rack, State, fresh
from gateway.model.order import PcsReport

NOW, STARTED = 100.0, 50.0
NAN = math.nan
EXACT = dataclasses.replace(SETTINGS, limits_stale=1.0, limits_lost=10.0, pcs_timeout=2.0, current_tolerance=32.0, current_share=0.125)  # fmt: skip
DRIVEN = dataclasses.replace(EXACT, path=PcsPath.WE_DRIVE)


def told(**fields: object) -> Facts:
    """Two racks on the bus, all well."""
    well = {
        "connected": (1.0, 1.0),
        "limits_age": (0.0, 0.0),
        "current": (0.0, 0.0),
        "power": (NAN, NAN),
    }
    return dataclasses.replace(Paper(count=2).facts(), **{**well, **fields})  # type: ignore[arg-type] # its own


def found(
    of: State | None = None, facts: Facts | None = None, plant: Plant = QUIET, settings: Settings = EXACT
) -> dict[tuple[str, int], float]:  # fmt: skip
    """The causes by name and rack."""
    state = of or fresh(2, STARTED)
    rows = causes(state, facts or told(), settings, plant, NOW)
    names = {row.number: name for name, row in BY_NAME.items()}
    return {(names[number], rack): value for (number, rack), value in rows.items()}


def racks(number: int, **fields: object) -> State:
    """A state in which one rack is something."""
    state = fresh(2, STARTED)
    changed = [dataclasses.replace(rack, **fields) if place == number else rack for place, rack in enumerate(state.racks, 1)]  # type: ignore[arg-type] # fmt: skip # its own
    return dataclasses.replace(state, racks=tuple(changed))


def test_where_all_is_well_nothing_is_asserted() -> None:
    """Whoever drives the PCS."""
    assert found() == {}
    assert found(plant=Plant(PcsReport(at=NOW, dc_current=0.0)), settings=DRIVEN) == {}


@pytest.mark.parametrize(
    ("age", "connected", "rows"),
    [
        (1.0, 1.0, {}), (1.5, 1.0, {"limits_stale": 1.5}), (1.5, 0.0, {}), (1.5, NAN, {"limits_stale": 1.5}),
        (10.0, 1.0, {"limits_stale": 10.0}), (10.5, 1.0, {"limits_stale": 10.5, "limits_lost": 10.5}),
        (10.5, 0.0, {"limits_lost": 10.5}), (math.inf, 1.0, {"limits_stale": 50.0, "limits_lost": 50.0}), (NAN, 1.0, {}),
    ],
)  # fmt: skip
def test_limits_that_are_old(age: float, connected: float, rows: dict[str, float]) -> None:
    """Stale after 1 s where the rack may conduct, lost after 10 s; a start counts from itself (R21)."""
    facts = told(limits_age=(0.0, age), connected=(1.0, connected))
    assert found(facts=facts) == {(name, 2): value for name, value in rows.items()}


def test_a_start_opens_nothing_for_limits_that_it_never_heard() -> None:
    """They are at most as old as the start (R14)."""
    young = dataclasses.replace(fresh(2, 92.0), stepped=NOW)
    assert found(young, told(limits_age=(math.inf, 0.0))) == {("limits_stale", 1): 8.0}


@pytest.mark.parametrize("number", [1, 2])
def test_each_rack_s_own(number: int) -> None:
    """Never heard, contradicting, locked out, another one than before (R17, R28, R31)."""
    other = tuple(float(place != number) for place in (1, 2))
    heard = tuple(place != number for place in (1, 2))
    others = tuple(Identity(9.0 if place == number else 7.0) for place in (1, 2))

    assert found(facts=told(heard=heard, limits_age=(50.0 * (not heard[0]), 50.0 * (not heard[1])))) == {("never_heard", number): 1}  # fmt: skip
    assert found(racks(number, mismatch=True), told(connected=other)) == {("contactor_mismatch", number): 0}  # fmt: skip
    assert found(racks(number, locked_until=107.5)) == {("precharge_lockout", number): 7.5}
    assert found(racks(number, locked_until=NOW)) == {}
    known = dataclasses.replace(fresh(2, STARTED), racks=(Rack(identity=Identity(7.0)),) * 2)
    assert found(known, told(identities=others)) == {("rack_identity_changed", number): 9.0}


@pytest.mark.parametrize(
    ("connected", "heard", "silent"),
    [((NAN, NAN), (True, True), True), ((NAN, NAN), (False, True), True), ((NAN, NAN), (False, False), False),
     ((NAN, 0.0), (True, True), False)],
)  # fmt: skip
def test_a_bus_is_silent_once_all_are(
    connected: tuple[float, float], heard: tuple[bool, bool], *, silent: bool
) -> None:
    """Of those that were ever heard; before that it waits (R17, R21)."""
    rows = found(facts=told(connected=connected, heard=heard))
    assert (rows.get(("bus_silent", 0)) == 1) is silent


@pytest.mark.parametrize(
    ("row", "of", "plant"),
    [
        ("ems_lost", {"heartbeat": Heartbeat(is_lost=True)}, QUIET), ("trip", {"tripped_by": (EMS,)}, QUIET),
        ("software_stop", {"stopped": True}, QUIET), ("memory_lost", {"forgot": True}, QUIET),
        ("duplicate_master", {}, Plant(duplicate="0x1")),
        ("journal_failed", {}, Plant(journal_failed="full")), ("not_live", {}, Plant(is_live=False)),
    ],
)  # fmt: skip
def test_each_of_the_container(row: str, of: dict[str, object], plant: Plant) -> None:
    """Alone, with the value 1."""
    assert found(dataclasses.replace(fresh(2, STARTED), **of), plant=plant) == {(row, 0): 1}  # type: ignore[arg-type] # its own


def pcs(**report: object) -> Plant:
    """What the PCS tells, now unless it says when."""
    return Plant(PcsReport(**{"at": NOW, "dc_current": 0.0, **report}))  # type: ignore[arg-type] # its own


@pytest.mark.parametrize(
    ("plant", "rows"),
    [
        (pcs(at=98.0), {}), (pcs(at=97.5), {"pcs_lost": 2.5}), (pcs(at=-math.inf), {"pcs_lost": 50.0}),
        (pcs(has_fault=True), {"pcs_fault": 1}), (pcs(at=97.5, has_fault=True, dc_current=500.0), {"pcs_lost": 2.5}),
        (pcs(dc_current=32.0), {}), (pcs(dc_current=32.5), {"bus_inconsistent": 32.5}),
        (pcs(dc_current=-32.5), {"bus_inconsistent": 32.5}), (pcs(dc_current=NAN), {}),
        (pcs(dc_current=40.0, has_fault=True), {"pcs_fault": 1, "bus_inconsistent": 40.0}),
    ],
)  # fmt: skip
def test_each_of_the_pcs(plant: Plant, rows: dict[str, float]) -> None:
    """Where we drive it, and it is not left alone (R12, R42)."""
    assert found(plant=plant, settings=DRIVEN) == {(name, 0): value for name, value in rows.items()}
    assert found(plant=plant) == {}
    alone = dataclasses.replace(fresh(2, STARTED), left_alone=True)
    assert found(alone, plant=plant, settings=DRIVEN) == {}


@pytest.mark.parametrize(
    ("currents", "connected", "dc", "apart"),
    [
        ((256.0, 256.0), (1.0, 1.0), 448.0, None), ((256.0, 256.0), (1.0, 1.0), 447.5, 64.5),
        ((-256.0, -256.0), (1.0, 1.0), -448.0, None), ((256.0, 256.0), (1.0, 0.0), 256.0, None),
        ((256.0, 256.0), (1.0, NAN), 512.0, None), ((256.0, NAN), (1.0, 1.0), 0.0, None),
    ],
)  # fmt: skip
def test_currents_may_be_an_eighth_apart(
    currents: tuple[float, float], connected: tuple[float, float], dc: float, apart: float | None
) -> None:
    """Of the racks on the bus, or that may be; beyond that somebody is wrong (R42)."""
    facts = told(current=currents, connected=connected)
    expected = {} if apart is None else {("bus_inconsistent", 0): apart}
    assert found(facts=facts, plant=pcs(dc_current=dc), settings=DRIVEN) == expected
