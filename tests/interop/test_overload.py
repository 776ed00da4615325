"""What overloads the bus or the disk does not reach masters: all are answered, what is old says so (CMD-15, R41)."""

import contextlib
import socket
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from interop.world import World, adopted
from pymodbus.client import ModbusTcpClient

from program import Program

pytestmark = pytest.mark.interop

SECONDS, STOP = 0, 61108
VOLTAGE = 1000
OF_QUALITY = 20000
OLD_DATA = 0x0201
FLOOD = 3.0  # s
"Of frames with identifiers that nobody has, as fast as one process can."


def flooded(port: int, ends: threading.Event) -> int:
    """Send frames that mean nothing until told to end; how many."""
    block = b"".join(f"< send {number:X} 8 1 2 3 4 5 6 7 8 >".encode() for number in range(0x1F000000, 0x1F000100))  # fmt: skip
    count = 0
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(b"< open can0 >")
        while not ends.is_set():
            link.sendall(block)
            count += 256
    return count


def watched(world: World, seconds: float) -> list[list[int]]:
    """What each read of the heartbeat's register and its rack's voltage gave; pymodbus raises where no answer comes."""
    seen, end = list[list[int]](), time.monotonic() + seconds
    with ModbusTcpClient("127.0.0.1", port=world.port, timeout=5, retries=0) as client:
        while time.monotonic() < end:
            answers = [
                client.read_holding_registers(address, device_id=1)
                for address in (SECONDS, VOLTAGE, VOLTAGE + OF_QUALITY)
            ]
            assert not any(answer.isError() for answer in answers), answers
            seen.append([answer.registers[0] for answer in answers])
            time.sleep(0.02)
    return seen


def test_a_flooded_bus_does_not_reach_masters(tmp_path: Path, essgw: Program) -> None:
    """Every read is answered by a later cycle, with the rack's voltage or with a quality that says it is old."""
    with adopted(tmp_path, essgw) as world:
        ends, sent = threading.Event(), list[int]()
        flood = threading.Thread(target=lambda: sent.append(flooded(world.hub.port, ends)))
        flood.start()
        seen = watched(world, FLOOD)
        ends.set()
        flood.join()
        world.hub.cut = True
        world.until(lambda: world.read(VOLTAGE + OF_QUALITY) == [OLD_DATA], "old")

    assert sent[0] > 1000
    assert seen[-1][0] > seen[0][0]
    assert all(12_000 < voltage < 15_000 for _, voltage, quality in seen if quality != OLD_DATA)


def test_a_disk_that_does_not_answer_stops_no_stop(tmp_path: Path, essgw: Program) -> None:
    """Another program holds the journal's lock: masters read on, a software stop opens the racks, and is told later."""
    with adopted(tmp_path, essgw) as world:
        world.running()
        with contextlib.closing(sqlite3.connect(tmp_path / "journal.sqlite")) as other:
            other.execute("BEGIN IMMEDIATE")
            seen = watched(world, FLOOD)
            world.poll_write(STOP, 1)
            world.until(lambda: world.read(31) == [0], "open")
            told_meanwhile = [row["row"] for row in world.journal()]
            other.rollback()
        world.until(lambda: "software_stop" in [row["row"] for row in world.journal()], "told")

    assert seen[-1][0] > seen[0][0]
    assert {quality for *_, quality in seen} == {0}
    assert "software_stop" not in told_meanwhile
