"""Programs that are measured from outside: started on a CPU of their own, watched, and ended by us."""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVER_CPU, GENERATOR_CPU = 0, 1
_TICKS = os.sysconf("SC_CLK_TCK")
_ASK = struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 0, 10)


@dataclass(frozen=True, slots=True)
class Program:
    """A running program."""

    process: subprocess.Popen[str]

    def cpu(self) -> float:
        """CPU time so far, user and system, in s."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS  # proc(5): utime, stime

    def resident(self) -> float:
        """Resident memory, in MiB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return float("nan")

    def stopped(self, patience: float = 5.0) -> str:
        """What the program said, after asking it to end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.finished(patience)

    def finished(self, patience: float) -> str:
        """What the program said, after waiting for its end; it is killed if that takes too long."""
        try:
            return self.process.communicate(timeout=patience)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.communicate()[0]


@contextlib.contextmanager
def running(command: Sequence[str], cpu: int) -> Iterator[Program]:
    """A program pinned to a CPU, for as long as the block lasts."""
    process = subprocess.Popen(
        ["taskset", "-c", str(cpu), *command],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, cwd=ROOT,
    )  # fmt: skip
    program = Program(process)
    try:
        yield program
    finally:
        program.stopped()


def python(module: str, *arguments: str | int) -> list[str]:
    """The command that runs a module of ours in this interpreter."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def essgw(*arguments: str) -> list[str]:
    """The command that runs the program as users do."""
    return [str(Path(sys.executable).with_name("essgw")), *arguments]


def answering(port: int, patience: float = 15.0) -> float:
    """Wait until a Modbus server answers; gives the moment (perf_counter)."""
    end = time.perf_counter() + patience
    while time.perf_counter() < end:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 1) as link,
        ):
            link.sendall(_ASK)
            if link.recv(260)[7:8] == b"\x03":
                return time.perf_counter()
        time.sleep(0.005)
    raise TimeoutError(f"nobody answers at port {port}")


def queued(port: int) -> int | None:
    """Bytes that wait at a UDP port, as the kernel counts them; None while nobody receives there."""
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{port:04X}"):
            return int(fields[4].partition(":")[2], 16)
    return None


def listening(port: int, patience: float = 15.0) -> None:
    """Wait until somebody receives datagrams at a port, and all that were sent are taken."""
    end = time.perf_counter() + patience
    while time.perf_counter() < end:
        if queued(port) == 0:
            return
        time.sleep(0.005)
    raise TimeoutError(f"nobody receives at port {port}")
