"""Processes that die in a running plant, each alone: what BMUs, PCS and masters see, and what the journal says.

Gateway, BMUs and PCS are processes of their own; the CAN bus between them is python-can's socketcand client at
each end, a third participant listens, masters are mbpoll and pymodbus. The plant is simulated.
"""

import math
import random
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import can
import pytest
from interop.world import LEASE, PATIENCE, READY, STANDBY, World, adopted
from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from program import Program

pytestmark = pytest.mark.interop

BMU_PATIENCE = 4.5  # s: the simulated BMUs open after 5 without a request


@pytest.fixture
def world(tmp_path: Path, essgw: Program) -> Iterator[World]:
    """A plant with open racks, and a gateway that has adopted it."""
    with adopted(tmp_path, essgw) as world:
        yield world


def test_the_gateway_is_killed(world: World) -> None:
    """Kill -9 with closed racks: no start tells one to open, and power is zero (R14, R15).

    They stay closed where the gateway is back before the BMUs' own 5 s are over; a slow machine may need longer.
    """
    world.running()
    world.quiet()
    killed = time.monotonic()
    world.kill()
    world.start()
    world.until(lambda: world.read(3)[0] in {STANDBY, READY}, "adopted")
    world.until(lambda: any(at > killed for at, _, _ in world.spy.asked), "heard")

    back = min(at for at, _, _ in world.spy.asked if at > killed)
    assert world.read(80, 2) == [0, 0]
    if back - killed < BMU_PATIENCE:
        assert world.read(31) == [2]
        assert 1 not in {what for at, _, what in world.spy.asked if at > killed}
    told = world.journal()
    assert sum(row["name"] == "started" for row in told) == 2
    assert any(row["row"] == "connect" and "accepted" in str(row["detail"]) for row in told)
    assert [row["seq"] for row in told] == list(range(1, len(told) + 1))


def test_the_ems_dies(world: World) -> None:
    """Power goes to zero, then the PCS's own watchdog trips it, the racks stay closed (R10, R12)."""
    world.running()
    world.quiet()
    world.until(lambda: world.read(80, 2) == [0, 0], "at zero")

    with ModbusTcpClient("127.0.0.1", port=pcs_port(world), timeout=5) as pcs:
        time_of_look = time.monotonic() + 8
        world.until(lambda: time.monotonic() > time_of_look, "looked at")
        assert pcs.read_holding_registers(100, count=2, device_id=1).registers == [3, 1]
    assert world.read(31) == [2]
    names = [row["name"] for row in world.journal()]
    assert names.index("ems_late") < names.index("ems_lost")


def pcs_port(world: World) -> int:
    """Where the PCS listens."""
    return int(world.plant.wait_for(r"Modbus TCP at 127\.0\.0\.1:(\d+)")[1])


def test_the_pcs_dies(world: World) -> None:
    """Power is zero, the racks stay closed; back, it follows the EMS again, which has asked all the time (R9, R12)."""
    world.running()
    world.plant.say("fault pcs_dead")
    world.until(lambda: world.read(80, 2) == [0, 0], "at zero")
    died = time.monotonic()
    world.plant.say("clear pcs_dead")
    world.until(lambda: "pcs_back" in [row["name"] for row in world.journal()], "back")
    world.until(lambda: world.read(80, 2) == [0, 50_000], "at 50 kW again")

    assert world.read(31) == [2]
    assert 1 not in {what for at, _, what in world.spy.asked if at > died}, "told to disconnect"
    rows = world.journal()
    names = [row["name"] for row in rows]
    assert names.index("pcs_lost") < names.index("pcs_back")
    assert "pcs_lost" in [row["row"] for row in rows if row["name"] == "interlock_tripped"]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))


def test_the_bus_is_cut(world: World) -> None:
    """Cut for a while: power is zero and the PCS stopped; afterwards the racks are closed as they were (R21, R33)."""
    world.running()
    world.hub.cut = True
    world.until(lambda: world.read(80, 2) == [0, 0], "at zero")
    world.until(lambda: world.read(205) != [0], "tripped")
    world.hub.cut = False
    world.until(lambda: world.read(32) == [2], "heard again")

    assert world.read(31) == [2]
    assert {"limits_stale", "bus_silent"} & {row["row"] for row in world.journal()}


def test_another_master_on_the_bus(world: World) -> None:
    """Somebody else sends our request: we fall silent, the racks' BMUs hear one master, closing is blocked (R34)."""
    with can.Bus(
        interface="socketcand", channel="can0", host="127.0.0.1", port=world.hub.port
    ) as other:
        other.send(can.Message(arbitration_id=0x190101A0, data=bytes(8), is_extended_id=True))
        world.until(lambda: world.read(8) == [74], "noticed")
        silent = time.monotonic()
        look = silent + 1.5
        world.until(lambda: time.monotonic() > look, "looked at")

    assert not [at for at, rack, _ in world.spy.asked if at > silent + 0.3 and rack == 2]
    assert any(row["name"] == "duplicate_master" for row in world.journal())


