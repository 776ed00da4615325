"""No control cycle for a while: no old picture passes for a new one, each face as its site says (R8)."""

import struct
from pathlib import Path

import pytest

from conformance.sim.battery import Battery, Ratings
from conformance.sim.emitter import Emitter
from gateway.app import Gateway
from gateway.canbus.frame import EXTENDED, Frame
from gateway.mapping.library import Library
from gateway.mapping.site import load_site
from gateway.modbus.session import Session
from gateway.modbus.wire import answer

SITE = """
site: stalled
buses: {can0: {interface: virtual, channel: stalled}}
containers:
  - name: C1
    topology: {racks: 2, modules: 8, cells: 52}
    sources: [{frames: demo-bmu, bus: can0}]
    control: {rating: {charge: 400000, discharge: 400000}, pcs: {path: polls_us}}
faces:
  - {map: native, listen: '127.0.0.1:5020', unit: 1}
  - {map: native, listen: '127.0.0.1:5020', unit: 2, on_stall: exception}
  - {map: native, listen: '127.0.0.1:5020', unit: 3, on_stall: zero_limits}
masters: [{name: panel, from: 127.0.0.1, role: engineer, local: true}]
"""
SILENT, EXCEPTION, ZERO = 1, 2, 3
LEASE, MODE, STOP = 61100, 61102, 61108
RUN = 4
LIMITS, VOLTAGE, PERMISSIONS = (21, 8), (10, 1), (5, 2)


