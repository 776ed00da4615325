"""The Modbus TCP listener."""

import asyncio
import dataclasses
import errno
import socket
from collections.abc import Mapping

import structlog

from gateway.errors import LinkError
from gateway.links.modbus_connection import ModbusConnection, Service
from gateway.links.pool import Pool
from gateway.mapping.listeners import Framing
from gateway.modbus.bank import Bank

log = structlog.get_logger()


class ModbusServer:
    """A listener and its connections."""

    def __init__(self, service: "Service") -> None:
        is_line = service.rules.framing is Framing.RTU  # there, 0 is a broadcast, and 255 is nobody
        units = service.units if is_line else with_device_itself(service.units)
        self._service = dataclasses.replace(service, units=units)
        self.pool = Pool(service.rules, service.counts)
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen, and give the port (0 asks for a free one); LinkError if that is not possible."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: ModbusConnection(self._service, self.pool),
                host, port, backlog=128, reuse_address=True,
            )  # fmt: skip
        except (OSError, UnicodeError) as error:  # UnicodeError: what can be no host's name
            raise LinkError(f"cannot listen at {host}:{port}: {_reason(error, port)}") from None
        bound: int = self._server.sockets[0].getsockname()[1]
        log.info("listening", host=host, port=bound, units=sorted(self._service.units))
        return bound

    async def stop(self) -> None:
        """Stop listening and end all connections."""
        if self._server is not None:
            self._server.close()
            for connection in tuple(self.pool.members):
                connection.dismiss("the gateway stops")
            await self._server.wait_closed()


def with_device_itself(units: Mapping[int, Bank]) -> dict[int, Bank]:
    """The units, and the first of them also as 0 and 255: the device itself."""
    first = units[min(units)]
    return {0: first, 255: first, **units}


def _reason(error: OSError | UnicodeError, port: int) -> str:
    elsewhere = "this machine has no such address; use one of its own, or 0.0.0.0 for all"
    if isinstance(error, UnicodeError | socket.gaierror) or error.errno is None:
        return elsewhere
    reasons = {
        errno.EADDRINUSE: "another program uses it; choose another port",
        errno.EACCES: f"port {port} needs more rights; use one above 1023 or grant CAP_NET_BIND_SERVICE",
        errno.EADDRNOTAVAIL: elsewhere,
    }
    return reasons.get(error.errno, error.strerror or str(error))
