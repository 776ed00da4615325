"""Traffic of masters through the program: counted over all listeners, read by mbpoll, pymodbus and `essgw read`."""

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from modbus.adu import adu, read
from modbus.service import closes, response

from program import Program, Served

pytestmark = pytest.mark.interop

SITE = """
site: counted
buses: {{can0: {{interface: virtual}}, can1: {{interface: virtual}}}}
containers:
  - {{name: C1, topology: {{racks: 1, modules: 8, cells: 52}}, sources: [{{frames: demo-bmu, bus: can0}}]}}
  - {{name: C2, topology: {{racks: 1, modules: 8, cells: 52}}, sources: [{{frames: demo-bmu, bus: can1}}]}}
faces:
  - {{map: native, container: C1, listen: '127.0.0.1:{first}', unit: 1}}
  - {{map: native, container: C2, listen: '127.0.0.1:{second}', unit: 2}}
listeners:
  - {{at: '127.0.0.1:{first}', allow: [127.0.0.0/28], per_address: 1}}
  - {{at: '127.0.0.1:{second}', unknown_unit: silent}}
masters: [{{name: ems, from: 127.0.0.2, role: operator}}, {{name: plc, from: 127.0.0.3, role: viewer}}]
"""
WHOLE, MASTER, STRIDE = 60300, 60320, 16
EMS, PLC, STRANGER, BANNED = (f"127.0.0.{number}" for number in (2, 3, 4, 99))
PATIENCE = 20.0  # s


@dataclass
class Counted:
    """A gateway of two containers, at two listeners."""

    served: Served
    first: int
    second: int
    folder: Path

    def link(self, host: str, port: int) -> socket.socket:
        """A master's connection."""
        return socket.create_connection(("127.0.0.1", port), PATIENCE, source_address=(host, 0))

    def numbers(self, port: int, unit: int, address: int, count: int) -> Sequence[int]:
        """Registers as mbpoll reads them, 32 bits each, highest word first."""
        done = subprocess.run(
            ["mbpoll", "-m", "tcp", "-p", str(port), "-a", str(unit), "-0", "-r", str(address), "-c", str(count),
             "-t", "4:int", "-B", "-1", "-q", "-o", str(PATIENCE / 2), "127.0.0.1"],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        told = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("[")]
        return [int(number) & 0xFFFFFFFF for number in told]

    def master(self, number: int, port: int = 0, unit: int = 1) -> Sequence[int]:
        """Requests, writes, exceptions and what got no answer."""
        return self.numbers(port or self.first, unit, MASTER + STRIDE * number + 1, 4)

    def until(self, number: int, *counts: int) -> None:
        """Wait until this is told of a master: it comes within a second."""
        end = time.monotonic() + PATIENCE
        while (told := self.master(number)) != list(counts):
            assert time.monotonic() < end, f"{told}, not {counts}"


def free() -> int:
    """A port that nobody has."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[Counted]:
    """The gateway at work."""
    first, second = free(), free()
    (tmp_path / "site.yaml").write_text(SITE.format(first=first, second=second))
    with Program(tmp_path).serving("run", "site.yaml") as served:
        served.wait_for("Ctrl-C stops")
        yield Counted(served, first, second, tmp_path)


def test_each_master_is_counted_over_all_listeners(counted: Counted) -> None:
    """Requests, writes, exceptions, silence: at two listeners, shown alike by both containers' faces."""
    with counted.link(EMS, counted.first) as here, counted.link(EMS, counted.second) as there:
        here.sendall(read(0, 1) + adu("06 EE80 0001"))  # 61056 is no command: exception 2
        assert [len(response(here)) for _ in range(2)] == [11, 9]
        there.sendall(read(0, 1, unit=77) + read(0, 1, unit=2))
        assert len(response(there)) == 11
        counted.until(1, 4, 1, 1, 1)
        assert counted.master(1, counted.second, 2) == [4, 1, 1, 1]
        assert counted.numbers(counted.first, 1, MASTER + STRIDE - 1, 1)[0] & 0xFFFF == 2  # open
    assert counted.master(2) == [0, 0, 0, 0]
    assert counted.master(3) == [0xFFFFFFFF] * 4, "the site has two masters"
    assert counted.master(0)[0] > 0, "mbpoll is nobody in particular"


def test_connections_that_are_not_wanted(counted: Counted) -> None:
    """Refused, dismissed with the reason in the log, and streams that make no sense."""
    with counted.link(BANNED, counted.first) as link:
        assert closes(link)
    with counted.link(PLC, counted.first) as old, counted.link(PLC, counted.first) as new:
        assert closes(old)
        new.sendall(bytes.fromhex("0001 0000 FFFF 01 03"))
        assert closes(new)
    end = time.monotonic() + PATIENCE
    while counted.numbers(counted.second, 2, WHOLE, 4) != [1, 1, 1, 0]:
        assert time.monotonic() < end
    counted.served.wait_for(
        '"reason": "a newer one of 127.0.0.3 takes its place".*"event": "master_disconnected"'
    )


def test_essgw_reads_it(counted: Counted) -> None:
    """As a table without those who are not there; whole for scripts, with the number of each master."""
    with counted.link(PLC, counted.first) as link:
        link.sendall(read(0, 1))
        response(link)
        counted.until(2, 1, 0, 0, 0)
    essgw, server = Program(counted.folder), f"127.0.0.1:{counted.first}"
    table = essgw("read", server, "master_requests", "connections_*").stdout
    rows = json.loads(essgw("read", server, "master_*", "--json").stdout)["points"]
    lines = [line.split() for line in table.splitlines()[1:]]

    assert [line[:3] for line in lines[2:]] == [
        [str(MASTER + STRIDE * number + 1), "master_requests", str(number)] for number in range(3)
    ]
    assert lines[-1][3] == "1"
    assert len(rows) == 6 * 17
    assert {(row["master"], row["rack"]) for row in rows} == {(number, None) for number in range(17)}  # fmt: skip
    (silence,) = (row for row in rows if (row["point"], row["master"]) == ("master_silence", 2))
    assert silence["value"] >= 0
    assert silence["unit"] == "s"


def test_a_master_that_connects_for_every_request_does_not_fill_the_log(counted: Counted) -> None:
    """All are counted and answered, twenty lines are told."""
    for number in range(60):
        with counted.link(STRANGER, counted.first) as link:
            link.sendall(read(0, 1, number))
            assert response(link)[:2] == number.to_bytes(2, "big")
    end = time.monotonic() + PATIENCE
    while counted.numbers(counted.first, 1, MASTER + 1, 1)[0] < 60:
        assert time.monotonic() < end

    assert counted.served.text.count(f'"peer": "{STRANGER}:') == 20
