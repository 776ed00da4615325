"""Racks that are told open without an order, in bytes: one wrong frame, and a BMU that opens by itself (R30, R31)."""

from pathlib import Path

import pytest

from conformance.sim.bmu import Sent

from closed import EMS, Closed

LEASE, MODE, ENABLES, RUN = 61100, 61102, 61001, 4
STATUS_2 = 0x180212F4
FIRST_OUT, PHASE_2, UNDER_LOAD_2 = 8, 1160, 1165
DISCONNECT, CONNECT = 1, 2
INTERLOCKS, MISMATCH = 300, 67 - 1
"The first register of the rows that act, and the bit of a contactor's mismatch."
CLOSED = 4
WATTS = (1, 0x86A0)


@pytest.fixture
def running(tmp_path: Path) -> Closed:
    """Two racks on the bus, 100 kW flowing."""
    plant = Closed(tmp_path, closed=True).run(3)
    plant.write(LEASE, 3600)
    plant.write(ENABLES, 1, 1)
    plant.write(MODE, RUN)
    plant.run(4, EMS, WATTS)
    assert plant.read_i32(80) == 100_000
    return plant


@pytest.mark.parametrize("frames", [1, 5])
def test_a_wrong_status_frame_opens_nothing(running: Closed, frames: int) -> None:
    """Contactors told open while the rack carries 38 A: it keeps its order, and nothing trips."""
    left = [frames]

    def wrong(sent: Sent) -> Sent:
        if sent.identifier != STATUS_2 or not left[0]:
            return sent
        left[0] -= 1
        data = bytearray(sent.data)
        data[0] &= ~7
        data[1] = 1
        return Sent(sent.identifier, bytes(data))

    running.on_the_way = wrong
    since = running.now
    running.run(2, EMS, WATTS)

    assert left == [0]
    assert set(running.requests(2, since)) == {CONNECT}
    assert running.read(PHASE_2) == [CLOSED]
    assert running.read(FIRST_OUT, 2) == [0, 0]
    assert running.read(UNDER_LOAD_2) == [0]
    assert running.read_i32(80) == 100_000


def test_a_bmu_that_trips_and_opens_is_no_weld(running: Closed) -> None:
    """Its own trip is the first and the only one; it is told to stay open."""
    running.plant.faults.add("cell_overvoltage", 2)
    since = running.now
    running.run(6, EMS, WATTS)

    assert running.read(FIRST_OUT, 2) == [1, 2]
    assert running.requests(2, since)[-1] == DISCONNECT
    assert running.read(1125) == [0]
    assert running.read(INTERLOCKS + MISMATCH // 16)[0] >> MISMATCH % 16 & 1 == 0
