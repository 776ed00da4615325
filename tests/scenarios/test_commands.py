"""The command list CMD-01..15 of the trade, in bytes: what a master writes and reads, what BMUs and PCS are sent.

Simulated plant; the requests are decoded from their frames, the registers from their bytes.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.model.order import PcsReport

from closed import DISPATCHER, EMS, PANEL, SCADA, STRANGER, Closed

LEASE, SELECT, MODE, CONNECT, DISCONNECT, RESET, TRIP, RELEASE, STOP, KEY = range(61100, 61110)
HEARTBEAT, ENABLES, POWER = 61000, 61001, 61003
SELECT_CONNECT = 2000
STANDBY, READY, RUN, FAULT = 2, 3, 4, 5
REASON, STAGE = 225, 224
TAKEN, ROLE, ADDRESS, VALUE, CONTROL = 0, 1, 2, 3, 4
NAMES = {"door": 19, "hvil": 25, "insulation": 18, "emergency_stop": 21}
"Faults of the simulated plant, and the interlocks that they must trip."


@pytest.fixture
def plant(tmp_path: Path) -> Callable[..., Closed]:
    """A plant that the gateway has adopted: racks open unless said otherwise."""

    def begin(**options: object) -> Closed:
        closed = Closed(tmp_path, **options)  # type: ignore[arg-type] # by name
        closed.run(3.0)
        assert closed.read(3) == [READY if options.get("closed") else STANDBY]
        return closed

    return begin


def running(closed: Closed, watts: int = 0) -> Closed:
    """With lease, enables and mode run; with power, once it has ramped up."""
    assert closed.write(LEASE, 3600) == TAKEN
    assert closed.write(ENABLES, 1, 1) == TAKEN
    assert closed.write(MODE, RUN) == TAKEN
    renew = tuple((watts >> shift) & 0xFFFF for shift in (16, 0))
    closed.run(4 if watts else 0.2, EMS, renew if watts else ())
    assert closed.read(3) == [RUN]
    if watts:
        assert closed.read_i32(80) == watts
    return closed


def test_cmd_01_close_without_a_select(plant: Callable[..., Closed]) -> None:
    """Close without a select is refused with AddCause 18, after its window with 16; no BMU is told (R2)."""
    closed = plant()
    closed.write(LEASE, 60)
    since = closed.now

    assert closed.write(CONNECT, 1) == CONTROL
    assert closed.read(REASON) == [18]
    assert closed.write(SELECT, SELECT_CONNECT) == TAKEN
    closed.run(10.1, EMS)
    assert closed.write(CONNECT, 2) == CONTROL
    assert closed.read(REASON) == [16]
    closed.run(0.5)
    assert set(closed.requests(1, since)) == {1}


@pytest.mark.parametrize("fault", NAMES)
def test_cmd_02_close_against_an_interlock(plant: Callable[..., Closed], fault: str) -> None:
    """Close with a door, HVIL or insulation fault is refused; no BMU is told; the first-out names it (R24)."""
    closed = plant()
    closed.write(LEASE, 60)
    closed.plant.faults.add(fault, 1)
    closed.run(1, EMS)
    since = closed.now

    assert closed.write(SELECT, SELECT_CONNECT) == TAKEN
    assert closed.write(CONNECT, 1) == CONTROL
    assert closed.read(REASON) in ([8], [10])
    assert closed.read(8) == [NAMES[fault]]
    closed.run(0.5)
    assert 2 not in closed.requests(1, since) + closed.requests(2, since)


def test_cmd_02_close_while_the_pcs_runs(plant: Callable[..., Closed]) -> None:
    """A PCS that runs by itself on an open bus blocks closing by process, AddCause 9 (R29)."""
    closed = plant()
    closed.write(LEASE, 60)
    closed.controller.hear_pcs(PcsReport(at=closed.now, is_running=True))
    closed.write(SELECT, SELECT_CONNECT)

    assert closed.write(CONNECT, 1) == CONTROL
    assert closed.read(REASON) == [9]


def test_cmd_03_a_second_master(plant: Callable[..., Closed]) -> None:
    """While one holds the lease another is told 27 and does not get it; a higher priority does (R7)."""
    closed = plant()
    assert closed.write(LEASE, 60, peer=SCADA) == TAKEN
    assert closed.write(LEASE, 60, peer=DISPATCHER) == CONTROL
    assert closed.read(REASON) == [27]
    assert closed.read(87) == [3]

    assert closed.write(LEASE, 60, peer=EMS) == TAKEN
    assert closed.read(87) == [2]
    assert closed.write(LEASE, 60, peer=SCADA) == CONTROL


def test_cmd_04_the_heartbeat_stops(plant: Callable[..., Closed]) -> None:
    """From 5 s after the last change power falls to zero in 2 s; racks stay closed; run must be asked for again (R10)."""
    closed = running(plant(closed=True), 100_000)
    closed.write(HEARTBEAT, 9999)
    last = closed.now
    for _ in range(4):
        closed.write_i32(POWER, 100_000)
        closed.run(1)
    closed.write_i32(POWER, 100_000)
    closed.run(last + 4.98 - closed.now)
    assert closed.read_i32(80) == 100_000

    closed.run(0.1)
    assert 0 < closed.read_i32(80) < 100_000
    closed.run(2)
    assert closed.read_i32(80) == 0
    assert closed.plant.pcs.setting.power == 0
    assert closed.requests(1)[-1] == 2
    closed.run(60)
    assert closed.read(1025) == [1]
    closed.write(LEASE, 3600)
    closed.run(2, EMS)
    closed.write_i32(POWER, 100_000)
    closed.run(1, EMS)
    assert closed.read(3) == [READY]
    assert closed.read_i32(80) == 0


def test_cmd_05_the_local_key(plant: Callable[..., Closed]) -> None:
    """Behind the local key remote commands are refused with 2, switching hierarchy; reads and stops go on (R36)."""
    closed = plant()
    closed.write(LEASE, 60)
    assert closed.write(KEY, 1, peer=EMS) == CONTROL
    assert closed.write(KEY, 1, peer=PANEL) == TAKEN

    assert closed.write(LEASE, 60) == CONTROL
    assert closed.read(REASON) == [2]
    assert closed.write(SELECT, SELECT_CONNECT) == CONTROL
    assert closed.read(203) == [1]
    assert closed.write(TRIP, 1) == TAKEN


def test_cmd_06_reset_while_the_cause_stands(plant: Callable[..., Closed]) -> None:
    """A reset against a trip that stands ends not done, with the cause named; afterwards it succeeds (R24)."""
    closed = plant()
    closed.write(LEASE, 3600)
    closed.write(TRIP, 1)
    closed.run(0.1, EMS)

    assert closed.write(RESET, 1) == CONTROL
    assert closed.read(REASON) == [10]
    assert closed.read(3) == [FAULT]
    assert closed.write(RELEASE, 1, peer=SCADA) == CONTROL
    assert closed.write(RELEASE, 1) == TAKEN
    closed.run(0.1, EMS)
    assert closed.read(3) == [FAULT]
    assert closed.write(RESET, 2) == TAKEN
    closed.run(0.1, EMS)
    assert closed.read(3) == [STANDBY]
    assert closed.read(8) == [0]


def test_cmd_07_a_limit_of_zero(plant: Callable[..., Closed]) -> None:
    """When the BMUs' limits drop to 0 power is 0 within two cycles of the frame, and battery is named (R19, R22)."""
    closed = running(plant(closed=True), 100_000)
    for rack in (1, 2):
        closed.plant.faults.add("zero_limits", rack)
    closed.run(0.1 + 0.04, EMS, (1, 0x86A0))

    assert closed.read_i32(80) == 0
    assert closed.read(84) == [2]
    closed.run(0.1, EMS, (1, 0x86A0))
    assert closed.plant.pcs.setting.power == 0


