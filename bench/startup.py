"""How long the program takes from its start to its first answer, and what memory it keeps."""

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.cycle import SWEEP
from bench.datagram import free_port
from bench.programs import SERVER_CPU, answering, essgw, running
from bench.timing import Effort, Spread, spread

_COMMANDS = {
    "essgw demo (gateway and simulator)": ("demo",),
    "essgw run demo (gateway alone)": ("run", "demo"),
}


@dataclass(frozen=True, slots=True)
class Start:
    """One way to start."""

    text: str
    answer: Spread
    "s to the first answer."
    resident: float
    "MiB, once the simulator has told everything."


def _once(command: tuple[str, ...], stay: float) -> tuple[float, float]:
    """Seconds to the first answer, and MiB after staying for a while."""
    port = free_port(socket.SOCK_STREAM)
    begin = time.perf_counter()
    with running(essgw(*command, "--listen", f"127.0.0.1:{port}"), SERVER_CPU) as program:
        took = answering(port) - begin
        time.sleep(stay)
        return took, program.resident()


def measure(effort: Effort) -> Iterator[Start]:
    """Each way, several times; it stays up once, to fill its memory."""
    for text, command in _COMMANDS.items():
        first, resident = _once(command, SWEEP)
        answers = [first, *(_once(command, 0)[0] for _ in range(effort.starts - 1))]
        yield Start(text, spread(answers), resident)


def worst(starts: list[Start]) -> tuple[float, float]:
    """The longest median to the first answer, and the most memory."""
    return max(start.answer.median for start in starts), max(start.resident for start in starts)
