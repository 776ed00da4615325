"""What is recorded of a trip, and that it is what was on the buses."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.canbus.frame import ERROR, EXTENDED, REMOTE, Frame
from gateway.links.capture import open_capture
from gateway.links.recorder import Recorder

from program import Program

_PATIENCE = 30  # s
_UTC = 1_764_000_000.0
"Wall time at monotonic 0 of these tests."
_FRAMES = """
protocol: pack
messages:
  - {id: 0x0C1, name: state, period: 0.1, signals: {U: {bits: 0|16@1+, scale: 0.1, unit: V, point: rack_voltage}}}
"""
_SITE = """
site: plant
buses: {can0: {interface: virtual, channel: a}, can1: {interface: virtual, channel: b}}
containers:
  - {name: C1, topology: {racks: 1}, sources: [{frames: pack.yaml, bus: can0}]}
  - {name: C2, topology: {racks: 1}, sources: [{frames: pack.yaml, bus: can1}]}
"""


def voltage(now: float, decivolts: int) -> Frame:
    """A frame that tells a rack's voltage."""
    return Frame(now, 0x0C1, decivolts.to_bytes(2, "little") + bytes(6))


class Course:
    """A recorder in a plant where the voltage of two racks rises, a cycle each 20 ms."""

    def __init__(self, folder: Path, **bounds: float) -> None:
        self.now = 1000.0
        self.recorder = Recorder(
            folder, before=bounds.get("before", 30.0), after=bounds.get("after", 5.0),
            files=int(bounds.get("files", 50)), memory=int(bounds.get("memory", 1 << 25)),
            utc=lambda: _UTC + self.now,
        )  # fmt: skip
        self.recorder.site = "plant"

    def run(self, seconds: float) -> None:
        """Go on: frames each 100 ms, a cycle each 20 ms."""
        for cycle in range(round(seconds / 0.02)):
            self.now = round(self.now + 0.02, 6)
            if not cycle % 5:
                decivolts = round((self.now - 1000) * 10)
                self.recorder.frame("can0", voltage(self.now + 1e-6, 7000 + decivolts))
                self.recorder.frame("can1", voltage(self.now + 2e-6, 8000 + decivolts))
            self.recorder.cycle(self.now)

    def trip(self, name: str, seq: int = 0) -> None:
        """Trip now."""
        self.recorder.trip(self.now, name, seq)


@pytest.fixture
def course(tmp_path: Path) -> Iterator[Course]:
    """A course with default bounds."""
    course = Course(tmp_path / "trips")
    with closing(course.recorder):
        yield course


def trips(tmp_path: Path) -> list[Path]:
    """The folders of trips, oldest first."""
    return sorted((tmp_path / "trips").glob("*"))


def wait_for(holds: Callable[[], bool]) -> None:
    """Wait for a state of the writer."""
    end = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def told(folder: Path) -> dict[str, object]:
    """What `trip.json` says."""
    found: dict[str, object] = json.loads((folder / "trip.json").read_text())
    return found


def tripped(folder: Path) -> list[str]:
    """What tripped, in order."""
    return [trip["name"] for trip in json.loads((folder / "trip.json").read_text())["trips"]]


def test_a_trip_can_be_replayed_and_shows_the_same_values(
    course: Course, tmp_path: Path, essgw: Program
) -> None:
    """30 s before, 5 s after, a log a bus; `essgw replay` reads them and comes to the last values."""
    course.run(60)
    course.trip("cell_overvoltage", seq=17)
    course.run(6)
    assert course.recorder.close()
    (folder,) = trips(tmp_path)

    assert folder.name == "20251124T161740.000Z-cell_overvoltage"
    trip = told(folder)
    assert (trip["site"], trip["trips"]) == (
        "plant",
        [{"name": "cell_overvoltage", "utc": "2025-11-24T16:17:40.000000+00:00",
          "monotonic": 1060.0, "seq": 17}],
    )  # fmt: skip
    frames = list(open_capture(folder / "can0.log").frames())
    assert trip["frames"] == {"can0": len(frames), "can1": len(frames)}
    assert frames[0].time == pytest.approx(_UTC + 1030.02, abs=0.1)
    assert frames[-1].time == pytest.approx(_UTC + 1065, abs=0.1)
    (tmp_path / "pack.yaml").write_text(_FRAMES)
    (tmp_path / "plant.yaml").write_text(_SITE)
    logs = [f"--log={bus}={folder / bus}.log" for bus in ("can0", "can1")]
    rows = json.loads(essgw("replay", "plant.yaml", *logs, "--json").stdout)["points"]
    voltages = [row["value"] for row in rows if row["point"] == "rack_voltage"]
    last = round((frames[-1].time - _UTC - 1000) * 10) / 10
    assert voltages == pytest.approx([700 + last, 800 + last], abs=1e-6)


def test_frames_of_all_kinds_come_back_to_the_microsecond(course: Course, tmp_path: Path) -> None:
    """Standard, extended, remote, error and FD frames, empty ones too, in their order."""
    kinds = [
        Frame(1000.000001, 0x7FF, b"\x01"),
        Frame(1000.000002, 0x18010F4 | EXTENDED, bytes(8)),
        Frame(1000.123456, 0x123, b""),
        Frame(1000.5, 0x123 | REMOTE, b""),
        Frame(1000.999999, 0x12345678 | EXTENDED | REMOTE, b""),
        Frame(1001.0, ERROR | 0x40, bytes(8)),
        Frame(1001.25, 0x1, bytes(range(64))),
    ]
    for frame in kinds:
        course.recorder.frame("can 0/a", frame)
    course.now = 1001.5
    course.trip("x" * 300 + "/../y")
    assert course.recorder.close()
    (folder,) = trips(tmp_path)

    assert told(folder)["logs"] == {"can 0/a": "can_0_a.log"}
    assert "(1764001000.000002) can_0_a 018010F4#0000" in (folder / "can_0_a.log").read_text()
    found = [
        Frame(round(frame.time - _UTC, 6), frame.key, frame.data)
        for frame in open_capture(folder / "can_0_a.log").frames()
    ]
    assert found == kinds


