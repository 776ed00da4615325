"""A running plant in processes of their own: gateway, BMUs and PCS, a listener on the bus, foreign masters."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import can
from pymodbus.client import ModbusTcpClient

from hub import Hub
from program import Program, Served, ended, in_time

SITE = """
site: killed
buses: {{can0: {{interface: virtual}}}}
containers:
  - name: C1
    topology: {{racks: 2, modules: 8, cells: 52}}
    sources: [{{frames: demo-bmu, bus: can0}}]
    control:
      rating: {{charge: 400000, discharge: 400000}}
      open_wait: 10
      pcs: {{path: we_drive, map: sim-pcs, address: '127.0.0.1:{pcs}'}}
faces: [{{map: native, listen: '127.0.0.1:{port}', unit: 1}}]
masters: [{{name: ems, from: 127.0.0.1, role: operator}}]
journal: {{file: journal.sqlite, recordings: trips}}
"""
LEASE, SELECT, MODE, CONNECT = range(61100, 61104)
STANDBY, READY, RUN = 2, 3, 4
PATIENCE = 60  # s


@dataclass
class Spy:
    """A participant that writes down what racks are asked for."""

    port: int
    asked: list[tuple[float, int, int]] = field(default_factory=list)
    "When, which rack, what: 0 nothing, 1 disconnect, 2 connect."
    ends: threading.Event = field(default_factory=threading.Event)

    def listen(self) -> None:
        """Listen until it ends; in a thread."""
        place = ("127.0.0.1", self.port)
        with can.Bus(interface="socketcand", channel="can0", host=place[0], port=place[1]) as bus:
            while not self.ends.is_set():
                message = bus.recv(0.1)
                if message is not None and message.arbitration_id & 0x1FF0FFFF == 0x190001A0:
                    rack = message.arbitration_id >> 16 & 0xF
                    self.asked.append((time.monotonic(), rack, message.data[0] & 3))


@dataclass
class World:
    """Everything that runs."""

    folder: Path
    hub: Hub
    spy: Spy
    plant: Served
    port: int
    essgw: Program
    gateway: subprocess.Popen[str]
    beats: threading.Event = field(default_factory=threading.Event)
    setpoint: int = 0
    ems: threading.Thread | None = None

    def start(self) -> None:
        """Start the gateway."""
        command = [
            sys.executable,
            "-m",
            "gateway",
            "run",
            "site.yaml",
            "--bus",
            f"can0={self.hub.place}",
        ]
        with (self.folder / "run.log").open("a") as log:
            self.gateway = subprocess.Popen(
                command, cwd=self.folder, env=in_time(), text=True, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """Kill the gateway without a word."""
        self.gateway.send_signal(signal.SIGKILL)
        self.gateway.wait()

    def master(self) -> ModbusTcpClient:
        """A connected master."""
        end = time.monotonic() + PATIENCE
        client = ModbusTcpClient("127.0.0.1", port=self.port, timeout=5)
        while not client.connect():  # type: ignore[no-untyped-call] # pymodbus leaves it open
            assert time.monotonic() < end, (self.folder / "run.log").read_text()
            time.sleep(0.05)
        return client

    def read(self, address: int, count: int = 1) -> list[int]:
        """Registers by pymodbus."""
        with self.master() as client:
            response = client.read_holding_registers(address, count=count, device_id=1)
            assert not response.isError(), response
            return list(response.registers)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for a state of the plant."""
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, (
                f"never {what}: {(self.folder / 'run.log').read_text()[-2000:]}"
            )
            time.sleep(0.05)

    def poll_write(self, address: int, *values: int) -> None:
        """Write registers with mbpoll."""
        done = subprocess.run(
            ["mbpoll", "-m", "tcp", "-p", str(self.port), "-a", "1", "-0", "-r", str(address), "-1",
             "-q", "-o", "10", "127.0.0.1", *map(str, values)],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def beat(self) -> None:
        """An EMS: heartbeat and setpoint each half second, until told to stop; in a thread."""
        count = 0
        while not self.beats.is_set():
            with contextlib.suppress(Exception), self.master() as client:
                while not self.beats.wait(0.5):
                    count += 1
                    words = [
                        count & 0xFFFF,
                        1,
                        1,
                        self.setpoint >> 16 & 0xFFFF,
                        self.setpoint & 0xFFFF,
                    ]
                    if client.write_registers(61000, words, device_id=1).isError():
                        break

    def quiet(self) -> None:
        """The EMS dies."""
        self.beats.set()
        if self.ems is not None:
            self.ems.join()

    def running(self) -> None:
        """Connect both racks and run at 50 kW."""
        self.connect()
        self.ems = threading.Thread(target=self.beat)
        self.ems.start()
        self.poll_write(MODE, RUN)
        self.setpoint = 50_000
        self.until(lambda: self.read(80, 2) == [0, 50_000], "at 50 kW")

    def connect(self, edge: int = 1) -> None:
        """Take the lease, and connect both racks, by a value that was not written before."""
        self.poll_write(LEASE, 3600)
        self.poll_write(SELECT, 2000)
        self.poll_write(CONNECT, edge)
        self.until(lambda: self.read(31) == [2], "connected")

    def journal(self) -> list[dict[str, object]]:
        """What the journal tells."""
        lines = self.essgw("events", self.folder / "journal.sqlite", "--json").stdout.splitlines()
        return [json.loads(line) for line in lines]


@contextlib.contextmanager
def adopted(
    tmp_path: Path, essgw: Program, *, closed: bool = False, more: str = ""
) -> Iterator[World]:
    """A plant with open or closed racks, and a gateway that has adopted it; `more` is of its site file."""
    hub = Hub()
    spy = Spy(hub.port)
    listener = threading.Thread(target=spy.listen)
    sim = ("sim", "--bus", f"can0={hub.place}", "--racks", 2, "--pcs", "127.0.0.1:0")
    how = () if closed else ("--open",)
    with contextlib.closing(hub), essgw.serving(*sim, *how) as plant:
        pcs = int(plant.wait_for(r"Modbus TCP at 127\.0\.0\.1:(\d+)")[1])
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as probe:
            port = probe.getsockname()[1]
        (tmp_path / "site.yaml").write_text(SITE.format(pcs=pcs, port=port) + more)
        listener.start()
        world = World(tmp_path, hub, spy, plant, port, essgw, None)  # type: ignore[arg-type] # started next
        world.start()
        try:
            world.until(lambda: world.read(3) == [READY if closed else STANDBY], "adopted")
            yield world
        finally:
            world.quiet()
            spy.ends.set()
            listener.join()
            world.gateway.send_signal(signal.SIGINT)
            assert ended(world.gateway) in {0, -signal.SIGKILL}
    assert "Traceback" not in (tmp_path / "run.log").read_text()
