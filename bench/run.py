"""Measure everything and write docs/performance.md: `python -m bench.run [--quick] [--output FILE]`.

Needs gcc, taskset and two CPUs; libmodbus (libmodbus-dev) for its row. `--quick` takes under 3 minutes and only prints
unless a file is given; a full run takes under 12.
"""

import argparse
import datetime as dt
import logging
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import structlog

from bench import canpath, cycle, decode, latency, machine, masters, serve, startup, together
from bench.neighbours import Calm, Usage, own, preferred, shares
from bench.programs import GENERATOR_CPU, ROOT, SERVER_CPU
from bench.report import document
from bench.results import Results
from bench.timing import FULL, QUICK, Effort

_PAGE = ROOT / "docs" / "performance.md"


def _say(what: str) -> None:
    print(f"{time.perf_counter():8.0f} s  {what}", file=sys.stderr, flush=True)


def measure(effort: Effort, tools: masters.Tools) -> Results:
    """Everything, in turn: what runs in this process on the server's CPU, then programs."""
    calm = Calm(effort.patience)
    os.sched_setaffinity(0, {SERVER_CPU})
    _say("decoding")
    decodings = decode.measure(effort)
    _say("CAN path")
    paths = canpath.measure(effort)
    _say("cycle")
    cycles = cycle.measure(effort)
    os.sched_setaffinity(0, {GENERATOR_CPU})
    _say("serving")
    serving = serve.measure(effort, tools, calm)
    _say("end to end")
    runs = list(together.measure(effort, tools, calm))
    noise = together.noise(tools, effort)
    _say("latency")
    latencies = [latency.measure(effort, tools, loaded=loaded) for loaded in (False, True)]
    _say("start")
    starts = list(startup.measure(effort))
    _say("done")
    return Results(decodings, paths, cycles, serving, runs, noise, latencies, starts)


def main() -> None:
    """Parse, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 3 minutes, less exact")
    parser.add_argument("--output", type=Path, help="where to write the page")
    arguments = parser.parse_args()
    if not {SERVER_CPU, GENERATOR_CPU} <= os.sched_getaffinity(0):
        parser.error("needs two CPUs")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # ends what was started
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as folder, preferred():
        tools = masters.build(Path(folder))
        before, spent = Usage.now(), own()
        results = measure(QUICK if arguments.quick else FULL, tools)
        neighbours = shares(before, own() - spent)
    today = dt.datetime.now(dt.UTC).date().isoformat()
    mode = "quick" if arguments.quick else "full"
    facts = [*machine.rows(tools.libmodbus), ("Neighbours", neighbours)]
    page = document(results, facts, mode, today)
    print(page)
    target = arguments.output or (None if arguments.quick else _PAGE)
    if target is not None:
        target.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
