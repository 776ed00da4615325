"""What control sees of a snapshot: what is known, how old it is, and what BMUs report (R19, R21, R23)."""

import dataclasses
import math

import numpy as np
import pytest
from control.paper import SETTINGS
from model.fleet import Fleet

from gateway.control.facts import Facts, facts_of
from gateway.control.interlock import BY_NAME
from gateway.control.settings import Threshold
from gateway.model.pack import Layout, Snapshot, Topology
from gateway.model.quality import Detail

NAN = math.nan
LAYOUT = Layout(Topology(racks=2))
BASE: dict[str, list[float]] = {
    "rack_voltage": [1300, 1301],
    "rack_current": [10, -20],
    "rack_connected": [1, 0],
    "rack_state": [3, 1],
    "rack_charge_current_limit": [100, 110],
    "rack_discharge_current_limit": [120, 130],
    "charge_current_limit": [100],
    "discharge_current_limit": [120],
    "voltage": [1300],
}


def snapshot(**points: list[float]) -> Snapshot:
    """Two racks that tell these points, good and half a second old; everything else was never seen."""
    values = np.full(LAYOUT.elements, NAN)
    quality = np.full(LAYOUT.elements, Detail.NEVER_SEEN, np.uint8)
    age = np.full(LAYOUT.elements, math.inf)
    for name, told in {**BASE, **points}.items():
        part = LAYOUT.slices[name]
        values[part], quality[part], age[part] = told, Detail.NONE, 0.5
    return Snapshot(LAYOUT, 0.0, values, quality, age, np.zeros(LAYOUT.elements, np.bool_))


def spoilt(of: Snapshot, name: str, detail: Detail, rack: int = 1) -> Snapshot:
    """The same with one value that is not good."""
    quality = of.quality.copy()
    quality[LAYOUT.first(name) + rack - 1] = detail
    return dataclasses.replace(of, quality=quality)


def seen(of: Snapshot, *thresholds: Threshold) -> Facts:
    """What control sees."""
    return facts_of(of, dataclasses.replace(SETTINGS, thresholds=thresholds))


def test_what_is_good_is_known() -> None:
    """Each rack's numbers, and the limits of the bus."""
    facts = seen(snapshot())

    assert list(facts.voltage) == [1300, 1301]
    assert list(facts.current) == [10, -20]
    assert list(facts.connected) == [1, 0]
    assert facts.conducts == (True, False)
    assert facts.heard == (True, True)
    assert facts.precharging == (False, False)
    assert facts.limits_age == (0.5, 0.5)
    assert facts.charge_amperes == 100
    assert facts.discharge_amperes == 120
    assert math.isnan(facts.charge_watts)
    assert math.isnan(facts.discharge_watts)
    assert facts.bus_voltage == 1300
    assert facts.reported == {}


@pytest.mark.parametrize("detail", [Detail.OLD_DATA, Detail.OUT_OF_RANGE, Detail.FROZEN])
def test_what_is_not_good_is_unknown(detail: Detail) -> None:
    """Whatever number it still holds: a rack conducts, a current is high, a limit is 0 (R19, R20, CMD-08)."""
    for name in ("rack_voltage", "rack_current", "rack_connected"):
        facts = seen(spoilt(snapshot(), name, detail))
        assert math.isnan(getattr(facts, name.removeprefix("rack_"))[0])
    facts = seen(spoilt(snapshot(), "rack_connected", detail, 2))
    assert facts.conducts == (True, True)
    assert facts.heard == (True, True)
    assert seen(spoilt(snapshot(), "charge_current_limit", detail)).charge_amperes == 0
    assert seen(snapshot(charge_current_limit=[-5])).charge_amperes == 0
    assert seen(snapshot(charge_current_limit=[NAN])).charge_amperes == 0


@pytest.mark.parametrize("carried", ["charge_power_limit", "rack_charge_power_limit"])
def test_a_limit_that_was_not_heard_yet_is_nothing(carried: str) -> None:
    """Some message carries it, of the bus or of racks: 0 until it comes; what none carries is no limit (R19)."""
    facts = seen(dataclasses.replace(snapshot(), carried=frozenset({carried})))

    assert facts.charge_watts == 0
    assert math.isnan(facts.discharge_watts)
    assert facts.charge_amperes == 100


def test_the_picture_says_what_messages_carry() -> None:
    """Before the first frame too: that is how control knows what it waits for (R19)."""
    fleet = Fleet(Topology(racks=2), "rack_charge_power_limit", "rack_charge_current_limit")
    before = seen(fleet.at(0.1))
    fleet.set("rack_charge_current_limit", 100)
    fleet.hear(0.2)
    half = seen(fleet.at(0.3))
    fleet.set("rack_charge_power_limit", 80e3)
    after = seen(fleet.at(0.4))

    assert (before.charge_watts, before.charge_amperes) == (0, 0)
    assert (half.charge_watts, half.charge_amperes) == (0, 200)
    assert (after.charge_watts, after.charge_amperes) == (160e3, 200)
    assert math.isnan(after.discharge_watts)
    assert math.isnan(after.discharge_amperes)


def test_who_was_never_heard_is_not_heard() -> None:
    """Waiting is something else than silence (R17)."""
    facts = seen(spoilt(snapshot(), "rack_connected", Detail.NEVER_SEEN, 2))

    assert facts.heard == (True, False)


