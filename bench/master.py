"""One Modbus master that commands, in raw bytes: no library between the clock and the socket."""

import socket
import struct
from collections.abc import Sequence

_HEAD = struct.Struct(">HHHBBHH")
_FIRST_WORD = 9
_READ, _WRITE = 3, 16
HEARTBEAT, LEASE, MODE, RESET, STOP = 61000, 61100, 61102, 61105, 61108
"Where the native map takes commands."
RUN = 4
FRESH = 0.5  # s between heartbeats


class Refused(Exception):
    """The gateway answered with an exception."""


class Master:
    """A connection of the site's only master."""

    def __init__(self, port: int) -> None:
        self._link = socket.create_connection(("127.0.0.1", port), 2)
        self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._beats = 0

    def close(self) -> None:
        """Let the connection go."""
        self._link.close()

    def number(self, address: int, words: int = 1) -> int:
        """What stands in some registers."""
        self._link.sendall(_HEAD.pack(7, 0, 6, 1, _READ, address, words))
        answer = self._answer()
        return int.from_bytes(answer[_FIRST_WORD : _FIRST_WORD + 2 * words], "big")

    def ask(self, address: int, words: Sequence[int]) -> None:
        """Send a write, and do not wait for its answer."""
        data = struct.pack(f">{len(words)}H", *words)
        head = _HEAD.pack(7, 0, 7 + len(data), 1, _WRITE, address, len(words))
        self._link.sendall(head + bytes((len(data),)) + data)

    def answered(self) -> None:
        """Wait for the answer to a write."""
        self._answer()

    def write(self, address: int, *words: int) -> None:
        """Write and wait."""
        self.ask(address, words)
        self.answered()

    def beat(self, watts: int = 0) -> None:
        """Heartbeat, both enables and the power, in one block as a PLC writes it."""
        self._beats = (self._beats + 1) % 0x10000
        self.write(HEARTBEAT, self._beats, 1, 1, watts >> 16 & 0xFFFF, watts & 0xFFFF)

    def _answer(self) -> bytes:
        answer = self._link.recv(260)
        if answer[7] & 0x80:
            raise Refused(f"function {answer[7] & 0x7F}: exception {answer[8]}")
        return answer
