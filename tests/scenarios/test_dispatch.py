"""How a plant is run and stopped, in bytes: edges, block writes, racks left out, the PCS left alone, restarts.

Simulated plant; the requests are decoded from their frames, the registers from their bytes.
"""

import itertools
from pathlib import Path

import pytest

from gateway.control.memory import kept

from closed import DISPATCHER, EMS, SCADA, Closed

LEASE, SELECT, MODE, CONNECT, DISCONNECT, RESET, TRIP, RELEASE, STOP = range(61100, 61109)
BLOCK, POWER = 61000, 61003
SELECT_CONNECT = 2000
STANDBY, READY, RUN, FAULT = 2, 3, 4, 5
POWER_100 = (0x0001, 0x86A0)
TAKEN, CONTROL = 0, 4


def adopted(folder: Path, **options: object) -> Closed:
    """A plant that the gateway has adopted."""
    return Closed(folder, **options).run(3.0)  # type: ignore[arg-type] # by name


def running(folder: Path, **options: object) -> Closed:
    """With lease, enables, mode run and 100 kW out of the racks."""
    closed = adopted(folder, closed=True, **options)
    assert [closed.write(LEASE, 3600), closed.write(61001, 1, 1), closed.write(MODE, RUN)] == [
        0
    ] * 3
    closed.run(4, EMS, POWER_100)
    assert closed.read_i32(80) == 100_000
    return closed


def connect(closed: Closed, value: int) -> int:
    """Select and connect; the exception code."""
    closed.write(SELECT, 0)
    assert closed.write(SELECT, SELECT_CONNECT) == TAKEN
    return closed.write(CONNECT, value)


def test_a_whole_day(tmp_path: Path) -> None:
    """Racks join one after the other through their own precharge; power flows; all open at rest (R27, R29, R30)."""
    closed = adopted(tmp_path)
    closed.write(LEASE, 3600)
    assert connect(closed, 1) == TAKEN
    first = closed.now
    closed.run(10, EMS)
    asked = {rack: closed.requests(rack, first).index(2) for rack in (1, 2)}

    assert asked[1] != asked[2]
    assert closed.read(220, 6)[4:] == [3, 25]
    assert closed.read(31) == [2]
    assert closed.write(61001, 1, 1) == TAKEN
    assert closed.write(MODE, RUN) == TAKEN
    closed.run(4, EMS, POWER_100)
    assert closed.plant.pcs.power == 100_000
    assert closed.write(DISCONNECT, 1) == TAKEN
    closed.run(4, EMS)
    assert closed.read(31) == [0]
    assert closed.read(3) == [STANDBY]
    assert closed.read(1065) == [0]


def test_a_held_close_after_a_trip_closes_nothing(tmp_path: Path) -> None:
    """A PLC that goes on writing connect = 1 after a trip and its reset closes nothing (R3)."""
    closed = adopted(tmp_path)
    closed.write(LEASE, 3600)
    assert connect(closed, 1) == TAKEN
    closed.run(0.5, EMS)
    assert closed.write(TRIP, 1, peer=DISPATCHER) == TAKEN
    closed.run(3, EMS)
    assert closed.read(31) == [0]
    assert closed.write(RELEASE, 1, peer=DISPATCHER) == TAKEN
    closed.run(0.1, EMS)
    assert closed.write(RESET, 1) == TAKEN
    closed.run(0.1, EMS)
    since = closed.now

    for _ in range(50):
        assert closed.write(CONNECT, 1) == TAKEN
        closed.run(0.1, EMS)
    assert set(closed.requests(1, since) + closed.requests(2, since)) == {1}
    assert closed.read(31) == [0]


def test_a_block_write_keeps_its_heartbeat(tmp_path: Path) -> None:
    """A cyclic block whose setpoint may not act is taken: the heartbeat counts, applied is 0, the reason is told (R4)."""
    closed = adopted(tmp_path, closed=True)
    closed.write(LEASE, 10)
    for beat in range(12):
        assert closed.write(BLOCK, beat, 1, 1, *POWER_100, 0, 0) == TAKEN
        closed.run(1)

    assert closed.read(4) == [11]
    assert closed.read_i32(POWER) == 100_000
    assert closed.read_i32(80) == 0
    assert closed.read(84) == [6]
    assert closed.read(87) == [2], "the heartbeat has kept the lease"


def test_two_masters_fight(tmp_path: Path) -> None:
    """One owner at any time; what the other writes is held, and its lease refused with 27 (R4, R7)."""
    closed = running(tmp_path)
    for turn in range(20):
        assert closed.write(LEASE, 60, peer=SCADA) == CONTROL
        assert closed.read(225) == [27]
        assert closed.write_i32(POWER, 300_000, peer=SCADA) == TAKEN
        assert closed.read(87) == [2]
        closed.write(BLOCK, turn)
        closed.write(POWER, *POWER_100)
        closed.run(0.2)
        assert closed.read_i32(80) == 100_000


