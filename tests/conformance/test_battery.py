"""The simulated battery: cells, racks in parallel, the bus and its capacitors."""

import math

import numpy as np
import pytest

from conformance.sim.battery import Battery, Ratings


def test_racks_share_the_current_and_the_bus_voltage() -> None:
    """Kirchhoff: their currents sum to the plant's and the bleeder's, their voltages are the bus's."""
    battery = Battery()
    battery.power = 1e6
    for _ in range(20):
        battery.step(1.0)
    volts = battery.rack_voltage()

    bled = battery.bus_voltage / 20e3
    assert float(battery.rack_current.sum()) == pytest.approx(battery.bus_current + bled)
    assert battery.bus_current * battery.bus_voltage == pytest.approx(1e6, rel=1e-3)
    np.testing.assert_allclose(volts, battery.bus_voltage, atol=0.01)


@pytest.mark.parametrize("watts", [4e5, -4e5])
def test_only_closed_racks_carry_current(watts: float) -> None:
    """An open one rests, and the others take its share."""
    battery = Battery(Ratings(racks=3))
    battery.inserted[1] = math.inf
    battery.power = watts
    for _ in range(10):
        battery.step(0.1)

    assert battery.rack_current[1] == 0
    shares = battery.rack_current[[0, 2]] / (watts / battery.bus_voltage)
    np.testing.assert_allclose(shares, 0.5, atol=0.1)


def test_racks_that_differ_in_charge_even_out() -> None:
    """Without a plant, current flows from the fuller rack to the emptier one, by voltage and resistance."""
    battery = Battery(Ratings(racks=2))
    battery.soc[0] += 0.1
    for _ in range(2):
        battery.step(0.1)
    ocv = [
        float(np.interp(soc, [0.5, 0.6, 0.7], [3.285, 3.295, 3.31]).sum()) for soc in battery.soc
    ]
    inner = float(battery.resistance.sum()) / 2

    assert battery.rack_current[0] == pytest.approx((ocv[0] - ocv[1]) / 2 / inner, rel=0.1)
    assert float(battery.rack_current.sum()) < 0.1


def test_a_dead_bus_gives_nothing() -> None:
    """Without a closed rack the plant gets no current, whatever it wants."""
    battery = Battery(Ratings(racks=2), closed=False)
    battery.power = 1e5
    battery.step(0.1)

    assert (battery.bus_voltage, battery.bus_current) == (0, 0)
    assert battery.rack_current.tolist() == [0, 0]


@pytest.mark.parametrize(("watts", "volts"), [(1e5, 0), (-1e5, 1900)])
def test_a_bus_that_loses_its_racks_under_load_collapses_or_soars(
    watts: float, volts: float
) -> None:
    """The capacitors feed the plant, or take what it charges: 6 mF, for 50 ms."""
    battery = Battery(Ratings(racks=1))
    battery.step(0.05)
    battery.inserted[0] = math.inf
    battery.power = watts
    for _ in range(2 if watts > 0 else 1):
        battery.step(0.05)

    assert battery.bus_voltage == pytest.approx(volts, abs=30)


def test_a_lone_bus_floats_at_the_voltage_of_its_rack() -> None:
    """And falls through the bleeder, 20 kOhm at 6 mF, once the rack is off it."""
    battery = Battery(Ratings(racks=2))
    battery.inserted[1] = math.inf
    battery.step(1.0)
    volts = float(battery.rack_voltage()[0])
    assert battery.bus_voltage == pytest.approx(volts, abs=0.1)
    battery.inserted[0] = math.inf
    for _ in range(1200):
        battery.step(0.1)

    assert battery.bus_voltage == pytest.approx(volts / math.e, rel=0.01)


def test_the_bus_charges_through_the_resistor_as_a_capacitor_does() -> None:
    """V(t) = E (1 - exp(-t / RC)), whatever the step; the current decays alike."""
    battery = Battery(Ratings(racks=1), closed=False)
    battery.inserted[0] = battery.ratings.precharge
    constant = 33.1 * 6e-3
    source = float(battery.rack_voltage()[0])
    for place in range(1, 21):
        battery.step(0.05)
        expected = source * (1 - math.exp(-0.05 * place / constant))

        assert battery.bus_voltage == pytest.approx(expected, rel=0.01)
        mean = (source - expected) / 33.1 * constant / 0.05 * (math.exp(0.05 / constant) - 1)
        assert float(battery.rack_current[0]) == pytest.approx(mean, rel=0.05, abs=0.2)


def test_more_than_the_battery_can_give_is_the_most_that_it_can() -> None:
    """At half the open voltage, where a source gives most."""
    battery = Battery(Ratings(racks=1))
    rest = float(battery.rack_voltage()[0])
    battery.power = 1e9
    battery.step(0.1)

    assert battery.bus_voltage == pytest.approx(rest / 2, rel=0.01)


def test_discharge_empties_heats_and_sags() -> None:
    """Charge falls by the integral of current; cells warm by loss; the voltage is below the open one."""
    battery = Battery(Ratings(racks=2))
    battery.temperature[:] = heat = 24.0  # degC, that of the air
    battery.power = 3e5
    soc = battery.soc.copy()
    rest = float(battery.rack_voltage().mean())
    ampere_seconds = np.zeros(2)
    for _ in range(100):
        battery.step(1.0)
        ampere_seconds += battery.rack_current

    drawn = (soc - battery.soc) * battery.capacity * 3600
    np.testing.assert_allclose(drawn.mean(axis=(1, 2)), ampere_seconds, rtol=1e-6)
    assert float(ampere_seconds.sum()) == pytest.approx(100 * 3e5 / battery.bus_voltage, rel=0.01)
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