def test_the_oldest_limit_counts() -> None:
    """Of those that racks of this container tell; a rack that tells none of them is infinitely old (R21)."""
    of = snapshot()
    age = of.age.copy()
    age[LAYOUT.first("rack_discharge_current_limit") + 1] = 7.0
    assert seen(dataclasses.replace(of, age=age)).limits_age == (0.5, 7.0)
    age[LAYOUT.first("rack_charge_current_limit") + 1] = math.inf
    assert seen(dataclasses.replace(of, age=age)).limits_age == (0.5, math.inf)
    age[:] = math.inf
    assert all(map(math.isnan, seen(dataclasses.replace(of, age=age)).limits_age))


@pytest.mark.parametrize(
    ("connected", "state", "coil", "precharging"),
    [(0, 2, 0, True), (0, 1, 1, True), (0, 1, 0, False), (1, 2, 1, False), (NAN, 2, 0, True)],
)
def test_half_done_precharge_is_seen(
    connected: float, state: float, coil: float, *, precharging: bool
) -> None:
    """By the rack's state or its coil, unless it is on the bus (R14)."""
    of = snapshot(
        rack_connected=[connected, 0], rack_state=[state, 1], rack_contactor_precharge=[coil, 0]
    )

    assert seen(of).precharging == (precharging, False)


def test_alarms_and_trips_are_reported_by_rack_or_for_the_container() -> None:
    """By number; what has no effect is left out; they stay while their rack is silent (R23)."""
    of = snapshot(
        rack_trip_soc_low=[0, 1], rack_trip_door=[0, 1], rack_alarm_soc_low=[1, 0],
        rack_alarm_fuse=[1, 1], rack_warning_soc_low=[1, 1],
    )  # fmt: skip
    of = spoilt(of, "rack_trip_soc_low", Detail.OLD_DATA, 2)

    assert seen(of).reported == {
        (BY_NAME["bmu_trip_soc_low"].number, 2): 1.0,
        (BY_NAME["bmu_trip_door"].number, 0): 1.0,
        (BY_NAME["bmu_alarm_soc_low"].number, 1): 1.0,
    }


@pytest.mark.parametrize(
    ("row", "point", "values", "limit", "found"),
    [
        ("soc_high", "rack_soc", [95, 95.1], 95, {2: 95.1}),
        ("soc_low", "rack_soc", [5, 4.9], 5, {2: 4.9}),
        ("rack_current_high", "rack_current", [-401, 400], 400, {1: 401}),
        ("insulation_low", "rack_insulation_resistance", [1e6, 9e4], 1e5, {0: 9e4}),
    ],
)
def test_thresholds_of_the_site(
    row: str, point: str, values: list[float], limit: float, found: dict[int, float]
) -> None:
    """Beyond, not at, the value; absolute for currents; the container's rows at rack 0 (R23)."""
    facts = seen(snapshot(**{point: values}), Threshold(row, limit))

    assert facts.reported == {(BY_NAME[row].number, rack): value for rack, value in found.items()}


def aged(of: Snapshot, **seconds: list[float]) -> Snapshot:
    """The same with the ages of some points."""
    age = of.age.copy()
    for name, told in seconds.items():
        age[of.layout.slices[name]] = told
    return dataclasses.replace(of, age=age)


def test_a_value_that_is_lost_counts_as_beyond() -> None:
    """Missing means trip while its rack is heard; one that was never seen does not count (R23)."""
    of = aged(snapshot(rack_soc=[50, 50]), rack_soc=[0.5, 3.0], rack_connected=[0.5, 1.4])
    lost = seen(spoilt(of, "rack_soc", Detail.OLD_DATA, 2), Threshold("soc_high", 95))
    wrong = seen(spoilt(of, "rack_soc", Detail.OUT_OF_RANGE, 1), Threshold("soc_high", 95))
    never = seen(spoilt(of, "rack_soc", Detail.NEVER_SEEN, 2), Threshold("soc_high", 95))

    assert list(lost.reported) == [(BY_NAME["soc_high"].number, 2)]
    assert math.isnan(lost.reported[BY_NAME["soc_high"].number, 2])
    assert list(wrong.reported) == [(BY_NAME["soc_high"].number, 1)]
    assert never.reported == {}


@pytest.mark.parametrize("connected", [1.5, 2.9, 3.0])
def test_a_silent_rack_is_beyond_no_threshold(connected: float) -> None:
    """Its feedback is about as old: that is told by rows of its own, and latches nothing (R21)."""
    of = aged(snapshot(rack_soc=[50, 50]), rack_soc=[0.5, 3.0], rack_connected=[0.5, connected])
    silent = spoilt(of, "rack_soc", Detail.OLD_DATA, 2)
    without = spoilt(silent, "rack_connected", Detail.NEVER_SEEN, 2)

    assert seen(silent, Threshold("soc_high", 95)).reported == {}
    assert list(seen(without, Threshold("soc_high", 95)).reported) == [
        (BY_NAME["soc_high"].number, 2)
    ]


@pytest.mark.parametrize("part", ["serial", "firmware", "modules"])
def test_who_tells_0_tells_nobody(part: str) -> None:
    """A BMU that starts tells 0 of itself until it knows: that is no other rack (R31)."""
    told = [getattr(who, part) for who in seen(snapshot(**{f"rack_{part}": [0.0, 7.0]})).identities]

    assert math.isnan(told[0])
    assert told[1] == 7
