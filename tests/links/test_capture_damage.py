"""Captures of other programs, whole, cut off and damaged: frames as far as they go, then one clear line."""

import logging
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import can
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.canbus.frame import EXTENDED, REMOTE
from gateway.errors import MappingError
from gateway.links.capture import Captured, open_capture

FORMATS = {"asc": "ASC", "blf": "BLF", "trc": "TRC", "log": "candump"}
START = 1_600_000_000.0
_draw = random.Random(1)
MESSAGES = [
    can.Message(
        timestamp=START + number / 100,
        arbitration_id=_draw.randrange(1 << (29 if number % 3 else 11)),
        is_extended_id=bool(number % 3),
        data=_draw.randbytes(number % 9),
        channel=number % 2 + 1,
    )
    for number in range(100)
]
Damage = Callable[[bytes], bytes]
Key = tuple[int, bytes]


def recorded(path: Path, messages: Sequence[can.Message] = MESSAGES) -> Path:
    """A capture that python-can wrote."""
    with can.Logger(path) as log:
        for message in messages:
            log(message)
    return path


def read(path: Path) -> list[Captured]:
    """All frames of a capture."""
    return list(open_capture(path).frames())


def keys(messages: Sequence[can.Message]) -> list[Key]:
    """What messages carry."""
    return [
        (
            message.arbitration_id
            | (EXTENDED if message.is_extended_id else 0)
            | (REMOTE if message.is_remote_frame else 0),
            bytes(message.data),
        )
        for message in messages
    ]


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_python_can_writes(tmp_path: Path, suffix: str) -> None:
    """Every frame comes back with its time, and two channels as two."""
    path = recorded(tmp_path / f"capture.{suffix}").rename(tmp_path / "some capture")
    frames = read(path)
    first = frames[0].time

    assert open_capture(path).format == FORMATS[suffix]
    assert [(frame.key, frame.data) for frame in frames] == keys(MESSAGES)
    assert [frame.time - first for frame in frames] == pytest.approx(
        [number / 100 for number in range(100)], abs=1e-4
    )
    assert [frame.channel for frame in frames] == [frame.channel for frame in frames[:2]] * 50


@pytest.mark.parametrize("suffix", ["asc", "blf", "log"])
def test_long_and_remote_frames_of_python_can(tmp_path: Path, suffix: str) -> None:
    """CAN FD frames and remote frames come back as what they are."""
    messages = [
        can.Message(timestamp=1, arbitration_id=0x123, is_fd=True, data=bytes(range(64)), channel=1,
                    is_extended_id=False),
        can.Message(timestamp=2, arbitration_id=0x124, is_remote_frame=True, channel=1,
                    is_extended_id=False),
        can.Message(timestamp=3, arbitration_id=0x125, data=b"", channel=1),
    ]  # fmt: skip
    frames = read(recorded(tmp_path / f"capture.{suffix}", messages))

    assert [(frame.key, frame.data) for frame in frames] == keys(messages)


def outcome(path: Path, content: bytes) -> tuple[list[Captured], str]:
    """The frames before a problem, and the problem."""
    path.write_bytes(content)
    frames: list[Captured] = []
    try:
        frames.extend(open_capture(path).frames())
    except MappingError as error:
        return frames, str(error)
    return frames, ""


def test_a_binary_capture_that_is_cut_off_says_so(tmp_path: Path) -> None:
    """A BLF file's head tells how long it should be."""
    whole = recorded(tmp_path / "capture.blf").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) - 40])
    told = []
    for name in ("capture.blf", "cut"):
        capture = open_capture(tmp_path / name)
        list(capture.frames())
        told.append(list(capture.remarks()))

    assert told == [[], [f"{tmp_path / 'cut'}: is cut off, 40 bytes before its end"]]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_capture_that_is_cut_off(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever it ends there are frames as recorded, or one line, or both."""
    caplog.set_level(logging.ERROR)
    whole = recorded(tmp_path / f"capture.{suffix}").read_bytes()
    expected = [(frame.key, frame.data) for frame in read(tmp_path / f"capture.{suffix}")]
    for size in range(0, len(whole), max(1, len(whole) // 150)):
        frames, problem = outcome(tmp_path / "cut", whole[:size])
        found = [(frame.key, frame.data) for frame in frames]

        assert frames or problem
        assert len(problem.splitlines()) <= 1
        assert found[:-1] == expected[: len(found)][:-1]  # the last one may be cut inside


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_capture_with_wrong_bytes(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever bytes are wrong, there are frames, or one line, or both."""
    caplog.set_level(logging.ERROR)
    whole = recorded(tmp_path / f"capture.{suffix}").read_bytes()
    draw = random.Random(suffix)
    for _ in range(150):
        wrong = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            wrong[draw.randrange(len(wrong))] = draw.randrange(256)
        frames, problem = outcome(tmp_path / "wrong", bytes(wrong))

        assert frames or problem
        assert len(problem.splitlines()) <= 1


LINES = {
    "candump": (
        "", "(1621945396.763904) elmcan 301#0000 R", "(1.0) can0 18FF50E5#0102030405060708",
        "  can0  123   [8]  01 02 03 04 05 06 07 08", "<0x18eeff01> [8] 05 a0 be 1c 00 a0 a0 c0",
        "(1.0) can0 123##101020304", "(1.0) can0 123#R8", "  can0  RX - -  123  [1]  00   '.'",
    ),
    "GVRET csv": (
        "Time Stamp,ID,Extended,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8",
        "166064000,0000021A,false,0,8,FE,36,12,FE,69,05,07,AD,", "1,18FF50E5,true,1,0",
    ),
}  # fmt: skip
"A head, and lines that read."
GARBAGE = st.text(" ,#.:()[]<>\"'\tRTx-0123456789aAfFgG\x00é", max_size=6)


@st.composite
def mutated(draw: st.DrawFn, lines: Sequence[str]) -> list[str]:
    """Lines with holes, garbage, halves."""
    result = []
    for line in draw(st.lists(st.sampled_from(lines), min_size=1, max_size=6)):
        start, end = draw(st.integers(0, len(line))), draw(st.integers(0, len(line)))
        result.append(line[:start] + draw(GARBAGE) + line[end:])
    return result


@pytest.mark.parametrize("name", LINES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_lines(tmp_path: Path, name: str, data: st.DataObject) -> None:
    """Lines that read stay frames; each of the others is a frame, nothing, or counted."""
    head, *known = LINES[name]
    wrong = data.draw(mutated(known))
    path = tmp_path / "capture"
    path.write_text("\n".join([head, *known * 5, *wrong]) + "\n", encoding="utf-8")
    capture = open_capture(path)
    frames = list(capture.frames())

    assert capture.format == name
    assert len(frames) >= len(known) * 5
    assert len(frames) + capture.unreadable <= len(known) * 5 + sum(
        len(line.splitlines()) or 1 for line in wrong
    )
    assert capture.unreadable == 0 or capture.first_unreadable > len(known) * 5
    assert all(frame.key >= 0 for frame in frames)
