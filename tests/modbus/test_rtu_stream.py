"""RTU frames out of a stream that has no silence: lengths by function, any cut, and the way back after damage."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modbus.adu import numbered

from gateway.modbus.functions import SERVED
from gateway.modbus.rtu import MAX_FRAME, answered, framed
from gateway.modbus.rtu_stream import RtuReceiver, length_of
from gateway.modbus.session import Session
from gateway.model.traffic import Counts

REQUESTS = [
    framed(1, bytes.fromhex(pdu))
    for pdu in (
        "01 0000 07D0", "02 0000 0010", "03 0000 007D", "04 0000 0001", "05 0000 FF00", "06 0000 1234", "07",
        "08 0000 A537", "0B", "0C", "0F 0000 000A 02 CD01", "10 0000 0002 04 000A 0102", "10 0000 007B F6" + 246 * "A5",
        "11", "14 07 06 0004 0001 0002", "15 09 06 0004 0007 0001 06AF", "16 0004 00F2 0025",
        "17 0003 0006 000E 0003 06 00FF 00FF 00FF", "18 04DE", "2B 0E 01 00",
    )
]  # fmt: skip
READ = framed(1, bytes.fromhex("03 0000 0001"))


class Stream:
    """A receiver, and the clock of whoever looks at it."""

    def __init__(self) -> None:
        self.now, self.counts = 100.0, Counts()
        self._receiver = RtuReceiver(lambda: self.now, self.counts)

    def hears(self, data: bytes, after: float = 0.0) -> list[bytes]:
        """What is found once more has come, some time later."""
        self.now += after
        return list(self._receiver.feed(data))


@pytest.mark.parametrize("frame", REQUESTS, ids=lambda frame: frame[1:4].hex())
def test_each_function_has_its_length(frame: bytes) -> None:
    """It is known before the frame is over, and never too short: byte by byte, one frame and no damage."""
    stream = Stream()
    found = [stream.hears(bytes((byte,)), 0.01) for byte in frame]

    assert found == [[]] * (len(frame) - 1) + [[frame]]
    assert all(size < length_of(frame[:size]) <= len(frame) for size in range(len(frame)))
    assert stream.counts.damaged == 0


def test_every_function_that_is_served_can_be_framed() -> None:
    """No request of a served function has an unknown length."""
    assert {frame[1] for frame in REQUESTS} >= set(SERVED)


@given(frames=st.lists(st.sampled_from(REQUESTS), max_size=12), cuts=st.lists(st.integers(0, 600)))
def test_any_cut(frames: Sequence[bytes], cuts: Sequence[int]) -> None:
    """All frames are found in order, wherever the stream is cut."""
    stream, data = Stream(), b"".join(frames)
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    found: list[bytes] = []
    for begin, end in itertools.pairwise(places):
        found += stream.hears(data[begin:end], 0.5)

    assert found == list(frames)
    assert stream.counts.damaged == 0


@pytest.mark.parametrize(
    "damaged",
    [
        READ[:-1] + bytes((READ[-1] ^ 1,)),  # a bit of the checksum
        framed(1, bytes.fromhex("83 02")),  # somebody's answer
        framed(1, bytes.fromhex("64 0102"))[:-1],  # a function that nobody knows, cut
        framed(1, bytes.fromhex("08 0000 01020304")),  # more data than one word
        framed(1, bytes.fromhex("2B 0D 0000 0000")),  # CANopen
        bytes.fromhex("01 10 0000 0080 FF"),  # a frame that would be too long
        bytes(300),
        b"\xff" * 2048,
    ],
)
def test_damage_is_thrown_away_until_it_is_quiet(damaged: bytes) -> None:
    """What follows at once in pieces is not trusted; after a silence the next byte begins a frame. Counted once."""
    stream = Stream()
    assert stream.hears(READ + damaged) == [READ]
    assert stream.hears(READ[:3], 0.05) == []
    assert stream.hears(READ[3:], 0.05) == []
    assert stream.counts.damaged == 1

    assert stream.hears(READ, 0.11) == [READ]
    assert stream.hears(READ, 0.0) == [READ]
    assert stream.counts.damaged == 1


def test_a_master_that_does_not_wait_is_heard_again() -> None:
    """A whole frame in one piece ends the search, however soon it comes."""
    stream = Stream()
    assert stream.hears(b"\0" * 9) == []

    assert stream.hears(READ, 0.01) == [READ]
    assert stream.hears(READ, 0.01) == [READ]


def test_a_piece_whose_rest_never_comes() -> None:
    """Soon it is still completed; later it is thrown away, counted, and the next request is whole."""
    stream = Stream()
    assert stream.hears(REQUESTS[12][:20]) == []
    assert stream.hears(REQUESTS[12][20:], 0.9) == [REQUESTS[12]]
    assert stream.hears(READ[:5]) == []

    assert stream.hears(READ, 1.1) == [READ]
    assert stream.counts.damaged == 1


def test_a_function_that_nobody_knows() -> None:
    """In one piece it is a frame, and is answered with exception 1."""
    frame = framed(1, bytes.fromhex("64 0102"))

    assert Stream().hears(frame) == [frame]
    assert answered({1: numbered()}, frame, Session()) == framed(1, bytes.fromhex("E4 01"))


@given(st.lists(st.tuples(st.binary(max_size=400), st.sampled_from([0.0, 0.2, 2.0]))))
def test_whatever_comes_takes_no_memory(pieces: Sequence[tuple[bytes, float]]) -> None:
    """At most one frame is kept; after a silence, or two, a request is found."""
    stream = Stream()
    for piece, after in pieces:
        stream.hears(piece, after)
        assert len(stream._receiver._rest) < MAX_FRAME

    assert stream.hears(READ, 2.0) == [READ]
