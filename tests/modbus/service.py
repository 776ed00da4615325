"""The Modbus TCP listener on a thread of its own, and masters that speak to it in bytes."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import TypeVar, cast

import structlog.testing
from modbus.adu import Notebook, adu, numbered
from structlog.typing import EventDict

from gateway.links.handshakes import PATIENCE
from gateway.links.modbus_connection import ModbusConnection
from gateway.links.modbus_tcp import ModbusServer
from gateway.links.service import Service as Offer
from gateway.mapping.listeners import ANYBODY, Listening
from gateway.mapping.masters import Credential
from gateway.model.command import NOBODY, Origin
from gateway.model.traffic import Counts

BOUND = 20.0
"Seconds after which something that should happen is said not to."
WRITE = adu("06 0005 0007", 2, unit=3)
"A request that is taken, and answered with itself."
Result = TypeVar("Result")


class Service:
    """A server on an event loop of its own, in a thread."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, logs: Sequence[EventDict], rules: Listening,
        master: Callable[[str, Credential | None], Origin | None], patience: float,
    ) -> None:  # fmt: skip
        self.loop, self.logs = loop, logs
        self.holds, self.held = False, list[Callable[[], None]]()
        "Whether answers are held until what they acknowledge is on disk, and who waits for that."
        units = {1: numbered(), 2: numbered(), 3: Notebook()}
        self.counts = Counts()
        offer = Offer(units, master, settle=self._settle, rules=rules, counts=self.counts)
        self.server = ModbusServer(offer, patience)
        self.port = self.run(self.server.start("127.0.0.1", 0))

    def _settle(self, callback: Callable[[], None]) -> bool:
        if self.holds:
            self.held.append(callback)
        return self.holds

    def settled(self) -> None:
        """Everything is on disk."""
        self.holds = False
        for callback in self.held:
            self.loop.call_soon_threadsafe(callback)
        self.held.clear()

    def run(self, work: Awaitable[Result]) -> Result:
        """Do something on the server's loop."""

        async def done() -> Result:
            return await work

        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(BOUND)

    def see(self, look: Callable[[], Result]) -> Result:
        """Look at something on the server's loop."""
        seen: Future[Result] = Future()
        self.loop.call_soon_threadsafe(lambda: seen.set_result(look()))
        return seen.result(BOUND)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for a state of the server."""
        end = time.monotonic() + BOUND
        while not self.see(holds):
            assert time.monotonic() < end, "it never came to that"

    def connected(self, count: int) -> list[asyncio.Transport]:
        """The connections of the server, once there are so many."""
        self.until(lambda: len(self.server.pool.members) == count)
        members = cast("set[ModbusConnection]", self.server.pool.members)
        found = [connection._transport for connection in members]
        return [transport for transport in found if transport is not None]

    def connect(self, host: str = "127.0.0.1") -> socket.socket:
        """A master's connection, from an address of this machine."""
        place = ("127.0.0.1", self.port)
        return socket.create_connection(place, timeout=BOUND, source_address=(host, 0))

    def close(self) -> None:
        """Stop; no task and no connection may be left."""
        self.run(self.server.stop())
        self.until(lambda: not asyncio.all_tasks(self.loop))
        self.connected(0)


@contextlib.contextmanager
def serving(
    loop: asyncio.AbstractEventLoop, rules: Listening = ANYBODY,
    master: Callable[[str, Credential | None], Origin | None] = lambda *_: NOBODY,
    patience: float = PATIENCE,
) -> Iterator[Service]:  # fmt: skip
    """A server that masters can connect to; when it has stopped nothing of it may be left."""
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        with structlog.testing.capture_logs() as logs:
            service = Service(loop, logs, rules, master, patience)
            yield service
            service.close()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(BOUND)
        loop.close()


def received(link: socket.socket, size: int) -> bytes:
    """Exactly so many bytes."""
    data = b""
    while len(data) < size:
        piece = link.recv(size - len(data))
        assert piece, "the server closed"
        data += piece
    return data


def response(link: socket.socket) -> bytes:
    """The next frame."""
    head = received(link, 6)
    return head + received(link, int.from_bytes(head[4:], "big"))


def closes(link: socket.socket) -> bool:
    """Whether the server ends the connection without another word."""
    try:
        return link.recv(1) == b""
    except ConnectionResetError:
        return True


def stuff(link: socket.socket, burst: bytes, is_read: Callable[[], bool]) -> int:
    """Send until the connection is not read from any more; gives the bytes that went out."""
    sent, end = 0, time.monotonic() + BOUND
    link.settimeout(0)
    while is_read():
        assert time.monotonic() < end, "the server never stops reading"
        with contextlib.suppress(BlockingIOError):
            sent += link.send(burst[sent % len(burst) :])
    link.settimeout(BOUND)
    return sent
