"""What contradicts itself is told, at its rack, to the edge; it makes currents unknown, and is shown so (R42)."""

import dataclasses
import math

import numpy as np
import pytest
from control.coils import made
from control.paper import SETTINGS, Paper
from model.fleet import Fleet

from gateway.control.facts import Facts, facts_of
from gateway.control.interlock import BY_NAME
from gateway.control.plausible import DOUBTED, contradictions, doubted
from gateway.control.settings import RestVoltage, Settings
from gateway.control.state import Standing, fresh
from gateway.model.order import NO_REPORT, PcsReport
from gateway.model.pack import Topology
from gateway.model.quality import USABLE, Detail

NAN = math.nan
EXACT = dataclasses.replace(
    SETTINGS, current_tolerance=32.0, current_share=0.125, voltage_tolerance=16.0,
    voltage_share=0.0625, low_current=4.0, efficiency=0.5, auxiliaries=1024.0,
)  # fmt: skip


def told(settings: Settings = EXACT, **fields: object) -> list[tuple[str, int, float]]:
    """What two racks on the bus contradict."""
    well = {"connected": (1.0, 1.0), "voltage": (1024.0, 1024.0), "current": (0.0, 0.0), "power": (0.0, 0.0)}  # fmt: skip
    return [
        found
        for found in contradictions(facts(**{**well, **fields}), settings, NO_REPORT)
        if found[0] != "bus_inconsistent"
    ]


def facts(**fields: object) -> Facts:
    """Two racks."""
    return dataclasses.replace(Paper(count=2).facts(), **fields)  # type: ignore[arg-type] # its own


def row(name: str, rack: int, apart: float | None) -> object:
    """What is told of one contradiction; None: nothing, NaN: that it cannot be told."""
    return [] if apart is None else [(name, rack, pytest.approx(apart, nan_ok=True))]


@pytest.mark.parametrize(
    ("watts", "volts", "amperes", "apart"),
    [
        (32768.0, 1024.0, 0.0, None), (32769.0, 1024.0, 0.0, 32769.0), (-32769.0, 1024.0, 0.0, 32769.0),
        (524288.0, 1024.0, 512.0, None), (589824.0, 1024.0, 512.0, None), (589825.0, 1024.0, 512.0, 65537.0),
        (-524288.0, 1024.0, 512.0, 1048576.0), (-589824.0, 1024.0, -512.0, None), (-589825.0, 1024.0, -512.0, 65537.0),
        (NAN, 1024.0, 512.0, NAN), (1e6, 1024.0, NAN, NAN),
    ],
)  # fmt: skip
@pytest.mark.parametrize("number", [1, 2])
def test_power_is_voltage_times_current(
    watts: float, volts: float, amperes: float, apart: float | None, number: int
) -> None:
    """At the rack that tells otherwise, beyond as many A at its voltage as currents may be apart."""
    fields = {"power": watts, "voltage": volts, "current": amperes}
    well = {"power": 0.0, "voltage": 1024.0, "current": 0.0}
    both = {
        name: tuple(value if place == number else well[name] for place in (1, 2))
        for name, value in fields.items()
    }
    expected = row("rack_power_inconsistent", number, apart)
    assert told(EXACT, **both) == expected


@pytest.mark.parametrize(
    ("voltages", "connected", "apart"),
    [
        ((1024.0, 1024.0), (1.0, 1.0), None), ((1024.0, 960.0), (1.0, 1.0), None), ((1024.0, 959.5), (1.0, 1.0), 64.5),
        ((959.5, 1024.0), (1.0, 1.0), 64.5), ((16.0, 0.0), (1.0, 1.0), None), ((16.5, 0.0), (1.0, 1.0), 16.5),
        ((1024.0, 0.0), (1.0, 0.0), None), ((1024.0, 0.0), (1.0, NAN), NAN), ((1024.0, 0.0), (0.0, 0.0), None),
        ((0.0, 0.0), (1.0, 1.0), None), ((1024.0, 0.0), (NAN, NAN), NAN),
    ],
)  # fmt: skip
def test_what_is_on_one_bus_has_one_voltage(
    voltages: tuple[float, float], connected: tuple[float, float], apart: float | None
) -> None:
    """Of racks that are told to be on it; by 16 V, or by a sixteenth of the highest."""
    expected = row("bus_voltage_inconsistent", 0, apart)
    assert told(voltage=voltages, connected=connected) == expected


def test_the_voltage_behind_closed_contactors_is_that_of_the_bus() -> None:
    """Where BMUs tell it; that behind open ones is not looked at."""
    coiled = dataclasses.replace(EXACT, drives_coils=True)
    paper = Paper(count=2, settings=coiled)
    contacts = paper.facts().contacts
    assert made(coiled) is not None
    assert contacts is not None
    apart = dataclasses.replace(contacts, bus=(1024.0, 0.0))

    assert told(contacts=apart) == [("bus_voltage_inconsistent", 0, 1024.0)]
    assert told(contacts=apart, connected=(1.0, 0.0)) == []


