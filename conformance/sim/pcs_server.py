"""The simulated PCS as a Modbus TCP server, for a gateway that drives it.

Holding registers, 0-based addresses, words big-endian, unit 1; positive power discharges to the grid:

      0      heartbeat in       u16           the master counts up; kept, not judged
      1      command            u16           0 stop, 1 run
      2-3    active power       i32   W
      4-5    reactive power     i32   var
      6-7    max charge         u32   0.1 A   DC
      8-9    max discharge      u32   0.1 A   DC
     10      watchdog           u16   s       5 as delivered, 0 off
     11      fault reset        u16           1 resets; reads 0
    100      state              u16           0 off, 1 standby, 2 running, 3 fault
    101      fault code         u16           0 none, 1 watchdog, 2 DC undervoltage, 3 DC overvoltage, 4 internal
    102-103  active power       i32   W       measured
    104-105  reactive power     i32   var
    106      DC voltage         u16   0.1 V
    107-108  DC current         i32   0.1 A   positive: out of the battery
    109      heartbeat out      u16           seconds since its start
    110-111  rating             u32   W

Every access that is answered begins the watchdog anew, reads too. Limits are 0 until written. Running again after
a fault takes a reset and then a new command. 100 and above are read-only.
"""

import asyncio
from collections.abc import Sequence

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from conformance.sim.pcs import Pcs
from gateway.errors import LinkError

_WRITABLE, _MEASURED = 12, 100
_DECI = 10
_WRITE_SINGLE = 6


def settings(pcs: Pcs) -> list[int]:
    """Registers 0 to 11."""
    now = pcs.setting
    return [
        now.heartbeat,
        int(now.run),
        *_words(now.power),
        *_words(now.reactive),
        *_words(now.charge_current * _DECI),
        *_words(now.discharge_current * _DECI),
        round(now.watchdog),
        0,
    ]


def measured(pcs: Pcs) -> list[int]:
    """Registers 100 to 111."""
    return [
        pcs.state,
        pcs.fault,
        *_words(pcs.power),
        *_words(pcs.reactive),
        round(pcs.dc_voltage * _DECI),
        *_words(pcs.dc_current * _DECI),
        int(pcs.uptime) & 0xFFFF,
        *_words(pcs.rating.power),
    ]


def write(pcs: Pcs, address: int, words: Sequence[int]) -> None:
    """Take registers from `address` on; half of a pair keeps its other half."""
    registers = settings(pcs)
    registers[address : address + len(words)] = words
    now = pcs.setting
    now.heartbeat, now.run = registers[0], registers[1] == 1
    now.power, now.reactive = _signed(registers[2:4]), _signed(registers[4:6])
    now.charge_current = _unsigned(registers[6:8]) / _DECI
    now.discharge_current = _unsigned(registers[8:10]) / _DECI
    now.watchdog = registers[10]
    if registers[11] == 1:
        pcs.reset()


class PcsServer:
    """The listener; a PCS that is mute or dead takes requests in and answers none."""

    def __init__(self, pcs: Pcs, host: str = "127.0.0.1", port: int = 0, unit: int = 1) -> None:
        """Port 0 takes a free one, known once started."""
        self.pcs, self.host, self.port, self.unit = pcs, host, port, unit
        self._server: ModbusTcpServer | None = None

    async def start(self) -> None:
        """Listen; LinkError if the address cannot be had."""
        device = SimDevice(
            self.unit,
            [
                SimData(0, count=_WRITABLE, datatype=DataType.REGISTERS),
                SimData(_MEASURED, count=_WRITABLE, datatype=DataType.REGISTERS, readonly=True),
            ],
            action=self._access,
        )
        self._server = ModbusTcpServer(
            device, address=(self.host, self.port), trace_packet=self._passed
        )
        if not await self._server.listen():
            raise LinkError(f"the PCS cannot listen at {self.host}:{self.port}")
        sockets = getattr(self._server.transport, "sockets", ())  # of asyncio's server, or uvloop's
        if sockets:
            self.port = sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the listener and its connections."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call] # pymodbus leaves it open

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            await asyncio.Event().wait()
        finally:
            await self.stop()

    async def _access(
        self,
        function: int,
        start: int,
        address: int,
        _count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Show what is, take what is written; pymodbus stores and answers after it."""
        if not self.pcs.answers:
            return None
        self.pcs.touch()
        if values is not None:
            write(self.pcs, address, [int(value) for value in values])
        elif function != _WRITE_SINGLE:  # whose answer is read back, and is what was written
            for first, words in ((0, settings(self.pcs)), (_MEASURED, measured(self.pcs))):
                registers[first - start : first - start + len(words)] = words
        return None

    def _passed(self, sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - pymodbus calls it so
        """What leaves of an answer."""
        return b"" if sending and not self.pcs.answers else data


def _words(value: float) -> tuple[int, int]:
    whole = round(value) & 0xFFFFFFFF
    return whole >> 16, whole & 0xFFFF


def _unsigned(words: Sequence[int]) -> int:
    return words[0] << 16 | words[1]


def _signed(words: Sequence[int]) -> int:
    value = _unsigned(words)
    return value - (1 << 32) if value >> 31 else value
