"""The gap that a restart leaves: from the last keep-alive before the gateway is killed to the first after it is back.

`essgw run` itself, killed without a word and started again at once, beside racks that go on sending. Its time has two
parts: starting up to an open bus, and listening before the first frame (R34). Times of frames are the kernel's.
"""

import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.commanded import Load, feed, placed, rack_of
from bench.datagram import Spy, free_port
from bench.programs import GENERATOR_CPU, SERVER_CPU, Program, listening, python, running
from bench.timing import Effort, Spread, spread
from gateway.canbus.send import Transmitter
from gateway.mapping.library import Library
from gateway.mapping.restart import START, restart_gap
from gateway.mapping.site import load_site

_PATIENCE = 20.0  # s
_KEPT_ALIVE = 0.3  # s of keep-alives before a kill
_PER_RESTART = 12.0  # s, for the length of the feed


@dataclass(frozen=True, slots=True)
class Restarts:
    """What restarts came to, in s."""

    count: int
    gap: Spread
    worst: float
    start: Spread
    "From the kill to an open bus."
    listening: float
    "That the sends of the site take (R34)."
    assumed: float
    "What `essgw check` takes a start for."
    patience: float
    "The shortest time-out of BMUs and PCS, half of which the gap must stay below (R16)."


@contextlib.contextmanager
def _gateway(site: Path, port: int, channel: str) -> Iterator[Program]:
    line = python(
        "bench.essgw_process", "run", str(site), "--bus", f"can0=socketcan:{channel}",
        "--listen", f"127.0.0.1:{port}",
    )  # fmt: skip
    with running(line, SERVER_CPU) as program:
        yield program


def _first(spy: Spy) -> float:
    """When the next keep-alive comes."""
    end = time.perf_counter() + _PATIENCE
    while time.perf_counter() < end:
        heard = spy.hear(0.1)
        if heard is not None and rack_of(heard.key):
            return heard.at
    raise TimeoutError("no keep-alive")


def _killed(program: Program, spy: Spy) -> float:
    """Kill, and give the time of the last keep-alive."""
    time.sleep(_KEPT_ALIVE)
    program.process.kill()
    program.process.wait()
    return max(heard.at for heard in spy.drain() if rack_of(heard.key))


def _restarts(site: Path, count: int) -> Iterator[tuple[float, float]]:
    """The gap, and the time to an open bus, of each."""
    port, can_port = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
    last, spy = 0.0, Spy()
    with (
        contextlib.closing(spy),
        running(feed(can_port, Load(0), (count + 1) * _PER_RESTART), GENERATOR_CPU),
    ):
        for number in range(count + 1):
            begin = time.perf_counter()
            with _gateway(site, port, f"{can_port}/{spy.port}") as program:
                listening(can_port)
                start = time.perf_counter() - begin
                first = _first(spy)
                if number:
                    yield first - last, start
                last = _killed(program, spy)


def measure(effort: Effort) -> Restarts:
    """Restart again and again."""
    with placed(free_port(socket.SOCK_STREAM)) as path:
        (container,) = load_site(Library(), str(path)).containers
        gap = restart_gap(container)
        if gap is None:
            raise ValueError("nobody waits for the site's keep-alives")
        gaps, starts = zip(*_restarts(path, effort.restarts), strict=True)
    listens = Transmitter(container.sends).listen
    return Restarts(
        len(gaps), spread(gaps), max(gaps), spread(starts), listens, START, gap.patience
    )
