"""The site under command: its file with a journal and a PCS of its own, its racks' frames, its master."""

import contextlib
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.datagram import Spy, free_port
from bench.master import LEASE, Master
from bench.masters import Tools, command
from bench.programs import (
    GENERATOR_CPU,
    ROOT,
    SERVER_CPU,
    Program,
    answering,
    listening,
    python,
    running,
)
from bench.together import MASTERS, RATE

_SITE = ROOT / "bench" / "sites" / "commanded.yaml"
_PCS_PORT = "5502"
POWER = 800e3  # W out of the racks, about 50 A each
_AMPERES = 585.0  # of all racks then
_TERM = 3600  # s of lease
_READY, _MODE_AT = 3, 3
"The mode, and its register in the native map."
_PATIENCE = 20.0  # s
REQUEST, REQUESTS = 0x190001A0, 0x1FF0FFFF
"The demo BMU's request, of rack 0, and the bits that all racks' have in common."
RACKS = 12
STOP_BIT = 0x20


@dataclass(frozen=True, slots=True)
class Load:
    """What the gateway has to do beside."""

    rate: int = RATE
    "Frames a second; 0: the racks' own pace."
    masters: bool = True
    watts: float = POWER
    "Out of the racks."
    without: int | None = None
    "An identifier that is not sent, because it is ours to send."


@dataclass(frozen=True, slots=True)
class Plant:
    """What runs."""

    master: Master
    spy: Spy
    pcs: Program
    can_port: int
    "Where the gateway hears."


def rack_of(key: int) -> int:
    """The rack that a frame asks something of; 0: it is no request."""
    return key >> 16 & 0xF if key & REQUESTS == REQUEST else 0


@contextlib.contextmanager
def placed(pcs_port: int) -> Iterator[Path]:
    """The site's file in a folder of its own, where its journal goes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / _SITE.name
        path.write_text(_SITE.read_text().replace(f":{_PCS_PORT}'", f":{pcs_port}'"))
        yield path


def feed(can_port: int, load: Load, seconds: float) -> list[str]:
    """The command that sends the racks' frames."""
    line = python("bench.sender", can_port, load.rate, str(seconds), str(load.watts))
    return line if load.without is None else [*line, f"{load.without:x}"]


_WHOLE = Load()


@contextlib.contextmanager
def at_work(tools: Tools, seconds: float, load: Load = _WHOLE) -> Iterator[Plant]:
    """A gateway with its PCS, racks that send, its master, and as much load as asked for."""
    port, pcs_port = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_STREAM)
    can_port = free_port(socket.SOCK_DGRAM)
    with contextlib.ExitStack() as stack:

        def start(line: list[str], cpu: int) -> Program:
            return stack.enter_context(running(line, cpu))

        site = stack.enter_context(placed(pcs_port))
        spy = stack.enter_context(contextlib.closing(Spy()))
        amperes = _AMPERES if load.watts else 0.0
        pcs = start(python("bench.pcs_process", pcs_port, str(amperes)), GENERATOR_CPU)
        channel = f"{can_port}/{spy.port}"
        start(python("bench.gateway_process", str(site), port, channel, "uvloop"), SERVER_CPU)
        answering(port)
        listening(can_port)
        start(feed(can_port, load, seconds), GENERATOR_CPU)
        if load.masters:
            start(command(tools, port, MASTERS, seconds, pattern=False), GENERATOR_CPU)
        master = stack.enter_context(contextlib.closing(Master(port)))
        yield Plant(master, spy, pcs, can_port)


def adopted(plant: Plant, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Wait until the racks are found closed and are kept alive, and take the lease."""

    def is_ready() -> bool:
        meanwhile()
        return plant.master.number(_MODE_AT) == _READY and plant.spy.hear() is not None

    until(is_ready, "adopted and kept alive")
    plant.master.write(LEASE, _TERM)
    plant.master.beat()


def until(holds: Callable[[], bool], what: str, every: float = 0.01) -> None:
    """Wait for a state of the plant."""
    end = time.perf_counter() + _PATIENCE
    while not holds():
        if time.perf_counter() > end:
            raise TimeoutError(f"never {what}")
        time.sleep(every)
