"""What a gateway tells of itself now and then: its page of metrics, traffic on its buses, certificates that end."""

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence

import structlog

from gateway.app.gateway import Gateway
from gateway.app.measures import Pace, Picture, families, take
from gateway.app.reception import Reception, show_at
from gateway.errors import LinkError
from gateway.links.can_link import CanLink
from gateway.links.metrics import MetricsPage

_MINUTE, _DAY = 60, 24 * 60 * 60
_AHEAD = 30 * _DAY
"Seconds before a certificate ends, from which it is told: renewing it takes its time."

log = structlog.get_logger()


class Reporting:
    """What is told now and then."""

    def __init__(
        self,
        gateway: Gateway,
        reception: Reception,
        tell: Callable[[str, str], None],
        *,
        on_loopback: bool,
    ) -> None:
        """`tell` is given events of the gateway's own: name and detail."""
        self._gateway, self._reception, self._tell = gateway, reception, tell
        self._on_loopback = on_loopback
        self.pace, self._picture = Pace(), Picture()
        self._page = MetricsPage(lambda: families(self._picture, time.monotonic()))
        self._is_missing = False
        "Whether the page is to be served, and could not be."

    def begin(self) -> None:
        """Serve the page of metrics, where the site has one; what is replayed has none.

        Where it cannot be served that is told, and tried again: watching must not keep a plant from being controlled.
        """
        place = self._gateway.site.metrics
        if place is None or self._gateway.data_source == "replay":
            return
        host = "127.0.0.1" if self._on_loopback else place[0]
        try:
            at = self._page.start(host, place[1])
        except LinkError as error:
            if not self._is_missing:
                log.warning("metrics_missing", reason=str(error))
            self._is_missing = True
            return
        self._is_missing = False
        show_at(self._gateway, host)
        log.info("metrics", at=at)

    async def run(self, links: Sequence[CanLink], checked: Callable[[], None]) -> None:
        """Until cancelled, whatever fails; `checked` is called once a minute."""
        for second in itertools.count():
            try:
                await self._tick(second, links, checked)
            except Exception:  # told; it must not end the control of a plant
                log.exception("reporting_failed")
            await asyncio.sleep(1.0)

    async def _tick(
        self, second: int, links: Sequence[CanLink], checked: Callable[[], None]
    ) -> None:
        if self._is_missing:
            self.begin()
        if self._gateway.site.metrics is not None:
            now = asyncio.get_running_loop().time()
            self._gateway.check_pace(now)
            self._picture = take(self._gateway, self._reception.counts, links, self.pace, now)
        if second % _DAY == 0:
            self.tell_ends()
        if second % _MINUTE == _MINUTE - 1:
            checked()
            self._tell_traffic(links)

    def _tell_traffic(self, links: Sequence[CanLink]) -> None:
        """What came in on each bus, and what was odd about it."""
        for link in links:
            counts = self._gateway.traffic(link.bus.name)
            told = {kind: count for kind, count in counts.items() if count or kind == "frames"}
            log.info(
                "traffic", bus=link.bus.name, up=link.state.up, errors=link.state.errors, **told
            )

    def tell_ends(self) -> None:
        """Certificates that are served, and will soon let nobody in any more."""
        for problem in self._reception.outdated(time.time(), _AHEAD):
            self._tell("certificate_ends", str(problem))

    def stop(self) -> None:
        """Serve the page no more."""
        self._page.stop()
