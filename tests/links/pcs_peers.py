"""PCSs to drive: the servers of two foreign stacks, and one that answers as a test tells it to."""

import asyncio
import contextlib
import struct
import time
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple, Protocol

from modbus.adu import adu
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from pyModbusTCP.server import (  # type: ignore[import-untyped] # it has no types
    DataBank,
    DataHandler,
    ModbusServer,
)

HOST = "127.0.0.1"
_SIZE = 200
_WRITE = 16


class Access(NamedTuple):
    """A request that a PCS got."""

    time: float
    function: int
    address: int
    words: tuple[int, ...] = ()


class Peer(Protocol):
    """A PCS as a test sees it."""

    port: int
    accesses: list[Access]

    def words(self, address: int, count: int) -> list[int]:
        """What its memory holds."""

    def put(self, address: int, *words: int) -> None:
        """Change its memory."""


class PymodbusPcs:
    """pymodbus's server, in the test's loop."""

    def __init__(self) -> None:
        self.accesses: list[Access] = []
        self.memory: list[int] = []
        zeros = SimData(0, values=0, count=_SIZE, datatype=DataType.REGISTERS)
        self.server = ModbusTcpServer(
            SimDevice(1, simdata=[zeros], action=self._accessed), address=(HOST, 0)
        )
        self.port = 0

    async def _accessed(
        self, function: int, _start: int, address: int, _count: int, registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:  # fmt: skip
        words = tuple(int(value) for value in values or ())
        self.accesses.append(Access(time.monotonic(), function, address, words))
        self.memory = registers
        return None

    def words(self, address: int, count: int) -> list[int]:
        """What its memory holds."""
        return self.memory[address : address + count]

    def put(self, address: int, *words: int) -> None:
        """Change its memory, which is there from the first access on."""
        self.memory[address : address + len(words)] = words


class PyModbusTcpPcs(DataHandler):  # type: ignore[misc] # it has no types
    """pyModbusTCP's server, in threads of its own."""

    def __init__(self) -> None:
        super().__init__(DataBank(h_regs_size=_SIZE))
        self.accesses: list[Access] = []
        self.server = ModbusServer(HOST, 0, no_block=True, data_hdl=self)
        self.server.start()
        self.port: int = self.server._service.server_address[1]

    def read_h_regs(self, address: int, count: int, srv_info: object) -> object:
        """Note a read."""
        self.accesses.append(Access(time.monotonic(), 3, address))
        return super().read_h_regs(address, count, srv_info)

    def write_h_regs(self, address: int, words_l: list[int], srv_info: object) -> object:
        """Note a write."""
        self.accesses.append(Access(time.monotonic(), _WRITE, address, tuple(words_l)))
        return super().write_h_regs(address, words_l, srv_info)

    def words(self, address: int, count: int) -> list[int]:
        """What its memory holds."""
        return list(self.data_bank.get_holding_registers(address, count))

    def put(self, address: int, *words: int) -> None:
        """Change its memory."""
        self.data_bank.set_holding_registers(address, list(words))


@contextlib.asynccontextmanager
async def foreign(stack: str) -> AsyncIterator[Peer]:
    """A PCS of a foreign stack."""
    if stack == "pymodbus":
        own = PymodbusPcs()
        await own.server.serve_forever(background=True)
        own.port = own.server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined] # asyncio.Server
        try:
            yield own
        finally:
            await own.server.shutdown()  # type: ignore[no-untyped-call] # pymodbus leaves it open
    else:
        other = PyModbusTcpPcs()
        try:
            yield other
        finally:
            await asyncio.to_thread(other.server.stop)


Script = Callable[[Access], bytes | None]
"""The PDU of an answer; empty for silence, None for the right one."""


class ScriptedPcs:
    """A server of a few lines that answers rightly, unless its script says otherwise."""

    def __init__(self) -> None:
        self.memory = [0] * _SIZE
        self.accesses: list[Access] = []
        self.script: Script = lambda _: None
        self.may_answer = asyncio.Event()
        "Answers wait for it."
        self.may_answer.set()
        self.opened = self.closed = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    def words(self, address: int, count: int) -> list[int]:
        """What its memory holds."""
        return self.memory[address : address + count]

    def put(self, address: int, *words: int) -> None:
        """Change its memory."""
        self.memory[address : address + len(words)] = words

    async def start(self) -> None:
        """Listen, at the same port as before."""
        self._server = await asyncio.start_server(self._talk, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Die."""
        if self._server is not None:
            self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        self._talks.clear()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        self.opened += 1
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    head = await reader.readexactly(7)
                    transaction, _, length, unit = struct.unpack(">HHHB", head)
                    answer = await self._answer(await reader.readexactly(length - 1))
                    if answer:
                        writer.write(adu(answer, transaction, unit))
        finally:
            self.closed += 1
            writer.close()

    async def _answer(self, pdu: bytes) -> bytes:
        function, address, count = struct.unpack_from(">BHH", pdu)
        words = struct.unpack(f">{count}H", pdu[6:]) if function == _WRITE else ()
        access = Access(time.monotonic(), function, address, words)
        self.accesses.append(access)
        told = self.script(access)
        await self.may_answer.wait()
        if told is not None:
            return told
        if function == _WRITE:
            self.put(address, *words)
            return pdu[:5]
        return struct.pack(f">BB{count}H", function, 2 * count, *self.words(address, count))


@contextlib.asynccontextmanager
async def scripted() -> AsyncIterator[ScriptedPcs]:
    """A PCS that answers as it is told."""
    pcs = ScriptedPcs()
    await pcs.start()
    try:
        yield pcs
    finally:
        await pcs.stop()
