"""A connection that holds a picture: its reads come from that one, for a time, and nobody else's do."""

import dataclasses
from pathlib import Path

import pytest
from mapping.written import SMALL, picture, problems, text_of, written
from modbus.adu import adu, numbers, read

from gateway.mapping.image import FaceMap
from gateway.mapping.placing import compile_map
from gateway.modbus.bank import Bank, Space
from gateway.modbus.session import Session
from gateway.modbus.wire import answer

ROWS = (
    "at: 0, point: voltage, type: u16", "at: 1, point: soc, type: u16, missing: exception",
    "at: 9, hold: 2, type: u16, scale: 0.1",
)  # fmt: skip


@dataclasses.dataclass
class Scene:
    """A bank whose pictures the test makes, and a clock that it turns."""

    map: FaceMap
    bank: Bank
    now: float = 100.0

    def show(self, volts: float) -> None:
        """The next picture; it is brought in before the next read."""
        self.bank.renew = lambda: self._renewed(volts)

    def _renewed(self, volts: float) -> None:
        self.bank.renew = None
        self.bank.images = self.map.encode(picture({"voltage": volts}))

    def session(self) -> Session:
        """A connection."""
        return Session(clock=lambda: self.now)

    def asked(self, session: Session, request: bytes) -> bytes:
        """What a request is answered, without its head."""
        return answer({1: self.bank}, request, session)[7:]

    def volts(self, session: Session) -> int:
        """What a read shows."""
        return numbers(answer({1: self.bank}, read(0, 1), session))[0]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """At 700 V."""
    made = compile_map(written(tmp_path, text_of(*ROWS)), SMALL)
    spaces = {name: Space(table.holes, table.writable) for name, table in made.tables.items()}
    scene = Scene(made, Bank(spaces, made.encode(picture({}))))
    scene.show(700)
    return scene


def test_reads_come_from_the_picture_of_the_write(scene: Scene) -> None:
    """For as long as was asked for; other connections see what is new, and so does this one afterwards."""
    mine, other = scene.session(), scene.session()
    written_ = scene.asked(mine, adu("06 0009 000F"))  # 1.5 s
    scene.show(701)
    seen = scene.volts(mine), scene.volts(other)
    scene.now += 1.49
    later = scene.volts(mine)
    scene.now += 0.01

    assert written_ == bytes.fromhex("06 0009 000F")
    assert (seen, later) == ((700, 701), 700)
    assert scene.volts(mine) == 701
    assert mine.held == {}


def test_zero_ends_it_and_another_write_begins_anew(scene: Scene) -> None:
    """With the picture of that moment."""
    mine = scene.session()
    scene.asked(mine, adu("06 0009 0014"))
    scene.show(701)
    scene.asked(mine, adu("06 0009 0014"))
    scene.show(702)
    assert scene.volts(mine) == 701
    scene.asked(mine, adu("06 0009 0000"))
    assert scene.volts(mine) == 702


def test_no_longer_than_the_map_allows(scene: Scene) -> None:
    """2 s here; beyond is exception 3, and nothing is held."""
    mine = scene.session()
    assert scene.asked(mine, adu("06 0009 0015")) == b"\x86\x03"
    scene.show(701)
    assert scene.volts(mine) == 701


def test_what_is_not_there_is_not_there(scene: Scene) -> None:
    """A held picture refuses as the one of the moment does."""
    mine = scene.session()
    scene.asked(mine, adu("06 0009 0014"))

    assert scene.asked(mine, read(1, 1)) == b"\x83\x04"
    assert scene.asked(mine, read(5, 1)) == b"\x83\x02"
    assert scene.asked(mine, read(0, 1, function=4))[:2] == b"\x04\x02"


def test_nothing_is_held_while_no_cycle_is_completed(scene: Scene) -> None:
    """Its limits would be older than the site allows (R8)."""
    mine = scene.session()
    scene.asked(mine, adu("06 0009 0014"))
    scene.show(0)
    scene.bank.is_stalled = True

    assert scene.volts(mine) == 0


@pytest.mark.parametrize(
    "row",
    ["at: 0, hold: 2, type: u32", "at: 0, hold: 2, type: bit", "at: 0, hold: 2, type: u16, offset: 1"],
)  # fmt: skip
def test_it_is_one_register(tmp_path: Path, row: str) -> None:
    """Anything else is told."""
    (told,) = problems(tmp_path, text_of(row))
    assert told.endswith("is one register of seconds; type: u16, scale: the seconds of a count")  # fmt: skip
