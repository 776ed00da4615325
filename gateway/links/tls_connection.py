"""A connection of a TLS listener: the handshake, and from then on what lies between a socket and a `ModbusConnection`.

asyncio has a TLS of its own, and so has uvloop. Neither sends the alert that tells a master why it is refused
(MB-TCP-Security v36, R-10), nor tells us; so bytes go through OpenSSL's memory buffers here.

socket -> buffer_updated -> OpenSSL -> ModbusConnection.data_received
socket <- Secure.write   <- OpenSSL <- answers
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import cast

import structlog

from gateway.links.handshakes import Handshakes
from gateway.links.modbus_connection import ModbusConnection
from gateway.links.service import Secured
from gateway.links.tls import readable
from gateway.modbus.credential import credential_of

_LINGER = 2.0
"Seconds in which an alert may arrive."
_CHUNK = 4096

log = structlog.get_logger()


class TlsConnection(asyncio.BufferedProtocol):
    """The side of the socket."""

    def __init__(
        self, context: ssl.SSLContext, handshakes: Handshakes, inner: Callable[[], ModbusConnection]
    ) -> None:
        """`handshakes` are those under way at the listener; `inner` makes what is served once one is done."""
        self._handshakes, self._make_inner = handshakes, inner
        self._pool = handshakes.pool
        self._received, self._sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._received, self._sent, server_side=True)
        self.host, self.is_prior, self.used = "", False, 0.0
        self._peer = ""
        self._buffer = bytearray(_CHUNK)
        self._socket: asyncio.Transport
        "From the first call on."
        self._inner: ModbusConnection | None = None
        self._is_over, self._is_paused = False, False
        "Whether nothing that comes matters any more; whether what came has to wait."
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the handshake, where somebody may come at all."""
        raw = self._socket = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        peer = raw.get_extra_info("peername")
        if not isinstance(peer, tuple):  # gone already
            peer = (str(peer), 0)
        self.host, self._peer = peer[0], f"{peer[0]}:{peer[1]}"
        loop = asyncio.get_running_loop()
        self.used = loop.time()
        if reason := self._pool.refusal(self.host):
            self._tell("master_refused", reason)
            self._is_over = True
            raw.abort()
            return
        self._pool.members.add(self)
        patience = self._handshakes.patience
        self._timer = loop.call_later(patience, self.dismiss, f"no handshake in {patience:g} s")

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - asyncio's signature
        """Where the next bytes go."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Go on with the handshake, or with requests."""
        if self._is_over:
            return  # what is still read so that an alert arrives
        self._received.write(memoryview(self._buffer)[:nbytes])
        if self._inner is None:
            self._socket.pause_reading()
            self._handshakes.take_turn(self._shake_hands)
        else:
            self.read()

    def _shake_hands(self) -> None:
        if self._is_over or self._socket.is_closing():
            return
        self._socket.resume_reading()
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self.flush()
        except ssl.SSLError as error:
            self._refuse(readable(error))
        else:
            self._begin()

    def _begin(self) -> None:
        """Serve whoever it is."""
        self._leave_handshakes()
        secured = Secured(
            self.tls.version() or "", (self.tls.cipher() or ("",))[0],
            credential_of(self.tls.getpeercert(binary_form=True) or b""),
        )  # fmt: skip
        self._inner = self._make_inner()
        self._inner.connection_made(Secure(self, self._socket, secured))
        self.read()

    def read(self) -> None:
        """Pass on what has come, as long as it is read."""
        inner = self._inner
        while inner is not None and not (self._is_over or self._is_paused):
            if self._socket.is_closing():
                return
            try:
                data = self.tls.read(_CHUNK)
            except ssl.SSLWantReadError:
                break
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                data = b""
            except ssl.SSLError as error:
                self._break(readable(error))
                return
            if data:
                inner.data_received(data)
            else:
                self._hear_end(inner)
        self.flush()

    def _hear_end(self, inner: ModbusConnection) -> None:
        """The master has said all; what it is still owed leaves."""
        self._is_over = True
        if not inner.eof_received():
            self.close()

    def _break(self, reason: str) -> None:
        """What comes is no TLS any more: it was changed on the way."""
        log.warning("tls_broken", peer=self._peer, reason=reason)
        self._is_over = True
        self.flush()
        self._socket.close()

    def flush(self) -> None:
        """Send what OpenSSL has to say."""
        data = self._sent.read()
        if data and not self._socket.is_closing():
            self._socket.write(data)

    def say_end(self) -> None:
        """Tell the other side that nothing more comes."""
        with contextlib.suppress(ssl.SSLError):  # it has not said so yet, or is gone
            self.tls.unwrap()
        self.flush()

    def close(self) -> None:
        """End, after what was written."""
        self._is_over = True
        self.say_end()
        self._socket.close()

    def pause(self) -> None:
        """Keep what comes from now on."""
        self._is_paused = True
        self._socket.pause_reading()

    def resume(self) -> None:
        """Go on with what was kept."""
        self._is_paused = False
        self._socket.resume_reading()
        asyncio.get_running_loop().call_soon(self.read)

    def _refuse(self, reason: str) -> None:
        """Send the alert, and wait a little so that it arrives: what is unread at a close would overtake it."""
        self._tell("handshake_failed", reason)
        self._is_over = True
        self.flush()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_LINGER, self._socket.abort)
        with contextlib.suppress(OSError):  # it has left already
            self._socket.write_eof()

    def dismiss(self, reason: str) -> None:
        """End a handshake that takes too long, or the room of others."""
        self._tell("handshake_failed", reason)
        self._is_over = True
        self._socket.abort()

    def _tell(self, event: str, reason: str) -> None:
        """Once a minute for each address."""
        if self._pool.is_news(self.host, asyncio.get_running_loop().time()):
            log.warning(event, peer=self._peer, reason=reason)

    def _leave_handshakes(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._pool.members.discard(self)

    def pause_writing(self) -> None:
        """Answers pile up."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """They do not any more."""
        if self._inner is not None:
            self._inner.resume_writing()

    def eof_received(self) -> bool:
        """The socket brings nothing more; a master that has not said so before may have been cut off."""
        if self._inner is None:
            return False
        self._received.write_eof()
        self.read()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._leave_handshakes()
        if self._inner is not None:
            self._inner.connection_lost(exc)
        elif not self._is_over:
            self._tell("handshake_failed", "it left before the handshake was done")


class Secure(asyncio.Transport):
    """The side of the master: what it is told leaves encrypted."""

    def __init__(self, outer: TlsConnection, raw: asyncio.Transport, secured: Secured) -> None:
        super().__init__({"secured": secured})
        self._outer, self._raw = outer, raw

    def get_extra_info(self, name: str, default: object = None) -> object:
        """What is known of the connection: how it is secured, or what its socket knows."""
        found = super().get_extra_info(name)
        return self._raw.get_extra_info(name, default) if found is None else found

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send something."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._outer.tls.write(rest) :]
        except ssl.SSLError:  # it was cut off, not ended: OpenSSL says nothing to it any more
            self.abort()
        self._outer.flush()

    def write_eof(self) -> None:
        """Say that nothing more comes."""
        self._outer.say_end()
        self._raw.write_eof()

    def close(self) -> None:
        """End after what was written."""
        self._outer.close()

    def abort(self) -> None:
        """End at once."""
        self._raw.abort()

    def is_closing(self) -> bool:
        """Whether it ends."""
        return self._raw.is_closing()

    def pause_reading(self) -> None:
        """Take nothing for a while."""
        self._outer.pause()

    def resume_reading(self) -> None:
        """Take again."""
        self._outer.resume()

    def is_reading(self) -> bool:
        """Whether it takes something."""
        return self._raw.is_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """How much may wait for the other side."""
        self._raw.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """How much waits."""
        return self._raw.get_write_buffer_size()
