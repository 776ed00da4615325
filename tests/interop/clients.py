"""Modbus clients that no one here wrote, with one face: read registers, and say what was refused."""

import re
import shutil
import subprocess
import time
from collections.abc import Callable

import pytest
from pymodbus.client import ModbusTcpClient

HOST = "127.0.0.1"
REFUSALS = {"Illegal data address": 2, "Gateway path unavailable": 10}
"Exceptions as libmodbus words them."


class PyModbus:
    """The client of pymodbus."""

    def __init__(self, port: int) -> None:
        self._client = ModbusTcpClient(HOST, port=port, timeout=10, retries=0)
        assert self._client.connect()  # type: ignore[no-untyped-call] # pymodbus leaves it open

    def read(self, address: int, count: int, function: int = 3) -> list[int]:
        """Registers by function 3 or 4."""
        call = (
            self._client.read_holding_registers
            if function == 3
            else self._client.read_input_registers
        )
        response = call(address, count=count, device_id=1)
        assert not response.isError(), response
        return list(response.registers)

    def write(self, address: int, values: list[int]) -> None:
        """Registers by function 16."""
        response = self._client.write_registers(address, values, device_id=1)
        assert not response.isError(), response

    def refused(self, unit: int) -> int:
        """The exception that a read from another unit is answered with."""
        response = self._client.read_holding_registers(10, count=2, device_id=unit)
        return response.exception_code

    def refused_write(self, address: int) -> int:
        """The exception that a write is answered with."""
        return self._client.write_registers(address, [1, 2], device_id=1).exception_code

    def close(self) -> None:
        """Disconnect."""
        self._client.close()  # type: ignore[no-untyped-call] # as above


class PyModbusTcp:
    """The client of pyModbusTCP."""

    def __init__(self, port: int) -> None:
        package = pytest.importorskip("pyModbusTCP.client", reason="pyModbusTCP is not installed")
        self._client = package.ModbusClient(HOST, port, unit_id=1, timeout=10.0)
        assert self._client.open()

    def read(self, address: int, count: int, function: int = 3) -> list[int]:
        """Registers by function 3 or 4."""
        call = (
            self._client.read_holding_registers
            if function == 3
            else self._client.read_input_registers
        )
        registers: list[int] | None = call(address, count)
        assert registers is not None, self._client.last_error_as_txt
        return registers

    def refused(self, unit: int) -> int:
        """The exception that a read from another unit is answered with."""
        self._client.unit_id = unit
        assert self._client.read_holding_registers(10, 2) is None
        self._client.unit_id = 1
        return int(self._client.last_except)

    def refused_write(self, address: int) -> int:
        """The exception that a write is answered with."""
        assert not self._client.write_multiple_registers(address, [1, 2])
        return int(self._client.last_except)

    def close(self) -> None:
        """Disconnect."""
        self._client.close()


class MbPoll:
    """The program mbpoll, on libmodbus."""

    def __init__(self, port: int) -> None:
        if shutil.which("mbpoll") is None:
            pytest.skip("mbpoll is not installed")
        self._port = port

    def _run(
        self, address: int, count: int, kind: str, unit: int = 1, *values: int
    ) -> subprocess.CompletedProcess[str]:
        place = ["-a", f"{unit}", "-0", "-r", f"{address}", "-p", f"{self._port}"]
        amount = [] if values else ["-c", f"{count}"]
        options = ["-m", "tcp", "-1", "-q", "-B", "-o", "10", "-t", kind]
        return subprocess.run(
            ["mbpoll", *options, *place, *amount, HOST, *map(str, values)],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def shown(self, address: int, count: int, kind: str) -> list[str]:
        """Values as mbpoll prints them."""
        done = self._run(address, count, kind)
        assert done.returncode == 0, done.stderr
        return re.findall(r"^\[\d+\]:\s*(\S+)", done.stdout, re.MULTILINE)

    def read(self, address: int, count: int, function: int = 3) -> list[int]:
        """Registers by function 3 or 4, which mbpoll calls types 4 and 3."""
        kind = "4:hex" if function == 3 else "3:hex"
        return [int(text, 16) for text in self.shown(address, count, kind)]

    def refused(self, unit: int) -> int:
        """The exception that a read from another unit is answered with."""
        return _code(self._run(10, 2, "4", unit))

    def refused_write(self, address: int) -> int:
        """The exception that a write is answered with."""
        return _code(self._run(address, 2, "4", 1, 1, 2))

    def close(self) -> None:
        """Nothing stays open."""


def _code(done: subprocess.CompletedProcess[str]) -> int:
    assert done.returncode == 1
    (code,) = (code for text, code in REFUSALS.items() if text in done.stderr)
    return code


Client = PyModbus | PyModbusTcp | MbPoll
CLIENTS: dict[str, Callable[[int], Client]] = {
    "pymodbus": PyModbus, "pyModbusTCP": PyModbusTcp, "mbpoll": MbPoll,
}  # fmt: skip


def alike(other: PyModbus, read: Callable[[int, int, int], object]) -> None:
    """Have another client see the native map as pymodbus does: 125 registers a read, by functions 3 and 4.

    `read` takes address, count and function. What moves is read until it is the same before and after.
    """
    for first, count in ((30, 7), (24000, 125), (60000, 125), (60125, 125), (60250, 125)):
        for function in (3, 4):
            end = time.monotonic() + 60
            while True:
                before = other.read(first, count, function)
                seen = read(first, count, function)
                if before == other.read(first, count, function):
                    break
                assert time.monotonic() < end, "it never rests"
            assert seen == before
