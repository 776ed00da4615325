"""From a CAN frame to a register that a master can read: a new value is sent, and polled for until it shows."""

import random
import socket
import statistics
import struct
import time
from contextlib import ExitStack
from dataclasses import dataclass

from bench import datagram
from bench.masters import Tools, command
from bench.programs import GENERATOR_CPU, SERVER_CPU, answering, listening, python, running
from bench.timing import Effort
from bench.together import CANGEN, MASTERS, sending
from gateway.canbus.frame import EXTENDED

_KEY = 0x19000000 | EXTENDED
"The probe message of rack 1 in sites/cangen.yaml."
_ASK = struct.pack(">HHHBBHH", 7, 0, 6, 1, 3, 1000, 1)
"Rack 1's voltage in the native map."
_FIRST = 1000
"Raw values count up from here; one count is one count in the register."
_PATIENCE = 1.0  # s
_LONGEST = 0.04  # s between probes
_SETTLE = 0.5  # s
_PER_PROBE = 0.06  # s, for the length of the load


@dataclass(frozen=True, slots=True)
class Latency:
    """How long new values took, in ms."""

    text: str
    probes: int
    p50: float
    p99: float
    worst: float
    never: int
    "Values that did not show in a second."


def _probe(link: socket.socket, frames: socket.socket, value: int) -> float | None:
    """Send a value and poll for it; seconds, or None if it never came."""
    frames.send(datagram.packed(_KEY, value.to_bytes(2, "little")))
    begin = time.perf_counter()
    while time.perf_counter() - begin < _PATIENCE:
        link.sendall(_ASK)
        if int.from_bytes(link.recv(260)[9:11], "big") == value:
            return time.perf_counter() - begin
    return None


def _probes(port: int, can_port: int, count: int) -> list[float | None]:
    chance, results = random.Random(1), list[float | None]()
    with (
        socket.create_connection(("127.0.0.1", port), 2) as link,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as frames,
    ):
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        frames.connect((datagram.HOST, can_port))
        for number in range(count):
            time.sleep(chance.uniform(0, _LONGEST))
            results.append(_probe(link, frames, _FIRST + number))
    return results


def measure(effort: Effort, tools: Tools, *, loaded: bool) -> Latency:
    """Probe a gateway, idle or under full load."""
    port = datagram.free_port(socket.SOCK_STREAM)
    can_port = datagram.free_port(socket.SOCK_DGRAM)
    seconds = 1 + effort.probes * _PER_PROBE
    with ExitStack() as programs:
        line = python("bench.gateway_process", CANGEN.site, port, can_port, "uvloop")
        programs.enter_context(running(line, SERVER_CPU))
        answering(port)
        listening(can_port)
        if loaded:
            programs.enter_context(sending(tools, CANGEN, can_port, seconds))
            asking = command(tools, port, MASTERS, seconds, pattern=False)
            programs.enter_context(running(asking, GENERATOR_CPU))
        time.sleep(_SETTLE)
        took = _probes(port, can_port, effort.probes)
    seen = sorted(time_ * 1e3 for time_ in took if time_ is not None)
    text = "32,000 frames/s and 32 masters" if loaded else "nothing else to do"
    p99 = seen[min(len(seen) - 1, int(len(seen) * 0.99))]
    return Latency(text, len(took), statistics.median(seen), p99, seen[-1], took.count(None))
