"""Any stream of bytes, cut anywhere, to receiver and answerer: what comes out is well-formed, and the same for every cut."""

import struct

from hypothesis import given
from hypothesis import strategies as st
from modbus.adu import Notebook, adu, cut

from gateway.modbus.wire import Desynchronised, Receiver, answer

word, near = st.integers(0, 65535), st.integers(0, 70) | st.integers(65400, 65535)
values = st.lists(word, min_size=1, max_size=121)


def packed(form: str, *parts: st.SearchStrategy[int]) -> st.SearchStrategy[bytes]:
    """Numbers as a PDU."""
    return st.builds(lambda *numbers: struct.pack(form, *numbers), *parts)


def written(code: int, address: int, words: list[int]) -> bytes:
    """A write of registers."""
    return struct.pack(f">BHHB{len(words)}H", code, address, len(words), 2 * len(words), *words)


right = st.one_of(
    packed(">BHH", st.sampled_from([1, 2, 3, 4]), near, st.integers(1, 125) | st.sampled_from([8, 16, 2000])),
    packed(">BHH", st.just(5), near, st.sampled_from([0, 0xFF00])),
    packed(">BHH", st.sampled_from([6, 8]), near, word),
    packed(">BHH", st.just(8), st.just(0), word),
    st.builds(lambda at, data: struct.pack(">BHHB", 15, at, 8 * len(data), len(data)) + data, near, st.binary(min_size=1, max_size=246)),
    st.builds(lambda at, words: written(16, at, words), near, values),
    packed(">BHHH", st.just(22), near, word, word),
    st.builds(lambda at, count, words: struct.pack(">BHH", 23, at, count) + written(23, at, words)[1:], near, st.integers(1, 125), values),
    packed(">BBBB", st.just(43), st.just(14), st.integers(1, 4), st.integers(0, 4)),
)  # fmt: skip
"Requests of the right form, about what is there or not."
wrong = st.one_of(
    st.binary(min_size=1, max_size=253),
    st.builds(lambda pdu, spare: (pdu + spare)[:253], right, st.binary(min_size=1, max_size=3)),
    st.builds(lambda pdu, size: pdu[: 1 + size % len(pdu)], right, word),
    st.builds(lambda pdu, at, byte: pdu[: at % len(pdu)] + bytes((byte,)) + pdu[at % len(pdu) + 1 :], right, word, st.integers(0, 255)),
)  # fmt: skip
pdus = right | wrong
frames = st.builds(
    adu, pdus, word, st.sampled_from([0, 1, 1, 1, 2, 255]), st.sampled_from([0, 0, 0, 0, 1, 0xFFFF])
)
streams = st.builds(
    lambda first, junk, last: b"".join((*first, junk, *last)),
    st.lists(frames, min_size=3, max_size=12), st.just(b"") | st.binary(max_size=12), st.lists(frames, max_size=3),
)  # fmt: skip
REFUSALS = {1, 2, 3, 10}
NAMES = {0: "v" * 120, 1: "p" * 120, 2: "r" * 120, 4: "x" * 300}
"More than one answer holds."


def answered(pieces: list[bytes]) -> tuple[list[tuple[bytes, bytes]], str]:
    """Requests with their answers, from a gateway that has heard nothing yet, and where the stream broke."""
    bank, receiver, found = Notebook(), Receiver(), []
    bank.identity = NAMES
    units = dict.fromkeys((0, 1, 255), bank)
    try:
        for piece in pieces:
            for request in filter(None, receiver.feed(piece)):
                found.append((request, answer(units, request)))  # noqa: PERF401 - what comes before a break counts
    except Desynchronised as error:
        return found, str(error)
    return found, ""


@given(stream=streams, data=st.data())
def test_any_cut_of_any_stream_is_answered_the_same(stream: bytes, data: st.DataObject) -> None:
    """Requests, junk and broken frames: the same answers, and the same break, as from one piece."""
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=20).map(sorted))
    pieces = [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]

    assert answered(pieces) == answered([stream])


@given(stream=streams)
def test_every_answer_is_well_formed(stream: bytes) -> None:
    """One ADU for each request, with its transaction, unit and function, and data as long as its byte count says."""
    for request, response in answered([stream])[0]:
        (frame,) = cut(response)
        function = request[7]
        assert frame[:4] == request[:4]
        assert frame[6] == request[6]
        if frame[7] & 0x80 or function & 0x80:
            assert (len(frame), frame[7]) == (9, function | 0x80)
            assert frame[8] in REFUSALS
        else:
            assert frame[7] == function
            assert _fits(request, frame)


def _fits(request: bytes, response: bytes) -> bool:
    """Whether a response without exception has the form of its function (APP V1.1b3 clause 6)."""
    function = request[7]
    quantity = int.from_bytes(request[10:12], "big")
    sizes = {1: (quantity + 7) // 8, 2: (quantity + 7) // 8, 3: 2 * quantity, 4: 2 * quantity, 23: 2 * quantity}  # fmt: skip
    if function in sizes:
        return response[8] == sizes[function] == len(response) - 9
    if function in {5, 6, 8, 22}:
        return response == request
    if function in {15, 16}:
        return response[7:] == request[7:12]
    return function == 43 and response[8:10] == request[8:10]
