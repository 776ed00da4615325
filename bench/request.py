"""Where the time of a read goes inside the process: FC3 of 125 registers, piece by piece, on the server's CPU.

Each piece contains those below it, so that their differences are what each adds. No socket is involved: a transport
that takes the answer stands for it. What sockets and the event loop add is what the served figures hold beside.
"""

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.pattern_server import pattern
from bench.timing import Effort, Measure, Spread, Work, interleaved, nanoseconds
from gateway.links.modbus_connection import ModbusConnection
from gateway.links.pool import Pool
from gateway.links.service import Service
from gateway.mapping.image import Table
from gateway.mapping.listeners import ANYBODY
from gateway.modbus import wire
from gateway.modbus.session import Session

_COUNT = 125
_REQUEST = struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 0, _COUNT)
_PASSES = 5_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the way from a segment to its answer, in ns."""

    text: str
    cost: Spread
    "With all pieces below it."


class _Nowhere(asyncio.Transport):
    """Takes answers and forgets them."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's signature
        """An address, and no socket."""
        return ("127.0.0.1", 1) if name == "peername" else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Forget it."""

    def is_closing(self) -> bool:
        """Never."""
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""


def _connection(service: Service) -> ModbusConnection:
    connection = ModbusConnection(service, Pool(ANYBODY, service.counts))
    connection.connection_made(_Nowhere())
    return connection


async def _pieces(rounds: int) -> Sequence[Piece]:
    bank, session, receiver = pattern(), Session(), wire.Receiver()
    units = {1: bank}
    connection = _connection(Service(units))

    def whole() -> None:
        connection.data_received(_REQUEST)

    def framed() -> None:
        for adu in receiver.feed(_REQUEST):
            wire.answer(units, adu, session)

    works: dict[str, Work] = {
        "the connection: bytes in, turn, counting, answer out": whole,
        "framing: header, length, whole requests of a stream": framed,
        "the request: function, structure, response": lambda: wire.answer(units, _REQUEST, session),
        "the registers: holes, held picture, slice of the image": lambda: bank.read(
            Table.HOLDING, 0, _COUNT, session
        ),
        "(the loop that measures)": lambda: None,
    }
    costs = interleaved(rounds, {text: _cost(work) for text, work in works.items()})
    return [Piece(text, cost) for text, cost in costs.items()]


def _cost(work: Work) -> Measure:
    def run() -> None:
        for _ in range(_PASSES):
            work()

    return lambda: nanoseconds(run) / _PASSES


def measure(effort: Effort) -> Sequence[Piece]:
    """All pieces, in turn."""
    return asyncio.run(_pieces(effort.rounds))
