"""Hours in minutes: `essgw run` beset by masters, on a full bus: `python -m bench.soak [--minutes M] [--rate FRAMES_PER_S]`.

64 Modbus connections: 8 masters that behave (`polite.py`), 56 that come, go, die in the middle, do not read, send
anything (`rude.py`), at a listener with 40 places; CAN frames from a process of its own (`sender.py`); a PCS that is
driven. Ends with status 1 and says why unless

- every answer that a master waited for was there, and right, in all masters' eyes
- nothing in the log is an error
- memory does not grow: the straight line through the second half of its samples rises by at most 3 MiB
- the gateway has no more files open than before the masters came, once they have gone
- it ends when it is told to, with status 0

Latencies of those that behave, CPU time, and the rate of frames are told, not judged. The last line is for docs/long-runs.md.
"""

import argparse
import collections
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.datagram import free_port
from bench.polite import CELLS, RACKS
from bench.programs import ROOT, Program, answering, listening, python
from bench.soaked import Bus, Polite, Rude, Samples, Soaked

SITE = ROOT / "bench" / "sites" / "soak.yaml"
RUDE = 56
RATE = 32_000
_PATIENCE = 60.0  # s
_EVERY = 1.0  # s between samples
_ASK = bytes.fromhex("0001 0000 0006 01 03 0020 0003")
"How many racks are valid, how many cells there are, how many are valid."
_BAD = {"error", "critical"}
_OPEN = {"01", "08"}
"Established, and closed by the other side alone: TCP states of proc(5)."
_SERVES = "Ctrl-C stops"
"The last line that is not the log's."


@contextlib.contextmanager
def started(command: Sequence[str], log: Path | None = None) -> Iterator[Program]:
    """A program, wherever the machine runs it; what it says on standard error goes to a file."""
    with contextlib.ExitStack() as stack:
        target = subprocess.DEVNULL if log is None else stack.enter_context(log.open("w"))
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=target,
            text=True,
            cwd=ROOT,
        )
        program = Program(process)
        try:
            yield program
        finally:
            program.stopped()


@contextlib.contextmanager
def placed(port: int, pcs_port: int) -> Iterator[Path]:
    """The site's file in a folder of its own, where its journal goes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / SITE.name
        text = SITE.read_text(encoding="utf-8")
        path.write_text(text.replace(":5502'", f":{pcs_port}'").replace(":5020'", f":{port}'"))
        yield path


def files(program: Program) -> int:
    """How many it has open."""
    return len(os.listdir(f"/proc/{program.process.pid}/fd"))  # noqa: PTH208 - names of what may be gone


def dropped(port: int) -> int:
    """Datagrams that found the receive buffer of a UDP port full."""
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{port:04X}"):
            return int(fields[-1])
    raise LookupError(f"nobody receives at port {port}")


def is_whole(port: int) -> bool:
    """Whether all racks and cells have been heard."""
    with socket.create_connection(("127.0.0.1", port), 5) as link:
        link.sendall(_ASK)
        words = link.recv(260)[9:]
    return words == RACKS.to_bytes(2, "big") + CELLS.to_bytes(2, "big") * 2


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for a state."""
    end = time.monotonic() + _PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"never {what}")
        time.sleep(0.1)


def stopped(gateway: Program) -> int:
    """The status that the gateway ends with; its racks stay closed whatever it asks, so it is told twice (R16)."""
    gateway.process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        return gateway.process.wait(3)
    gateway.process.send_signal(signal.SIGTERM)
    return gateway.process.wait(_PATIENCE)


def _row(line: str) -> dict[str, str]:
    """A line of the log; nothing where it is none."""
    try:
        row: dict[str, str] = json.loads(line)
    except ValueError:
        return {}
    return row


def logged(path: Path) -> tuple[collections.Counter[str], list[str]]:
    """How often each thing stands in a log, and the lines that should not be there."""
    events, bad, serves = collections.Counter[str](), list[str](), False
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = _row(line)
            if row:
                events[row["event"]] += 1
            if row.get("level") in _BAD or (serves and not row and line.strip()):
                bad.append(line.rstrip())
            serves = serves or _SERVES in line
    return events, bad


def is_alone(port: int) -> bool:
    """Whether nobody is connected at a port, nor has gone without its being noticed, as the kernel counts them."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return not any(row[1].endswith(f":{port:04X}") and row[3] in _OPEN for row in rows)


def watched(gateway: Program, samples: Samples, seconds: float) -> None:
    """Look at the gateway's process once a second."""
    begin = time.monotonic()
    for number in range(int(seconds / _EVERY)):
        time.sleep(max(0.0, begin + number * _EVERY - time.monotonic()))
        samples.memory.append(gateway.resident())
        samples.files.append(files(gateway))


def soak(minutes: float, rate: int) -> Soaked:
    """Start everything, watch, end everything."""
    port, pcs_port = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_STREAM)
    can_port, seconds = free_port(socket.SOCK_DGRAM), minutes * 60
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(placed(port, pcs_port))
        log = site.with_name("run.log")
        stack.enter_context(started(python("bench.pcs_process", pcs_port, "0")))
        bus = f"can0=socketcan:{can_port}"
        line = python("bench.essgw_process", "run", str(site), "--bus", bus)
        gateway = stack.enter_context(started(line, log))
        answering(port, _PATIENCE)
        listening(can_port, _PATIENCE)
        feed = python("bench.sender", can_port, rate, "inf")
        sender = stack.enter_context(started(feed))
        if sender.process.stdout is not None:
            sender.process.stdout.readline()
        until(lambda: is_whole(port), "heard from all racks")
        until(lambda: "pcs_opened" in log.read_text(encoding="utf-8"), "connected to the PCS")
        until(lambda: is_alone(port), "alone")
        samples, before, spent = Samples(), files(gateway), gateway.cpu()
        rude = stack.enter_context(started(python("bench.rude", port, str(seconds), RUDE)))
        polite = stack.enter_context(started(python("bench.polite", port, str(seconds))))
        watched(gateway, samples, seconds)
        cpu = (gateway.cpu() - spent) / seconds
        told = json.loads(polite.finished(_PATIENCE)), json.loads(rude.finished(_PATIENCE))
        with contextlib.suppress(TimeoutError):
            until(lambda: files(gateway) <= before, "rid of all connections")
        after, lost, sent = files(gateway), dropped(can_port), json.loads(sender.stopped())
        status = stopped(gateway)
        events, bad = logged(log)
    return Soaked(
        minutes, samples, Polite(**told[0]), Rude(**told[1]), Bus(sent["sent"], lost, sent["seconds"]),
        cpu, (before, after), status, events, bad,
    )  # fmt: skip


def main() -> None:
    """Parse, soak, tell."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument(
        "--rate", type=int, default=RATE, help="CAN frames a second; 0: the racks' own"
    )
    arguments = parser.parse_args()
    soaked = soak(arguments.minutes, arguments.rate)
    print("\n".join(soaked.told()))
    if faults := soaked.faults():
        sys.exit("\n".join(["what must not be:", *faults]))


if __name__ == "__main__":
    main()
