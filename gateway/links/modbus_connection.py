"""A connection of a Modbus TCP listener: a thin shell around `modbus.wire`, or `modbus.rtu_stream`.

All whole requests of what one read brings are answered in one write, but not more than `_TURN` in a turn of the
loop: who has sent more waits for the next, and is not read from until then. Nor is a client that does not read its
answers.
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

from gateway.links.listening import written
from gateway.links.pool import Pool
from gateway.links.service import Secured, Service
from gateway.modbus.framing import FORMS
from gateway.modbus.functions import WRITES
from gateway.modbus.session import Session
from gateway.modbus.wire import Desynchronised
from gateway.model.command import NOBODY
from gateway.model.traffic import Traffic

_TURN = 170
"Requests of one connection that are answered in a turn of the loop, so that none holds it."
_WRITE = 10
"Requests that a write counts for: it costs more than a read, and the cycle must not wait."
_UNREAD = 65536
"Bytes of answers that may wait for a client before it is not read from any more."
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


class ModbusConnection(asyncio.Protocol):
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
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._unread = False
        "Whether answers wait for it to read them."
        self._requests: Iterator[bytes] = iter(())
        self._has_more, self._has_turn = False, False
        "Whether some of these still wait for an answer; whether the loop's next turn is asked for."
        self._held: deque[_Batch] = deque()
        "Answers that wait until what they, or those before them, acknowledge is on disk (R41)."
        self._is_served, self._is_lost, self._reason = False, False, ""
        "Whether it has begun; whether it is no more; why, where that is known."
        self._is_over = False
        "Whether the client has said all that it will."
        self._ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a new connection."""
        transport = self._transport = cast(
            "asyncio.Transport", transport
        )  # uvloop's is no subclass
        peer = transport.get_extra_info("peername")
        self._peer = written(peer)
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
        self._traffic = self._service.counts.begin(
            self._session.origin.name, self._peer, written(transport.get_extra_info("sockname"))
        )
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

    def data_received(self, data: bytes) -> None:
        """Answer all whole requests that have come in."""
        if self._transport is None or self._ending is not None:
            return
        self._requests = self._receiver.feed(data)
        self._work()

    def _work(self) -> None:
        """Answer requests: all there are, or what may be answered in a turn."""
        units, session, answers, writes = self._service.units, self._session, list[bytes](), 0
        self._has_more, broken, spent = False, "", 0
        _, answer, function_at = self._form
        now = session.clock()
        self._service.look(now)
        try:
            for adu in self._requests:
                spent += 1
                if adu:
                    answers.append(answer(units, adu, session, self._unknown))
                    writes += adu[function_at] in WRITES
                if spent + (_WRITE - 1) * writes >= _TURN:
                    self._has_more = True
                    break
        except Desynchronised as error:
            broken = str(error)
        if answers:
            self.used = self._traffic.heard = now
            self._count(answers, writes)
            self._answer(answers, writes)
        if broken:
            self._break_off(broken)
        if self._has_more:
            self._go_on()

    def _count(self, answers: Sequence[bytes], writes: int) -> None:
        at, traffic = self._form.function_at, self._traffic
        traffic.requests += len(answers)
        traffic.writes += writes
        for adu in answers:
            if not adu:
                traffic.unanswered += 1
            elif adu[at] > _ERROR:
                traffic.exceptions += 1

    def _break_off(self, reason: str) -> None:
        """The stream makes no sense any more: end, after the answers before."""
        self._service.counts.desynchronised += 1
        if self._service.ration.allows(self.host, self.used):
            log.warning("master_desynchronised", peer=self._peer, reason=reason)
        if self._transport is not None and not self._held:
            self._transport.resume_reading()  # what is unread at the end would overtake answers
            with contextlib.suppress(OSError):  # it has left already
                self._transport.write_eof()
        self._ending = asyncio.get_running_loop().call_later(_LINGER, self.close)

    def _answer(self, answers: list[bytes], writes: int) -> None:
        """Write answers in order, each once what it acknowledges is on disk (R41)."""
        if not (writes or self._held):
            self._write(b"".join(answers))
            return
        batch = _Batch(b"".join(answers))
        batch.waits = self._service.settle(functools.partial(self._settled, batch))
        self._held.append(batch)
        self._give()
        if len(self._held) >= _HELD and self._transport is not None:
            self._transport.pause_reading()

    def _settled(self, batch: "_Batch") -> None:
        batch.waits = False
        self._give()
        self._go_on()

    def _give(self) -> None:
        """Write what need not wait any more."""
        while self._held and not self._held[0].waits:
            self._write(self._held.popleft().data)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def pause_writing(self) -> None:
        """Stop reading from a client that does not read."""
        self._unread = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again from a client that has read."""
        self._unread = False
        self._go_on()

    @property
    def _is_full(self) -> bool:
        """Whether too many answers wait, for the client or for the disk."""
        return self._unread or len(self._held) >= _HELD

    def _go_on(self) -> None:
        """Answer the rest in the next turn; close where the client has said all and has its answers; else read on."""
        if self._transport is None or self._ending is not None:
            return
        if self._has_more:
            self._transport.pause_reading()
            if not (self._has_turn or self._is_full):
                self._has_turn = True
                asyncio.get_running_loop().call_soon(self._take_turn)
        elif self._transport.is_closing():
            return
        elif not (self._is_over or self._is_full):
            self._transport.resume_reading()
        elif self._is_over and not self._held:
            self._transport.close()

    def _take_turn(self) -> None:
        self._has_turn = False
        try:
            if self._has_more and not self._is_full:
                self._work()
        except BaseException:
            self.dismiss("answering it failed")
            raise
        if self._has_more:
            return
        if self._is_lost:
            self._forget()
        else:
            self._go_on()

    def eof_received(self) -> bool:
        """Close, once all that is complete has been answered, and what waits for the disk has left."""
        self._is_over = True
        return bool(self._held)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, once what came before its end has been done: it may be a stop."""
        if self._ending is not None:
            self._ending.cancel()
        if not self._is_served:
            return
        self._is_lost, self._reason = True, getattr(exc, "strerror", None) or self._reason
        self._pool.members.discard(self)
        self._unread = False
        self._held.clear()
        if self._has_more and self._ending is None:
            self._go_on()
        else:
            self._forget()

    def _forget(self) -> None:
        """Count and tell what it came to."""
        self._service.counts.end(self._session.origin.name, self._traffic)
        if not self._service.ration.allows(self.host, asyncio.get_running_loop().time()):
            return
        own = self._traffic
        log.info(
            "master_disconnected", peer=self._peer, master=self._session.origin.name, reason=self._reason,
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