def against_pcs(settings: Settings = EXACT, connected: tuple[float, float] = (1.0, 1.0), **report: float) -> list[tuple[str, int, float]]:  # fmt: skip
    """What racks that carry 256 A at 1024 V together contradict of a PCS."""
    of = facts(connected=connected, voltage=(1024.0, 1024.0), current=(128.0, 128.0), bus_voltage=1024.0)  # fmt: skip
    pcs = PcsReport(0.0, **{"is_running": True, **report})  # type: ignore[arg-type] # its own
    return [
        found
        for found in contradictions(of, settings, pcs)
        if found[0] != "rack_power_inconsistent"
    ]


@pytest.mark.parametrize(
    ("report", "apart"),
    [
        ({"dc_current": 256.0}, None), ({"dc_current": 288.0}, None), ({"dc_current": 289.0}, 33.0),
        ({"dc_current": 224.0}, None), ({"dc_current": 223.0}, 33.0), ({}, NAN),
        # 512 W AC are from 512 W to 1,024 W and the auxiliaries' 1,024 W DC: 2 A at the most
        ({"power": 512.0}, 254.0), ({"power": 130560.0}, None), ({"power": 262144.0}, None), ({"power": 294912.0}, None),
        ({"power": 295936.0}, 33.0), ({"power": 114176.0}, None), ({"power": 113664.0}, 33.0), ({"power": -1024.0}, 255.5),
        ({"power": 130560.0, "dc_current": 0.0}, 256.0), ({"power": 0.0, "dc_current": 256.0}, 255.0),
    ],
)  # fmt: skip
def test_a_pcs_and_racks_tell_one_current(report: dict[str, float], apart: float | None) -> None:
    """Its DC current, and that of its AC power by efficiency and auxiliaries (R13), as far as it tells them."""
    expected = row("bus_inconsistent", 0, apart)
    assert against_pcs(EXACT, (1.0, 1.0), **report) == expected


@pytest.mark.parametrize(("watts", "agrees"), [(-262144.0, True), (-524288.0, True), (-526336.0, True), (-592896.0, False), (-229376.0, True), (-228352.0, False)])  # fmt: skip
def test_a_charging_pcs_loses_on_its_way_to_the_bus(watts: float, *, agrees: bool) -> None:
    """256 A into racks: from what loses nothing to what loses half, and the auxiliaries (R13)."""
    of = facts(connected=(1.0, 1.0), current=(-128.0, -128.0), bus_voltage=1024.0, power=(NAN, NAN))
    rows = {name for name, _, _ in contradictions(of, EXACT, PcsReport(power=watts))}

    assert ("bus_inconsistent" not in rows) is agrees


NOTHING_TOLERATED = dataclasses.replace(
    EXACT, current_tolerance=0.0, current_share=0.0, voltage_tolerance=0.0, voltage_share=0.0625, auxiliaries=0.0,
)  # fmt: skip


@pytest.mark.parametrize(("watts", "agrees"), [(0.5, True), (0.25, False), (0.125, False)])
def test_little_power_on_a_bus_of_little_voltage_is_compared_as_well(
    watts: float, *, agrees: bool
) -> None:
    """2 A at half a volt are 1 W: of 0.5 W AC at the least, at an efficiency of a half (R13)."""
    of = facts(connected=(1.0, 1.0), current=(1.0, 1.0), voltage=(0.5, 0.5), bus_voltage=0.5, power=(NAN, NAN))  # fmt: skip
    rows = {name for name, _, _ in contradictions(of, NOTHING_TOLERATED, PcsReport(power=watts))}

    assert ("bus_inconsistent" not in rows) is agrees


def test_where_nothing_is_on_the_bus_nothing_is_apart() -> None:
    """Also where no difference is tolerated."""
    assert told(NOTHING_TOLERATED, connected=(0.0, 0.0)) == []


@pytest.mark.parametrize("volts", [0.0, NAN, -1.0])
def test_a_bus_without_voltage_compares_no_power(volts: float) -> None:
    """A BMU that boots tells 0 V: no cycle ends on that."""
    of = facts(connected=(1.0, 1.0), current=(0.0, 0.0), bus_voltage=volts)
    both = [
        [
            value
            for name, _, value in contradictions(of, EXACT, report)
            if name == "bus_inconsistent"
        ]
        for report in (PcsReport(power=1e6, dc_current=0.0), PcsReport(power=1e6))
    ]

    assert both == [[], [pytest.approx(NAN, nan_ok=True)]]


