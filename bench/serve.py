"""FC3 served, in requests a second and CPU time a request: the gateway, a bare C server, and libraries of others.

Every server is started afresh in each round, pinned to one CPU, the masters to the other; each response is
checked register by register.
"""

import socket
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.datagram import free_port
from bench.load.mbpipeline import probe
from bench.masters import NODE, PATTERN_JS, Answered, Mode, Tools, ask
from bench.neighbours import Calm
from bench.programs import SERVER_CPU, Program, answering, essgw, python, running
from bench.timing import Effort, Spread, spread

SHAPES = ((8, 1), (32, 1), (8, 16))
"Connections and requests outstanding on each."
_WARM = 0.15  # s, not counted
_RIGHT: list[list[int | str]] = [[1, 2, 3, 4], [5], [6], [7, 8]]


@dataclass(frozen=True, slots=True)
class Server:
    """A contestant."""

    name: str
    command: tuple[str, ...]
    "PORT stands for the port."
    pattern: bool = True
    pipelines: bool = True
    "False: outstanding requests get lost, so one run shows all."


@dataclass(frozen=True, slots=True)
class Served:
    """How a server did in a mode, over all rounds."""

    req_s: Spread
    cpu: Spread
    "us of CPU a request."
    p50: float
    p99: float
    "us, of the best round."
    requests: int
    errors: int
    kinds: str


@dataclass(frozen=True, slots=True)
class Serving:
    """All servers in all modes."""

    served: Mapping[str, Mapping[Mode, Served]]
    pipelining: Mapping[str, str]
    absent: tuple[str, ...]


def servers(tools: Tools) -> Iterator[Server]:
    """The contestants that this machine has."""
    yield Server("C epoll (limit)", (str(tools.mbideal), "PORT"))
    if tools.mblibmodbus is not None:
        yield Server("libmodbus, select", (str(tools.mblibmodbus), "PORT"))
    for loop in ("uvloop", "asyncio"):
        command = python("bench.pattern_server", "ours", loop, "PORT")
        yield Server(f"ess-gateway, {loop}", tuple(command))
    running_site = essgw("run", "demo", "--listen", "127.0.0.1:PORT")
    yield Server("essgw run demo (cycling)", tuple(running_site), pattern=False)
    for loop in ("uvloop", "asyncio"):
        command = python("bench.pattern_server", "pymodbus", loop, "PORT")
        yield Server(f"pymodbus, {loop}", tuple(command), pipelines=False)
    threads = python("bench.pattern_server", "pymodbustcp", "asyncio", "PORT")
    yield Server("pyModbusTCP, threads", tuple(threads))
    for name in tools.node:
        yield Server(f"{name}, node", ("node", str(PATTERN_JS), name, "PORT"))


def _round(
    tools: Tools, server: Server, modes: list[Mode], seconds: float, calm: Calm
) -> Iterator[tuple[Mode, Answered, float]]:
    """One round of a server: each mode with what it cost, in us of CPU a request."""
    port = free_port(socket.SOCK_STREAM)
    command = [word.replace("PORT", str(port)) for word in server.command]
    with running(command, SERVER_CPU) as program:
        answering(port)
        ask(tools, port, modes[0], _WARM, pattern=server.pattern)
        for mode in modes:
            calm.wait()
            yield mode, *_asked(tools, server, program, port, mode, seconds)


def _asked(
    tools: Tools, server: Server, program: Program, port: int, mode: Mode, seconds: float
) -> tuple[Answered, float]:
    before = program.cpu()
    answered = ask(tools, port, mode, seconds, pattern=server.pattern)
    return answered, (program.cpu() - before) / max(answered.requests, 1) * 1e6


def _pipelining(server: Server) -> str:
    """What a server makes of several requests in one segment, and of split ones."""
    port = free_port(socket.SOCK_STREAM)
    with running([word.replace("PORT", str(port)) for word in server.command], SERVER_CPU):
        answering(port)
        steps = probe("127.0.0.1", port, wait=0.3)
    if list(steps.values()) == _RIGHT:
        return "all answered, in order"
    return "; ".join(f"{step}: {ids}" for step, ids in steps.items())


def measure(effort: Effort, tools: Tools, calm: Calm) -> Serving:
    """Interleaved rounds of all servers."""
    contestants = list(servers(tools))
    peers = {"libmodbus": tools.mblibmodbus} | {name: name in tools.node for name in NODE}
    runs: dict[str, dict[Mode, list[tuple[Answered, float]]]] = {
        server.name: defaultdict(list) for server in contestants
    }
    for number in range(effort.serve_rounds):
        for server in contestants:
            every = [Mode(*shape, count=count) for count in effort.counts for shape in SHAPES]
            modes = [m for m in every if m.outstanding == 1 or server.pipelines or not number]
            for mode, answered, cpu in _round(tools, server, modes, effort.serve_seconds, calm):
                runs[server.name][mode].append((answered, cpu))
    return Serving(
        {
            name: {mode: _served(of) for mode, of in by_mode.items()}
            for name, by_mode in runs.items()
        },
        {server.name: _pipelining(server) for server in contestants},
        tuple(name for name, there in peers.items() if not there),
    )


def _served(of: list[tuple[Answered, float]]) -> Served:
    best = max((answered for answered, _ in of), key=lambda answered: answered.req_s)
    return Served(
        spread((answered.req_s for answered, _ in of), highest=True),
        spread(cpu for _, cpu in of),
        best.p50,
        best.p99,
        sum(answered.requests for answered, _ in of),
        sum(answered.errors for answered, _ in of),
        ", ".join(sorted({answered.kinds for answered, _ in of if answered.kinds})),
    )
