"""Rules of listeners through the program: who may connect and write, judged by mbpoll, pymodbus and raw sockets."""

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from modbus.adu import adu, read
from modbus.service import closes, response
from pymodbus.client import ModbusTcpClient

from program import Program

pytestmark = pytest.mark.interop

SITE = """
site: heard
buses: {{can0: {{interface: virtual}}}}
containers:
  - name: C1
    topology: {{racks: 1, modules: 8, cells: 52}}
    sources: [{{frames: demo-bmu, bus: can0}}]
    control:
      rating: {{charge: 1000, discharge: 1000}}
      pcs: {{path: polls_us}}
faces:
  - {{map: native, listen: '127.0.0.1:{first}', unit: 1}}
  - {{map: native, listen: '127.0.0.1:{second}', unit: 1}}
listeners:
  - {{at: '127.0.0.1:{first}', allow: [127.0.0.1, 127.0.0.2], priority: [127.0.0.1], connections: 2, unknown_unit: silent}}
  - {{at: '127.0.0.1:{second}', read_only: true}}
masters: [{{name: ems, from: 127.0.0.0/8, role: operator}}]
"""
LEASE = 61100


def free() -> int:
    """A port that nobody has."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """A gateway with two listeners."""
    first, second = free(), free()
    (tmp_path / "site.yaml").write_text(SITE.format(first=first, second=second))
    with Program(tmp_path).serving("run", "site.yaml") as served:
        served.wait_for("Ctrl-C stops")
        yield first, second


def mbpoll(port: int, *what: str) -> tuple[int, str]:
    """What mbpoll ends with, and says."""
    command = ["mbpoll", "-m", "tcp", "-p", str(port), "-0", "-1", "-q", "-o", "1", *what]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def came_from(host: str, port: int) -> socket.socket:
    """A connection from an address of this machine."""
    return socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(host, 0))


def test_who_is_not_allowed_is_closed(ports: tuple[int, int]) -> None:
    """Not a byte is answered; the other listener takes anybody."""
    for port, refused in zip(ports, (True, False), strict=True):
        with came_from("127.0.0.3", port) as link:
            link.sendall(read(60200, 1))
            if refused:
                assert closes(link)
            else:
                assert response(link) == adu("03 02 1234")


def test_a_priority_master_keeps_its_connection(ports: tuple[int, int]) -> None:
    """MB-27: pymodbus polls on, whoever comes; the others make room for each other."""
    with ModbusTcpClient("127.0.0.1", port=ports[0], timeout=10) as client, contextlib.ExitStack() as links:  # fmt: skip
        assert client.read_holding_registers(60200, count=1, device_id=1).registers == [0x1234]
        before = None
        for _ in range(4):
            link = links.enter_context(came_from("127.0.0.2", ports[0]))
            link.sendall(read(60200, 1))
            assert response(link) == adu("03 02 1234")
            assert before is None or closes(before)
            before = link
        assert client.read_holding_registers(60200, count=1, device_id=1).registers == [0x1234]


def test_a_read_only_listener(ports: tuple[int, int]) -> None:
    """The same master writes at one, and may only read at the other: exception 1."""
    status, told = mbpoll(ports[0], "-a", "1", "-r", str(LEASE), "127.0.0.1", "60")
    assert (status, "Written 1 references" in told) == (0, True), told
    status, told = mbpoll(ports[1], "-a", "1", "-r", str(LEASE), "127.0.0.1", "60")
    assert (status, "Illegal function" in told) == (1, True), told
    status, told = mbpoll(ports[1], "-a", "1", "-r", "60200", "-c", "1", "127.0.0.1")
    assert (status, "4660" in told) == (0, True), told


def test_unknown_unit_ids(ports: tuple[int, int]) -> None:
    """MB-22: mbpoll hears nothing at one listener, exception 0A at the other."""
    status, told = mbpoll(ports[0], "-a", "9", "-r", "60200", "-c", "1", "127.0.0.1")
    assert (status, "timed out" in told) == (1, True), told
    status, told = mbpoll(ports[1], "-a", "9", "-r", "60200", "-c", "1", "127.0.0.1")
    assert (status, "Gateway path unavailable" in told) == (1, True), told