class Plant:
    """A gateway whose cycles the test turns."""

    def __init__(self, folder: Path, more: str = "") -> None:
        (folder / "site.yaml").write_text(more + SITE)
        self.site = load_site(Library(), str(folder / "site.yaml"))
        self.now = 100.0
        self.gateway = Gateway(self.site)
        self.gateway.begin(None, {}, lambda: self.now)
        (self.units,) = self.gateway.faces.listeners().values()
        self.emitter = Emitter(Battery(Ratings(racks=2), closed=True))

    def run(self, seconds: float) -> None:
        """Cycles of 20 ms."""
        for _ in range(round(seconds / 0.02)):
            self.now = round(self.now + 0.02, 6)
            for sent in self.emitter.due(self.now - 100.0):
                self.gateway.receive("can0", Frame(self.now, sent.identifier | EXTENDED, sent.data))
            self.gateway.cycle(self.now)

    def ask(self, unit: int, pdu: bytes) -> bytes:
        """The PDU that is answered; empty if nothing is."""
        self.gateway.check_pace(self.now)
        adu = struct.pack(">HHHB", 7, 0, len(pdu) + 1, unit) + pdu
        origin = self.site.masters.at("127.0.0.1", ("127.0.0.1", 5020))
        response = answer(self.units, adu, Session(origin))
        self.gateway.settle(lambda: None)
        return response[7:]

    def read(self, unit: int, place: tuple[int, int]) -> list[int]:
        """Holding registers."""
        response = self.ask(unit, struct.pack(">BHH", 3, *place))
        assert response[0] == 3, response.hex()
        return list(struct.unpack(f">{place[1]}H", response[2:]))

    def write(self, unit: int, address: int, value: int) -> bytes:
        """Function 6."""
        return self.ask(unit, struct.pack(">BHH", 6, address, value))


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Adopted, with closed racks and limits above zero."""
    plant = Plant(tmp_path)
    plant.run(3)
    assert all(any(plant.read(unit, LIMITS)) for unit in (SILENT, EXCEPTION, ZERO))
    return plant


READ = struct.pack(">BHH", 3, *VOLTAGE)


def test_r8_each_face_does_what_its_site_says(plant: Plant) -> None:
    """One second after the last cycle all is well; beyond it: nothing, exception 0B, or no limits."""
    volts = plant.read(SILENT, VOLTAGE)
    plant.now += 1.0
    assert [plant.read(unit, VOLTAGE) for unit in (SILENT, EXCEPTION, ZERO)] == [volts] * 3

    plant.now += 0.02
    for pdu in (READ, b"\x2b\x0e\x01\x00", b"\x03\x00\x00", b"\x06\xff\xff\x00\x00"):
        assert plant.ask(SILENT, pdu) == b"", "whatever is asked"
    assert plant.ask(EXCEPTION, READ) == b"\x83\x0b"
    assert plant.read(ZERO, VOLTAGE) == volts
    assert not any(plant.read(ZERO, LIMITS))
    assert plant.read(ZERO, PERMISSIONS) == [0, 0]


def test_r8_the_next_cycle_ends_it(plant: Plant) -> None:
    """All faces answer again, with limits."""
    plant.now += 1.5
    assert plant.ask(SILENT, READ) == b""
    plant.run(0.02)
    for unit in (SILENT, EXCEPTION, ZERO):
        assert any(plant.read(unit, LIMITS))


def test_r8_a_stop_acts_and_nothing_unsafe_is_taken(plant: Plant) -> None:
    """R1: a stop needs no cycle; R2: running on an old picture is refused; a silent face says nothing of either."""
    assert plant.write(EXCEPTION, LEASE, 60)[0] == 6
    plant.now += 1.5
    assert plant.write(EXCEPTION, MODE, RUN) == b"\x86\x04"
    assert plant.write(SILENT, MODE, RUN) == b""
    plant.run(0.02)
    assert plant.write(EXCEPTION, MODE, RUN)[0] == 6

    plant.now += 1.5
    assert plant.write(SILENT, STOP, 1) == b""
    assert plant.gateway.orders()["C1"].value("stop") == 1
    assert plant.ask(SILENT, READ) == b""


@pytest.mark.parametrize(
    ("pdu", "answered"),
    [
        (struct.pack(">BHHHHBH", 23, *VOLTAGE, STOP, 1, 2, 1), b"\x97\x0b"),
        (struct.pack(">BHHH", 22, STOP, 0, 1), struct.pack(">BHHH", 22, STOP, 0, 1)),
        (struct.pack(">BHHBH", 16, STOP, 1, 2, 1), struct.pack(">BHH", 16, STOP, 1)),
        (struct.pack(">BHH", 6, STOP, 1), struct.pack(">BHH", 6, STOP, 1)),
    ],
)
def test_r8_a_stop_acts_by_every_function(plant: Plant, pdu: bytes, answered: bytes) -> None:
    """R1: the write is judged and acts; only what would be read beside it is answered with exception 0B."""
    plant.now += 1.5
    assert plant.gateway.orders()["C1"].value("stop") == 0

    assert plant.ask(EXCEPTION, pdu) == answered
    assert plant.gateway.orders()["C1"].value("stop") == 1
    assert plant.ask(EXCEPTION, READ) == b"\x83\x0b"


def test_r8_a_write_beside_a_read_is_refused_as_alone(plant: Plant) -> None:
    """Function 23 on a stalled face: its own refusal comes before the read's; a range that is none stops both."""
    plant.now += 1.5
    run = struct.pack(">BHHHHBH", 23, *VOLTAGE, MODE, 1, 2, RUN)
    nowhere = struct.pack(">BHHHHBH", 23, 65535, 2, STOP, 1, 2, 1)
    none = struct.pack(">BHHHHBH", 23, *VOLTAGE, VOLTAGE[0], 1, 2, 1)

    assert [plant.ask(EXCEPTION, pdu) for pdu in (run, nowhere, none)] == [
        b"\x97\x04", b"\x97\x02", b"\x97\x02",
    ]  # fmt: skip
    assert plant.gateway.orders()["C1"].value("stop") == 0


def test_r8_a_site_says_how_long(tmp_path: Path) -> None:
    """`stall_after` is the site's, and never shorter than two of its cycles."""
    plant = Plant(tmp_path, "stall_after: 0.5\n")
    plant.run(0.02)
    plant.now += 0.5
    assert plant.ask(SILENT, READ) != b""
    plant.now += 0.02
    assert plant.ask(SILENT, READ) == b""

    (tmp_path / "slow.yaml").write_text("cycle: 0.2\nstall_after: 0.1\n" + SITE)
    assert load_site(Library(), str(tmp_path / "slow.yaml")).stall_after == 0.4