def test_a_rack_left_out(tmp_path: Path) -> None:
    """A rack 120 V below the others stays out and says why; the bus is limited to what is on it (R20, R29, CMD-12)."""
    closed = Closed(tmp_path, racks=3)
    closed.plant.battery.soc[2] = 0.04
    closed.run(3)
    closed.write(LEASE, 3600)
    assert connect(closed, 1) == TAKEN
    closed.run(8, EMS)

    assert closed.read(31) == [2]
    assert closed.read(1225) == [0]
    assert closed.read(220, 6)[4:] == [4, 9], "not done: by process"
    assert 2 not in closed.requests(3)
    two = closed.read(21, 2)[1]
    assert two == pytest.approx(2 * min(closed.read(1012)[0], closed.read(1112)[0]), rel=0.05)


def test_the_ems_dies_and_the_pcs_s_own_watchdog_trips_it(tmp_path: Path) -> None:
    """After the ramp to zero the PCS is not accessed any more, reads included, until its watchdog has tripped (R12)."""
    closed = running(tmp_path)
    closed.run(5 + 2 + 1.2)
    left = closed.now
    assert closed.plant.pcs.power == 0

    closed.run(8)
    assert not [at for at in closed.accesses if at > left]
    assert closed.plant.pcs.state == 3
    assert closed.plant.pcs.fault == 1
    assert closed.read(1025) == [1], "the racks stay closed (R10)"


def test_the_pcs_dies(tmp_path: Path) -> None:
    """Without answers of the PCS power is zero 2 s later, and nothing may close (R11)."""
    closed = running(tmp_path)
    closed.pcs_alive = False
    closed.run(1.8, EMS, POWER_100)
    assert closed.read_i32(80) == 100_000
    closed.run(0.4, EMS, POWER_100)

    assert closed.read_i32(80) == 0
    assert closed.read(84) == [5]


def test_the_bus_dies(tmp_path: Path) -> None:
    """When the CAN bus is cut the PCS is stopped within a second, through the PCS path (R21)."""
    closed = running(tmp_path)
    closed.deaf = True
    closed.run(1.0, EMS, POWER_100)

    assert closed.read_i32(80) == 0
    assert closed.plant.pcs.setting.run is False
    closed.run(1.0, EMS, POWER_100)
    assert closed.plant.pcs.power == 0


def test_a_restart_moves_no_contactor(tmp_path: Path) -> None:
    """A gateway that dies with closed racks comes back, adopts them at zero power and opens none (R14, R15)."""
    closed = running(tmp_path)
    memory = kept(closed.controller.state, closed.now)
    died = closed.now
    closed.start(memory)
    closed.run(4)

    assert closed.read(3) == [READY]
    assert closed.read(31) == [2]
    assert closed.read_i32(80) == 0
    assert closed.read(87) == [0], "leases do not survive"
    assert 1 not in closed.requests(1, died) + closed.requests(2, died)
    assert closed.read(220) == [65535]


def test_a_latch_survives_a_restart(tmp_path: Path) -> None:
    """A trip, its first-out and a rack out of service are there after a restart; closing is refused (R15)."""
    closed = adopted(tmp_path)
    closed.write(LEASE, 60)
    closed.write(61203, 1)
    closed.write(STOP, 1)
    closed.run(0.1)
    closed.start(kept(closed.controller.state, closed.now))
    closed.run(3)

    assert closed.read(3) == [FAULT]
    assert closed.read(8) == [73]
    assert closed.read(1063) == [0]
    closed.write(LEASE, 60)
    assert connect(closed, 5) == CONTROL


def test_a_welded_contactor(tmp_path: Path) -> None:
    """A BMU that reports its weld is the first-out; the disconnect is not done, and the rack is latched (R31)."""
    closed = adopted(tmp_path, closed=True)
    closed.plant.faults.add("welded", 2)
    assert closed.write(DISCONNECT, 1) == TAKEN
    closed.run(5)

    assert closed.read(31) == [1]
    assert closed.read(8, 2) == [14, 2]
    assert closed.read(224) == [4]


def test_a_contactor_that_does_not_follow(tmp_path: Path) -> None:
    """A rack that stays closed against its order, and says nothing of it, is a mismatch after its time (R31)."""
    closed = adopted(tmp_path, closed=True)
    closed.plant.faults.add("deaf", 2)
    assert closed.write(DISCONNECT, 1) == TAKEN
    closed.run(2.9)
    assert closed.read(8) == [0]
    closed.run(0.5)

    assert closed.read(8, 2) == [67, 2]
    assert closed.read(224) == [4]


def test_a_precharge_that_never_succeeds(tmp_path: Path) -> None:
    """A BMU that gives its precharge up and reports it is not told again; the connect ends not done (R28)."""
    closed = adopted(tmp_path)
    for rack in (1, 2):
        closed.plant.faults.add("no_precharge", rack)
    closed.write(LEASE, 3600)
    since = closed.now
    assert connect(closed, 1) == TAKEN
    closed.run(20, EMS)

    tries = sum(pair == (1, 2) for pair in itertools.pairwise([1, *closed.requests(1, since)]))
    assert tries == 1
    assert closed.read(31) == [0]
    assert closed.read(224)[0] in {4, 7}
