"""Where masters are received: every listener of the site, over TCP or on a serial line."""

import asyncio
from collections.abc import Mapping

import structlog

from gateway.app.gateway import Gateway
from gateway.errors import LinkError, MappingError, Problem
from gateway.links.listening import written
from gateway.links.modbus_serial import SerialServer
from gateway.links.modbus_tcp import ModbusServer
from gateway.links.ration import Ration
from gateway.links.service import Service
from gateway.mapping.listeners import ANYBODY, Place
from gateway.mapping.masters import Credential
from gateway.modbus.bank import Bank
from gateway.model.command import NOBODY, Origin
from gateway.model.traffic import Counts, picture

_TELL = 1.0
"Seconds from one time that traffic is published to the next."

log = structlog.get_logger()


class Reception:
    """The listeners at work."""

    def __init__(self, gateway: Gateway, listen: Place | None, *, on_loopback: bool) -> None:
        """`listen` takes the place of the site's own address, where it has one."""
        self._gateway, self._listen = gateway, listen
        self._on_loopback = on_loopback
        self._servers: list[ModbusServer | SerialServer] = []
        self.counts, self._ration = Counts(), Ration()
        self._telling: asyncio.TimerHandle | None = None
        self.endpoints: list[str] = []
        "Where masters can connect, once started."

    async def start(self) -> None:
        """Listen; LinkError if a network listener cannot be had. A serial line may come later."""
        listeners = self._gateway.faces.listeners()
        if self._listen is not None and (
            len(listeners) > 1 or any(of.startswith("/") for of, _ in listeners)
        ):
            raise LinkError(
                f"--listen takes the place of one network listener; the site has {', '.join(map(_told, listeners))}"
            )
        for place, banks in listeners.items():
            service = self._service(place, banks)
            if place[0].startswith("/"):
                self._open(place[0], service)
            else:
                own = ("127.0.0.1", place[1]) if self._on_loopback else place
                await self._bind(*(self._listen or own), service)
        self._tell()

    def _tell(self) -> None:
        """Publish what masters have asked, and say what the log has left out; again each second."""
        loop = asyncio.get_running_loop()
        names = [origin.name for origin in self._gateway.site.masters.origins]
        self._gateway.faces.publish(picture(self.counts, names, loop.time()))
        for about, count in self._ration.over(loop.time()):
            log.info("lines_left_out", about=about or "others", count=count)
        self._telling = loop.call_later(_TELL, self._tell)

    def _open(self, path: str, service: Service) -> None:
        """Serve a serial line; data that are not live stay off it (R35)."""
        if self._gateway.data_source != "live":
            log.warning("line_not_served", path=path, reason="the data are not live (R35)")
            return
        server = SerialServer(service, service.rules.line)
        server.start(path)
        self._servers.append(server)
        self.endpoints.append(path if server.is_open else f"{path} (not there yet)")

    async def _bind(self, host: str, port: int, service: Service) -> None:
        show_at(self._gateway, host)
        server = ModbusServer(service)
        bound = await server.start(host, port)
        self._servers.append(server)
        self.endpoints.append(written((host, bound)))

    def _service(self, place: Place, banks: Mapping[int, Bank]) -> Service:
        """What a listener serves, and to whom."""
        masters, rules = (
            self._gateway.site.masters,
            self._gateway.site.listeners.get(place, ANYBODY),
        )

        def who(peer: str, shown: Credential | None) -> Origin | None:
            known = masters.at(peer, place) if shown is None else masters.shown(peer, place, shown)
            return NOBODY if rules.is_read_only and known is not None else known

        is_live = self._gateway.data_source != "replay"
        return Service(
            banks, who,
            self._gateway.settle, self._gateway.check_pace if is_live else lambda _: None, rules,
            self.counts, self._ration,
        )  # fmt: skip

    def renew(self, now: float) -> tuple[list[str], list[Problem]]:
        """Read certificates again: where they have changed, and what is wrong with those that stay as they were."""
        changed, problems = list[str](), list[Problem]()
        for server, endpoint in zip(self._servers, self.endpoints, strict=True):
            try:
                if isinstance(server, ModbusServer) and server.renew(now):
                    changed.append(endpoint)
            except MappingError as error:
                problems += error.problems
        return changed, problems

    def outdated(self, now: float, ahead: float) -> list[Problem]:
        """Certificates that are not valid now, in UTC seconds, or not any more so many seconds later."""
        servers = [server for server in self._servers if isinstance(server, ModbusServer)]
        return [problem for server in servers for problem in server.outdated(now, ahead)]

    async def stop(self) -> None:
        """Let go of all."""
        if self._telling is not None:
            self._telling.cancel()
        for server in self._servers:
            await server.stop()


def show_at(gateway: Gateway, host: str) -> None:
    """Take note of an address where data can be read, and say what that means (R35)."""
    gateway.shown_at(host)
    if gateway.faces.withholds_limits:
        log.warning("limits_read_0", host=host, reason="the data are not live (R35)")


def _told(place: Place) -> str:
    return place[0] if place[0].startswith("/") else f"{place[0]}:{place[1]}"
