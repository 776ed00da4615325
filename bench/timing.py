"""Best and median of several rounds, with the contestants interleaved so that all see the same machine."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

Work = Callable[[], object]
Measure = Callable[[], float]
"Does its work and gives what it cost, in whatever unit the table says."


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure."""

    rounds: int
    "Repetitions of each pure measurement."
    serve_rounds: int
    serve_seconds: float
    counts: tuple[int, ...]
    "Registers a request."
    load_runs: int
    load_seconds: float
    probes: int
    starts: int
    patience: float
    "s, in all, to wait for neighbours to pause."
    stops: int
    jitter_seconds: float
    opens: int
    drops: int
    "Lower limits that are told."
    restarts: int


QUICK = Effort(5, 2, 0.5, (125,), 1, 2.0, 60, 2, 20.0, 40, 3.0, 30, 30, 2)
FULL = Effort(15, 4, 0.6, (125, 10), 3, 4.0, 300, 5, 60.0, 200, 15.0, 200, 200, 10)


@dataclass(frozen=True, slots=True)
class Spread:
    """What several rounds came to."""

    median: float
    best: float


def spread(costs: Iterable[float], *, highest: bool = False) -> Spread:
    """Median and best; the best is the lowest unless `highest`."""
    values = list(costs)
    return Spread(statistics.median(values), max(values) if highest else min(values))


def interleaved(rounds: int, contestants: Mapping[str, Measure]) -> dict[str, Spread]:
    """Each contestant once a round."""
    costs: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, measure in contestants.items():
            costs[name].append(measure())
    return {name: spread(values) for name, values in costs.items()}


def nanoseconds(work: Work) -> float:
    """How long a piece of work takes, once."""
    begin = time.perf_counter_ns()
    work()
    return float(time.perf_counter_ns() - begin)