def test_cmd_08_a_silent_rack(plant: Callable[..., Closed]) -> None:
    """A rack whose frames stop keeps no power alive: 0.5 s after its last limits the bus is at zero (R21)."""
    closed = running(plant(closed=True), 100_000)
    closed.plant.faults.add("silent", 2)
    closed.run(0.45, EMS, (1, 0x86A0))
    assert closed.read_i32(80) == 100_000

    closed.run(0.2, EMS, (1, 0x86A0))
    assert closed.read_i32(80) == 0


def test_cmd_09_a_setpoint_dies_at_its_own_deadline(plant: Callable[..., Closed]) -> None:
    """Q is written each second, P never again: P is 0 one cycle after its 5 s, Q goes on (R9)."""
    closed = running(plant(closed=True), 100_000)
    closed.write_i32(POWER, 100_000)
    born = closed.now
    while closed.now < born + 4.97:
        if round((closed.now - born) / 0.02) % 50 == 0:
            closed.write(HEARTBEAT, round(closed.now * 10) & 0xFFFF)
            closed.write_i32(61005, 30_000)
        closed.cycle()
    assert closed.read_i32(80) == 100_000

    closed.cycle()
    assert closed.now == pytest.approx(born + 5.0, abs=1e-6)
    assert closed.read_i32(80) == 0
    assert closed.read(84) == [8]
    assert closed.read_i32(82) == 30_000


