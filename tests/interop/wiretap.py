"""A relay before a gateway that writes down what passes, as a capture file that needs no rights: raw IPv4 and TCP."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
_FIN, _SYN, _PUSH, _ACK = 1, 2, 8, 16
MODBUS = 502
"The port that the capture shows for the gateway, wherever it listened: dissectors go by it."
_RAW_IP = 101
"Link type of packets that begin with the IP header."


@dataclass
class _Side:
    """An end of a connection, and how much it has sent."""

    port: int
    sequence: int = 1000


@dataclass
class Tap:
    """Where masters connect, and the packets of what they said and heard."""

    server: socket.socket
    target: int
    packets: list[bytes] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)
    _links: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __post_init__(self) -> None:
        self.port: int = self.server.getsockname()[1]

    def accept(self) -> None:
        """Take masters until the listening socket is shut; in a thread."""
        with contextlib.suppress(OSError):
            while True:
                near, (_, port) = self.server.accept()
                self._links.enter_context(near)
                far = self._links.enter_context(socket.create_connection((HOST, self.target)))
                sides = _Side(port), _Side(MODBUS)
                self._open(*sides)
                for ends, way in (((near, far), sides), ((far, near), sides[::-1])):
                    self._threads.append(threading.Thread(target=self._carry, args=(*ends, *way)))
                    self._threads[-1].start()

    def join(self) -> None:
        """Wait until all has been said."""
        for thread in self._threads:
            thread.join()
        self._links.close()

    def save(self, file: Path) -> None:
        """The packets as a pcap file."""
        file.write_bytes(
            struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _RAW_IP) + b"".join(self.packets)
        )

    def _open(self, client: _Side, server: _Side) -> None:
        for way, flags in (((client, server), _SYN), ((server, client), _SYN | _ACK), ((client, server), _ACK)):  # fmt: skip
            self._note(*way, flags)

    def _carry(self, source: socket.socket, target: socket.socket, here: _Side, there: _Side) -> None:  # fmt: skip
        for sock in (source, target):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := source.recv(65536):
            for at in range(0, len(data), 1400):
                self._note(here, there, _PUSH | _ACK, data[at : at + 1400])
            target.sendall(data)
        self._note(here, there, _FIN | _ACK)
        target.shutdown(socket.SHUT_WR)

    def _note(self, here: _Side, there: _Side, flags: int, data: bytes = b"") -> None:
        with self._lock:
            acknowledged = there.sequence if flags & _ACK else 0
            segment = struct.pack(">HHIIBBHHH", here.port, there.port, here.sequence, acknowledged, 5 << 4, flags, 65535, 0, 0) + data  # fmt: skip
            address = socket.inet_aton(HOST)
            packet = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, socket.IPPROTO_TCP, 0) + address + address + segment  # fmt: skip
            seconds, nanoseconds = divmod(time.time_ns(), 10**9)
            head = struct.pack("<IIII", seconds, nanoseconds // 1000, len(packet), len(packet))
            self.packets.append(head + packet)
            here.sequence += len(data) + bool(flags & (_SYN | _FIN))


@contextlib.contextmanager
def tapped(port: int) -> Iterator[Tap]:
    """A relay to a gateway; at the end all connections must have been ended by the masters."""
    tap = Tap(socket.create_server((HOST, 0)), port)
    thread = threading.Thread(target=tap.accept)
    thread.start()
    try:
        yield tap
    finally:
        tap.server.shutdown(socket.SHUT_RDWR)
        thread.join()
        tap.server.close()
        tap.join()
