"""Serial lines that come late, go, refuse settings and are noisy: through the program, beside a network listener."""

import asyncio
import contextlib
import json
import os
import socket
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog.testing
from line import line
from modbus.adu import adu, numbered, read
from modbus.service import response

from gateway.links.modbus_serial import SerialServer
from gateway.links.ration import Ration
from gateway.links.service import Service
from gateway.mapping.listeners import Line, Parity
from gateway.modbus.rtu import framed

from program import Program, Served

pytestmark = pytest.mark.interop

SITE = """
site: lines
buses: {{can0: {{interface: virtual}}}}
containers:
  - name: C1
    topology: {{racks: 1, modules: 8, cells: 52}}
    sources: [{{frames: demo-bmu, bus: can0}}]
faces: [{{map: native, listen: '127.0.0.1:{port}'}}, {{map: native, listen: {path}, unit: 7}}]
listeners: [{{at: {path}, parity: {parity}}}]
masters: [{{name: ems, from: 127.0.0.9, role: dispatcher}}, {{name: plc, at: {path}, role: dispatcher}}]
"""
PATIENCE = 20.0  # s
ASKED, TOLD = framed(7, bytes.fromhex("03 EB28 0001")), framed(7, bytes.fromhex("03 02 1234"))


def free() -> int:
    """A port that nobody has."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(folder: Path, path: str, parity: str = "none") -> Iterator[tuple[Served, int]]:
    """A gateway with a listener, whose port it is, and a line."""
    port = free()
    (folder / "site.yaml").write_text(SITE.format(port=port, path=path, parity=parity))
    with Program(folder).serving("run", "site.yaml") as served:
        served.wait_for("Ctrl-C stops")
        yield served, port


def asks(file: int, request: bytes = ASKED, answer: bytes = TOLD) -> None:
    """Ask until it is answered: whoever has just opened a line forgets what was sent before."""
    os.set_blocking(file, False)
    heard, end = b"", time.monotonic() + PATIENCE
    while not heard.endswith(answer):
        assert time.monotonic() < end, heard
        os.write(file, request)
        time.sleep(0.2)
        with contextlib.suppress(BlockingIOError):
            heard += os.read(file, 4096)


def test_a_line_that_is_not_there(tmp_path: Path) -> None:
    """It is told, with its name; the network is served meanwhile; it is served as soon as it is there."""
    late = tmp_path / "ttyUSB7"
    with line() as ends, running(tmp_path, str(late)) as (served, port):
        served.wait_for(f"serving .* at 127.0.0.1:{port}, {late} [(]not there yet[)]; Ctrl-C stops")
        served.wait_for('"reason": "No such file or directory".*"event": "line_missing"')
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as link:
            link.sendall(read(60200, 1))
            assert response(link) == adu("03 02 1234")
        late.symlink_to(ends.ours)
        served.wait_for('"event": "line_opened"')
        file = os.open(ends.theirs, os.O_RDWR | os.O_NOCTTY)
        try:
            asks(file)
        finally:
            os.close(file)
        assert served.text.count('"event": "line_missing"') == 1


@pytest.mark.parametrize(("parity", "is_refused"), [("even", True), ("odd", True), ("none", False)])
def test_a_parity_that_the_driver_cannot_do(
    tmp_path: Path, parity: str, *, is_refused: bool
) -> None:
    """A pseudo-terminal has no parity: it is told in the log, and the line is served as it is."""
    with line() as ends, running(tmp_path, ends.ours, parity) as (served, _):
        file = os.open(ends.theirs, os.O_RDWR | os.O_NOCTTY)
        try:
            asks(file)
        finally:
            os.close(file)
        told = [json.loads(text) for text in served.text.splitlines() if "settings_refused" in text]

    assert [item["settings"] for item in told] == ([["parity"]] if is_refused else [])
    assert all(item["path"] == ends.ours and item["level"] == "warning" for item in told)


def test_what_is_counted_on_a_line(tmp_path: Path) -> None:
    """Requests of its master, writes, exceptions, broadcasts; noise; nothing of other units."""
    with line() as ends, running(tmp_path, ends.ours) as (_, port):
        file = os.open(ends.theirs, os.O_RDWR | os.O_NOCTTY)
        try:
            asks(file)
            for frame in (
                framed(7, bytes.fromhex("06 0000 0001")),  # nothing that can be written: exception 2
                framed(0, bytes.fromhex("06 0000 0001")), framed(9, bytes.fromhex("03 0000 0001")), ASKED[:-1],
            ):  # fmt: skip
                os.write(file, frame)
                time.sleep(0.2)
            asks(file)
        finally:
            os.close(file)
        essgw, end = Program(tmp_path), time.monotonic() + PATIENCE
        while (told := counted(essgw, port))["frames_damaged"] == 0:
            assert time.monotonic() < end

    assert told["frames_damaged"] == 1
    assert told["master_requests"] >= 4
    assert [told[name] for name in ("master_connections", "master_writes", "master_exceptions", "master_unanswered")] == [0, 2, 1, 1]  # fmt: skip


def counted(essgw: Program, port: int) -> dict[str, int]:
    """Of the second master, and of nobody."""
    told = essgw("read", f"127.0.0.1:{port}", "master_*", "frames_damaged", "--json").stdout
    rows = json.loads(told)["points"]
    return {row["point"]: row["value"] for row in rows if row.get("master", 2) == 2}


async def test_a_line_that_flaps_does_not_fill_the_log(tmp_path: Path) -> None:
    """Some of its going and coming is told, the rest is counted; it is served each time it is there."""
    path, ration = tmp_path / "tty", Ration(3)
    loop = asyncio.get_running_loop()
    with structlog.testing.capture_logs() as logs:
        server = SerialServer(Service({7: numbered()}, ration=ration), Line(parity=Parity.NONE))
        for number in range(3):
            ours, theirs = os.openpty()
            tty.setraw(theirs)
            path.unlink(missing_ok=True)
            path.symlink_to(os.ttyname(theirs))
            if not number:
                server.start(str(path))
            request, answer = framed(7, b"\3\0\7\0\1"), framed(7, b"\3\2\0\7")
            await asyncio.to_thread(asks, ours, request, answer)
            os.close(theirs)
            os.close(ours)
        await server.stop()

    assert [item["event"] for item in logs] == ["line_opened", "line_lost", "line_opened"]
    assert list(ration.over(loop.time() + 60)) == [(str(path), 2)]
