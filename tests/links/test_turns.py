"""Who sends many requests at once: they are answered turn by turn of the loop, whole and in order, whatever becomes of him."""

import asyncio
import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator

import pytest
from modbus.adu import adu, read
from modbus.service import BOUND, Service, response, serving

from gateway.links.modbus_tcp import ModbusServer
from gateway.links.service import Service as Offer
from gateway.mapping.image import Table
from gateway.mapping.writable import Writable
from gateway.modbus.bank import Bank, Space

FLOOD = 2000
_MANY = 40_000


class Turned(Bank):
    """A bank that counts the reads of each turn of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__({Table.HOLDING: Space(bytes(65536), Writable({}))})
        self.reads = [0]
        self._loop = loop

    def require(self, table: Table, address: int, quantity: int) -> None:
        """As ever, and counted."""
        self.reads[-1] += 1
        super().require(table, address, quantity)

    def turn(self) -> None:
        """Begin the next turn, again and again while there is something to count."""
        if len(self.reads) < 5000:
            self.reads.append(0)
            self._loop.call_soon(self.turn)


@contextlib.contextmanager
def flooded(service: Service) -> Iterator[tuple[Turned, socket.socket, threading.Event]]:
    """A listener of one bank, and a master whose requests all come in one turn, once they are let."""
    bank = Turned(service.loop)
    server, released = ModbusServer(Offer({1: bank})), threading.Event()
    port = service.run(server.start("127.0.0.1", 0))
    with socket.create_connection(("127.0.0.1", port), timeout=BOUND) as link:
        link.sendall(read(0, 1))
        response(link)
        service.loop.call_soon_threadsafe(released.wait, BOUND)
        yield bank, link, released
    service.run(server.stop())


@pytest.fixture(params=["asyncio", "uvloop"])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    """A server on each kind of loop."""
    if request.param == "uvloop":
        loop = pytest.importorskip("uvloop").new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    with serving(loop) as found:
        yield found


@pytest.mark.parametrize("ends", [False, True])
def test_reads_take_their_turns(service: Service, *, ends: bool) -> None:
    """However many wait, a turn answers 170; so where the master has said all that it will."""
    with flooded(service) as (bank, link, released):
        link.sendall(b"".join(read(0, 1, number) for number in range(FLOOD)))
        if ends:
            link.shutdown(socket.SHUT_WR)
        service.loop.call_soon_threadsafe(bank.turn)
        released.set()
        for number in range(FLOOD):
            assert int.from_bytes(response(link)[:2], "big") == number
        if ends:
            assert link.recv(1) == b""

    assert sum(bank.reads) == FLOOD + 1
    assert max(bank.reads) <= 170 + 1


def test_writes_take_more_turns(service: Service) -> None:
    """They cost more: 17 in a turn."""
    with flooded(service) as (bank, link, released):
        link.sendall(b"".join(adu("06 0000 0001", number) + read(0, 1) for number in range(FLOOD)))
        service.loop.call_soon_threadsafe(bank.turn)
        released.set()
        for number in range(FLOOD):
            assert int.from_bytes(response(link)[:2], "big") == number
            response(link)

    assert max(bank.reads) <= 170 // 11 + 2


def test_foreign_frames_take_their_turns(service: Service) -> None:
    """What is skipped costs time, too: 170 in a turn."""
    with flooded(service) as (bank, link, released):
        link.sendall(adu("03", protocol=1) * FLOOD * 10 + read(0, 1, 7))
        service.loop.call_soon_threadsafe(bank.turn)
        released.set()
        assert response(link)[:2] == b"\0\7"

    assert len(bank.reads) > FLOOD * 10 // 170


def test_what_came_before_an_end_is_done(service: Service) -> None:
    """The last of many writes may be a stop: whoever sends them and goes, they act."""
    with service.connect() as link:
        link.sendall(b"".join(adu("06 0005 0007", number, unit=3) for number in range(200)))
    service.connected(0)
    service.until(lambda: service.counts.of("").writes == 200)
    assert service.see(lambda: service.counts.open[""]) == []


def test_who_ends_without_having_read_gets_all(service: Service) -> None:
    """Megabytes of answers wait for it, and none is lost; others are served meanwhile."""
    with service.connect() as slow, service.connect() as other:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        sender = threading.Thread(target=_say_all, args=(slow, _MANY))
        sender.start()
        for _ in range(20):
            other.sendall(read(0, 125))
            assert response(other)[7] == 3
        transports = service.connected(2)
        service.until(
            lambda: any(not one.is_reading() and one.get_write_buffer_size() for one in transports)
        )
        for number in range(_MANY):
            assert int.from_bytes(response(slow)[:2], "big") == number
        assert slow.recv(1) == b""
        sender.join(BOUND)


def _say_all(link: socket.socket, count: int) -> None:
    link.sendall(b"".join(read(0, 125, number) for number in range(count)))
    link.shutdown(socket.SHUT_WR)


def test_what_waits_for_the_disk_is_answered_after_the_end(service: Service) -> None:
    """Writes of more turns than may wait at once; the connection ends once all of it has left (R41)."""
    service.holds = True
    with service.connect() as link:
        link.sendall(b"".join(adu("06 0005 0007", number, unit=3) for number in range(FLOOD)))
        link.shutdown(socket.SHUT_WR)
        service.until(lambda: len(service.held) == 64)
        service.settled()
        for number in itertools.count():
            if number == FLOOD:
                assert link.recv(1) == b""
                break
            assert int.from_bytes(response(link)[:2], "big") == number
    service.connected(0)
