"""A control core of one order, and the link that carries it to a PCS."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable
from typing import Any

from links.pcs_peers import HOST

from gateway.links.pcs_client import PcsLink
from gateway.mapping.library import Library
from gateway.mapping.pcs import PcsMap
from gateway.mapping.pcs_file import load_pcs
from gateway.model.order import PcsOrder, PcsReport

SIM = dataclasses.replace(load_pcs(Library(), "sim-pcs"), poll=0.05)
BOUND = 20.0
"Seconds after which something that should happen is said not to."


def now() -> float:
    """The loop's time."""
    return asyncio.get_running_loop().time()


async def until(holds: Callable[[], bool], bound: float = BOUND) -> None:
    """Wait for a state."""
    end = now() + bound
    while not holds():
        assert now() < end, "it never came to that"
        await asyncio.sleep(0.002)


async def passed(seconds: float) -> None:
    """Wait for what must not happen."""
    end = now() + seconds
    await until(lambda: now() >= end)


class Core:
    """Gives the order that a test says, anew in each of its cycles."""

    def __init__(self, port: int, pcs_map: PcsMap) -> None:
        self.order = PcsOrder(now())
        self.stalled = False
        self.reports: list[PcsReport] = []
        self.link = PcsLink("pcs", HOST, port, pcs_map, lambda: self.order, self.reports.append)

    def say(self, **changes: Any) -> None:  # noqa: ANN401 - fields of an order
        """Change the order."""
        self.order = dataclasses.replace(self.order, at=now(), **changes)

    async def run(self) -> None:
        """Cycle."""
        while True:
            await asyncio.sleep(0.02)
            if not self.stalled:
                self.say()

    async def reported(self, count: int = 1) -> PcsReport:
        """The report after some more reports."""
        wanted = len(self.reports) + count
        await until(lambda: len(self.reports) >= wanted)
        return self.reports[-1]


@contextlib.asynccontextmanager
async def driving(port: int, pcs_map: PcsMap = SIM) -> AsyncIterator[Core]:
    """A core and its link, at work."""
    core = Core(port, pcs_map)
    tasks = [asyncio.create_task(core.run()), asyncio.create_task(core.link.run())]
    try:
        yield core
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError), outcome
