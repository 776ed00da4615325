"""What a demo BMU hears: its order, checked, and the clock broadcast.

Gateway to the BMU of rack r: extended identifier 0x190r01A0, every 100 ms, 8 bytes:

    0 bits 0-1  request: 0 no order, 1 disconnect, 2 connect; bit 4 alarm reset, bit 5 stop
    1           operation: 0 standby, 1 discharge, 2 charge
    2           heartbeat
    3-5         zero
    6 bits 0-3  rolling counter 0..15
    7           CRC-8 SAE J1850 over bytes 0-6

To all: 0x190001A2, bytes 0-3 seconds since 1970-01-01 UTC, little-endian. Written from this layout, not from
the gateway's tables.
"""

from collections import Counter
from typing import NamedTuple

CLOCK = 0x190001A2
REQUESTS, MASK = 0x190001A0, 0x1FF0FFF9
"Identifier and mask that requests to all racks, their coils and the clock pass, and little else."
NO_ORDER, DISCONNECT, CONNECT = 0, 1, 2
_PATIENCE = 5.0  # s without a valid frame, after one
_LENGTH = 8
_POLYNOMIAL = 0x1D


class Request(NamedTuple):
    """A valid request frame."""

    order: int
    alarm_reset: bool
    stop: bool
    operation: int
    heartbeat: int
    counter: int


def crc8(data: bytes) -> int:
    """CRC-8 SAE J1850: polynomial 0x1D, begun with 0xFF, inverted."""
    register = 0xFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register << 1 ^ (_POLYNOMIAL if register & 0x80 else 0)
            register &= 0xFF
    return register ^ 0xFF


def addressee(identifier: int) -> int | None:
    """The rack that a request is for; None if the frame is no request."""
    rack = identifier >> 16 & 0xF
    return rack if rack and identifier & ~0x000F0000 == REQUESTS else None


class Listener:
    """The ear of a BMU: keeps the latest valid request and when it came."""

    def __init__(self) -> None:
        self.latest: Request | None = None
        self.ignored: Counter[str] = Counter()
        "Frames that were not obeyed, by what was wrong."
        self._heard = 0.0

    def take(self, data: bytes, now: float) -> Request | None:
        """A frame to this BMU: the request, or None if it is ignored."""
        if wrong := self._fault_of(data):
            self.ignored[wrong] += 1
            return None
        bits, operation, heartbeat, counter = data[0], data[1], data[2], data[6] & 0xF
        self._heard = now
        self.latest = Request(
            bits & 3, bool(bits & 0x10), bool(bits & 0x20), operation, heartbeat, counter
        )
        return self.latest

    def is_lost(self, now: float) -> bool:
        """Whether there was a valid request once, and none for 5 s."""
        return self.latest is not None and now - self._heard > _PATIENCE

    def _fault_of(self, data: bytes) -> str:
        if len(data) != _LENGTH:
            return "length"
        if crc8(data[:7]) != data[7]:
            return "crc"
        repeats = self.latest is not None and self.latest.counter == data[6] & 0xF
        return "counter" if repeats else ""