def test_a_stop_opens_racks_that_would_not_bear_a_restart(world: World) -> None:
    """The BMUs wait 5 s, a restart takes 4: a stop brings power to zero and opens before it ends (R16, R30)."""
    world.running()
    world.quiet()
    world.gateway.send_signal(signal.SIGTERM)
    world.gateway.wait(timeout=PATIENCE)

    assert {what for at, _, what in world.spy.asked[-4:]} == {1}
    told = world.journal()
    assert [row["name"] for row in told].count("rack_disconnected") >= 4
    assert not [row for row in told if row["name"] == "opened_under_load"]
    assert told[-1]["name"] == "stopped"
    world.start()
    world.until(lambda: world.read(31) == [0], "adopted with open racks")


def test_a_stop_is_refused_while_current_flows(world: World) -> None:
    """A PCS that keeps its power: the racks cannot open, the gateway stays and says so; told twice, it ends (R16)."""
    world.running()
    world.plant.say("fault pcs_mute")
    world.plant.wait_for("pcs_mute: ")
    world.gateway.send_signal(signal.SIGTERM)
    world.until(lambda: "stop_refused" in {row["name"] for row in world.journal()}, "refused")

    assert world.gateway.poll() is None
    assert world.read(31) == [2]
    assert 1 not in {what for _, _, what in world.spy.asked[-4:]}
    world.gateway.send_signal(signal.SIGTERM)
    world.until(
        lambda: (world.folder / "run.log").read_text().count("opening_before") == 2, "again"
    )
    world.gateway.send_signal(signal.SIGTERM)
    world.gateway.wait(timeout=PATIENCE)
    told = [row["name"] for row in world.journal()]
    assert "opened_under_load" not in told
    assert told[-1] == "stopped"


@dataclass
class Expected:
    """How a plant is to be found after each start."""

    world: World
    closed: bool
    slow: int = 0
    "How often the gateway was away for so long that BMUs opened by themselves."

    def came_back(self, killed: float) -> None:
        """The gateway has adopted what it found since it was killed, and the plant is as it was."""
        world, mode = self.world, READY if self.closed else STANDBY
        world.until(lambda: world.read(3) in ([STANDBY], [READY]), "adopted")
        since = [(at, what) for at, _, what in world.spy.asked if at > killed]
        if self.closed and since and since[0][0] - killed > BMU_PATIENCE:
            self.slow += 1
            world.connect(self.slow)
        else:
            assert (1 if self.closed else 2) not in {what for _, what in since}
        world.until(lambda: world.read(3) == [mode], "as it was")


@pytest.mark.parametrize("closed", [False, True])
def test_killed_often(
    tmp_path: Path, essgw: Program, request: pytest.FixtureRequest, *, closed: bool
) -> None:
    """Killed at any instant, 10 times (500 in the long run), while a master takes and gives back the lease.

    Each answer that it got is in the journal, in order, without gap or repeat. No start told an open rack to
    connect, or a closed one to disconnect: unless the machine was so slow that its BMU had opened it before.
    """
    with adopted(tmp_path, essgw, closed=closed) as world:
        _kill_often(world, request, closed=closed)


def _kill_often(world: World, request: pytest.FixtureRequest, *, closed: bool) -> None:
    is_long = request.config.getoption("hypothesis_profile", None) == "long"
    chance, acknowledged, value = random.Random(7), list[int](), 0
    over, killed, plant = threading.Event(), -math.inf, Expected(world, closed)

    def command() -> None:
        """Take the lease for another number of seconds each time, as long as somebody answers."""
        nonlocal value
        with world.master() as client:
            while not over.is_set():
                value = value % 3599 + 1
                try:
                    for seconds in (value, 0):
                        answer = client.write_register(LEASE, seconds, device_id=1)
                        if not answer.isError() and seconds:
                            acknowledged.append(seconds)
                except (ModbusException, OSError):
                    return

    kills = 500 if is_long else 10
    for _ in range(kills):
        plant.came_back(killed)
        before = len(acknowledged)
        over.clear()
        master = threading.Thread(target=command)
        master.start()
        world.until(lambda count=before: len(acknowledged) > count, "acknowledged")  # type: ignore[misc] # bound
        over.wait(chance.uniform(0, 0.3))
        world.kill()
        killed = time.monotonic()
        over.set()
        master.join()
        world.start()
    plant.came_back(killed)

    told = world.journal()
    assert [row["seq"] for row in told] == list(range(1, len(told) + 1))
    kept = [row["value"] for row in told if row["row"] == "lease" and row["value"]]
    rest = iter(kept)
    assert [seconds for seconds in acknowledged if seconds not in rest] == []
    # written, and killed before the answer left; or the lease of a connect
    assert len(kept) - len(acknowledged) <= kills + plant.slow
