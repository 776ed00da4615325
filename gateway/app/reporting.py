"""What a gateway tells of itself now and then: its page of metrics, traffic on its buses, certificates that end."""

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence

import structlog

from gateway.app.gateway import Gateway
from gateway.app.measures import Pace, Picture, families, take
from gateway.app.reception import Reception
from gateway.errors import MappingError
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
        self._page = MetricsPage(lambda: families(self._picture))

    def begin(self) -> None:
        """Serve the page of metrics, where the site has one; LinkError if it cannot be. What is replayed has none."""
        place = self._gateway.site.metrics
        if place is None or self._gateway.data_source == "replay":
            return
        host = "127.0.0.1" if self._on_loopback else place[0]
        self._gateway.shown_at(host)
        log.info("metrics", at=self._page.start(host, place[1]))

    async def run(self, links: Sequence[CanLink], checked: Callable[[], None]) -> None:
        """Until cancelled; `checked` is called once a minute."""
        for second in itertools.count():
            if self._gateway.site.metrics is not None:
                self._picture = take(self._gateway, self._reception.counts, links, self.pace)
            if second % _DAY == 0:
                await self.tell_ends()
            if second % _MINUTE == _MINUTE - 1:
                checked()
                self._tell_traffic(links)
            await asyncio.sleep(1.0)

    def _tell_traffic(self, links: Sequence[CanLink]) -> None:
        """What came in on each bus, and what was odd about it."""
        for link in links:
            told = self._gateway.traffic(link.bus.name)
            log.info(
                "traffic", bus=link.bus.name, up=link.state.up, errors=link.state.errors, **told
            )

    async def tell_ends(self) -> None:
        """Certificates that will soon let nobody in any more."""
        try:
            problems = await asyncio.to_thread(self._reception.outdated, time.time(), _AHEAD)
        except MappingError as error:  # they were changed to what is none
            problems = list(error.problems)
        for problem in problems:
            self._tell("certificate_ends", str(problem))

    async def stop(self) -> None:
        """Serve the page no more."""
        await asyncio.to_thread(self._page.stop)