def test_writes_of_masters_stand_beside(course: Course, tmp_path: Path) -> None:
    """Who wrote what where and when, within the same time."""
    course.recorder.write(course.now, "ems", "holding", 100, [1, 2])
    course.run(40)
    course.recorder.write(course.now, "ems", "coil", 101, [65535])
    course.trip("hvil")
    course.run(5.1)
    assert course.recorder.close()

    assert json.loads((trips(tmp_path)[0] / "writes.json").read_text()) == [
        {"utc": "2025-11-24T16:17:20.000000+00:00", "monotonic": 1040.0, "origin": "ems",
         "table": "coil", "address": 101, "words": [65535]},
    ]  # fmt: skip


def test_a_further_trip_goes_on_with_the_recording(course: Course, tmp_path: Path) -> None:
    """Two trips within 5 s are one folder; one that comes for ever ends it after `before` seconds."""
    course.run(10)
    course.trip("first")
    course.run(4)
    course.trip("second")
    course.run(5.5)
    wait_for(lambda: len(trips(tmp_path)) == 1)
    for _ in range(40):
        course.trip("again")
        course.run(1)
    assert course.recorder.close()
    first, *others = trips(tmp_path)

    assert tripped(first) == ["first", "second"]
    assert len(others) == 2
    assert len(tripped(others[0])) == 30


def test_the_oldest_trips_go(tmp_path: Path) -> None:
    """Five trips of which three may stay; what is not ours and what was not finished is told apart."""
    course = Course(tmp_path / "trips", after=1, files=3)
    (tmp_path / "trips" / "mine").mkdir(parents=True)
    (tmp_path / "trips" / ".20200101T000000.000Z-cut").mkdir()
    for number in range(5):
        course.run(0.5)
        course.trip(f"trip{number}")
        course.run(1.5)
        wait_for(lambda name=f"trip{number}": any((tmp_path / "trips").glob(f"*{name}")))  # type: ignore[misc]
    assert course.recorder.close()

    assert [place.name.partition("-")[2] or place.name for place in trips(tmp_path)] == [
        "trip2", "trip3", "trip4", "mine",
    ]  # fmt: skip


def test_memory_is_bounded_by_bytes_too(tmp_path: Path) -> None:
    """With room for 100 frames the newest 100 or so are recorded, whatever `before` says."""
    course = Course(tmp_path / "trips", memory=2100, after=0.02)
    course.run(60)
    course.trip("t")
    course.run(0.1)
    assert course.recorder.close()
    frames = list(open_capture(trips(tmp_path)[0] / "can0.log").frames())

    assert 45 <= len(frames) <= 51
    assert frames[-1].time == pytest.approx(_UTC + 1060, abs=0.1)


def test_a_disk_that_fails_is_told_and_raises_nothing(tmp_path: Path) -> None:
    """A file stands where the folder should: the callback hears it; the next trip is tried again."""
    (tmp_path / "trips").write_text("in the way")
    course = Course(tmp_path / "trips", after=0.1)
    troubles: list[str] = []
    course.recorder.on_error = troubles.append
    course.run(1)
    course.trip("lost")

    def heard() -> bool:
        course.run(0.2)
        return bool(troubles)

    wait_for(heard)
    assert "trips" in troubles[0]
    (tmp_path / "trips").unlink()
    course.trip("kept")
    course.run(0.2)
    assert course.recorder.close()
    assert len(trips(tmp_path)) == 1


@pytest.mark.corpus
def test_a_real_trip_is_recorded_frame_by_frame(corpus: Path, tmp_path: Path) -> None:
    """Of a pack that trips at 259.87 s, all frames from 229.87 to 264.87 s, as they were captured."""
    capture = corpus / "can-logs" / "redpesk-bms" / "bms-dump.log"
    source = list(open_capture(capture).frames())
    start = source[0].time
    recorder = Recorder(tmp_path / "trips", utc=lambda: start + 259.87)
    due = tripped = 0.0
    for captured in source:
        now = round(captured.time - start, 6)
        recorder.frame("can0", Frame(now, captured.key, captured.data))
        if now >= 259.87 and not tripped:
            recorder.trip(259.87, "rack_trip_safety")
            tripped = now
        if now >= due:
            recorder.cycle(now)
            due = now + 0.02
    assert recorder.close()
    found = list(open_capture(trips(tmp_path)[0] / "can0.log").frames())
    first = next(n for n, frame in enumerate(source) if frame.time - start >= 229.87 - 1e-6)

    assert len(found) > 1000
    assert found[-1].time - start == pytest.approx(264.87, abs=0.03)
    expected = source[first : first + len(found)]
    assert [(frame.key, frame.data) for frame in found] == [(f.key, f.data) for f in expected]
    assert all(abs(a.time - b.time) < 2e-6 for a, b in zip(found, expected, strict=True)), (
        "the same microsecond, or its neighbour"
    )
