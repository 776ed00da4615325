"""MB-20 to MB-29 of the check list (reference standards 1.10): what arrives how, and from whom, at the running gateway.

Sockets of the standard library alone. MB-22 and MB-27 with other rules of a listener: `test_listeners.py`,
`links/test_connections.py`; MB-28's TCP_NODELAY, which nothing outside shows: `links/test_modbus_tcp.py`.
"""

import contextlib
import select
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop.storage import stored
from modbus.adu import adu, read
from modbus.service import closes, received, response

from program import Served

SEVENTEEN = adu("03 02 0011")[6:]
"Unit id and PDU of a mailbox's first value."
KEEP_ALIVE = 2
"As proc(5) numbers timers of connections; 1 waits for an acknowledgement."


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway of mailboxes, to read its log."""
    with stored(tmp_path_factory.mktemp("storage")) as served:
        yield served


def connected(served: Served) -> socket.socket:
    """A connection whose pieces leave as they are sent."""
    link = socket.create_connection(("127.0.0.1", served.port), timeout=30)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link


def is_served(link: socket.socket, transaction: int = 4) -> None:
    """A read is answered."""
    link.sendall(read(0, 1, transaction))
    assert response(link) == adu("03 02 0011", transaction)


@pytest.mark.parametrize("protocol", [1, 0x0100, 0xFFFF])
def test_a_foreign_protocol(served: Served, protocol: int) -> None:
    """MB-20: no answer; the next ADU is served, in the same segment and in a later one."""
    foreign = adu("06 0000 DEAD", 1, protocol=protocol)
    with connected(served) as link:
        link.sendall(foreign + read(0, 1, 2))
        assert response(link) == adu("03 02 0011", 2)
        link.sendall(foreign)
        link.sendall(read(0, 1, 3))
        assert response(link) == adu("03 02 0011", 3)


def test_transaction_ids(served: Served) -> None:
    """MB-21: 0, FFFF and repeated ones come back, with answers and exceptions."""
    with connected(served) as link:
        for transaction in (0, 0xFFFF, 7, 7, 7, 0x8000):
            link.sendall(read(0, 1, transaction) + adu("32", transaction))
            assert response(link) == adu("03 02 0011", transaction)
            assert response(link) == adu("B2 01", transaction)


@pytest.mark.parametrize(("unit", "code"), [(0, 0), (1, 0), (2, 0), (255, 0), (3, 10), (247, 10), (254, 10)])  # fmt: skip
def test_unit_ids(served: Served, unit: int, code: int) -> None:
    """MB-22: configured ones, and the device itself as 0 and 255, answer by their own id; others are exception 0A."""
    with connected(served) as link:
        link.sendall(read(0, 1, 5, unit=unit))
        assert response(link) == adu(bytes((0x83, code)) if code else "03 02 0011", 5, unit)


@pytest.mark.parametrize("count", [16, 17, 170, 1000])
def test_pipelined_requests(served: Served, count: int) -> None:
    """MB-23: 16 at once, and many more, are all answered in order."""
    with connected(served) as link:
        link.sendall(b"".join(read(number % 500, 1, number) for number in range(count)))
        answers = [response(link) for _ in range(count)]

    assert [int.from_bytes(item[:2], "big") for item in answers] == list(range(count))
    assert {item[6:] for item in answers} == {SEVENTEEN}


def test_byte_by_byte(served: Served) -> None:
    """MB-24: all twelve bytes on their own."""
    with connected(served) as link:
        for byte in read(0, 1, 9):
            link.sendall(bytes((byte,)))
        assert response(link) == adu("03 02 0011", 9)


@pytest.mark.parametrize("cut", range(1, 12))
def test_two_requests_and_a_part(served: Served, cut: int) -> None:
    """MB-24: two are answered while a third, cut in its header or behind it, waits for the rest."""
    third = read(0, 1, 3)
    with connected(served) as link:
        link.sendall(read(0, 1, 1) + read(0, 1, 2) + third[:cut])
        assert [response(link)[:2] for _ in range(2)] == [b"\0\1", b"\0\2"]
        link.sendall(third[cut:])
        assert response(link) == adu("03 02 0011", 3)


@pytest.mark.parametrize("cut", [1, 5, 6, 7, 11])
def test_a_master_that_comes_back(served: Served, cut: int) -> None:
    """MB-25: after part of a request and a disconnect, also by a reset, a new connection is served."""
    for lingers in (False, True):
        with connected(served) as link:
            link.sendall(read(0, 1)[:cut])
            if lingers:  # close with a reset
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with connected(served) as link:
            is_served(link)


@pytest.mark.parametrize("length", [0, 1, 255, 256, 65535])
def test_a_length_that_cannot_be(served: Served, length: int) -> None:
    """MB-26: what came before is answered, then the connection ends and the log says why; the next is served."""
    with connected(served) as link:
        host, port = link.getsockname()
        peer = f'"peer": "{host}:{port}"'
        link.sendall(read(0, 1, 1) + struct.pack(">HHHBB", 2, 0, length, 1, 3) + read(0, 1, 3))
        assert response(link) == adu("03 02 0011", 1)
        assert closes(link)
    with connected(served) as link:
        is_served(link)
    served.wait_for(rf'{peer}, "reason": "length field {length}", "event": "master_desynchronised"')
    served.wait_for(rf'{peer}.*"requests": 1, .*"master_disconnected"')


def test_who_was_silent_longest_makes_room(served: Served) -> None:
    """MB-27: 128 connections; the next is taken, and the one that was silent longest ends."""
    with contextlib.ExitStack() as links:
        held = [links.enter_context(connected(served)) for _ in range(128)]
        is_served(held[5])
        end = time.monotonic() + 0.1  # uvloop's clock counts milliseconds
        while time.monotonic() < end:
            is_served(held[0])
        for link in (*held[:5], *held[6:]):
            is_served(link)
        is_served(links.enter_context(connected(served)))
        assert closes(held[5])
        for link in (*held[:5], *held[6:]):
            is_served(link)


def timer(port: int, peer: int) -> tuple[int, float]:
    """Which timer of the kernel runs on the gateway's side of a connection, and the seconds left."""
    ends = f"0100007F:{port:04X} 0100007F:{peer:04X}"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    (shown,) = (row[5] for row in rows if " ".join(row[1:3]) == ends)
    kind, _, left = shown.partition(":")
    return int(kind, 16), int(left, 16) / 100


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="no /proc/net/tcp here")
def test_keep_alive(served: Served) -> None:
    """MB-28: the kernel's keep-alive timer runs on the accepted socket, and ends within 30 s."""
    with connected(served) as link:
        is_served(link)
        end = time.monotonic() + 20
        while (found := timer(served.port, link.getsockname()[1]))[0] != KEEP_ALIVE:
            assert time.monotonic() < end, found

    assert 0 < found[1] <= 30


def test_a_master_that_never_reads(served: Served) -> None:
    """MB-29: it is not read from any more, others are served meanwhile, and it gets all its answers once it reads."""
    burst, sent = b"".join(read(0, 125, number) for number in range(512)), 0
    with connected(served) as stuck, connected(served) as other:
        stuck.settimeout(0)
        while select.select([], [stuck], [], 1.0)[1]:
            sent += stuck.send(burst[sent % len(burst) :])
            assert sent < 64 << 20, "it is read from for ever"
            is_served(other)
        for number in range(100):
            is_served(other, number)
        stuck.settimeout(30)
        for number in range(sent // 12):
            assert received(stuck, 259)[:2] == (number % 512).to_bytes(2, "big")
