"""The simulated PCS: ramp, limits, states, watchdog and misbehaviour, with time as an argument."""

import numpy as np
import pytest

from conformance.sim.battery import Battery, Ratings
from conformance.sim.emitter import STEP
from conformance.sim.pcs import FaultCode, Pcs, State
from conformance.sim.plant import Plant
from conformance.sim.profile import cycle, sine, stairs, steady


@pytest.fixture
def pcs() -> Pcs:
    """One that stands by on a bus of 1400 V, with room for current."""
    made = Pcs()
    made.dc_voltage = 1400.0
    made.setting.charge_current = made.setting.discharge_current = 2000.0
    made.step(0.05)
    return made


def run(pcs: Pcs, seconds: float, step: float = 0.05) -> None:
    """Let time pass, with a master that reads each step."""
    for _ in range(round(seconds / step)):
        pcs.touch()
        pcs.step(step)


def test_it_ramps_to_its_setpoint(pcs: Pcs) -> None:
    """5 MW/s, up, through zero and on a stop."""
    pcs.setting.power, pcs.setting.run = 2e6, True
    run(pcs, 0.2)
    assert (pcs.state, round(pcs.power)) == (State.RUNNING, round(1e6))
    run(pcs, 0.5)
    assert pcs.power == pytest.approx(2e6)
    pcs.setting.power = -1e6
    run(pcs, 0.5)
    assert pcs.power == pytest.approx(-0.5e6)
    pcs.setting.run = False
    run(pcs, 0.05)
    assert (pcs.state, round(pcs.power)) == (State.STANDBY, round(-0.25e6))
    run(pcs, 0.1)

    assert pcs.power == 0


@pytest.mark.parametrize(("watts", "dc_watts"), [(1e6, 1e6 / 0.975), (-1e6, -1e6 * 0.975)])
def test_losses_are_its_own(pcs: Pcs, watts: float, dc_watts: float) -> None:
    """Discharging takes more of the battery than the grid gets; charging gives it less."""
    pcs.setting.power, pcs.setting.run = watts, True
    run(pcs, 1.0)

    assert pcs.dc_power == pytest.approx(dc_watts)
    assert pcs.dc_current == pytest.approx(dc_watts / 1400)


def test_it_obeys_limits_of_dc_current_at_once(pcs: Pcs) -> None:
    """In either direction; nothing where nothing is allowed; the rating bounds the setpoint."""
    pcs.setting.power, pcs.setting.run = 9e9, True
    run(pcs, 2.0)
    assert pcs.power == pcs.rating.power
    pcs.setting.discharge_current = 100.0
    run(pcs, 0.05)
    assert (pcs.dc_current, round(pcs.power)) == (100, round(100 * 1400 * 0.975))
    pcs.setting.power, pcs.setting.charge_current = -2e6, 50.0
    run(pcs, 1.0)
    assert (pcs.dc_current, round(pcs.power)) == (-50, round(-50 * 1400 / 0.975))
    pcs.setting.charge_current = 0.0
    run(pcs, 0.05)

    assert (pcs.dc_current, pcs.power) == (0, 0)


def test_the_watchdog_waits_for_a_first_master() -> None:
    """As delivered nobody has talked to it yet: that is no loss."""
    pcs = Pcs()
    pcs.dc_voltage = 1400.0
    for _ in range(200):
        pcs.step(0.05)
    assert pcs.state is State.STANDBY
    pcs.touch()
    pcs.step(5.0)
    assert pcs.fault is FaultCode.WATCHDOG


def test_the_watchdog_trips_at_its_time_and_not_before(pcs: Pcs) -> None:
    """5 s without access: fault, zero at once; a reset needs a new command to run."""
    pcs.setting.power, pcs.setting.run = 1e6, True
    run(pcs, 1.0)
    for _ in range(98):
        pcs.step(0.05)
    assert (pcs.state, round(pcs.power)) == (State.RUNNING, round(1e6))
    for _ in range(3):
        pcs.step(0.05)
    assert (pcs.state, pcs.fault) == (State.FAULT, FaultCode.WATCHDOG)
    assert (pcs.power, pcs.dc_current) == (0, 0)
    run(pcs, 1.0)
    assert pcs.state is State.FAULT
    pcs.reset()
    run(pcs, 0.5)
    assert (pcs.state, pcs.power) == (State.STANDBY, 0)
    pcs.setting.run = True
    run(pcs, 0.5)

    assert (pcs.state, round(pcs.power)) == (State.RUNNING, round(1e6))


@pytest.mark.parametrize(("watchdog", "seconds", "state"), [(0, 3600, 2), (2, 1.9, 2), (2, 2.1, 3)])
def test_the_watchdog_is_set(pcs: Pcs, watchdog: float, seconds: float, state: int) -> None:
    """0 is off."""
    pcs.setting.run, pcs.setting.watchdog = True, watchdog
    run(pcs, 0.1)
    step = seconds / 10
    for _ in range(10):
        pcs.step(step)

    assert pcs.state == state


