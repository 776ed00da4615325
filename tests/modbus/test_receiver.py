"""Requests out of a stream, however it was cut."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modbus.adu import adu, numbered, numbers, read

from gateway.modbus.wire import Desynchronised, Receiver, answer
from gateway.model.traffic import Counts

NUMBERED = {1: numbered()}

valid = st.builds(
    adu,
    st.binary(min_size=1, max_size=253),
    st.integers(0, 0xFFFF),
    st.integers(0, 255),
    st.sampled_from([0, 0, 0, 1, 0xFFFF]),
)


def test_byte_by_byte() -> None:
    """MB-24: a request that arrives in single bytes is found once, with its last byte."""
    receiver, request = Receiver(), read(10, 3, 5)
    found = [list(receiver.feed(bytes((byte,)))) for byte in request]

    assert found == [[]] * (len(request) - 1) + [[request]]


@pytest.mark.parametrize("at", range(1, 12))
def test_a_request_in_two_pieces(at: int) -> None:
    """MB-24: a cut in the header or in the PDU makes no difference."""
    receiver, request = Receiver(), read(10, 3, 5)

    assert list(receiver.feed(request[:at])) == []
    assert list(receiver.feed(request[at:])) == [request]


def test_two_requests_and_a_half() -> None:
    """MB-24: whole requests are given at once, the half one when it is whole."""
    receiver = Receiver()
    requests = [read(number, 1, number) for number in range(3)]
    stream = b"".join(requests)

    assert list(receiver.feed(stream[:30])) == requests[:2]
    assert list(receiver.feed(stream[30:])) == requests[2:]


@pytest.mark.parametrize("count", [16, 100])
def test_pipelined_requests(count: int) -> None:
    """MB-23: all requests of one segment are answered in order, with the right data."""
    stream = b"".join(read(number, 2, 0xFF00 + number) for number in range(count))
    responses = [answer(NUMBERED, request) for request in Receiver().feed(stream)]

    assert [int.from_bytes(item[:2], "big") for item in responses] == [
        0xFF00 + number for number in range(count)
    ]
    assert [numbers(item) for item in responses] == [[n, n + 1] for n in range(count)]


@pytest.mark.parametrize("protocol", [1, 0x0100, 0xFFFF])
def test_a_foreign_protocol(protocol: int) -> None:
    """MB-20: a frame with another protocol id is skipped and counted, the next one is found."""
    counts = Counts()
    receiver, request = Receiver(counts), read(10, 3)
    foreign = adu("03 0000 0001", protocol=protocol)

    assert list(receiver.feed(foreign + request)) == [b"", request]
    assert list(receiver.feed(request + foreign)) == [request, b""]
    assert counts.foreign == 2


@pytest.mark.parametrize("length", [0, 1, 255, 256, 65535])
def test_a_length_that_cannot_be(length: int) -> None:
    """MB-26: such a length breaks the stream as soon as it is there; what came before counts."""
    receiver, request = Receiver(), read(10, 3)
    lie = struct.pack(">HHH", 1, 0, length)

    assert list(receiver.feed(request + lie[:5])) == [request]
    with pytest.raises(Desynchronised, match=f"length field {length}$"):
        list(receiver.feed(lie[5:]))


def test_requests_before_a_break() -> None:
    """Requests that come in the same piece as a broken length are found before it is reported."""
    request = read(10, 3)
    found = Receiver().feed(request + request + struct.pack(">HHH", 1, 0, 0))

    assert [next(found), next(found)] == [request, request]
    with pytest.raises(Desynchronised):
        next(found)


@pytest.mark.parametrize("size", [1, 253])
def test_the_shortest_and_the_longest_frame(size: int) -> None:
    """Length fields 2 and 254 are the limits, and both are taken."""
    request = adu(bytes(range(size)))

    assert list(Receiver().feed(request + request)) == [request, request]


def test_a_connection_after_a_cut_one() -> None:
    """MB-25: a new connection starts anew, whatever the last one left unfinished."""
    request = read(10, 3)

    assert list(Receiver().feed(request[:7])) == []
    assert list(Receiver().feed(request)) == [request]


@given(frames=st.lists(valid, max_size=12), data=st.data())
def test_any_cut_reads_the_same(frames: list[bytes], data: st.DataObject) -> None:
    """Requests are found in order and once, wherever the stream is cut."""
    stream = b"".join(frames)
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=20).map(sorted))
    counts = Counts()
    receiver = Receiver(counts)
    found = [
        request
        for start, end in zip([0, *places], [*places, len(stream)], strict=True)
        for request in filter(None, receiver.feed(stream[start:end]))
    ]

    expected = [frame for frame in frames if frame[2:4] == b"\0\0"]
    assert found == expected
    assert counts.foreign == len(frames) - len(expected)


@given(pieces=st.lists(st.binary(max_size=600), max_size=8))
def test_noise_does_no_harm(pieces: list[bytes]) -> None:
    """Random bytes end in a break at worst; all that is found in them is well framed."""
    receiver = Receiver()
    found: list[bytes] = []
    try:
        for piece in pieces:
            found.extend(filter(None, receiver.feed(piece)))
    except Desynchronised:
        pass

    for frame in found:
        _, protocol, length = struct.unpack_from(">HHH", frame)
        assert protocol == 0
        assert 2 <= length <= 254
        assert len(frame) == 6 + length
        assert answer(NUMBERED, frame)


@given(frames=st.lists(valid, max_size=4), noise=st.binary(max_size=40))
def test_noise_after_requests(frames: list[bytes], noise: bytes) -> None:
    """Noise takes nothing away from the requests before it."""
    found = []
    try:
        for frame in filter(None, Receiver().feed(b"".join(frames) + noise)):
            found.append(frame)  # noqa: PERF402 - what is found before a break counts
    except Desynchronised:
        pass

    expected = [frame for frame in frames if frame[2:4] == b"\0\0"]
    assert found[: len(expected)] == expected
