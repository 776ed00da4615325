"""Two faces of one container, one that clamps and one that rejects (R5); masters are pymodbus and mbpoll."""

import contextlib
import math
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pymodbus.client import ModbusTcpClient

from program import Program

pytestmark = pytest.mark.interop

SITE = """
site: rated
buses: {{can0: {{interface: virtual}}}}
containers:
  - name: C1
    topology: {{racks: 1, modules: 8, cells: 52}}
    sources: [{{frames: demo-bmu, bus: can0}}]
    control:
      rating: {{charge: 2000, discharge: 1000, reactive: 300}}
      setpoint_life: {life}
      pcs: {{path: polls_us}}
faces:
  - {{map: native, listen: '127.0.0.1:{port}', unit: 1}}
  - {{map: native, listen: '127.0.0.1:{port}', unit: 2, beyond_rating: reject}}
masters: [{{name: ems, from: 127.0.0.1, role: dispatcher}}]
"""
CLAMPS, REJECTS = 1, 2
HEARTBEAT, POWER, REACTIVE, PERCENT, LEASE = 61000, 61003, 61005, 61020, 61100
REQUESTED, REMAINING = 206, 208
LIFE = 1.0  # s of a setpoint
PATIENCE = 60  # s


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Where a gateway serves both."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as probe:
        free: int = probe.getsockname()[1]
    (tmp_path / "site.yaml").write_text(SITE.format(port=free, life=LIFE))
    with Program(tmp_path).serving("run", "site.yaml") as served:
        served.wait_for("Ctrl-C stops")
        yield free


@pytest.fixture
def master(port: int) -> Iterator[ModbusTcpClient]:
    """A master that has the lease."""
    with ModbusTcpClient("127.0.0.1", port=port, timeout=10) as client:
        assert not client.write_register(LEASE, 3600, device_id=CLAMPS).isError()
        yield client


def written(master: ModbusTcpClient, unit: int, address: int, *words: int) -> int:
    """The exception that a write is answered with; 0 if it is taken."""
    answer = master.write_registers(address, list(words), device_id=unit)
    return int(answer.exception_code) if answer.isError() else 0


def power(number: int) -> tuple[int, int]:
    """A signed value of two registers."""
    return number >> 16 & 0xFFFF, number & 0xFFFF


def requested(master: ModbusTcpClient, unit: int) -> float:
    """The setpoint that lives; NaN without one."""
    high, low = master.read_holding_registers(REQUESTED, count=2, device_id=unit).registers
    number = high << 16 | low
    return math.nan if number == 1 << 31 else number - (number >> 31 << 32)


def until(holds: Callable[[], bool], what: str) -> None:
    """Look again until it is so."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"never {what}"


@pytest.mark.parametrize(
    ("address", "within", "beyond"),
    [
        (POWER, power(1000), power(1001)),
        (POWER, power(-2000), power(-2001)),
        (REACTIVE, power(-300), power(-301)),
        (PERCENT, (1000,), (1001,)),
    ],
)
def test_each_face_has_its_policy(
    master: ModbusTcpClient, address: int, within: tuple[int, ...], beyond: tuple[int, ...]
) -> None:
    """Up to the rating both take it; beyond, one takes it and the other answers exception 3."""
    assert [written(master, unit, address, *within) for unit in (CLAMPS, REJECTS)] == [0, 0]
    assert [written(master, unit, address, *beyond) for unit in (CLAMPS, REJECTS)] == [0, 3]


def test_what_is_rejected_is_not_there(master: ModbusTcpClient) -> None:
    """Nothing of a block that holds a rejected setpoint is taken; what the other face takes shows at both."""
    assert written(master, REJECTS, POWER, *power(500)) == 0
    block = (77, 1, 1, *power(1001))
    assert written(master, REJECTS, HEARTBEAT, *block) == 3
    until(lambda: requested(master, CLAMPS) == requested(master, REJECTS) == 500, "500 W")
    untouched = master.read_holding_registers(HEARTBEAT, count=3, device_id=REJECTS).registers
    assert untouched == [0xFFFF] * 3

    assert written(master, CLAMPS, HEARTBEAT, *block) == 0
    until(lambda: requested(master, CLAMPS) == requested(master, REJECTS) == 1001, "1001 W")


def test_a_rejected_write_does_not_renew_the_deadline(master: ModbusTcpClient) -> None:
    """Written over and over, the setpoint before it dies all the same; one that is clamped is renewed."""

    def shown(unit: int, number: int, code: int) -> float:
        assert written(master, unit, POWER, *power(number)) == code
        return requested(master, CLAMPS)

    until(lambda: shown(REJECTS, 500, 0) == 500, "500 W")
    until(lambda: math.isnan(shown(REJECTS, 5000, 3)), "its end")
    until(lambda: shown(CLAMPS, 5000, 0) == 5000, "5000 W")
    end = time.monotonic() + 2 * LIFE
    while time.monotonic() < end:
        assert shown(CLAMPS, 5000, 0) == 5000


def test_mbpoll_is_refused_alike(port: int, master: ModbusTcpClient) -> None:
    """The same from another foreign client."""
    for unit, code in ((CLAMPS, 0), (REJECTS, 1)):
        done = subprocess.run(
            ["mbpoll", "-m", "tcp", "-p", str(port), "-a", str(unit), "-0", "-r", str(POWER), "-1", "-q", "-B",
             "-t", "4:int", "127.0.0.1", "1001"],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        assert ("Illegal data value" in done.stderr) is (unit == REJECTS)
    until(lambda: requested(master, REJECTS) == 1001, "1001 W")