def test_it_needs_a_live_bus(pcs: Pcs) -> None:
    """Off on a dead one; a bus that goes away or too high while it runs trips it."""
    pcs.setting.run = True
    run(pcs, 0.1)
    pcs.dc_voltage = 0.0
    run(pcs, 0.05)
    assert (pcs.state, pcs.fault) == (State.FAULT, FaultCode.DC_UNDERVOLTAGE)
    pcs.reset()
    run(pcs, 0.05)
    assert (pcs.state, pcs.power) == (State.OFF, 0)
    pcs.dc_voltage = 1600.0
    run(pcs, 0.05)

    assert (pcs.state, pcs.fault) == (State.FAULT, FaultCode.DC_OVERVOLTAGE)


def test_misbehaviour(pcs: Pcs) -> None:
    """Ignored limits, overshoot, a mute one that keeps its power, a dead one, a trip, a restart."""
    pcs.setting.power, pcs.setting.run, pcs.setting.discharge_current = 1e6, True, 100.0
    pcs.faults.add("pcs_ignores_limits")
    run(pcs, 1.0)
    assert pcs.power == pytest.approx(1e6)
    pcs.faults.add("pcs_overshoots")
    run(pcs, 1.0)
    assert pcs.power == pytest.approx(1.3e6)
    pcs.faults.add("pcs_mute")
    for _ in range(200):
        pcs.step(0.1)
    assert (pcs.answers, round(pcs.power)) == (False, round(1.3e6))
    pcs.faults.clear()
    pcs.faults.add("pcs_trip")
    run(pcs, 0.05)
    assert (pcs.answers, pcs.fault, pcs.power) == (True, FaultCode.INTERNAL, 0)
    pcs.faults.add("pcs_dead")
    run(pcs, 10.0)
    assert (pcs.answers, pcs.state, pcs.dc_current) == (False, State.OFF, 0)
    pcs.faults.clear()
    pcs.faults.add("pcs_restart")
    run(pcs, 2.9)
    assert not pcs.answers
    run(pcs, 0.2)

    assert (pcs.answers, pcs.state, pcs.fault) == (True, State.STANDBY, FaultCode.NONE)
    assert (pcs.setting.run, pcs.setting.power, pcs.setting.watchdog) == (False, 0, 5)


def test_a_plant_by_itself_moves_its_battery() -> None:
    """Charge falls by I x t of the PCS; the racks carry its DC power."""
    plant = Plant(Battery(Ratings(racks=2)), steady(2e5))
    before = plant.battery.soc.copy()
    for _ in range(round(60 / STEP)):
        plant.emitter.step()

    assert plant.pcs.power == pytest.approx(2e5)
    amperes = 2e5 / 0.975 / plant.battery.bus_voltage
    assert float(plant.battery.rack_current.sum()) == pytest.approx(amperes, rel=0.005)
    drawn = float(((before - plant.battery.soc) * plant.battery.capacity).mean(axis=(1, 2)).sum())
    assert drawn == pytest.approx(amperes * 60 / 3600, rel=0.02)


def test_a_plant_by_itself_heeds_its_racks() -> None:
    """No more than the weakest rack's limit for each rack on the bus."""
    plant = Plant(Battery(Ratings(racks=2)), steady(9e9))
    for _ in range(round(5 / STEP)):
        plant.emitter.step()

    assert plant.pcs.dc_current == pytest.approx(280)
    assert plant.emitter.bmus[1].protection.latched == set()


def test_opening_under_load_trips_the_pcs() -> None:
    """The bus is gone at once."""
    plant = Plant(Battery(Ratings(racks=1)))
    plant.pcs.setting.run, plant.pcs.setting.power = True, 1e5
    plant.pcs.setting.discharge_current = 100.0
    plant.emitter.step(1.0)
    assert plant.pcs.power == pytest.approx(1e5)
    plant.emitter.faults.add("hvil", 1)
    for _ in range(4):
        plant.emitter.step()

    assert (plant.pcs.fault, plant.pcs.power) == (FaultCode.DC_UNDERVOLTAGE, 0)
    assert plant.battery.bus_voltage < 500


def test_a_plant_by_itself_comes_back_with_its_bus() -> None:
    """Nobody is there to reset its PCS."""
    plant = Plant(Battery(Ratings(racks=1)), steady(1e5))
    plant.emitter.step()
    plant.battery.inserted[0] = np.inf
    plant.battery.bus_voltage = 500.0
    plant.emitter.step()
    assert plant.pcs.fault is FaultCode.DC_UNDERVOLTAGE
    plant.battery.bus_voltage = 1370.0
    plant.emitter.step()

    assert plant.pcs.state is State.RUNNING


def test_a_plant_with_open_racks_rests() -> None:
    """The PCS is off, the bus dead."""
    plant = Plant(profile=cycle(1e6))
    for _ in range(round(2 / STEP)):
        plant.emitter.step()

    assert (plant.pcs.state, plant.battery.bus_voltage) == (State.OFF, 0)


def test_profiles() -> None:
    """Stairs, a sine, and the plant's own cycle."""
    step = stairs([(1, 100), (5, -200)])

    assert [step(seconds) for seconds in (0, 1, 4.9, 5, 99)] == [0, 100, 100, -200, -200]
    assert [round(sine(10, 4)(seconds)) for seconds in range(5)] == [0, 10, 0, -10, 0]
    assert max(abs(cycle(1e6)(seconds)) for seconds in range(300)) <= 0.85e6
