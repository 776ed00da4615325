"""A live gateway on datagrams instead of CAN: `python -m bench.gateway_process SITE MODBUS_PORT CAN_PORT LOOP`.

SITE is a site of bench/sites, one that is installed, or a file; CAN_PORT may be HEARS/TELLS (`datagram.py`). It is
what `essgw run` runs, but for the bus. On SIGTERM it prints what came in, how long its cycles took and
how late its loop was.
"""

import asyncio
import contextlib
import dataclasses
import gc
import json
import logging
import signal
import sys
import time
from collections.abc import Callable, Sequence

import structlog

from bench import datagram
from bench.pattern_server import HOST, loop_factory
from bench.programs import ROOT
from gateway.app import Gateway, Runtime
from gateway.mapping.library import Library
from gateway.mapping.parts import Bus
from gateway.mapping.site import load_site

_STARTING = 1.0  # s, in which the loop may be late
_BEAT = 0.01  # s, how often the loop's lateness is looked at


async def _lateness(samples: list[float]) -> None:
    await asyncio.sleep(_STARTING)
    due = time.perf_counter()
    while True:
        due += _BEAT
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        late = time.perf_counter() - due
        samples.append(late)
        due = max(due, time.perf_counter() - _BEAT)


def _timed(cycle: Callable[[float], None], samples: list[float]) -> Callable[[float], None]:
    def run(now: float) -> None:
        begin = time.perf_counter()
        cycle(now)
        samples.append(time.perf_counter() - begin)

    return run


def at(samples: Sequence[float], part: float) -> float:
    """A quantile, in ms."""
    ranked = sorted(samples)
    return ranked[min(len(ranked) - 1, int(len(ranked) * part))] * 1e3


async def serve(site_name: str, port: int, can_port: str) -> None:
    """Run until told to stop, then report."""
    site = load_site(Library((ROOT / "bench" / "sites",)), site_name)
    (name,) = site.buses
    bus = Bus(name, datagram.INTERFACE, can_port, None, {})
    gateway = Gateway(dataclasses.replace(site, buses={name: bus}))
    late, cycles = list[float](), list[float]()
    timed = _timed(gateway.cycle, cycles)
    setattr(gateway, "cycle", timed)  # noqa: B010 - timed from outside
    runtime = Runtime(gateway, (HOST, port))
    gc.collect()
    gc.freeze()  # as `essgw run` does
    await runtime.start()
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is not None:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(runtime.live())
            tasks.create_task(_lateness(late))
    await runtime.stop()
    tally = gateway.buses[name]
    report = {
        "frames": tally.frames,
        "strange": tally.strange.total(),
        "cycle_p50_ms": at(cycles, 0.5),
        "cycle_p99_ms": at(cycles, 0.99),
        "late_p99_ms": at(late, 0.99),
        "late_max_ms": at(late, 1),
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    datagram.register()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with asyncio.Runner(loop_factory=loop_factory(sys.argv[4])) as runner:
        runner.run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
