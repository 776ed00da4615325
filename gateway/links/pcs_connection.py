"""A connection to a PCS on pymodbus's client: one request at a time, and errors that say what happened.

`gate` is called before anything is sent, in the same step of the loop: what it raises, nothing is sent
after. A connection that is closed while a request is out drops what is still in its buffers, so that
nothing arrives later (R33).
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from gateway.errors import LinkError
from gateway.links.modbus_client import EXCEPTIONS  # which also keeps pymodbus from logging
from gateway.mapping.pcs import ReadSpan

_PATIENCE = 0.5
"Seconds for a connection, and for an answer."
_HOLDING, _INPUT, _WRITE = 3, 4, 16
"Function codes."
_MEANINGS = {**EXCEPTIONS, 3: "it does not take such values", 4: "it cannot do that now"}
_AT_ONCE = struct.pack("ii", 1, 0)
"SO_LINGER: closing drops what is not yet sent."


class RequestRefused(LinkError):
    """The PCS answered with an exception."""


class PcsConnection:
    """A connection, from `open` to `close`."""

    def __init__(self, host: str, port: int, unit: int, gate: Callable[[], object]) -> None:
        self._unit, self._gate = unit, gate
        self._client = AsyncModbusTcpClient(
            host, port=port, timeout=_PATIENCE, retries=0, reconnect_delay=0,
            trace_packet=self._readable,
        )  # fmt: skip
        self._asking = False
        "Whether a request is out."

    async def open(self) -> None:
        """Connect; LinkError if nothing answers."""
        try:
            connected = await self._client.connect()
        except UnicodeError:  # what can be no host's name
            connected = False
        heed_cancellation()
        if not connected:
            raise LinkError("nothing answers there")

    def close(self) -> None:
        """Close; with a request out, so that nothing of it is sent any more."""
        transport = cast("asyncio.Transport | None", self._client.ctx.transport)
        if transport is not None and self._asking:
            link: socket.socket | None = transport.get_extra_info("socket")
            if link is not None:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            transport.abort()
        self._client.close()

    async def read(self, span: ReadSpan) -> Sequence[int]:
        """The registers of a span; RequestRefused, or LinkError if there is no valid answer."""
        table, first, quantity = span
        client, is_holding = self._connected(), table == "holding"
        read = client.read_holding_registers if is_holding else client.read_input_registers
        what = f"reading {first}..{first + quantity - 1}"
        asked = read(first, count=quantity, device_id=self._unit)
        answer = await self._answer(asked, _HOLDING if is_holding else _INPUT, what)
        if len(answer.registers) != quantity:
            raise LinkError(f"{what}: the answer has {len(answer.registers)} registers")
        return answer.registers

    async def write(self, first: int, words: list[int]) -> None:
        """Write registers; RequestRefused, or LinkError if there is no valid answer."""
        what = f"writing {first}..{first + len(words) - 1}"
        asked = self._connected().write_registers(first, words, device_id=self._unit)
        answer = await self._answer(asked, _WRITE, what)
        if (answer.address, answer.count) != (first, len(words)):
            raise LinkError(f"{what}: the answer tells of {answer.count} from {answer.address}")

    def _connected(self) -> AsyncModbusTcpClient:
        """The client, while there is a connection and it may be used: the next step sends."""
        self._gate()
        if not self._client.connected:
            raise LinkError("it closed the connection")
        return self._client

    async def _answer(self, asked: Awaitable[ModbusPDU], function: int, what: str) -> ModbusPDU:
        self._asking = True
        try:
            answer = await asked
        except (ModbusException, OSError):
            raise LinkError(f"{what}: no valid answer in {_PATIENCE:g} s") from None
        heed_cancellation()
        self._asking = False
        if answer.isError():
            code = answer.exception_code
            meaning = _MEANINGS.get(code, "")
            told = f"{what}: exception {code}" + (f", {meaning}" if meaning else "")
            raise RequestRefused(told)
        if answer.function_code != function:
            raise LinkError(f"{what}: the answer is one of function {answer.function_code}")
        return answer

    def _readable(self, sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - pymodbus's signature
        """What pymodbus can read of an answer; over the rest it would fall."""
        if not sending:
            try:
                self._client.ctx.framer.handleFrame(data, 0, 0)
            except ModbusException:
                return b""
        return data


def heed_cancellation() -> None:
    """End where the task was cancelled: asyncio.wait_for of Python 3.11 forgets it when an answer comes at once."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
