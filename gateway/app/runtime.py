"""A gateway with its links: CAN and PCS on one side, Modbus on the other, and the cycle between them."""

import asyncio
import functools
import os
import time
from collections.abc import Callable, Sequence

import structlog

from gateway.app.gateway import Gateway
from gateway.app.leaving import left
from gateway.app.lookout import Lookout
from gateway.app.reception import Reception
from gateway.app.reporting import Reporting
from gateway.canbus.frame import Frame
from gateway.errors import LinkError
from gateway.links.can_link import CanLink
from gateway.links.clock import EARLY, clock_is_synchronised
from gateway.links.journal import Journal
from gateway.links.pcs_client import PcsLink
from gateway.links.recorder import Recorder
from gateway.links.watchdog import ServiceWatchdog
from gateway.mapping.site import JournalPlace
from gateway.model.event import KINDS, Event

_BREATH = 0.01  # s from a cycle to one out of turn
_AGAIN = 1.0  # s until a crashed bus is tried again

log = structlog.get_logger()


class Runtime:
    """A gateway at work."""

    def __init__(
        self, gateway: Gateway, listen: tuple[str, int] | None = None, *, on_loopback: bool = False
    ) -> None:
        """`listen` takes the place of the site's own address, where it has one listener."""
        self.gateway = gateway
        self.links: list[CanLink] = []
        self.pcs_links: list[PcsLink] = []
        self.told: Callable[[Sequence[Event]], None] = lambda _: None
        "Called with what happened in a container."
        self.checked: Callable[[], None] = lambda: None
        "Called once a minute."
        self.journal: Journal | None = None
        self._recorder: Recorder | None = None
        self._watchdog = ServiceWatchdog.from_environment(os.environ)
        self._cycled, self._due = asyncio.Event(), asyncio.Event()
        self._breath = 0.0
        "Until when no cycle comes out of turn: alarms that come and go do not take all the time."
        self._reception = Reception(gateway, listen, on_loopback=on_loopback)
        self._reporting = Reporting(gateway, self._reception, self.tell, on_loopback=on_loopback)
        self._lookout: Lookout | None = None
        self._crashed = ""

    async def start(self) -> None:
        """Open the journal and listen for masters; LinkError if either cannot be had."""
        place = self.gateway.site.journal
        if place is not None and self.gateway.data_source != "replay":
            self._begin_journal(place)
        memory = {} if self.journal is None else self.journal.restored()
        clock = asyncio.get_running_loop().time
        self.gateway.begin(
            self.journal, memory, None if self.gateway.data_source == "replay" else clock
        )
        for controller in self.gateway.controllers():
            controller.told = self._happened
            controller.chronicle.wall = _wall
            controller.acted = self._acted
            if self._recorder is not None:
                controller.noted = self._record_write
        await self._reception.start()
        self._reporting.begin()
        self.tell("started", detail=str(0 if self.journal is None else self.journal.boot))

    def _begin_journal(self, place: JournalPlace) -> None:
        self.journal = Journal(
            place.file, rows=place.rows, utc=time.time, synchronised=clock_is_synchronised,
            on_state=self._journal_changed,
        )  # fmt: skip
        if place.recordings is not None:
            self._recorder = Recorder(place.recordings)
            self._recorder.site = self.gateway.site.name
            self._recorder.on_error = lambda text: log.error("recording_failed", reason=text)

    @property
    def endpoints(self) -> list[str]:
        """Where masters can connect, once started."""
        return self._reception.endpoints

    async def renew(self) -> None:
        """Read the certificates of TLS listeners again; those that are wrong are told, and what was there stays."""
        changed, problems = await asyncio.to_thread(self._reception.renew, time.time())
        if changed:
            self.tell("certificates", detail=", ".join(changed))
        for problem in problems:
            self.tell("certificates_refused", detail=str(problem))
        self._reporting.tell_ends()

    async def retire(self) -> bool:
        """Before stopping: whether all racks are off the bus that ought to be (R16)."""
        tell = functools.partial(self.tell, "stop_refused")
        return await left(self.gateway, self._cycled, tell)

    async def stop(self) -> None:
        """Let go of everything."""
        if not self._crashed:
            self._watchdog.stopping()
        self._watchdog.close()
        self._reporting.stop()
        await self._reception.stop()
        if self.journal is not None:
            self.tell("crashed" if self._crashed else "stopped", detail=self._crashed)
            await asyncio.to_thread(self.journal.close)
        if self._recorder is not None:
            await asyncio.to_thread(self._recorder.close)

    async def live(self) -> None:
        """Receive from all buses, drive the PCS and cycle, until cancelled."""
        gateway = self.gateway
        self.links = [
            CanLink(bus, self._deliver(), gateway.transmitter(name), gateway.orders)
            for name, bus in gateway.site.buses.items()
        ]
        for link in self.links:
            if link.sender is not None and self._recorder is not None:
                link.sender.noted = functools.partial(self._recorder.frame, link.bus.name)
        self.pcs_links = list(self._drives())
        self._lookout = Lookout(gateway, self.links, self.pcs_links, self._seen)
        async with asyncio.TaskGroup() as tasks:
            for link in self.links:
                tasks.create_task(self._supervised(link))
            for pcs in self.pcs_links:
                tasks.create_task(self._driven(pcs))
            tasks.create_task(self._cycles(self._lookout))
            tasks.create_task(self._reporting.run(self.links, self.checked))

    def _deliver(self) -> Callable[[str, Frame], None]:
        """Where frames go: into the gateway, and past the recorder."""
        receive, recorder = self.gateway.receive, self._recorder
        if recorder is None:
            return receive

        def deliver(bus: str, frame: Frame) -> None:
            recorder.frame(bus, frame)
            receive(bus, frame)

        return deliver

    def _drives(self) -> Sequence[PcsLink]:
        """A link to each PCS that the gateway drives (R11)."""
        links = []
        for name, state in self.gateway.containers.items():
            controller, pcs = state.controller, state.container.pcs
            if controller is not None and pcs is not None:
                order = functools.partial(getattr, controller, "pcs_order")
                links.append(
                    PcsLink(name, pcs.host, pcs.port, pcs.registers, order, controller.hear_pcs)
                )
        return links

    async def _supervised(self, link: CanLink) -> None:
        while True:
            try:
                await link.run()
            except LinkError:
                raise
            except Exception as error:  # noqa: BLE001 - told and counted there
                # Whatever else a driver lets out: it costs this bus a restart, not the gateway its life.
                link.report("bus_crashed", error)
                await asyncio.sleep(_AGAIN)

    async def _driven(self, pcs: PcsLink) -> None:
        while True:
            try:
                await pcs.run()
            except Exception:  # told there; control sees a PCS that does not answer
                log.exception("pcs_link_crashed", pcs=pcs.name)
                await asyncio.sleep(_AGAIN)

    async def _cycles(self, lookout: Lookout) -> None:
        loop = asyncio.get_running_loop()
        due, is_first = loop.time(), True
        self.gateway.tripped = self._hurry
        while True:
            now, begun = loop.time(), time.perf_counter()  # uvloop's time stands still meanwhile
            try:
                self._cycle(lookout, now)
            except Exception as error:
                # Nobody can say what a half-done cycle has left: end, say so, and be started anew (R44).
                self._crashed = f"{type(error).__name__}: {error}"
                log.exception("cycle_crashed")
                raise
            if is_first:
                self._watchdog.ready()
                is_first = False
            self._reporting.pace.cycle(time.perf_counter() - begun, now - due)
            self._watchdog.cycle(loop.time())
            self._cycled.set()
            if now >= due - EARLY:
                due = max(due + self.gateway.site.cycle, loop.time())
            self._breath = loop.time() + _BREATH
            timer = loop.call_at(due, self._due.set)
            await self._due.wait()
            timer.cancel()
            self._due.clear()

    def _hurry(self) -> None:
        """A frame may have tripped an interlock: it is decided on at once, or after a breath."""
        asyncio.get_running_loop().call_at(self._breath, self._due.set)

    def _cycle(self, lookout: Lookout, now: float) -> None:
        lookout.look(now)
        if self._recorder is not None:
            self._recorder.cycle(now)
        self.gateway.cycle(now)
        lookout.send_changes()

    def _acted(self) -> None:
        """A master's write has changed orders between cycles."""
        self.gateway.faces.invalidate()
        if self._lookout is not None:
            self._lookout.send_changes()

    def _record_write(
        self, now: float, origin: str, table: str, address: int, words: bytes
    ) -> None:
        if self._recorder is not None:
            numbers = [int.from_bytes(words[at : at + 2], "big") for at in range(0, len(words), 2)]
            self._recorder.write(now, origin, table, address, numbers)

    def _happened(self, events: Sequence[Event]) -> None:
        """Something happened in a container: it is logged, and a trip is recorded."""
        self.told(events)
        first = 0 if self.journal is None else self.journal.last - len(events) + 1
        for number, event in enumerate(events, first):
            log.info(event.kind.name, container=event.container, text=str(event))
            if event.kind.name == "interlock_latched" and self._recorder is not None:
                self._recorder.trip(event.at, event.row, number if self.journal else 0)

    def _seen(self, event: Event) -> None:
        """The lookout has seen something."""
        self._write(event)
        self.told([event])

    def _journal_changed(self, failed: str) -> None:
        name = "journal_failed" if failed else "journal_restored"
        log.error(name, reason=failed) if failed else log.info(name)
        self.tell(name, detail=failed)

    def tell(self, name: str, detail: str = "") -> None:
        """Log and write an event of the gateway's own."""
        log.info(name, detail=detail)
        self._write(Event(KINDS[name], asyncio.get_running_loop().time(), detail=detail))

    def _write(self, event: Event) -> None:
        if self.journal is not None:
            self.journal.write([event])


def _wall() -> tuple[float, bool | None]:
    """The time of day, and whether others keep it right."""
    return time.time(), clock_is_synchronised()
