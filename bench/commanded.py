"""The site under command: its file with a journal and a PCS of its own, its racks' frames, its master."""

import contextlib
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import datagram
from bench.master import LEASE, Master
from bench.masters import Tools, command
from bench.programs import GENERATOR_CPU, ROOT, SERVER_CPU, answering, listening, python, running
from bench.together import MASTERS, RATE

_SITE = ROOT / "bench" / "sites" / "commanded.yaml"
_PCS_PORT = "5502"
POWER = 800e3  # W out of the racks, about 50 A each
AMPERES = 585.0  # of all racks then
_TERM = 3600  # s of lease
_READY, _MODE_AT = 3, 3
"The mode, and its register in the native map."
_PATIENCE = 20.0  # s
REQUEST, REQUESTS = 0x190001A0, 0x1FF0FFFF
"The demo BMU's request, of rack 0, and the bits that all racks' have in common."
RACKS = 12
STOP_BIT = 0x20


@dataclass(frozen=True, slots=True)
class Plant:
    """What runs."""

    master: Master
    spy: datagram.Spy
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


def feed(can_port: int, rate: int, seconds: float, without: int | None = None) -> list[str]:
    """The command that sends the racks' frames."""
    line = python("bench.sender", can_port, rate, str(seconds), str(POWER))
    return line if without is None else [*line, f"{without:x}"]


@contextlib.contextmanager
def at_work(
    tools: Tools, site: Path, seconds: float, *, rate: int = RATE, masters: bool = True,
    without: int | None = None,
) -> Iterator[Plant]:  # fmt: skip
    """A gateway that has adopted closed racks, its master with the lease, and as much load as asked for."""
    port = datagram.free_port(socket.SOCK_STREAM)
    can_port = datagram.free_port(socket.SOCK_DGRAM)
    with contextlib.ExitStack() as stack:
        spy = stack.enter_context(contextlib.closing(datagram.Spy()))
        line = python("bench.gateway_process", str(site), port, f"{can_port}/{spy.port}", "uvloop")
        stack.enter_context(running(line, SERVER_CPU, urgent=True))
        answering(port)
        listening(can_port)
        sending = feed(can_port, rate, seconds, without)
        stack.enter_context(running(sending, GENERATOR_CPU, urgent=True))
        if masters:
            asking = command(tools, port, MASTERS, seconds, pattern=False)
            stack.enter_context(running(asking, GENERATOR_CPU, urgent=True))
        master = stack.enter_context(contextlib.closing(Master(port)))
        yield Plant(master, spy, can_port)


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
