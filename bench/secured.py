"""What TLS costs the server: CPU a request of 125 registers, and a handshake, beside plain connections.

The masters are Python's own, through OpenSSL, eight at once with one request outstanding each; every answer is checked.
They are slower than the server, so its requests a second say nothing; its CPU time does.
"""

import contextlib
import socket
import ssl
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.datagram import free_port
from bench.pattern_server import HOST
from bench.programs import SERVER_CPU, Program, essgw, python, running
from bench.timing import Effort, Spread, spread

_MASTERS, _COUNT = 8, 125
_HANDSHAKES = 200
"As many as the clock of a process's CPU time, which ticks each 10 ms, needs for plain ones."
_REQUEST = struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 0, _COUNT)
_ANSWER = struct.pack(f">HHHBBB{_COUNT}H", 1, 0, 3 + 2 * _COUNT, 1, 3, 2 * _COUNT, *range(_COUNT))
VERSIONS = {"TLS 1.3": ssl.TLSVersion.TLSv1_3, "TLS 1.2": ssl.TLSVersion.TLSv1_2}
_ROLE = "ReadOnlySunSpec"

Connect = Callable[[], socket.socket]


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one way to connect, CPU of the server."""

    way: str
    request: Spread
    "us."
    connection: Spread
    "ms of one that is made, asks nothing and ends."
    cipher: str


def measure(effort: Effort) -> Sequence[Cost]:
    """Plain, and each version of TLS; servers are started afresh in each round."""
    with tempfile.TemporaryDirectory() as folder:
        pki = Path(folder) / "pki"
        subprocess.run(essgw("cert", str(pki), "--role", _ROLE), check=True, capture_output=True)
        ways: dict[str, ssl.SSLContext | None] = {"plain": None}
        ways |= {name: _context(pki, version) for name, version in VERSIONS.items()}
        costs: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        ciphers = dict.fromkeys(ways, "-")
        for _ in range(effort.serve_rounds):
            for name, context in ways.items():
                with _served(pki, context) as (program, connect):
                    if context is not None:
                        with connect() as link:
                            ciphers[name] = _cipher(link)
                    costs[name].append(
                        (
                            _asked(program, connect, effort.serve_seconds),
                            _connected(program, connect),
                        )
                    )
    return [
        Cost(name, spread(one for one, _ in of), spread(one for _, one in of), ciphers[name])
        for name, of in costs.items()
    ]


def _context(pki: Path, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=pki / "root.pem")
    context.load_cert_chain(pki / f"{_ROLE}.pem", pki / f"{_ROLE}.key")
    context.minimum_version = context.maximum_version = version
    return context


def _cipher(link: socket.socket) -> str:
    found = link.cipher() if isinstance(link, ssl.SSLSocket) else None
    return found[0] if found else "-"


@contextlib.contextmanager
def _served(pki: Path, context: ssl.SSLContext | None) -> Iterator[tuple[Program, Connect]]:
    """A server, and how to connect to it."""
    port = free_port(socket.SOCK_STREAM)
    kind = ("ours",) if context is None else ("secured",)
    command = python("bench.pattern_server", *kind, "uvloop", port, str(pki))

    def connect() -> socket.socket:
        link = socket.create_connection((HOST, port), 10)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return link if context is None else context.wrap_socket(link, server_hostname=HOST)

    with running(command, SERVER_CPU) as program:
        _until_there(connect)
        yield program, connect


def _until_there(connect: Connect, patience: float = 15.0) -> None:
    end = time.perf_counter() + patience
    while True:
        try:
            connect().close()
        except OSError:
            if time.perf_counter() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _asked(program: Program, connect: Connect, seconds: float) -> float:
    """CPU a request, in us."""
    with contextlib.ExitStack() as stack:
        links = [stack.enter_context(connect()) for _ in range(_MASTERS)]
        asked, before, end = 0, program.cpu(), time.perf_counter() + 2 * seconds
        while time.perf_counter() < end:
            for link in links:
                link.sendall(_REQUEST)
            for link in links:
                _check(link)
            asked += len(links)
        return (program.cpu() - before) / asked * 1e6


def _check(link: socket.socket) -> None:
    data = b""
    while len(data) < len(_ANSWER):
        if not (piece := link.recv(len(_ANSWER) - len(data))):
            break
        data += piece
    if data != _ANSWER:
        raise ValueError("a wrong answer")


def _connected(program: Program, connect: Connect) -> float:
    """CPU of a connection, in ms."""
    before = program.cpu()
    for _ in range(_HANDSHAKES):
        with connect() as link:
            link.sendall(_REQUEST)
            _check(link)
    return (program.cpu() - before) / _HANDSHAKES * 1e3
