"""The link to a PCS that the gateway drives (`we_drive`, R11): it reads, reports, and writes the order.

Each request is sent only while the order of that moment allows access and is fresh. An order that forbids
access (R12), and a control cycle that has stalled (R8), end everything at once, reads too, until there is
a fresh order that allows it again.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from gateway.errors import LinkError
from gateway.links.pcs_connection import PcsConnection, RequestRefused
from gateway.mapping.pcs import PcsMap, runs
from gateway.model.order import PcsOrder, PcsReport

_FRESH = 1.0
"Seconds for which an order may be written (R8)."
_TICK = 0.1
"Seconds after which a waiting link looks again whether it may."
_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)

log = structlog.get_logger()


class Withdrawn(LinkError):
    """The PCS is to be left alone."""


@dataclass(slots=True)
class PcsLinkState:
    """How the link is doing."""

    up: bool = False
    "Whether it has answered a whole reading on this connection."
    left_alone: bool = True
    "Whether the PCS is not accessed, by order or for want of one (R12)."
    obeys: bool = True
    "Whether the PCS took all of the last order."
    opened: int = 0
    polls: int = 0
    "Complete readings."
    errors: int = 0
    "Connections that were lost or not made."
    refusals: int = 0
    "Answers that were exceptions."
    last_error: str = ""


class PcsLink:
    """One PCS, polled and written to for as long as the order allows."""

    def __init__(
        self, name: str, host: str, port: int, pcs_map: PcsMap,
        order: Callable[[], PcsOrder], report: Callable[[PcsReport], None],
    ) -> None:  # fmt: skip
        self.name, self.state = name, PcsLinkState()
        self._host, self._port, self._map = host, port, pcs_map
        self._order, self._report = order, report
        self._wake = asyncio.Event()
        self._recognised = False
        "Whether this connection leads to the map's device."
        self._heartbeat, self._last_at = 0, -math.inf
        "Ours, and the time of the order that it last told of (R8)."
        self._pulse, self._pulse_at = math.nan, 0.0
        "The PCS's heartbeat, and when it changed."

    def flush(self) -> None:
        """Write the order at once: a limit has dropped, a stop has come, access has ended."""
        self._wake.set()

    async def run(self) -> None:
        """Drive the PCS until cancelled."""
        trouble = 0
        while True:
            polls = self.state.polls
            try:
                await self._driven()
            except Withdrawn:
                await self._left_alone()
                continue
            except LinkError as error:
                self.state.errors += 1
                self._tell("pcs_lost", error)
            trouble = 0 if self.state.polls > polls else trouble
            await asyncio.sleep(_PAUSES[min(trouble, len(_PAUSES) - 1)])
            trouble += 1

    def _allowed(self) -> PcsOrder:
        """The order of this moment; Withdrawn if the PCS is to be left alone."""
        order, now = self._order(), asyncio.get_running_loop().time()
        if not order.access or not now - order.at <= _FRESH:
            raise Withdrawn("left alone")
        return order

    async def _left_alone(self) -> None:
        """Wait until access is allowed again."""
        if not self.state.left_alone:
            log.warning("pcs_left_alone", pcs=self.name)
        self.state.left_alone = True
        while self.state.left_alone:
            self._wake.clear()
            await self._rest(_TICK)
            with contextlib.suppress(Withdrawn):
                self._allowed()
                self.state.left_alone = False

    def _tell(self, event: str, error: Exception) -> None:
        """Tell an error unless it was told last."""
        reason = str(error)
        if reason != self.state.last_error:
            log.warning(event, pcs=self.name, host=self._host, port=self._port, reason=reason)
        self.state.last_error = reason

    async def _rest(self, seconds: float) -> None:
        """Wait, unless `flush` wakes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _driven(self) -> None:
        """Connect, then poll and write until trouble or the end of access raises."""
        self._allowed()
        link = PcsConnection(self._host, self._port, self._map.unit, self._allowed)
        try:
            await link.open()
            self._allowed()
            self.state.left_alone = False
            self.state.opened += 1
            self._recognised, self._pulse = not self._map.expects, math.nan
            log.info("pcs_opened", pcs=self.name, host=self._host, port=self._port)
            await self._cycles(link)
        finally:
            self.state.up = False
            link.close()

    async def _cycles(self, link: PcsConnection) -> None:
        """Poll and write at every period; between them, write what `flush` asks for."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self._allowed()
            if loop.time() >= due:
                due = max(due + self._map.poll, loop.time())
                try:
                    await self._poll(link)
                except RequestRefused as error:
                    self._refused(error)
                await self._write(link)
            elif self._wake.is_set():
                await self._write(link)
            await self._rest(min(_TICK, max(0.0, due - loop.time())))

    def _refused(self, error: RequestRefused) -> None:
        self.state.refusals += 1
        self._tell("pcs_refuses", error)

    async def _poll(self, link: PcsConnection) -> None:
        """Read everything, and report it if the PCS is what it should be, lives and obeys."""
        registers: dict[tuple[str, int], int] = {}
        for span in self._map.read_spans:
            if self._wake.is_set():
                await self._write(link)
            words = await link.read(span)
            registers.update({(span.table, span.first + at): word for at, word in enumerate(words)})
        now = asyncio.get_running_loop().time()
        if told := self._map.mismatch(registers):
            raise LinkError(told)
        self._recognised = True
        self.state.polls += 1
        self.state.up = True
        if self._beats(*self._map.pulse(registers), now) and self.state.obeys:
            self.state.last_error = ""
            self._report(self._map.report(registers, now))

    def _beats(self, pulse: float, timeout: float, now: float) -> bool:
        """Whether the PCS's heartbeat has not stood still for too long."""
        if pulse != self._pulse:
            self._pulse, self._pulse_at = pulse, now
        still = now - self._pulse_at
        if still > timeout:
            self._tell("pcs_lost", LinkError(f"its heartbeat has stood still for {timeout:g} s"))
        return still <= timeout

    async def _write(self, link: PcsConnection) -> None:
        """Write the order, each request as of its moment; a stop that comes between begins anew.

        What narrows goes first, so an order to run that is refused in part ends there.
        """
        self._wake.clear()
        order = self._allowed()
        if not self._recognised:
            return
        if order.at != self._last_at:
            self._heartbeat, self._last_at = self._heartbeat + 1, order.at
        running, done, obeys = runs(order), 0, True
        while True:
            order = self._allowed()
            if runs(order) != running:
                running, done, obeys = runs(order), 0, True
            requests = self._map.writes(order, self._heartbeat)
            if done == len(requests) or (running and not obeys):
                break
            try:
                await link.write(*requests[done])
            except RequestRefused as error:
                self._refused(error)
                obeys = False
            done += 1
        self.state.obeys = obeys
