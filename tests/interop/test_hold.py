"""A connection that holds the picture, through the program: pymodbus reads a thousand registers of one cycle."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymodbus.client import ModbusTcpClient

from program import Program

pytestmark = pytest.mark.interop

SITE = """
site: held
buses: {{can0: {{interface: virtual}}}}
containers:
  - name: C1
    topology: {{racks: 2, modules: 8, cells: 52}}
    sources: [{{frames: demo-bmu, bus: can0}}]
faces: [{{map: native, listen: '127.0.0.1:{port}', unit: 1}}]
"""
COUNTER, HOLD = 1, 61130


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Where a gateway serves the native map."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as probe:
        free: int = probe.getsockname()[1]
    (tmp_path / "site.yaml").write_text(SITE.format(port=free))
    with Program(tmp_path).serving("run", "site.yaml") as served:
        served.wait_for("Ctrl-C stops")
        yield free


def counter(client: ModbusTcpClient) -> int:
    """Which picture is shown."""
    response = client.read_holding_registers(COUNTER, count=1, device_id=1)
    assert not response.isError()
    return int(response.registers[0])


def test_many_reads_come_from_one_picture(port: int) -> None:
    """While it is held, for this connection alone; then pictures go on."""
    with ModbusTcpClient("127.0.0.1", port=port, timeout=10) as mine, ModbusTcpClient("127.0.0.1", port=port, timeout=10) as other:  # fmt: skip
        assert not mine.write_register(HOLD, 200, device_id=1).isError()
        begun = time.monotonic()
        first, seen = counter(mine), counter(other)
        while counter(other) == seen:
            time.sleep(0.01)
        held = counter(mine)
        assert held == first or time.monotonic() - begun > 1.9
        assert mine.write_register(HOLD, 201, device_id=1).exception_code == 3
        assert not mine.write_register(HOLD, 0, device_id=1).isError()
        assert counter(mine) != first
