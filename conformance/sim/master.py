"""A Modbus master of the simulated plant: registers as numbers, on pymodbus's asyncio client."""

from collections.abc import Awaitable, Sequence
from typing import NamedTuple

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from gateway.links.pcs_connection import heed_cancellation


class NoAnswer(Exception):
    """The server is not there, or gave no valid answer in time."""


class Register(NamedTuple):
    """Where a number lives: big-endian words from an address on; value = raw x scale."""

    address: int
    words: int = 1
    signed: bool = False
    scale: float = 1.0

    def encode(self, value: float) -> list[int]:
        """The words of a value; two's complement where it is negative."""
        raw = round(value / self.scale) % (1 << 16 * self.words)
        return [raw >> 16 * place & 0xFFFF for place in reversed(range(self.words))]

    def decode(self, words: Sequence[int]) -> float:
        """The value of words."""
        raw = 0
        for word in words:
            raw = raw << 16 | word
        if self.signed and raw >> 16 * self.words - 1:
            raw -= 1 << 16 * self.words
        return raw * self.scale


class Master:
    """One connection to one unit, made anew when it is lost."""

    def __init__(
        self, host: str, port: int, unit: int = 1, timeout: float = 1.0, source: str | None = None
    ) -> None:
        """`source` is the address to come from, where the server tells masters by it."""
        self._place, self._unit, self._timeout = (host, port), unit, timeout
        self._source = None if source is None else (source, 0)
        self._client: AsyncModbusTcpClient | None = None

    async def read(self, register: Register) -> float:
        """The value of a register; NoAnswer also if it is refused."""
        client = await self._connected()
        response = await self._asked(
            client,
            client.read_holding_registers(
                register.address, count=register.words, device_id=self._unit
            ),
        )
        if response.isError() or len(response.registers) != register.words:
            raise NoAnswer(f"registers {register.address} are refused")
        return register.decode(response.registers)

    async def write(self, register: Register, value: float) -> int:
        """Write a value: 0 if it is taken, else the exception code."""
        client = await self._connected()
        words = register.encode(value)
        response = await self._asked(
            client,
            client.write_register(register.address, words[0], device_id=self._unit)
            if len(words) == 1
            else client.write_registers(register.address, words, device_id=self._unit),
        )
        return int(getattr(response, "exception_code", 0))

    def close(self) -> None:
        """Let the connection go."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _connected(self) -> AsyncModbusTcpClient:
        if self._client is not None and self._client.connected:
            return self._client
        self.close()
        host, port = self._place
        client = AsyncModbusTcpClient(
            host,
            port=port,
            timeout=self._timeout,
            retries=0,
            reconnect_delay=0,
            source_address=self._source,
        )
        connected = await client.connect()
        if not connected:
            client.close()
            raise NoAnswer(f"nothing listens at {host}:{port}")
        self._client = client
        heed_cancellation()
        return client

    async def _asked(
        self, client: AsyncModbusTcpClient, request: Awaitable[ModbusPDU]
    ) -> ModbusPDU:
        try:
            answer = await request
        except (ModbusException, OSError) as error:
            client.close()
            raise NoAnswer(str(error)) from None
        heed_cancellation()
        return answer
