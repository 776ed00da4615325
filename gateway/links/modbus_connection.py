"""A connection of a Modbus TCP listener: a thin shell around `modbus.wire`, or `modbus.rtu_stream`.

All whole requests of what one read brings are answered in one write. A read takes at most `_CHUNK` bytes;
a client that has sent more waits for the loop's next turn, so that none holds it. A client that does not
read its answers is not read from.
"""

import asyncio
import contextlib
import functools
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import structlog

from gateway.links.pool import Pool
from gateway.links.service import Secured, Service
from gateway.modbus.framing import FORMS
from gateway.modbus.functions import WRITES
from gateway.modbus.session import Session
from gateway.modbus.wire import Desynchronised
from gateway.model.command import NOBODY
from gateway.model.traffic import Traffic

_CHUNK = 2048
_UNREAD = 65536
"Bytes of answers that may wait for a client before it is not read from any more."
_WRITES = 16
"Writes of one connection in a turn of the loop: they cost more than reads, and the cycle must not wait."
_HELD = 64
"Pieces whose answers may wait for the disk before a connection is not read from any more."
_LINGER = 2.0
"Seconds that a broken connection stays, so that answers already given arrive."

_ERROR = 0x80
"The bit in an exception's function code (APP V1.1b3 clause 7)."
_DENIED = "no row of masters: fits its certificate; every request is answered with exception 1"
_ALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}
"A peer that has vanished is found within a minute, not two hours (MSG V1.0b clause 4.3.2)."

log = structlog.get_logger()


@dataclass(slots=True)
class _Batch:
    """The answers to what came in one piece."""

    data: bytes
    waits: bool = False


