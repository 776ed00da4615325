"""A stand-in for SocketCAN where the kernel has none: each UDP datagram on loopback is one `struct can_frame`.

It is a SocketcanBus to python-can and to the gateway, so that both receive with the very code that they
use on a CAN socket. UDP on loopback costs at least what a raw CAN socket does.
"""

import socket
import struct
from typing import TYPE_CHECKING, NamedTuple

import can
import can.interfaces
from can.interfaces.socketcan import SocketcanBus

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

INTERFACE = "socketcan"
HOST = "127.0.0.1"
_NOBODY = 9
"The discard port: where frames go that nobody is to hear."
_CLASSIC = struct.Struct("=IB3x8s")
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35
_BACKLOG = 4 << 20
_TIMESPEC = struct.Struct("@qq")
_ANCILLARY = socket.CMSG_SPACE(_TIMESPEC.size)


class _Wire(socket.socket):
    """A socket that hears everybody, and tells one: a connected one would hear only that one."""

    tell = (HOST, _NOBODY)

    def send(self, data: "ReadableBuffer", flags: int = 0, /) -> int:
        """Send to whom it tells."""
        return self.sendto(data, flags, self.tell)


class DatagramBus(SocketcanBus):
    """A SocketcanBus whose channel is a UDP port, or HEARS/TELLS: where frames come in, and where they go."""

    def __init__(self, channel: str | int) -> None:
        hears, _, tells = str(channel).partition("/")
        self.socket = _Wire(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.tell = (HOST, int(tells or _NOBODY))
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        widen(self.socket)
        self.socket.bind((HOST, int(hears)))
        self.channel, self.channel_info = str(channel), f"datagrams at port {channel}"
        self._bcm_sockets = {}
        can.BusABC.__init__(self, channel=self.channel)

    def _apply_filters(self, filters: can.typechecking.CanFilters | None) -> None:  # noqa: ARG002 - python-can's signature
        self._is_filtered = True


class Heard(NamedTuple):
    """A frame that the gateway sent."""

    at: float
    "When it came, by the kernel's own stamp: s since 1970, as `time.time` counts."
    key: int
    data: bytes


class Spy:
    """A participant that only hears; what it does not take at once keeps its time."""

    def __init__(self) -> None:
        self._link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._link.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        widen(self._link)
        self._link.bind((HOST, 0))
        self.port: int = self._link.getsockname()[1]

    def close(self) -> None:
        """Leave the bus."""
        self._link.close()

    def hear(self, patience: float = 0.0) -> Heard | None:
        """The next frame; None if none comes in time."""
        self._link.settimeout(patience)
        try:
            packet, ancillary, _, _ = self._link.recvmsg(_CLASSIC.size, _ANCILLARY)
        except (BlockingIOError, TimeoutError):
            return None
        key, size, data = _CLASSIC.unpack(packet)
        seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
        return Heard(seconds + nanoseconds / 1e9, key, data[:size])

    def drain(self) -> list[Heard]:
        """All that has come so far."""
        return list(iter(self.hear, None))


def register() -> None:
    """Let python-can open the stand-in in this process where a socketcan interface is asked for."""
    can.interfaces.BACKENDS[INTERFACE] = (__name__, DatagramBus.__name__)


def widen(link: socket.socket) -> None:
    """Give a socket the receive buffer that the gateway asks for."""
    try:
        link.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BACKLOG)
    except OSError:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BACKLOG)


def packed(key: int, data: bytes) -> bytes:
    """A frame as the kernel would give it."""
    return _CLASSIC.pack(key, len(data), data.ljust(8, b"\0"))


def free_port(kind: socket.SocketKind) -> int:
    """A port that nobody uses at the moment."""
    with socket.socket(socket.AF_INET, kind) as link:
        link.bind((HOST, 0))
        port: int = link.getsockname()[1]
        return port
