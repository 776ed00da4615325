"""Requests that clients of other people sent to other people's servers."""

import struct
from collections import Counter
from pathlib import Path

import pytest
from modbus.adu import cut, numbered, numbers
from modbus.pcap import streams

from gateway.modbus.functions import SERVED
from gateway.modbus.wire import Desynchronised, Receiver, answer
from gateway.model.traffic import Counts

pytestmark = pytest.mark.corpus

UNITS = dict.fromkeys(range(256), numbered())
READS = (3, 4)
DIAGNOSTICS, IDENTIFICATION = 8, 43
SOUND = {
    "zeek/modbusBig": {1: 1387, 5: 1387},
    "zeek/modbusSmall": {1: 8, 15: 8},
    "zeek/modbus-eit": {43: 2},
    "zeek/4SICS-GeekLounge-151022-min": {23: 1},
    "ics-security-tools/modbus_test": {4: 1079, 6: 63},
    "ics-security-tools/modbus_test_2": {4: 2339, 3: 43},
}
"Captures whose streams are whole, with their requests by function."
SCAN = "ics-security-tools/modbus_test_data_part2"
STRANGERS = "zeek/modbus-and-non-modbus-p502"
ALL = (*SOUND, SCAN, STRANGERS, "zeek/fuzz-1011")


def requests(corpus: Path, name: str) -> list[bytes]:
    """All requests of a capture whose streams are sound."""
    found: list[bytes] = []
    for pieces in streams(corpus / "pcap" / f"{name}.pcap"):
        counts = Counts()
        receiver = Receiver(counts)
        for piece in pieces:
            found += filter(None, receiver.feed(piece))
        assert counts.foreign == 0
    return found


def expected(request: bytes) -> bytes | list[int]:
    """What a read must be answered with, by its own fields: an exception code, or registers."""
    if len(request) != 12:
        return b"\3"
    address, quantity = struct.unpack_from(">HH", request, 8)
    if not 1 <= quantity <= 125:
        return b"\3"
    if address + quantity > 65536:
        return b"\2"
    return list(range(address, address + quantity))


def check(request: bytes) -> int:
    """Answer a request, check what comes back, and give its exception code (0: none)."""
    (response,) = cut(answer(UNITS, request))
    assert response[:2] == request[:2]
    assert response[6] == request[6]
    assert response[7] & 0x7F == request[7] & 0x7F
    if request[7] in READS:
        wanted = expected(request)
        failed = response[7] & 0x80
        assert (response[8:] if failed else numbers(response)) == wanted
    return response[8] if response[7] & 0x80 else 0


@pytest.mark.parametrize("name", SOUND)
def test_every_recorded_request_is_found(name: str, corpus: Path) -> None:
    """The streams hold as many requests of each function as were recorded."""
    assert Counter(request[7] for request in requests(corpus, name)) == SOUND[name]


@pytest.mark.parametrize("name", SOUND)
def test_every_recorded_request_is_answered(name: str, corpus: Path) -> None:
    """Reads get the registers they ask for; what is not served gets an exception."""
    codes = Counter((request[7], check(request)) for request in requests(corpus, name))

    for function, code in codes:
        assert code in (
            {0, 2, 3} if function in {*READS, DIAGNOSTICS, IDENTIFICATION} else {1, 2, 3}
        )


def test_a_scan_over_all_functions(corpus: Path) -> None:
    """A scanner that tries one function after the other gets an answer to each try."""
    found = requests(corpus, SCAN)
    codes = {request[7]: check(request) for request in found}

    assert len(found) == 141
    assert set(codes) == set(range(128))
    assert {function for function, code in codes.items() if code != 1} == SERVED.keys() - {
        IDENTIFICATION
    }


def test_strangers_on_the_port(corpus: Path) -> None:
    """Among clients that speak something else the one that speaks Modbus is served."""
    served, broken = 0, 0
    for pieces in streams(corpus / "pcap" / f"{STRANGERS}.pcap"):
        receiver = Receiver()
        try:
            for piece in pieces:
                served += sum(check(request) >= 0 for request in filter(None, receiver.feed(piece)))
        except Desynchronised:
            broken += 1

    assert served == 6
    assert broken == 6


@pytest.mark.parametrize("name", ALL)
def test_a_capture_with_its_bytes_cut_anywhere(name: str, corpus: Path) -> None:
    """The same requests are found whether the bytes come as recorded, one by one, or at once."""
    for pieces in streams(corpus / "pcap" / f"{name}.pcap"):
        whole = b"".join(pieces)[:3000]
        sizes = (1, 5, 7, 13, len(whole))
        found = [
            _found([whole[at : at + size] for at in range(0, len(whole), size)]) for size in sizes
        ]

        assert all(item == found[0] for item in found)


def _found(pieces: list[bytes]) -> tuple[list[bytes], bool]:
    """The requests in some pieces, and whether the stream broke."""
    receiver, found = Receiver(), []
    try:
        for piece in pieces:
            for request in filter(None, receiver.feed(piece)):
                found.append(request)  # noqa: PERF402 - what comes before a break counts
    except Desynchronised:
        return found, True
    return found, False


def test_a_fuzzed_read(corpus: Path) -> None:
    """A fuzzer's read requests get an answer each, right by their own fields."""
    (pieces,) = streams(corpus / "pcap" / "zeek/fuzz-1011.pcap")
    codes = [check(request) for piece in pieces for request in filter(None, Receiver().feed(piece))]

    assert len(codes) == 2
