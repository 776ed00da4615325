"""Replay: a capture's frames on the buses of a site, its time as the clock."""

import itertools
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import MappingError
from gateway.links.replay import Replayed, feeds, replayed
from gateway.mapping.parts import Bus

OUTLANDER = "outlander-phev/202109061515-steering-lock-to-lock.csv"


def buses(*names: str, **channels: str | int) -> dict[str, Bus]:
    """Buses by name, some with a channel."""
    return {
        name: Bus(name, "virtual", channels.get(name), None, {}) for name in (*names, *channels)
    }


def log(folder: Path, name: str, *lines: tuple[float, str, int]) -> Path:
    """A candump log of times, channels and identifiers."""
    path = folder / name
    path.write_text("".join(f"({t:.6f}) {channel} {number:03X}#\n" for t, channel, number in lines))
    return path


def played(logs: list[tuple[str, Path]], known: dict[str, Bus]) -> list[Replayed]:
    """All frames of a replay."""
    return list(replayed(feeds(logs, known)))


def told(frames: list[Replayed]) -> list[tuple[float, tuple[str, ...], int]]:
    """Time, buses and identifier of each frame."""
    return [(item.time, item.buses, item.frame.key) for item in frames]


def test_the_clock_begins_with_the_first_frame(tmp_path: Path) -> None:
    """Times are seconds from the first frame, on the frame as on the clock."""
    path = log(tmp_path, "a", (1621945396.763904, "x", 1), (1621945397.013904, "x", 2))
    frames = played([("can0", path)], buses("can0"))

    assert told(frames) == [(0, ("can0",), 1), (0.25, ("can0",), 2)]
    assert [item.frame.time for item in frames] == [0, 0.25]


def test_the_clock_never_goes_back(tmp_path: Path) -> None:
    """A frame with an earlier time comes in its turn, at the time of the clock."""
    rows = [(10.0, "x", 1), (11.0, "x", 2), (9.0, "x", 3), (10.5, "x", 4), (11.5, "x", 5)]
    frames = played([("can0", log(tmp_path, "a", *rows))], buses("can0"))

    assert [(item.time, item.frame.key) for item in frames] == [
        (0, 1),
        (1, 2),
        (1, 3),
        (1, 4),
        (1.5, 5),
    ]


@pytest.mark.corpus
def test_a_capture_whose_times_go_back(corpus: Path) -> None:
    """All 19,871 frames in file order, on a clock that never goes back, over 5.87 s."""
    path = corpus / "can-logs" / OUTLANDER
    frames = played([("can0", path), ("can1", path)], buses("can0", "can1"))
    rows = [row.split(",") for row in path.read_text().splitlines()[1:]]
    clock = [item.time for item in frames]

    assert [f"{item.frame.key:08X}" for item in frames] == [row[1] for row in rows]
    assert [item.buses for item in frames] == [(f"can{row[3]}",) for row in rows]
    assert Counter(item.buses for item in frames) == {("can0",): 11_826, ("can1",): 8_045}
    assert all(before <= after for before, after in itertools.pairwise(clock))
    assert (clock[0], round(clock[-1], 2)) == (0, 5.87)


def test_a_file_of_one_channel_feeds_the_bus_named(tmp_path: Path) -> None:
    """Whatever the channel is called."""
    path = log(tmp_path, "a", (1.0, "elmcan", 1))

    assert told(played([("battery", path)], buses("battery"))) == [(0, ("battery",), 1)]


@pytest.mark.parametrize(
    ("known", "bus", "taken"),
    [
        (buses(power="can1"), "power", 2),
        (buses(power=1), "power", 3),
        (buses("can1"), "can1", 2),
        (buses("pcan1"), "pcan1", 3),
        (buses(can1="can0"), "can1", 1),
    ],
    ids=["channel", "number", "name", "digit", "channel before name"],
)
def test_which_channel_a_bus_takes(
    tmp_path: Path, known: dict[str, Bus], bus: str, taken: int
) -> None:
    """Of several the one that it names, that is called as it is, or that has its digit."""
    path = log(tmp_path, "a", (1.0, "can0", 1), (1.1, "can1", 2), (1.2, "1", 3))
    frames = played([(bus, path)], known)

    assert [item.frame.key for item in frames if item.buses] == [taken]
    assert len(frames) == 3


