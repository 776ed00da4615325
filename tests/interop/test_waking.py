"""BMUs that sleep until they are woken: what `essgw run` sends them, heard by python-can (R14, R17)."""

import contextlib
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import can
import pytest
from interop.bmu import beside
from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ConnectionException

pytestmark = pytest.mark.interop

FRAMES = """
protocol: sleeper
messages:
  - id: 0x10{rack}
    period: 0.1
    timeout: 0.5
    signals:
      Voltage: {bytes: 0-1, scale: 0.1, point: rack_voltage}
      Closed: {bytes: 2, point: rack_connected}
sends:
  - {id: '0x20{rack}', period: 0.2, length: 2, signals: {Wake: {bytes: 0, order: rack_wake, states: {1: 0xA5}}}}
"""
SITE = """
site: sleepers
buses: {{can0: {{interface: virtual}}}}
containers:
  - name: C1
    topology: {{racks: 2}}
    sources: [{{frames: sleeper.yaml, bus: can0}}]
    control: {{rating: {{charge: 1000, discharge: 1000}}, pcs: {{path: ems_relays}}}}
faces: [{{map: native, listen: '127.0.0.1:{port}', unit: 1, read_only: [power_*, reactive_*]}}]
"""
VOLTAGES = (1000, 1100)
"The first registers of both racks."
PATIENCE = 60.0  # s


@dataclass
class Sleepers:
    """Two BMUs on one interface: each says nothing until it has been woken."""

    asleep: set[int] = field(default_factory=lambda: {1, 2})
    woken: list[tuple[int, bytes]] = field(default_factory=list)
    "Every frame that the gateway has sent: rack and payload."

    def hears(self, message: can.Message) -> None:
        """Wake up."""
        if message.arbitration_id & ~0xF == 0x200:
            rack = message.arbitration_id & 0xF
            self.woken.append((rack, bytes(message.data)))
            self.asleep.discard(rack)

    def tells(self) -> Iterator[can.Message]:
        """The voltage of each that is awake."""
        for rack in {1, 2} - self.asleep:
            data = struct.pack("<HB", 7000 + rack, 0)
            yield can.Message(arbitration_id=0x100 + rack, data=data, is_extended_id=False)


@contextlib.contextmanager
def sleeping(folder: Path) -> Iterator[tuple[Sleepers, int]]:
    """The BMUs, asleep, and the port at which the gateway that runs beside them serves."""
    sleepers = Sleepers()
    (folder / "sleeper.yaml").write_text(FRAMES)
    with beside(sleepers, folder, SITE) as port:
        yield sleepers, port


def voltages(port: int) -> list[int]:
    """The racks' voltages in 0.1 V, as pymodbus reads them."""
    with ModbusTcpClient("127.0.0.1", port=port, timeout=5) as master:
        return [
            master.read_holding_registers(address, count=1, device_id=1).registers[0]
            for address in VOLTAGES
        ]


def until(port: int, *wanted: int) -> None:
    """Wait until the racks tell these voltages."""
    end, seen = time.monotonic() + PATIENCE, list[int]()
    while seen != list(wanted):
        assert time.monotonic() < end, f"{seen}, never {wanted}"
        with contextlib.suppress(ConnectionException):
            seen = voltages(port)
        time.sleep(0.05)


def test_a_bmu_is_woken_while_it_tells_nothing_and_no_longer(tmp_path: Path) -> None:
    """Both from the first look at the bus on; later the one alone that has fallen asleep again."""
    with sleeping(tmp_path) as (sleepers, port):
        until(port, 7001, 7002)
        assert sleepers.woken[:2] == [(1, b"\xa5\0"), (2, b"\xa5\0")]
        time.sleep(0.5)
        first = len(sleepers.woken)
        time.sleep(1)
        assert len(sleepers.woken) == first, "woken while they are awake"

        sleepers.asleep.add(2)
        end = time.monotonic() + PATIENCE
        while len(sleepers.woken) == first:
            assert time.monotonic() < end, "never woken again"
            time.sleep(0.05)
        until(port, 7001, 7002)
        assert {rack for rack, _ in sleepers.woken[first:]} == {2}
