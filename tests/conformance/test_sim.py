"""The simulated container: its frames as cantools reads them, and a battery that behaves like one."""

from collections import defaultdict
from pathlib import Path

import cantools
import numpy as np
import pytest
from cantools.database.can import Database

from conformance.sim.battery import Battery, Ratings
from conformance.sim.bmu import Bmu, Sent, identifier
from conformance.sim.database import lines
from conformance.sim.emitter import Emitter
from gateway.mapping.library import installed

_DBC = installed() / "frames" / "demo-bmu.dbc"
_RACK = 3
Values = dict[str, float]


@pytest.fixture(scope="module")
def database() -> Database:
    """The demo protocol's database, by cantools."""
    loaded = cantools.database.load_file(_DBC)
    assert isinstance(loaded, Database)
    return loaded


@pytest.fixture
def battery() -> Battery:
    """A container that has discharged for a minute."""
    moved = Battery()
    for _ in range(60):
        moved.step(1.0)
    return moved


def told(database: Database, frames: list[Sent], rack: int) -> dict[str, Values]:
    """What cantools reads in a rack's frames: values by message."""
    values: dict[str, Values] = defaultdict(dict)
    for sent in frames:
        assert sent.identifier >> 16 & 0xF == rack
        name = database.get_message_by_frame_id(identifier(1, sent.identifier >> 8 & 0xFF)).name
        decoded = database.decode_message(name, sent.data, decode_choices=False)
        assert isinstance(decoded, dict)
        values[name] |= {key: float(str(value)) for key, value in decoded.items()}
    return values


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
    emitter.silenced.add(_RACK)
    heard = {sent.identifier >> 16 & 0xF for sent in emitter.due(1.0)}

    assert heard == set(range(1, 13)) - {_RACK}


def test_racks_share_the_current_and_the_bus_voltage(battery: Battery) -> None:
    """Kirchhoff: their currents sum to the demand, their voltages are equal but for balancing."""
    assert float(battery.rack_current.sum()) == pytest.approx(battery.demand())
    volts = battery.rack_voltage()
    assert float(volts.max() - volts.min()) < 0.01


def test_discharge_empties_heats_and_sags() -> None:
    """Charge falls by the integral of current; cells warm by loss; the voltage is below the open one."""
    battery = Battery(Ratings(racks=2))
    battery.temperature[:] = heat = 24.0  # degC, that of the air
    soc = battery.soc.copy()
    rest = float(battery.rack_voltage().mean())
    ampere_seconds = np.zeros(2)
    for _ in range(100):
        battery.step(1.0)
        ampere_seconds += battery.rack_current

    drawn = (soc - battery.soc) * battery.capacity * 3600
    np.testing.assert_allclose(drawn.mean(axis=(1, 2)), ampere_seconds, rtol=1e-6)
    assert battery.temperature.mean() > heat
    assert float(battery.rack_voltage().mean()) < rest


def test_full_empty_hot_and_cold_racks_allow_less() -> None:
    """Limits taper to 0 at 3.60 V, 2.80 V, 55 degC, and 0 degC (charging)."""
    for change, charge, discharge in (
        ({"voltage": 3.54}, 70, 140),
        ({"voltage": 3.60}, 0, 140),
        ({"voltage": 2.86}, 140, 70),
        ({"voltage": 2.80}, 140, 0),
        ({"temperature": 50.0}, 70, 70),
        ({"temperature": 55.0}, 0, 0),
        ({"temperature": 0.0}, 0, 140),
    ):
        battery = Battery(Ratings(racks=1))
        for name, value in change.items():
            getattr(battery, name)[0, 2, 5] = value
        limits = [float(limit[0]) for limit in battery.current_limits()]

        assert limits == [pytest.approx(charge), pytest.approx(discharge)], change


def test_balancing_draws_from_high_cells() -> None:
    """A high cell near full bleeds, and comes nearer to the others."""
    battery = Battery(Ratings(racks=1, modules=1, cells=4, current=0))
    battery.soc[:] = 0.95
    battery.soc[0, 0, 0] = 0.985
    battery.step(1.0)
    assert battery.balancing.ravel().tolist() == [True, False, False, False]
    before = float(np.ptp(battery.soc))
    for _ in range(600):
        battery.step(1.0)

    assert float(np.ptp(battery.soc)) < before
