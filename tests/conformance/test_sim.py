"""The frames of the simulated container, as cantools reads them."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from cantools.database.can import Database
from simulated.bench import read as told

from conformance.sim.battery import Battery
from conformance.sim.bmu import Bmu
from conformance.sim.database import lines
from conformance.sim.emitter import Emitter
from gateway.mapping.library import installed

_DBC = installed() / "frames" / "demo-bmu.dbc"
_RACK = 3


@pytest.fixture
def battery() -> Battery:
    """A container that has discharged for a minute, at 1 MW."""
    moved = Battery()
    moved.power = 1e6
    for _ in range(60):
        moved.step(1.0)
    return moved


def test_the_database_in_the_mappings_is_the_one_that_is_generated() -> None:
    """`python -m conformance.sim.database` would write the same file again."""
    assert Path(_DBC).read_text(encoding="utf-8") == "\n".join(lines()) + "\n"


def test_cantools_reads_the_battery_in_the_simulated_frames(
    database: Database, battery: Battery
) -> None:
    """Measured values and limits of a rack, to the resolution of their signals."""
    read = told(database, list(Bmu(battery, _RACK).fast()), _RACK)
    place = _RACK - 1
    measure, limits, status = (read[f"Rack_{name}"] for name in ("Measure", "Limits", "Status"))

    assert measure["RackVoltage"] == pytest.approx(float(battery.rack_voltage()[place]), abs=0.051)
    assert measure["RackCurrent"] == pytest.approx(float(battery.rack_current[place]), abs=0.051)
    assert measure["RackCurrent"] > 20
    assert measure["RackSoC"] == pytest.approx(float(battery.soc[place].mean()) * 100, abs=0.0051)
    assert (limits["ChargeCurrentLimit"], limits["DischargeCurrentLimit"]) == (140, 140)
    kilowatts = 140 * measure["RackVoltage"] / 1000
    assert 0 <= kilowatts - limits["ChargePowerLimit"] < 0.1001
    closed = [status[f"Contactor{name}"] for name in ("Positive", "Negative", "Precharge")]
    assert (closed, status["Breaker"], status["RackState"]) == ([1, 1, 0], 1, 3)
    assert status["Insulation"] == 1850


def test_cantools_reads_every_cell_in_the_simulated_pages(
    database: Database, battery: Battery
) -> None:
    """416 voltages, temperatures and balancing bits and 8 module voltages of a rack."""
    bmu, place = Bmu(battery, _RACK), _RACK - 1
    battery.balancing[place, 1, 3:5] = True
    frames = [bmu.voltage_page(page) for page in range(bmu.cell_pages)]
    frames += [bmu.temperature_page(page) for page in range(bmu.cell_pages)]
    frames += [bmu.module_page(page) for page in range(bmu.module_pages)]
    frames += [bmu.balancing_page(module) for module in range(8)]
    read = told(database, frames, _RACK)

    for message, letter, step, grid in (
        ("Cell_Voltage", "V", 1.0, battery.voltage * 1000),
        ("Cell_Temperature", "T", 0.1, battery.temperature),
    ):
        values = [read[message][f"Cell{letter}_{cell:03}"] for cell in range(1, 417)]
        np.testing.assert_allclose(values, grid[place].ravel(), rtol=0, atol=step * 0.501)
    modules = [read["Module_Voltage"][f"ModuleV_{module:03}"] for module in range(1, 9)]
    np.testing.assert_allclose(modules, battery.voltage[place].sum(axis=1), atol=0.0101)
    balancing = {name for name, value in read["Cell_Balancing"].items() if value and "_" in name}
    assert balancing == {"Balancing_02_004", "Balancing_02_005"}


@pytest.mark.parametrize(
    ("volts", "alarms"),
    [
        (3.3, set()),
        (3.56, {"WarningCellOvervoltage"}),
        (3.66, {"WarningCellOvervoltage", "AlarmCellOvervoltage", "TripCellOvervoltage"}),
        (2.85, {"WarningCellUndervoltage"}),
        (2.5, {"WarningCellUndervoltage", "AlarmCellUndervoltage", "TripCellUndervoltage"}),
    ],
)
def test_a_cell_beyond_its_bounds_raises_alarms(
    database: Database, battery: Battery, volts: float, alarms: set[str]
) -> None:
    """Of its own rack alone."""
    battery.voltage[_RACK - 1, 4, 17] = volts
    own = told(database, list(Bmu(battery, _RACK).fast()), _RACK)["Rack_Status"]
    other = told(database, list(Bmu(battery, 1).fast()), 1)["Rack_Status"]
    words = ("Warning", "Alarm", "Trip")

    assert {name for name, value in own.items() if value and name.startswith(words)} == alarms
    assert not any(value for name, value in other.items() if name.startswith(words))


def test_every_message_comes_at_its_period(battery: Battery) -> None:
    """In ten seconds: 100 of each fast message, 10 infos, 10 sweeps of pages, 2 slow sweeps, a rack."""
    counts: dict[int, int] = defaultdict(int)
    for sent in Emitter(battery).due(10):
        if sent.identifier >> 16 & 0xF == _RACK:
            counts[sent.identifier >> 8 & 0xFF] += 1
    expected = {
        0x10: 100,
        0x11: 100,
        0x12: 100,
        0x13: 10,
        0x15: 100,
        0x20: 20,
        0x30: 1040,
        0x40: 208,
        0x50: 16,
    }

    assert counts.keys() == expected.keys()
    assert {kind for kind in counts if abs(counts[kind] - expected[kind]) > 1} == set()


def test_a_silenced_rack_says_nothing(battery: Battery) -> None:
    """And the others go on."""
    emitter = Emitter(battery)
    emitter.faults.add("silent", _RACK)
    heard = {sent.identifier >> 16 & 0xF for sent in emitter.due(1.0)}

    assert heard == set(range(1, 13)) - {_RACK}