def test_a_bus_that_no_channel_is_for(tmp_path: Path) -> None:
    """One line says which channels there are."""
    path = log(tmp_path, "two channels).log", (1.0, "can0", 1), (1.1, "can1", 2))
    with pytest.raises(MappingError) as refusal:
        feeds([("battery", path)], buses("battery"))

    assert str(refusal.value) == (
        f"{path}: has no channel for bus battery; give bus battery a channel: of can0, can1"
    )


def test_a_capture_for_two_buses(tmp_path: Path) -> None:
    """A file may feed several buses, each its channel or both the same."""
    one = log(tmp_path, "one", (1.0, "x", 1))
    two = log(tmp_path, "two", (1.0, "can0", 1), (1.1, "can1", 2))
    known = buses("can0", "can1")

    assert told(played([("can0", one), ("can1", one)], known)) == [(0, ("can0", "can1"), 1)]
    assert told(played([("can0", two), ("can1", two)], known)) == [
        (0, ("can0",), 1), (0.1, ("can1",), 2)
    ]  # fmt: skip


def test_captures_of_one_clock(tmp_path: Path) -> None:
    """Files that begin within a day keep their distance; the earliest sets the clock."""
    first = log(tmp_path, "a", (105.0, "x", 1), (107.0, "x", 2))
    second = log(tmp_path, "b", (100.0, "y", 3), (106.0, "y", 4))
    frames = played([("can0", first), ("can1", second)], buses("can0", "can1"))

    assert told(frames) == [
        (0, ("can1",), 3), (5, ("can0",), 1), (6, ("can1",), 4), (7, ("can0",), 2)
    ]  # fmt: skip


def test_captures_of_different_days(tmp_path: Path) -> None:
    """Files that begin more than a day apart are played together, each from its first frame."""
    first = log(tmp_path, "a", (0.5, "x", 1), (2.5, "x", 2))
    second = log(tmp_path, "b", (1621945396.0, "y", 3), (1621945397.0, "y", 4))
    frames = played([("can0", first), ("can1", second)], buses("can0", "can1"))

    assert told(frames) == [
        (0, ("can0",), 1), (0, ("can1",), 3), (1, ("can1",), 4), (2, ("can0",), 2)
    ]  # fmt: skip


def test_a_capture_without_times(tmp_path: Path) -> None:
    """All its frames come at once, in their order."""
    path = tmp_path / "a"
    path.write_text("can0  001   [0]\ncan0  002   [0]\n")

    assert told(played([("can0", path)], buses("can0"))) == [(0, ("can0",), 1), (0, ("can0",), 2)]


def test_a_capture_that_breaks(tmp_path: Path) -> None:
    """It is refused before anything is played."""
    path = tmp_path / "a.blf"
    path.write_bytes(b"LOGG" + bytes(200))
    with pytest.raises(MappingError):
        feeds([("can0", path)], buses("can0"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=20), min_size=1, max_size=3))
def test_any_captures(tmp_path: Path, files: list[list[int]]) -> None:
    """However times jump: each file in its own order, no frame lost, the clock never back."""
    known = buses(*(f"can{number}" for number in range(len(files))))
    logs = []
    for number, times in enumerate(files):
        rows = [(float(time), "x", at) for at, time in enumerate(times)]
        logs.append((f"can{number}", log(tmp_path, f"log{number}", *rows)))
    frames = played(logs, known)
    clock = [item.time for item in frames]

    assert clock == sorted(clock)
    for number, times in enumerate(files):
        own = [item.frame.key for item in frames if item.buses == (f"can{number}",)]
        assert own == list(range(len(times)))
