"""Measure everything and write docs/performance.md: `python -m bench.run [--quick] [--part PART] [--output FILE]`.

Needs gcc, taskset and two CPUs; libmodbus (libmodbus-dev) for its row. `--quick` takes about 5 minutes, `--part` what
the part takes; both only print unless a file is given. A full run takes about 14 minutes.
"""

import argparse
import datetime as dt
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import structlog

from bench import (
    canpath,
    cycle,
    decode,
    latency,
    limits,
    machine,
    masters,
    opens,
    request,
    restart,
    secured,
    serve,
    startup,
    stops,
    together,
)
from bench.neighbours import Calm, Usage, own, preferred, shares
from bench.programs import GENERATOR_CPU, ROOT, SERVER_CPU
from bench.report import document
from bench.results import Results
from bench.timing import FULL, QUICK, Effort

_PAGE = ROOT / "docs" / "performance.md"


def _say(what: str) -> None:
    print(f"{time.perf_counter():8.0f} s  {what}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Bench:
    """What a part needs."""

    effort: Effort
    tools: masters.Tools
    calm: Calm


def _decoding(bench: Bench, results: Results) -> None:
    results.decodings = decode.measure(bench.effort)


def _path(bench: Bench, results: Results) -> None:
    results.paths = canpath.measure(bench.effort)


def _cycle(bench: Bench, results: Results) -> None:
    results.cycle = cycle.measure(bench.effort)


def _request(bench: Bench, results: Results) -> None:
    results.pieces = request.measure(bench.effort)


def _serving(bench: Bench, results: Results) -> None:
    results.serving = serve.measure(bench.effort, bench.tools, bench.calm)


def _secured(bench: Bench, results: Results) -> None:
    bench.calm.wait()
    results.secured = secured.measure(bench.effort)


def _together(bench: Bench, results: Results) -> None:
    results.together = list(together.measure(bench.effort, bench.tools, bench.calm))
    results.noise = together.noise(bench.tools, bench.effort)


def _latency(bench: Bench, results: Results) -> None:
    results.latencies = [
        latency.measure(bench.effort, bench.tools, loaded=loaded) for loaded in (False, True)
    ]


def _stops(bench: Bench, results: Results) -> None:
    bench.calm.wait()
    results.on_bus = stops.measure(bench.effort, bench.tools)
    results.opens = opens.measure(bench.effort, bench.tools)


def _limits(bench: Bench, results: Results) -> None:
    bench.calm.wait()
    runs = [limits.measure(bench.effort, bench.tools, loaded=loaded) for loaded in (False, True)]
    results.passed = [passed for run in runs for passed in run]


def _restart(bench: Bench, results: Results) -> None:
    results.restarts = restart.measure(bench.effort)


def _start(bench: Bench, results: Results) -> None:
    results.starts = list(startup.measure(bench.effort))


PARTS = {
    "decoding": (SERVER_CPU, _decoding),
    "path": (SERVER_CPU, _path),
    "cycle": (SERVER_CPU, _cycle),
    "request": (SERVER_CPU, _request),
    "serving": (GENERATOR_CPU, _serving),
    "secured": (GENERATOR_CPU, _secured),
    "together": (GENERATOR_CPU, _together),
    "latency": (GENERATOR_CPU, _latency),
    "stops": (GENERATOR_CPU, _stops),
    "limits": (GENERATOR_CPU, _limits),
    "restart": (GENERATOR_CPU, _restart),
    "start": (GENERATOR_CPU, _start),
}
"""By name, in turn: the CPU of this process, and what is measured. What runs in this process runs on the server's,
programs run beside it."""


def measure(effort: Effort, tools: masters.Tools, parts: Collection[str]) -> Results:
    """The parts, in turn."""
    bench, results = Bench(effort, tools, Calm(effort.patience)), Results()
    for name, (cpu, part) in PARTS.items():
        if name in parts:
            _say(name)
            os.sched_setaffinity(0, {cpu})
            part(bench, results)
    _say("done")
    return results


def main() -> None:
    """Parse, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about 5 minutes, less exact")
    parser.add_argument(
        "--part", action="append", choices=PARTS, help="measure only this; repeatable"
    )
    parser.add_argument("--output", type=Path, help="where to write the page")
    arguments = parser.parse_args()
    if not {SERVER_CPU, GENERATOR_CPU} <= os.sched_getaffinity(0):
        parser.error("needs two CPUs")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # ends what was started
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as folder, preferred():
        tools = masters.build(Path(folder))
        before, spent = Usage.now(), own()
        effort = QUICK if arguments.quick else FULL
        results = measure(effort, tools, arguments.part or PARTS)
        neighbours = shares(before, own() - spent)
    today = dt.datetime.now(dt.UTC).date().isoformat()
    mode = "quick" if arguments.quick else "full"
    mode += f", only {', '.join(arguments.part)}" if arguments.part else ""
    facts = [*machine.rows(tools.libmodbus, tools.node), ("Neighbours", neighbours)]
    page = document(results, facts, mode, today)
    print(page)
    target = arguments.output or (None if arguments.quick or arguments.part else _PAGE)
    if target is not None:
        target.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