class ModbusConnection(asyncio.BufferedProtocol):
    """One master's connection."""

    def __init__(self, service: "Service", pool: Pool) -> None:
        self._service, self._pool = service, pool
        self._unknown = service.unknown
        clock = asyncio.get_running_loop().time
        self._session = Session(clock=clock, is_read_only=service.rules.is_read_only)
        self._traffic = Traffic()
        self.host, self.is_prior, self.used = "", False, 0.0
        self._form = FORMS[service.rules.framing]
        self._receiver = self._form.receiver(clock, service.counts)
        self._buffer = bytearray(_CHUNK)
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._unread, self._had_turn = False, False
        "Why it is not read from: its answers wait, it has had its share of this turn."
        self._requests: Iterator[bytes] = iter(())
        self._has_more = False
        "Whether some of these still wait for an answer."
        self._held: deque[_Batch] = deque()
        "Answers that wait until what they, or those before them, acknowledge is on disk (R41)."
        self._is_served, self._reason = False, ""
        "Why it was ended from here."
        self._is_over = False
        "Whether the client has said all that it will."
        self._ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a new connection."""
        transport = self._transport = cast(
            "asyncio.Transport", transport
        )  # uvloop's is no subclass
        peer = transport.get_extra_info("peername")
        self._peer = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else str(peer)
        self.host = peer[0] if isinstance(peer, tuple) else self._peer
        self.used = asyncio.get_running_loop().time()
        if reason := self._pool.refusal(self.host):
            if self._pool.is_news(self.host, self.used):
                log.warning("master_refused", peer=self._peer, reason=reason)
            transport.abort()
            return
        secured: Secured | None = transport.get_extra_info("secured")
        origin = self._service.master(self.host, None if secured is None else secured.credential)
        self._session.origin, self._session.is_denied = origin or NOBODY, origin is None
        self.is_prior = self._pool.is_prior(self.host)
        self._traffic = self._service.counts.begin(self._session.origin.name)
        self._traffic.connections = 1
        self._is_served = True
        link: socket.socket | None = transport.get_extra_info("socket")
        if link is not None:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in _ALIVE.items():
                link.setsockopt(socket.IPPROTO_TCP, option, value)
        transport.set_write_buffer_limits(high=_UNREAD)
        self._pool.members.add(self)
        told = {} if secured is None else secured.told
        if self._service.ration.allows(self.host, self.used):
            log.info("master_connected", peer=self._peer, master=self._session.origin.name, **told)
            if origin is None:
                log.warning("master_denied", peer=self._peer, reason=_DENIED, **told)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - asyncio's signature
        """Where the next bytes go."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Answer all whole requests that have come in."""
        if self._transport is None or self._ending is not None:
            return
        self._finish()
        self._requests = self._receiver.feed(bytes(self._buffer[:nbytes]))
        self._work()
        if nbytes == _CHUNK or self._has_more:
            self._had_turn = True
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._next_turn)

    def _work(self) -> None:
        """Answer requests: all there are, or until so many of them were writes."""
        units, session, answers, writes = self._service.units, self._session, list[bytes](), 0
        self._has_more, broken = False, ""
        _, answer, function_at = self._form
        self._service.look()
        try:
            for adu in self._requests:
                answers.append(answer(units, adu, session, self._unknown))
                writes += adu[function_at] in WRITES
                if writes == _WRITES:
                    self._has_more = True
                    break
        except Desynchronised as error:
            broken = str(error)
        if answers:
            self._count(answers, writes)
        if broken:
            self._break_off(answers, broken)
        elif answers and (writes or self._held):
            self._answer(answers)
        elif answers:
            self._write(b"".join(answers))

    def _count(self, answers: Sequence[bytes], writes: int) -> None:
        at, traffic = self._form.function_at, self._traffic
        self.used = traffic.heard = self._session.clock()
        traffic.requests += len(answers)
        traffic.writes += writes
        for adu in answers:
            if not adu:
                traffic.unanswered += 1
            elif adu[at] > _ERROR:
                traffic.exceptions += 1

    def _break_off(self, answers: list[bytes], reason: str) -> None:
        """Give the answers before a break, and end."""
        self._service.counts.desynchronised += 1
        if self._service.ration.allows(self.host, self.used):
            log.warning("master_desynchronised", peer=self._peer, reason=reason)
        self._answer(answers)
        if self._transport is not None and not self._held:
            with contextlib.suppress(OSError):  # it has left already
                self._transport.write_eof()
        self._ending = asyncio.get_running_loop().call_later(_LINGER, self.close)

    def _answer(self, answers: list[bytes]) -> None:
        """Write answers in order, each once what it acknowledges is on disk (R41)."""
        batch = _Batch(b"".join(answers))
        batch.waits = self._service.settle(functools.partial(self._settled, batch))
        self._held.append(batch)
        self._give()
        if len(self._held) >= _HELD and self._transport is not None:
            self._transport.pause_reading()

    def _settled(self, batch: "_Batch") -> None:
        batch.waits = False
        self._give()
        if self._is_over and not self._held and self._transport is not None:
            self._transport.close()
        self._read_again()

    def _give(self) -> None:
        """Write what need not wait any more."""
        while self._held and not self._held[0].waits:
            self._write(self._held.popleft().data)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _next_turn(self) -> None:
        self._had_turn = False
        if self._has_more and self._ending is None:
            self._work()
        if self._has_more:
            self._had_turn = True
            asyncio.get_running_loop().call_soon(self._next_turn)
        else:
            self._read_again()

    def pause_writing(self) -> None:
        """Stop reading from a client that does not read."""
        self._unread = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again from a client that has read."""
        self._unread = False
        self._read_again()

    def _read_again(self) -> None:
        waits = self._unread or self._had_turn or self._is_over or len(self._held) >= _HELD
        if self._transport is not None and not waits and not self._transport.is_closing():
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        """Answer what is complete, then close; answers that wait for the disk still leave."""
        self._finish()
        self._is_over = True
        return bool(self._held)

    def _finish(self) -> None:
        """Answer all that has come in, whatever the turn allows."""
        while self._has_more and self._ending is None:
            self._work()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._ending is not None:
            self._ending.cancel()
        if not self._is_served:
            return
        self._pool.members.discard(self)
        self._service.counts.end(self._session.origin.name, self._traffic)
        if not self._service.ration.allows(self.host, asyncio.get_running_loop().time()):
            return
        own, reason = self._traffic, f"{exc.strerror}" if isinstance(exc, OSError) else self._reason
        log.info(
            "master_disconnected", peer=self._peer, master=self._session.origin.name, reason=reason,
            requests=own.requests, writes=own.writes, exceptions=own.exceptions,
        )  # fmt: skip

    def dismiss(self, reason: str) -> None:
        """End the connection to make room for another."""
        self._reason, self._requests, self._has_more = reason, iter(()), False
        self.close()

    def close(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()
