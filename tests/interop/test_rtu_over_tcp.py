"""RTU frames over TCP through the program: raw sockets, pymodbus, and serial tools behind a device server of two lines."""

import contextlib
import json
import os
import select
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from line import line
from modbus.service import received
from pymodbus import FramerType
from pymodbus.client import ModbusTcpClient

from gateway.modbus.rtu import framed

from program import Program

pytestmark = pytest.mark.interop

MAP = """
map: small
version: 1.0.0
registers:
  - {at: 0, const: 4660, type: u16}
  - {at: 1, mailbox: note, type: u16, count: 120, owner: dispatcher}
"""
SITE = """
site: framed
buses: {{can0: {{interface: virtual}}}}
containers:
  - name: C1
    topology: {{racks: 1, modules: 8, cells: 52}}
    sources: [{{frames: demo-bmu, bus: can0}}]
faces:
  - {{map: small.yaml, listen: '127.0.0.1:{port}', unit: 7}}
  - {{map: small.yaml, listen: '127.0.0.1:{port}', unit: 8}}
  - {{map: native, listen: '127.0.0.1:{plain}'}}
listeners: [{{at: '127.0.0.1:{port}', framing: rtu{more}}}]
masters: [{{name: plc, at: '127.0.0.1:{port}', role: dispatcher}}]
"""
PATIENCE = 20.0  # s
ASKED, TOLD = framed(7, bytes.fromhex("03 0000 0001")), framed(7, bytes.fromhex("03 02 1234"))


def free() -> int:
    """A port that nobody has."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(folder: Path, more: str = "") -> Iterator[tuple[int, int]]:
    """A gateway with such a listener, and a usual one; their ports."""
    port, plain = free(), free()
    (folder / "small.yaml").write_text(MAP)
    (folder / "site.yaml").write_text(SITE.format(port=port, plain=plain, more=more))
    with Program(folder).serving("run", "site.yaml") as served:
        served.wait_for("Ctrl-C stops")
        yield port, plain


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Of a gateway at work."""
    with running(tmp_path) as ports:
        yield ports


def connected(port: int) -> socket.socket:
    """A master's connection."""
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


def test_any_cut_of_the_stream(ports: tuple[int, int]) -> None:
    """Requests in one piece, in two at each place, byte by byte, and several at once: each is answered, in order."""
    written = framed(8, bytes.fromhex("10 0001 0002 04 0102 0304"))
    stream = ASKED + written + framed(8, bytes.fromhex("03 0001 0002"))
    expected = TOLD + framed(8, bytes.fromhex("10 0001 0002")) + framed(8, bytes.fromhex("03 04 0102 0304"))  # fmt: skip
    with connected(ports[0]) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for cut in range(len(stream)):
            link.sendall(stream[:cut])
            link.sendall(stream[cut:])
            assert received(link, len(expected)) == expected
        for place in range(len(stream)):
            link.sendall(stream[place : place + 1])
        assert received(link, len(expected)) == expected
        link.sendall(40 * stream)
        assert received(link, 40 * len(expected)) == 40 * expected


def test_damage_and_broadcasts(ports: tuple[int, int], tmp_path: Path) -> None:
    """A wrong checksum is not answered and counted; a broadcast acts on all units; then requests are answered again."""
    with connected(ports[0]) as link:
        link.sendall(ASKED[:-1] + b"\0" + ASKED)
        assert not select.select([link], [], [], 0.3)[0], "what follows damage is not trusted"
        link.sendall(framed(0, bytes.fromhex("06 0001 0042")) + framed(0, bytes.fromhex("03 0000 0001")))  # fmt: skip
        link.sendall(framed(8, bytes.fromhex("03 0001 0001")))
        answer = framed(8, bytes.fromhex("03 02 0042"))
        assert received(link, len(answer)) == answer
        essgw, end = Program(tmp_path), time.monotonic() + PATIENCE
        while (told := counted(essgw, ports[1]))["master_requests"] < 3:
            assert time.monotonic() < end

    assert told == {"frames_damaged": 1, "streams_broken": 0, "master_connections": 1, "master_requests": 3,
                    "master_writes": 1, "master_exceptions": 0, "master_unanswered": 2}  # fmt: skip


