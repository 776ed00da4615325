"""Modbus RTU through the program: mbpoll and pymodbus at the other end of a line of two pseudo-terminals."""

import os
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from line import Ends, line
from modbus.adu import adu
from pymodbus.client import ModbusSerialClient

from gateway.modbus.rtu import framed

from program import Program

pytestmark = pytest.mark.interop

MAP = """
map: serial
version: 1.0.0
registers:
  - {at: 0, const: 4660, type: u16}
  - {at: 1, mailbox: note, type: u16, count: 120, owner: dispatcher}
  - {at: 200, mailbox: all, type: u16, owner: viewer}
"""
SITE = """
site: serial
buses: {{can0: {{interface: virtual}}}}
containers:
  - name: C1
    topology: {{racks: 1, modules: 8, cells: 52}}
    sources: [{{frames: demo-bmu, bus: can0}}]
faces: [{{map: serial.yaml, listen: {path}, unit: 7}}, {{map: serial.yaml, listen: {path}, unit: 8}}]
listeners: [{{at: {path}, baud: 38400, parity: none}}]
masters: [{{name: plc, at: {path}, role: dispatcher}}]
"""
PATIENCE = 10.0  # s


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    """A gateway at one end of a line."""
    with line() as ends:
        (tmp_path / "serial.yaml").write_text(MAP)
        (tmp_path / "site.yaml").write_text(SITE.format(path=ends.ours))
        with Program(tmp_path).serving("run", "site.yaml") as served:
            served.wait_for(f"at {ends.ours}; Ctrl-C stops")
            yield ends


def polled(ends: Ends, unit: int, address: int, *values: int, count: int = 1) -> tuple[int, str]:
    """What mbpoll ends with, and says."""
    span = [] if values else ["-c", str(count)]
    done = subprocess.run(
        ["mbpoll", "-m", "rtu", "-b", "38400", "-P", "none", "-s", "2", "-a", str(unit), "-0", "-r", str(address),
         *span, "-1", "-q", "-o", "2", ends.theirs, *map(str, values)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_mbpoll_reads_and_writes(ends: Ends) -> None:
    """Two units on one line; a refusal is told; another unit id is left to whoever it is."""
    status, told = polled(ends, 7, 0)
    assert (status, "4660" in told) == (0, True), told
    status, told = polled(ends, 7, 5, 11, 12, 13)
    assert status == 0, told
    status, told = polled(ends, 8, 5, count=3)
    assert [line.split()[-1] for line in told.splitlines() if line.startswith("[")] == ["11", "12", "13"]  # fmt: skip
    status, told = polled(ends, 7, 150)
    assert (status, "Illegal data address" in told) == (1, True), told
    status, told = polled(ends, 9, 0)
    assert (status, "timed out" in told) == (1, True), told


def test_pymodbus_polls_on(ends: Ends) -> None:
    """A hundred requests and answers, the longest among them."""
    with ModbusSerialClient(ends.theirs, baudrate=38400, parity="N", stopbits=2, timeout=PATIENCE) as client:  # fmt: skip
        assert not client.write_registers(1, list(range(120)), device_id=7).isError()
        for number in range(100):
            client.write_register(1, number, device_id=7)
            told = client.read_holding_registers(0, count=121, device_id=8).registers
            assert told == [4660, number, *range(1, 120)]


def opened(path: str) -> int:
    """A line as a program of our own has it."""
    file = os.open(path, os.O_RDWR | os.O_NOCTTY)
    termios.tcflush(file, termios.TCIOFLUSH)
    return file


def heard(file: int, size: int) -> bytes:
    """So many bytes, or what came of them."""
    data, end = b"", time.monotonic() + PATIENCE
    os.set_blocking(file, False)
    while len(data) < size and time.monotonic() < end:
        try:
            data += os.read(file, size - len(data))
        except BlockingIOError:
            time.sleep(0.005)
    return data


def test_noise_and_broadcasts(ends: Ends) -> None:
    """Junk is forgotten after a silence, a broadcast acts without an answer (MB-33), and the next request is answered."""
    file = opened(ends.theirs)
    try:
        for noise in (b"\xff" * 300, framed(7, b"\x03\0\0\0\1")[:-1], adu("03 0000 0001", unit=7)):
            os.write(file, noise)
            time.sleep(0.2)
        os.write(file, framed(0, bytes.fromhex("06 00C8 0042")))
        time.sleep(0.2)
        for unit in (7, 8):
            os.write(file, framed(unit, bytes.fromhex("03 00C8 0001")))
            assert heard(file, 7) == framed(unit, bytes.fromhex("03 02 0042"))
    finally:
        os.close(file)


def test_the_same_write_again_is_answered_again(ends: Ends) -> None:
    """The answer to function 6 is what was asked: the next same request is no echo of it."""
    file, request = opened(ends.theirs), framed(7, bytes.fromhex("06 00C8 0001"))
    try:
        for _ in range(4):
            os.write(file, request)
            assert heard(file, 8) == request
    finally:
        os.close(file)


def test_an_adapter_that_hears_itself(tmp_path: Path) -> None:
    """With `echo`, our own answer is not obeyed, and the next request is answered."""
    with line() as ends:
        (tmp_path / "serial.yaml").write_text(MAP)
        text = SITE.format(path=ends.ours).replace("parity: none", "parity: none, echo: true")
        (tmp_path / "site.yaml").write_text(text)
        with Program(tmp_path).serving("run", "site.yaml") as served:
            served.wait_for(f"at {ends.ours}; Ctrl-C stops")
            file, request = opened(ends.theirs), framed(7, bytes.fromhex("06 00C8 0001"))
            try:
                for _ in range(3):
                    os.write(file, request)
                    assert heard(file, 8) == request
                    os.write(file, request)  # the echo
                    time.sleep(0.1)
                    assert heard_now(file) == b""
            finally:
                os.close(file)


def heard_now(file: int) -> bytes:
    """What has come."""
    try:
        return os.read(file, 256)
    except BlockingIOError:
        return b""
