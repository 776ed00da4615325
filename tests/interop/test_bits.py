"""Coils and discrete inputs as mbpoll and pymodbus read and write them."""

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymodbus.client import ModbusTcpClient

from program import Program

pytestmark = pytest.mark.interop

MAP = """
map: bits
version: 1.0.0
registers:
  - {at: 0, table: coil, command: charge_enable, type: bit}
  - {at: 1, table: coil, command: discharge_enable, type: bit}
  - {at: 2, table: coil, command: software_stop, type: bit}
  - {at: 100, table: discrete, point: charge_permitted, type: bit}
  - {at: 101, table: discrete, const: 1, type: bit}
  - {at: 10, table: holding, point: first_out, type: enum}
  - {at: 10, table: input, const: 4660, type: u16}
"""
SITE = """
site: bits
buses: {{can0: {{interface: virtual}}}}
containers:
  - name: C1
    topology: {{racks: 1, modules: 8, cells: 52}}
    sources: [{{frames: demo-bmu, bus: can0}}]
    control: {{rating: {{charge: 1000, discharge: 1000}}, pcs: {{path: ems_relays}}}}
faces: [{{map: bits.yaml, listen: '127.0.0.1:{port}', unit: 1}}]
masters: [{{name: ems, from: 127.0.0.1, role: operator}}]
"""
SOFTWARE_STOP = 73


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Where a gateway serves such a map."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as probe:
        free: int = probe.getsockname()[1]
    (tmp_path / "bits.yaml").write_text(MAP)
    (tmp_path / "site.yaml").write_text(SITE.format(port=free))
    with Program(tmp_path).serving("run", "site.yaml") as served:
        served.wait_for("Ctrl-C stops")
        yield free


def polled(port: int, kind: str, address: int, *values: int, count: int = 1) -> list[str]:
    """What mbpoll reads, or nothing after it has written."""
    span = [] if values else ["-c", str(count)]
    done = subprocess.run(
        ["mbpoll", "-m", "tcp", "-p", str(port), "-a", "1", "-0", "-t", kind, "-r", str(address), *span,
         "-1", "-q", "-o", "10", "127.0.0.1", *map(str, values)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return [line.split()[-1] for line in done.stdout.splitlines() if line.startswith("[")]


def test_mbpoll_reads_and_writes_bits(port: int) -> None:
    """Coils one by one and several at once; discrete inputs; holding and input registers at one address."""
    assert polled(port, "0", 0, 1) == []
    assert polled(port, "0", 0, count=2) == ["1", "0"]
    polled(port, "0", 0, 0, 1)
    assert polled(port, "0", 0, count=3) == ["0", "1", "0"]
    assert polled(port, "1", 100, count=2) == ["0", "1"]
    assert polled(port, "4", 10) == ["0"]
    assert polled(port, "3", 10) == ["4660"]


def test_pymodbus_stops_by_a_coil(port: int) -> None:
    """Set, it acts at once and reads back; the register of the first interlock tells."""
    with ModbusTcpClient("127.0.0.1", port=port, timeout=10) as master:
        assert not master.write_coil(2, value=True, device_id=1).isError()
        assert master.read_coils(0, count=3, device_id=1).bits[2] is True
        first = master.read_holding_registers(10, device_id=1).registers
        beyond = master.read_coils(0, count=4, device_id=1)
        inputs = master.read_discrete_inputs(101, count=1, device_id=1).bits[0]
        several = master.write_coils(0, [True, True], device_id=1)

    assert first == [SOFTWARE_STOP]
    assert beyond.exception_code == 2
    assert inputs is True
    assert not several.isError()


def test_essgw_reads_bits(port: int, tmp_path: Path) -> None:
    """By the map's tables, whatever function that takes."""
    told = Program(tmp_path)("read", f"127.0.0.1:{port}", "--map", "bits.yaml", "--topology", "1x8x52x52", "*").stdout  # fmt: skip

    assert "charge_permitted" in told
    assert "first_out" in told
    shown = Program(tmp_path)("map", "show", "bits.yaml").stdout
    assert "discrete" in shown