def counted(essgw: Program, port: int) -> dict[str, int]:
    """Of the first master, and of nobody."""
    names = ("connections", "requests", "writes", "exceptions", "unanswered")
    wanted = [f"master_{name}" for name in names]
    server = f"127.0.0.1:{port}"
    told = essgw("read", server, *wanted, "frames_damaged", "streams_broken", "--json").stdout
    rows = json.loads(told)["points"]
    return {row["point"]: row["value"] for row in rows if row.get("master", 1) == 1}


@pytest.mark.parametrize(("policy", "is_told"), [("", True), (", unknown_unit: silent", False)])
def test_unit_ids_that_nobody_is_behind(tmp_path: Path, policy: str, *, is_told: bool) -> None:
    """As over Modbus TCP, 255 among them; refusals are answered, and unknown functions."""
    with running(tmp_path, policy) as (port, _), connected(port) as link:
        for unit in (9, 255):
            link.sendall(framed(unit, bytes.fromhex("03 0000 0001")))
            if is_told:
                assert received(link, 5) == framed(unit, bytes.fromhex("83 0A"))
        for request, refusal in (("03 00C8 0001", "83 02"), ("03 0000 007E", "83 03"), ("07", "87 01"), ("64 01", "E4 01")):  # fmt: skip
            link.sendall(framed(7, bytes.fromhex(request)))
            assert received(link, 5) == framed(7, bytes.fromhex(refusal))


def test_pymodbus_polls_on(ports: tuple[int, int]) -> None:
    """A hundred requests and answers, the longest among them; a refusal is told."""
    with ModbusTcpClient("127.0.0.1", port=ports[0], framer=FramerType.RTU, timeout=PATIENCE) as client:  # fmt: skip
        assert not client.write_registers(1, list(range(120)), device_id=7).isError()
        for number in range(100):
            client.write_register(1, number, device_id=7)
            told = client.read_holding_registers(0, count=121, device_id=8).registers
            assert told == [4660, number, *range(1, 120)]
        assert client.read_holding_registers(500, count=1, device_id=7).exception_code == 2


def test_mbpoll_behind_a_serial_device_server(ports: tuple[int, int]) -> None:
    """A serial master at a device server, that passes bytes on as they come."""
    with line() as ends, connected(ports[0]) as link, device_server(ends.ours, link):
        for what, told in (
            (["-r", "0", "-c", "1"], "4660"), (["-r", "5", "-c", "3"], "[6]"), (["-r", "150", "-c", "1"], "Illegal data address"),
        ):  # fmt: skip
            done = subprocess.run(
                ["mbpoll", "-m", "rtu", "-b", "38400", "-P", "none", "-a", "7", "-0", "-1", "-q", "-o", "5", *what, ends.theirs],
                capture_output=True, text=True, check=False, timeout=60,
            )  # fmt: skip
            assert told in done.stdout + done.stderr


@contextlib.contextmanager
def device_server(path: str, link: socket.socket) -> Iterator[None]:
    """Carries bytes between a line and a connection, in pieces of three."""
    file = os.open(path, os.O_RDWR | os.O_NOCTTY)
    over_read, over_write = os.pipe()

    def carry() -> None:
        while True:
            ready, _, _ = select.select([file, link.fileno(), over_read], [], [])
            if over_read in ready:
                return
            if file in ready:
                link.sendall(os.read(file, 3))
            if link.fileno() in ready:
                os.write(file, link.recv(3))

    thread = threading.Thread(target=carry)
    thread.start()
    try:
        yield
    finally:
        os.write(over_write, b"x")
        thread.join()
        for end in (file, over_read, over_write):
            os.close(end)
