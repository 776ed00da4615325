"""A TLS listener on a thread of its own, and masters that come with certificates."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from modbus.adu import numbers, read
from modbus.service import Service, response, serving

from gateway.links.handshakes import PATIENCE
from gateway.mapping.listeners import Listening
from gateway.mapping.masters import Credential
from gateway.model.command import Origin, Role

from authority import Authority, Files

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
KNOWN = {"Grid": Origin("grid", Role.DISPATCHER)}


def known(_: str, shown: Credential | None) -> Origin | None:
    """The masters of this listener: one role."""
    assert shown is not None
    return KNOWN.get(shown.role)


@dataclass
class Secured:
    """The listener, and the authority that it trusts."""

    service: Service
    authority: Authority

    def connect(
        self, files: Files | None = None, version: ssl.TLSVersion = V13,
        session: ssl.SSLSession | None = None, context: ssl.SSLContext | None = None,
    ) -> ssl.SSLSocket:  # fmt: skip
        """A master that has shaken hands, as far as it is told."""
        context = context or self.context(files, version)
        link = self.service.connect()
        try:
            return context.wrap_socket(link, server_hostname="127.0.0.1", session=session)
        except BaseException:
            link.close()
            raise

    def context(self, files: Files | None = None, version: ssl.TLSVersion = V13) -> ssl.SSLContext:
        """A master's; one of the role that is known if nothing else is said."""
        files = files or self.authority.client("Grid")
        return files.context(self.authority.root, version)

    def told(self, event: str) -> list[str]:
        """The reasons of an event in the log."""
        return [str(item["reason"]) for item in self.service.logs if item["event"] == event]


def new_loop(name: str) -> asyncio.AbstractEventLoop:
    """An event loop of a kind."""
    if name == "asyncio":
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = pytest.importorskip(name).new_event_loop()
    return loop


@contextlib.contextmanager
def secured(
    folder: Path,
    loop: str = "asyncio",
    *,
    is_rsa: bool = False,
    patience: float = PATIENCE,
    **rules: object,
) -> Iterator[Secured]:
    """A TLS listener; nothing of it may be left, nor may the loop have complained."""
    authority, complaints = Authority(folder, is_rsa=is_rsa), list[object]()
    made, listening = new_loop(loop), Listening(tls=authority.tls(), **rules)  # type: ignore[arg-type] # by name
    made.set_exception_handler(lambda _, context: complaints.append(context))
    with serving(made, listening, known, patience) as service:
        yield Secured(service, authority)
        service.until(lambda: not service.server.handshakes.pool.members)
    assert not complaints, complaints


def asks(link: ssl.SSLSocket, unit: int = 1) -> bool:
    """Whether a request is answered."""
    link.sendall(read(7, 1, 9, unit=unit))
    return numbers(response(link)) == [7]


def gone(link: socket.socket) -> bool:
    """Whether the server has ended a connection, in whatever way."""
    try:
        return link.recv(1) == b""
    except OSError:
        return True


class Peer:
    """A master whose TLS and socket are apart, so that a test says what leaves and when."""

    def __init__(self, context: ssl.SSLContext, link: socket.socket) -> None:
        self.link, self._in, self._out = link, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_hostname="127.0.0.1")

    def says(self) -> bytes:
        """What it has to say by now."""
        return self._out.read()

    def hear(self) -> None:
        """Wait for something, and take it in."""
        piece = self.link.recv(65536)
        self._in.write(piece) if piece else self._in.write_eof()

    def shake_hands(self) -> bytes:
        """Go on until its side is done; gives its last words, which have not left."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.link.sendall(self.says())
                self.hear()
            else:
                return self.says()

    def end(self) -> None:
        """Say that nothing more comes, and go on listening."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.link.sendall(self.says())

    def received(self) -> bytes:
        """All that comes until the other side has said that nothing more does."""
        data = b""
        while True:
            try:
                piece = self.tls.read(65536)
            except ssl.SSLWantReadError:
                self.hear()
                continue
            except ssl.SSLZeroReturnError:
                return data
            if not piece:
                return data
            data += piece
