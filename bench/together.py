"""End to end: CAN frames in and Modbus masters at the same time, on one gateway process with one loop."""

import json
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.datagram import free_port
from bench.masters import Answered, Mode, Tools, command, told
from bench.neighbours import Calm
from bench.programs import GENERATOR_CPU, SERVER_CPU, Program, answering, listening, python, running
from bench.timing import Effort, Spread, spread

MASTERS = Mode(32, rate=10.0)
RATE = 32_000
"Frames a second: four full 1 Mbit/s buses."
_SETTLE = 0.5  # s
_MARGIN = 1.5  # s, that frames flow before and after the masters ask


@dataclass(frozen=True, slots=True)
class Feed:
    """What comes in."""

    text: str
    site: str
    rate: int
    "Frames a second; 0: the simulator's own pace."
    generator: str
    "`sender` (the simulated container), `cangen`, or nothing."


OWN_PACE, FULL, CANGEN = (
    Feed("demo site, simulator at its own pace", "demo", 0, "sender"),
    Feed("demo site, simulator's frames, 32,000/s", "demo", RATE, "sender"),
    Feed("16 racks x 416 cells, 4 x u16, 32,000/s", "four-buses", RATE, "cangen"),
)
FEEDS = (Feed("demo site, no frames ever", "demo", 0, ""), OWN_PACE, FULL, CANGEN)
LOOPS = ("uvloop", "asyncio")


@dataclass(frozen=True, slots=True)
class Run:
    """One run under load."""

    answered: Answered
    cpu: float
    "Percent of one core."
    sent: int
    received: int
    cycle: float
    "ms of a cycle, median."
    late_max: float
    "ms that the loop was late at most."


@dataclass(frozen=True, slots=True)
class Together:
    """All runs of one loop and feed."""

    feed: Feed
    loop: str
    runs: tuple[Run, ...]

    @property
    def cpu(self) -> Spread:
        """Percent of one core."""
        return spread(run.cpu for run in self.runs)

    @property
    def p50(self) -> float:
        """Of Modbus latency in the best run, in us."""
        return min(run.answered.p50 for run in self.runs)

    @property
    def p99(self) -> Spread:
        """Of Modbus latency, in us."""
        return spread(run.answered.p99 for run in self.runs)

    @property
    def cycle(self) -> float:
        """Median of a cycle, in ms."""
        return statistics.median(run.cycle for run in self.runs)

    @property
    def late(self) -> Spread:
        """The longest that the loop was late in a run, in ms."""
        return spread(run.late_max for run in self.runs)

    @property
    def lost(self) -> int:
        """Frames sent that never came in, over all runs."""
        return sum(run.sent - run.received for run in self.runs)


@contextmanager
def sending(tools: Tools, feed: Feed, port: int, seconds: float) -> Iterator[Program | None]:
    """A feed's frames, flowing from now on."""
    if not feed.generator:
        yield None
        return
    line = [str(tools.cangen), "127.0.0.1", str(port), str(feed.rate), str(seconds)]
    if feed.generator == "sender":
        line = python("bench.sender", port, feed.rate, str(seconds))
    with running(line, GENERATOR_CPU) as frames:
        if feed.generator == "sender" and frames.process.stdout is not None:
            frames.process.stdout.readline()
        time.sleep(_SETTLE)
        yield frames


def _share(program: Program, seconds: float) -> float:
    """Percent of a core that a program takes over some time."""
    before, begin = program.cpu(), time.perf_counter()
    time.sleep(seconds)
    return (program.cpu() - before) / (time.perf_counter() - begin) * 100


def run(tools: Tools, feed: Feed, loop: str, seconds: float) -> Run:
    """Start everything, watch, end everything."""
    port, can_port = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
    sent = 0
    line = python("bench.gateway_process", feed.site, port, can_port, loop)
    with running(line, SERVER_CPU) as gateway:
        answering(port)
        listening(can_port)
        with sending(tools, feed, can_port, seconds + _MARGIN) as frames:
            asking = command(tools, port, MASTERS, seconds, pattern=False)
            with running(asking, GENERATOR_CPU) as masters:
                time.sleep(_SETTLE)
                cpu = _share(gateway, seconds - 2 * _SETTLE)
                answered = told(masters, seconds)
            if frames is not None:
                sent = int(json.loads(frames.finished(seconds + 10))["sent"])
        listening(can_port)
        time.sleep(_SETTLE)
        said = json.loads(gateway.stopped())
    return Run(
        answered, cpu, sent, said["frames"],
        said["cycle_p50_ms"], said["late_max_ms"],
    )  # fmt: skip


def noise(tools: Tools, effort: Effort) -> list[Answered]:
    """The same masters at the bare C server: what the machine itself adds."""
    port = free_port(socket.SOCK_STREAM)
    with running([str(tools.mbideal), str(port)], SERVER_CPU):
        answering(port)
        results = []
        for _ in range(effort.load_runs):
            line = command(tools, port, MASTERS, effort.load_seconds, pattern=True)
            with running(line, GENERATOR_CPU) as masters:
                results.append(told(masters, effort.load_seconds))
    return results


def measure(effort: Effort, tools: Tools, calm: Calm) -> Iterator[Together]:
    """Each feed on uvloop, and a full one on asyncio too, interleaved."""
    pairs = [(feed, loop) for feed in FEEDS for loop in (LOOPS if feed.rate else LOOPS[:1])]
    runs: dict[tuple[str, str], list[Run]] = {}
    for _ in range(effort.load_runs):
        for feed, loop in pairs:
            calm.wait()
            made = run(tools, feed, loop, effort.load_seconds)
            runs.setdefault((feed.text, loop), []).append(made)
    for feed, loop in pairs:
        yield Together(feed, loop, tuple(runs[feed.text, loop]))