def test_only_racks_on_the_bus_count() -> None:
    """Those that are told off it carry nothing to the PCS; unknown ones do (R20)."""
    assert against_pcs(connected=(1.0, 0.0), dc_current=128.0) == []
    (unsure,) = against_pcs(connected=(1.0, NAN), dc_current=256.0)
    assert unsure[0] == "bus_voltage_inconsistent"


def test_a_running_pcs_has_the_bus_s_voltage() -> None:
    """One that stands may have opened its own switch."""
    assert against_pcs(dc_current=256.0, dc_voltage=960.0) == []
    assert against_pcs(dc_current=256.0, dc_voltage=959.0) == [
        ("bus_voltage_inconsistent", 0, 65.0)
    ]
    assert against_pcs(dc_current=256.0, dc_voltage=959.0, is_running=False) == []
    assert against_pcs(dc_current=256.0, dc_voltage=NAN) == []


def test_without_a_pcs_s_answer_nothing_is_told() -> None:
    """Neither that its current agrees, nor that its voltage does."""
    of = facts(connected=(1.0, 1.0), power=(NAN, NAN))
    found = [
        (name, rack) for name, rack, value in contradictions(of, EXACT, None) if math.isnan(value)
    ]

    assert {("bus_inconsistent", 0), ("bus_voltage_inconsistent", 0)} <= set(found)


@pytest.mark.parametrize(("amperes", "stands"), [(0.0, True), (3.5, True), (-3.5, True), (4.0, False), (-4.0, False), (NAN, False)])  # fmt: skip
def test_cells_are_looked_at_while_their_rack_rests(amperes: float, *, stands: bool) -> None:
    """A voltage under current says nothing of the state of charge."""
    found = told(resting={2: 2.75}, current=(100.0, amperes), power=(102400.0, NAN))
    rows = [item for item in found if item[0] == "soc_inconsistent"]
    assert rows == ([("soc_inconsistent", 2, 2.75)] if stands else [])


CURVE = (RestVoltage(0, 2.5, 3.0), RestVoltage(50, 3.25, 3.5), RestVoltage(100, 3.25, 3.75))


@pytest.mark.parametrize(
    ("soc", "volts", "resting"),
    [
        (0, 2.5, False), (0, 2.4375, True), (0, 3.0, False), (0, 3.0625, True), (25, 2.875, False), (25, 2.8125, True),
        (25, 3.25, False), (25, 3.3125, True), (100, 3.75, False), (100, 3.8125, True), (NAN, 1.0, False), (50, NAN, False),
    ],
)  # fmt: skip
def test_the_band_is_a_line_between_the_site_s_points(
    soc: float, volts: float, *, resting: bool
) -> None:
    """A mean cell outside of it contradicts its state of charge; what is unknown contradicts nothing."""
    racks = Fleet(Topology(racks=2), "rack_soc", "rack_cell_voltage_avg")
    racks.set("rack_soc", [50.0, soc])
    racks.set("rack_cell_voltage_avg", [3.3125, volts])
    racks.hear(0.0)
    settings = dataclasses.replace(SETTINGS, rest_voltages=CURVE)

    assert facts_of(racks.at(0.1), settings).resting == ({2: volts} if resting else {})
    assert facts_of(racks.at(0.1), SETTINGS).resting == {}


@pytest.mark.parametrize("name", DOUBTED)
@pytest.mark.parametrize("rack", [1, 2])
@pytest.mark.parametrize("tripped", [None, 5.0])
def test_what_is_contradicted_is_shown_as_inconsistent(
    name: str, tripped: float | None, rack: int
) -> None:
    """Of the rack that it is about, or of all; what was unknown stays so, and the picture of before as it was."""
    points = ("rack_voltage", "rack_current", "rack_power", "rack_soc")
    racks = Fleet(Topology(racks=3), *points)
    for point in points:
        racks.set(point, [1.0, 1.0, NAN])
    racks.hear(0.0, 1, 2)
    before = racks.at(0.1)
    row = BY_NAME[name]
    place = 0 if row.scope.value == 0 else rack
    chain = {(row.number, place): Standing(0.0, 1.0, tripped)}
    after = doubted(before, dataclasses.replace(fresh(3, 0.0), chain=chain))

    if tripped is None:
        assert after is before
        return
    for point in before.layout.points:
        was, codes = before.quality_of(point).ravel(), after.quality_of(point).ravel()
        expected = was.copy()
        if point in DOUBTED[name]:
            part = slice(rack - 1, rack) if place and point.startswith("rack_") else slice(None)
            expected[part] = np.where(USABLE[was[part]], Detail.INCONSISTENT, was[part])
        assert codes.tolist() == expected.tolist(), point
    assert not after.quality.flags.writeable
    assert before.quality_of("rack_current").ravel()[1] == Detail.NONE
