"""Correctness probe: how a Modbus TCP server treats several requests in one TCP segment, and a split one.

Usage: python mbpipeline.py HOST PORT [UNIT]      (standard library only; needs holding registers 0..19)
Sends FC3 requests with transaction ids 1..4 in one segment, waits 1 s, then id 5 alone, then id 6 byte
by byte, then ids 7 and 8 in two segments 50 us apart; prints the ids answered after each step.
A right server prints [1, 2, 3, 4] / [5] / [6] / [7, 8].
"""

import socket
import struct
import sys
import time
from dataclasses import dataclass

_HEADER = 6
"Bytes up to the length field's end."


def request(tid: int, unit: int) -> bytes:
    """FC3, ten registers from 0."""
    return struct.pack(">HHHBBHH", tid, 0, 6, unit, 3, 0, 10)


@dataclass(slots=True)
class Answers:
    """What a server sends, cut into responses."""

    link: socket.socket
    rest: bytes = b""

    def take(self, wait: float = 1.0) -> list[int | str]:
        """The transaction ids answered within `wait` seconds, and 'closed' where the server hangs up."""
        ids: list[int | str] = []
        end = time.monotonic() + wait
        while time.monotonic() < end:
            self.link.settimeout(max(0.01, end - time.monotonic()))
            try:
                received = self.link.recv(4096)
            except TimeoutError:
                break
            if not received:
                ids.append("closed")
                break
            self.rest += received
            ids += self._whole()
        return ids

    def _whole(self) -> list[int]:
        ids = []
        while len(self.rest) >= _HEADER:
            end = _HEADER + int(struct.unpack_from(">H", self.rest, 4)[0])
            if len(self.rest) < end:
                break
            ids.append(int(struct.unpack_from(">H", self.rest)[0]))
            self.rest = self.rest[end:]
        return ids


def probe(host: str, port: int, unit: int = 1, wait: float = 1.0) -> dict[str, list[int | str]]:
    """The ids answered, by step."""
    with socket.create_connection((host, port), 2) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers, steps = Answers(link), {}
        link.sendall(b"".join(request(tid, unit) for tid in (1, 2, 3, 4)))
        steps["4 in one segment"] = answers.take(wait)
        link.sendall(request(5, unit))
        steps["then one alone"] = answers.take(wait)
        for byte in request(6, unit):
            link.sendall(bytes([byte]))
            time.sleep(0.002)
        steps["byte by byte"] = answers.take(wait)
        link.sendall(request(7, unit))
        time.sleep(0.00005)
        link.sendall(request(8, unit))
        steps["two, 50 us apart"] = answers.take(wait)
    return steps


if __name__ == "__main__":
    steps = probe(sys.argv[1], int(sys.argv[2]), int([*sys.argv, "1"][3]))
    for step, answered in steps.items():
        print(f"{step + ':':<18}{answered}")
