"""A stand-in for SocketCAN where the kernel has none: each UDP datagram on loopback is one `struct can_frame`.

It is a SocketcanBus to python-can and to the gateway, so that both receive with the very code that they
use on a CAN socket. UDP on loopback costs at least what a raw CAN socket does.
"""

import socket
import struct

import can
import can.interfaces
from can.interfaces.socketcan import SocketcanBus

INTERFACE = "socketcan"
HOST = "127.0.0.1"
_CLASSIC = struct.Struct("=IB3x8s")
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35
_BACKLOG = 4 << 20


class DatagramBus(SocketcanBus):
    """A SocketcanBus whose channel is a UDP port."""

    def __init__(self, channel: str | int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        widen(self.socket)
        self.socket.bind((HOST, int(channel)))
        self.channel, self.channel_info = str(channel), f"datagrams at port {channel}"
        self._bcm_sockets = {}
        can.BusABC.__init__(self, channel=self.channel)

    def _apply_filters(self, filters: can.typechecking.CanFilters | None) -> None:  # noqa: ARG002 - python-can's signature
        self._is_filtered = True


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