def test_cmd_10_an_emergency_stop(plant: Callable[..., Closed]) -> None:
    """The BMU's emergency stop zeroes at once and opens; nothing closes again before a reset (R24, R30)."""
    closed = running(plant(closed=True), 100_000)
    closed.plant.faults.add("emergency_stop", 1)
    closed.run(0.1 + 0.04, EMS)
    assert closed.read_i32(80) == 0
    assert closed.read(8) == [21]

    closed.run(4, EMS)
    assert closed.read(1025) == [0]
    assert {closed.requests(rack)[-1] for rack in (1, 2)} == {1}
    assert closed.plant.pcs.setting.run is False
    closed.plant.faults.clear("emergency_stop", 1)
    closed.run(1, EMS)
    assert closed.write(SELECT, SELECT_CONNECT) == TAKEN
    assert closed.write(CONNECT, 1) == CONTROL
    assert closed.write(RESET, 1) == TAKEN
    closed.run(2.5, EMS)
    assert closed.read(3) == [STANDBY]
    assert closed.write(SELECT, 0) == TAKEN
    assert closed.write(SELECT, SELECT_CONNECT) == TAKEN
    assert closed.write(CONNECT, 2) == TAKEN


@pytest.mark.parametrize("watts", [100_000, -100_000])
def test_cmd_11_the_sign(plant: Callable[..., Closed], watts: int) -> None:
    """Positive discharges: in the setpoint, at the PCS, in the rack's current and in the state of charge."""
    closed = running(plant(closed=True), watts)
    closed.run(1, EMS, tuple((watts >> shift) & 0xFFFF for shift in (16, 0)))
    sign = 1 if watts > 0 else -1

    assert closed.plant.pcs.power == watts
    assert closed.read_i32(11) * sign > 500
    assert closed.read_i32(13) * sign == pytest.approx(abs(watts), rel=0.1)


def test_cmd_13_beyond_the_rating(plant: Callable[..., Closed]) -> None:
    """With the policy reject a setpoint beyond the rating is exception 3, and nothing changes (R5)."""
    closed = running(plant(closed=True, face=", beyond_rating: reject"), 100_000)

    assert closed.write_i32(POWER, 400_001) == VALUE
    assert closed.read_i32(POWER) == 100_000
    assert closed.write_i32(POWER, 400_000) == TAKEN


def test_beyond_the_rating_is_clamped_by_default(plant: Callable[..., Closed]) -> None:
    """By default it is taken, clamped, and rating or battery is named (R5)."""
    closed = running(plant(closed=True), 100_000)

    assert closed.write_i32(POWER, 2_000_000) == TAKEN
    closed.run(10, EMS, (0x1E, 0x8480))
    assert closed.read_i32(80) <= 400_000
    assert closed.read(84)[0] in {1, 2}


def test_cmd_14_roles(plant: Callable[..., Closed]) -> None:
    """Who is not configured reads and gets exception 1 for any write; a dispatcher may not connect or reset (R6)."""
    closed = plant()

    for address in (HEARTBEAT, POWER + 17, LEASE, TRIP, CONNECT):
        assert closed.write(address, 1, peer=STRANGER) == ROLE
    assert closed.write(LEASE, 60, peer=DISPATCHER) == TAKEN
    assert closed.write(CONNECT, 1, peer=DISPATCHER) == ROLE
    assert closed.write(RESET, 1, peer=DISPATCHER) == ROLE
    assert closed.write(STOP, 1, peer=DISPATCHER) == TAKEN


def test_half_a_value_is_never_taken(plant: Callable[..., Closed]) -> None:
    """A write of one register of a setpoint, or across its middle, is exception 2 and changes nothing."""
    closed = plant()
    closed.write(LEASE, 60)
    closed.write_i32(POWER, 50_000)

    assert closed.write(POWER, 1) == ADDRESS
    assert closed.write(POWER + 1, 1) == ADDRESS
    assert closed.write(POWER + 1, 1, 2) == ADDRESS
    assert closed.write(61002, 1, 0) == ADDRESS
    assert closed.write(10, 1) == ADDRESS
    assert closed.write(61050, 1) == ADDRESS
    assert closed.read_i32(POWER) == 50_000
    assert closed.read(61002) != [1]
