"""The numbers to hold, as a table: what is promised, what was measured, and by how much it holds or misses."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.results import LIBMODBUS, OURS, OURS_ASYNCIO, PYMODBUS, Results, over
from bench.timing import Spread
from bench.together import CANGEN, FULL

_LINEAR = 1.1
"Cost of several containers over that of one and their number, up to which it counts as linear."
_FOUR_SIGNALS = ("Rack_Limits", "Rack_Measure", "Cell_Voltage")
_TRANSPORT = 5.0  # ms
CYCLE = 20.0  # ms, the sites' own
LATER = (
    (
        "slcan <= 5 us a frame",
        "the gateway has no slcan reader of its own yet and uses python-can's",
    ),
)


@dataclass(frozen=True, slots=True)
class Held:
    """One promise."""

    what: str
    bound: float
    measured: Spread | None
    "None where a peer is absent."
    unit: str = ""
    least: bool = False
    "Whether the bound is a minimum."
    digits: int = 2

    def _kept(self, value: float) -> bool:
        return value >= self.bound if self.least else value <= self.bound

    def cells(self) -> tuple[str, str, str, str, str]:
        """The row as text."""
        bound = f"{'>=' if self.least else '<='} {self.bound:g}{self.unit}"
        if self.measured is None:
            return self.what, bound, "-", "-", "peer absent"
        median, best = (f"{value:.{self.digits}f}{self.unit}" for value in (self.measured.median, self.measured.best))  # fmt: skip
        return self.what, bound, median, best, self._verdict(self.measured)

    def _verdict(self, measured: Spread) -> str:
        if self._kept(measured.median):
            return "holds"
        if self._kept(measured.best):
            return "holds at best, **misses** in the median"
        if not self.bound:
            return "**misses**"
        return f"**misses** by {abs(measured.best / self.bound - 1):.0%} at best"


def _plain(value: float) -> Spread:
    return Spread(value, value)


def _worst(costs: Sequence[Spread]) -> Spread:
    return max(costs, key=lambda cost: cost.median)


def _serving(results: Results) -> Iterator[Held]:
    if results.serving is None:
        return
    for connections in (8, 32):
        what = f"FC3 x 125, {connections} connections"
        faster = results.faster(LIBMODBUS, connections)
        yield Held(f"{what}: requests/s, uvloop over libmodbus", 1, faster, " x", least=True)
        faster = results.faster(PYMODBUS, connections)
        yield Held(f"{what}: requests/s, uvloop over pymodbus", 8, faster, " x", least=True)
        for server in (OURS, OURS_ASYNCIO):
            loop = server.rpartition(" ")[2]
            cost = results.costlier(server, connections)
            yield Held(f"{what}: CPU a request, {loop} over bare C", 2, cost, " x")
    faster = results.faster(LIBMODBUS, 8, 16)
    yield Held("8 x 16 outstanding: requests/s, uvloop over libmodbus", 4, faster, " x", least=True)
    errors = _plain(results.errors())
    yield Held(
        "wrong, reordered or lost responses of ours, all modes and rounds", 0, errors, digits=0
    )


def _can(results: Results) -> Iterator[Held]:
    if not results.paths:
        return
    paths = [path for path in results.paths if path.text in _FOUR_SIGNALS]
    what = "CAN path, frames of 4 signals (the worst of three kinds)"
    yield Held(f"{what}: a frame", 3, _worst([path.ours for path in paths]), " us")
    least = min(paths, key=lambda path: path.notifier.median / path.ours.median)
    ratio = over(least.notifier, least.ours)
    yield Held(f"{what}: Notifier + cantools over ours", 10, ratio, " x", least=True)
    least = min(paths, key=lambda path: path.recv.median / path.ours.median)
    yield Held(
        f"{what}: recv + cantools over ours", 3, over(least.recv, least.ours), " x", least=True
    )


def _together(results: Results) -> Iterator[Held]:
    full = [run for run in results.together if run.feed in (FULL, CANGEN)]
    for run in full:
        yield Held(
            f"{run.feed.text}, and 32 masters x 10 Hz, {run.loop}: CPU", 20, run.cpu, " %", digits=0
        )
    if full:
        what = "the same, all loops and sites"
        lost = _plain(sum(run.lost for run in full))
        yield Held(f"{what}: frames lost", 0, lost, digits=0)
        p99 = _worst([Spread(run.p99.median / 1e3, run.p99.best / 1e3) for run in full])
        yield Held(f"{what}: Modbus p99 (the bound is for the best run)", 5, p99, " ms")
        late = _worst([run.late for run in full])
        yield Held(f"{what}: the longest that the loop was late", 5, late, " ms")
    for latency in results.latencies:
        what = f"CAN frame to readable register, p99, {latency.text}"
        yield Held(what, CYCLE + _TRANSPORT, _plain(latency.p99), " ms", digits=1)


def _commands(results: Results) -> Iterator[Held]:
    if results.on_bus is not None:
        jitter, stops = results.on_bus.jitter, results.on_bus.stops
        what = "software stop on Modbus to the stop bit at the last rack, full load"
        yield Held(f"{what}: p99", _TRANSPORT, _plain(stops.p99), " ms", digits=1)
        yield Held(f"{what}: never told", 0, _plain(stops.never), digits=0)
        what = "keep-alives, full load: the worst that an interval is off"
        yield Held(what, _TRANSPORT, _plain(jitter.worst), " ms", digits=1)
    if (opens := results.opens) is not None:
        what = "disconnect on Modbus to the request to open, no current, full load: p99"
        yield Held(what, _TRANSPORT, _plain(opens.p99), " ms", digits=1)
    for passed in results.passed:
        worst = _plain(math.inf if passed.never else passed.worst)
        what = f"lower limit on CAN to {passed.where}: worst"
        yield Held(what, 2 * CYCLE + _TRANSPORT, worst, " ms", digits=1)
    if (restarts := results.restarts) is not None:
        worst = _plain(restarts.worst)
        what = "restart: worst gap of keep-alives, for racks to stay closed"
        yield Held(what, restarts.patience / 2, worst, " s")
        yield Held(
            "restart: start, as `essgw check` assumes", restarts.assumed, restarts.start, " s"
        )


def _cycle(results: Results) -> Iterator[Held]:
    if (cycle := results.cycle) is None:
        return
    yield Held("one cycle with control, in run, power flowing", 1.5, cycle.whole, " ms")
    worst = _worst(list(cycle.situations.values()))
    yield Held("one cycle, racks silent (the worst case)", 1.5, worst, " ms")
    most = max(cycle.containers)
    growth = over(cycle.containers[most], cycle.containers[1])
    growth = Spread(growth.median / most, growth.best / most)
    yield Held(f"{most} containers over {most} x one", _LINEAR, growth, " x")


def _start(results: Results) -> Iterator[Held]:
    for start in results.starts:
        yield Held(f"start to first answer, {start.text}", 2, start.answer, " s")
        yield Held(f"resident memory, {start.text}", 120, _plain(start.resident), " MiB", digits=0)


def held(results: Results) -> Sequence[Held]:
    """All promises that were measured."""
    parts = (_serving, _can, _together, _commands, _cycle, _start)
    return [promise for part in parts for promise in part(results)]
