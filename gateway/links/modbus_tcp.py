"""The Modbus TCP listener, plain or by TLS."""

import asyncio
import dataclasses
import ssl
from collections.abc import Mapping

import structlog

from gateway.errors import Problem
from gateway.links.handshakes import PATIENCE, Handshakes
from gateway.links.listening import cannot_listen
from gateway.links.modbus_connection import ModbusConnection
from gateway.links.pool import Pool
from gateway.links.service import Service
from gateway.links.tls import context_of, renewed
from gateway.links.tls_connection import TlsConnection
from gateway.mapping.certificates import Term, Tls, outdated, terms
from gateway.mapping.listeners import Framing
from gateway.modbus.bank import Bank

log = structlog.get_logger()


class ModbusServer:
    """A listener and its connections."""

    def __init__(self, service: "Service", patience: float = PATIENCE) -> None:
        """`patience`: seconds that a TLS handshake may take."""
        is_line = service.rules.framing is Framing.RTU  # there, 0 is a broadcast, and 255 is nobody
        units = service.units if is_line else with_device_itself(service.units)
        self._service = dataclasses.replace(service, units=units)
        self.pool = Pool(service.rules, service.counts)
        self._server: asyncio.Server | None = None
        rules = service.rules
        self._tls: Tls | None = rules.tls
        self._digest, self._terms = "", list[Term]()
        self._context: ssl.SSLContext | None = None
        "What the next handshakes use."
        self.handshakes = Handshakes(rules, service.counts, patience)

    async def start(self, host: str, port: int) -> int:
        """Listen, and give the port (0 asks for a free one); LinkError if that is not possible."""
        if self._tls is not None:
            self._take(self._tls, self._tls.digest, context_of(self._tls))
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                self._accepted,
                host, port, backlog=128, reuse_address=True,
            )  # fmt: skip
        except (OSError, UnicodeError) as error:  # UnicodeError: what can be no host's name
            raise cannot_listen(host, port, error) from None
        bound: int = self._server.sockets[0].getsockname()[1]
        units, is_secured = sorted(self._service.units), self._tls is not None
        log.info("listening", host=host, port=bound, units=units, tls=is_secured)
        return bound

    def _accepted(self) -> ModbusConnection | TlsConnection:
        """What serves a connection that has come."""
        if self._context is None:
            return self._connection()
        return TlsConnection(self._context, self.handshakes, self._connection)

    def _connection(self) -> ModbusConnection:
        return ModbusConnection(self._service, self.pool)

    def renew(self, now: float) -> bool:
        """Have the next handshakes use certificates as they are on disk; whether they have changed.

        MappingError if they are wrong: those before stay.
        """
        if self._tls is None or (digest := self._tls.digest) == self._digest:
            return False
        self._take(self._tls, digest, renewed(self._tls, now))
        return True

    def _take(self, tls: Tls, digest: str, context: ssl.SSLContext) -> None:
        """Serve the next handshakes by a context; the digest is of before it was made, so that no change is missed."""
        self._digest, self._context, self._terms = digest, context, terms(tls)

    def outdated(self, now: float, ahead: float) -> list[Problem]:
        """Certificates that it serves and that are not valid now, in UTC seconds, or not so many seconds later."""
        return outdated(self._terms, now, ahead)

    async def stop(self) -> None:
        """Stop listening and end all connections."""
        if self._server is not None:
            self._server.close()
            for connection in (*self.pool.members, *self.handshakes.pool.members):
                connection.dismiss("the gateway stops")
            await self._server.wait_closed()


def with_device_itself(units: Mapping[int, Bank]) -> dict[int, Bank]:
    """The units, and the first of them also as 0 and 255: the device itself."""
    first = units[min(units)]
    return {0: first, 255: first, **units}
