"""What was measured of commands, limits and keep-alives, as Markdown."""

from collections.abc import Iterator

from bench.held import CYCLE
from bench.limits import Passed
from bench.opens import Opens
from bench.restart import Restarts
from bench.results import Results
from bench.stops import LATE, OnBus
from bench.tables import pair, table

_SITE = """\
The demo container's twelve racks, closed, with 800 kW flowing unless said otherwise; a PCS that the gateway drives; a journal. Times of CAN
frames are those at which the kernel hands them to the generator's socket."""
_STOP = """\
Beside 32,000 frames/s and 32 masters. Keep-alives are each rack's request of {period:g} ms. The stop is written
at a random moment by a master in raw bytes; "first" and "last" are the racks whose requests then carry the stop
bit. In between a reset takes it back. The racks carry current, so that their contactors are not asked to
open before it is low (R30)."""
_OPENS = """\
The same load, no current: a master disconnects a rack, until that rack's request says disconnect. Then it is connected
again; its status is ours to send."""
_LIMITS = """\
The container runs, the racks bind its power. Rack 1 tells 0.7 % less, at a random moment: until the allowed current
that masters read is lower, and until the PCS has been written a lower current and a lower power. ms."""
_RESTART = """\
`essgw run`, killed without a word and started again at once; s. Before its first frame it listens for {listens:g} s
(R34). The BMUs wait {patience:g} s; below half of that racks may stay closed over a restart, else `essgw` opens them
before it stops (R16). `essgw check` takes a start for {assumed:g} s."""


def _on_bus(on_bus: OnBus) -> Iterator[str]:
    jitter, stops = on_bus.jitter, on_bus.stops
    yield f"### Keep-alives and the software stop under full load\n\n{_STOP.format(period=on_bus.period)}"
    row = [str(jitter.intervals), f"{jitter.p99:.2f}", f"{jitter.worst:.2f}"]
    yield table(["intervals", "off the period, p99 ms", "worst ms"], [row], texts=0)
    row = [str(stops.stops), f"{stops.first:.1f}", f"{stops.p50:.1f}", f"{stops.p99:.1f}",
           f"{stops.worst:.1f}", str(stops.late), str(stops.never)]  # fmt: skip
    head = ["stops", "p50 to the first, ms", "p50 to the last", "p99", "worst",
            f"over {LATE:g} ms", "never"]  # fmt: skip
    yield table(head, [row], texts=0)


def _opens(opens: Opens) -> str:
    row = [str(opens.opens), f"{opens.p50:.1f}", f"{opens.p99:.1f}", f"{opens.worst:.1f}",
           str(opens.late), str(opens.never)]  # fmt: skip
    head = ["disconnects", "p50, ms", "p99", "worst", f"over {LATE:g} ms", "never"]
    return f"### A disconnect under full load\n\n{_OPENS}\n\n{table(head, [row], texts=0)}"


def _passed(passed: Passed) -> list[str]:
    costs = [f"{cost:.1f}" for cost in (passed.p50, passed.p99, passed.worst)]
    late = f"{passed.worst / CYCLE:.1f}"
    return [passed.where, str(passed.drops), *costs, late, str(passed.never)]


def _restarts(restarts: Restarts) -> Iterator[str]:
    text = _RESTART.format(
        listens=restarts.listening, patience=restarts.patience, assumed=restarts.assumed
    )
    row = [str(restarts.count), pair(restarts.gap, 2), f"{restarts.worst:.2f}",
           pair(restarts.start, 2)]  # fmt: skip
    head = ["restarts", "gap of keep-alives", "worst", "start to an open bus"]
    yield f"### Restart\n\n{text}\n\n{table(head, [row], texts=0)}"


def commands(results: Results) -> Iterator[str]:
    """All sections that were measured."""
    if not any((results.on_bus, results.opens, results.passed, results.restarts)):
        return
    yield f"## Commands, limits, keep-alives\n\n{_SITE}"
    if results.on_bus is not None:
        yield from _on_bus(results.on_bus)
    if results.opens is not None:
        yield _opens(results.opens)
    if results.passed:
        head = ["lower limit on CAN to", "drops", "p50", "p99", "worst", "worst in cycles", "never"]
        rows = table(head, map(_passed, results.passed))
        yield f"### A limit that falls\n\n{_LIMITS}\n\n{rows}"
    if results.restarts is not None:
        yield from _restarts(results.restarts)
