"""MB-01 to MB-16 and MB-30 to MB-32 of the check list (reference standards 1.10): PDUs, at the running gateway.

Sockets of the standard library alone. What arrives, and from whom, is in `test_checklist_streams.py`.
"""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop.storage import MAP, SITE, stored
from modbus.adu import adu
from modbus.service import response

WHOLE = (
    "0100000001", "0200000001", "0300000001", "0400000001", "050000FF00", "0600000001", "0F000000010101", "1000000001020001",
    "1600000000FFFF", "170000000100000001020001", "2B0E0100",
)  # fmt: skip
"A right request for each function that has a length."
REFUSED: list[tuple[str, int, list[str]]] = [
    ("MB-01", 1, ["32", "32 0000 0001"]), ("MB-02", 1, ["00", "00 0000 0001"]), ("MB-03", 1, ["80", "80 0000 0001"]),
    ("MB-04", 3, [*(f"{function} 0000 {count}" for function in ("03", "04") for count in ("0000", "007E", "FFFF"))]),
    ("MB-05", 3, [*(f"{function} 0000 {count}" for function in ("01", "02") for count in ("0000", "07D1"))]),
    ("MB-06", 3, ["10 0000 0000 00", "10 0000 007C F8" + "0001" * 123, "10 0000 0002 02 0001", "10 0000 0002 05 0001000100",
     "10 0000 0002 04 0001 00", "10 0000 0002 04 0001 0001 00"]),
    ("MB-07", 3, ["0F 0000 0000 00", "0F 0000 07B1 F7" + "FF" * 246, "0F 0000 0009 01 FF", "0F 0000 0008 02 FFFF", "0F 0000 0008 01"]),
    ("MB-08", 3, [*(f"05 0000 {value}" for value in ("0001", "00FF", "FF01", "1234", "FFFF"))]),
    ("MB-09", 3, ["17 0000 0000 0000 0001 02 0001", "17 0000 007E 0000 0001 02 0001", "17 0000 0001 0000 0000 00",
     "17 0000 0001 0000 007A F4" + "0001" * 121, "17 0000 0001 0000 0002 02 0001", "17 0000 0001 0000 0001 02 000100"]),
    ("MB-10", 3, ["01 FFFF 0000", "02 FFFF 07D1", "03 FFFF 0000", "04 FFFF 007E", "05 03E8 0001", "0F FFFF 0000 00", "10 FFFF 0000 00",
     "17 FFFF 0000 FFFF 0001 02 0001", "17 FFFF 0001 FFFF 0000 00"]),
    ("MB-11", 2, [*(f"{function} FFFF 0002" for function in ("01", "02", "03", "04")), "03 FF84 007D", "04 FFFF 007D", "01 F831 07D0",
     "0F FFFF 0002 01 03", "10 FFFF 0002 04 0001 0001", "17 FFFF 0002 0000 0001 02 0001", "17 0000 0001 FFFF 0002 04 0001 0001",
     "03 03E7 0002", "06 03E8 0001", "16 03E8 0000 0000", "05 07D0 FF00"]),
    ("MB-15", 2, ["10 03E6 0003 06 0001 0001 0001", "0F 07CE 0003 01 07", "17 0000 0001 03E7 0002 04 0001 0001",
     "17 03E7 0002 0000 0001 02 0001"]),
    ("MB-16", 3, [*(whole[:end] for whole in WHOLE for end in range(2, len(whole), 2)), "08", "0800", "080000"]),
    ("MB-30", 2, ["2B 0E 04 03", "2B 0E 04 07", "2B 0E 04 FF"]), ("MB-30", 3, ["2B 0E 00 00", "2B 0E 05 00"]),
    ("MB-30", 1, ["2B 0D 01 00"]), ("MB-31", 1, ["08 0001 0000", "08 000A 0000", "08 FFFF 0000"]),
]  # fmt: skip
"Id, exception code, requests."
SEEN = ("03 0000 007D", "03 036B 007D", "03 FF83 007D", "01 0000 07D0", "01 F830 07D0")
"Reads of all that these requests might have changed."


@pytest.fixture
def link(storage: int) -> Iterator[socket.socket]:
    """A connection to the gateway."""
    with socket.create_connection(("127.0.0.1", storage), timeout=10) as link:
        yield link


def asked(link: socket.socket, pdu: str) -> str:
    """The response's PDU in hexadecimal, as these tests write it; its header must be the request's."""
    link.sendall(adu(pdu, 7))
    frame = response(link)
    assert frame == adu(frame[7:], 7)
    return frame[7:].hex().upper()


@pytest.mark.parametrize(
    ("code", "pdu"),
    [
        pytest.param(code, pdu, id=f"{name} {pdu[:28]}") for name, code, pdus in REFUSED for pdu in pdus
    ],
)  # fmt: skip
def test_refused(link: socket.socket, code: int, pdu: str) -> None:
    """MB-01..11, 15, 16, 30, 31, each of 9 bytes (MB-32): the exception of the first thing that is wrong; nothing changes."""
    before = [asked(link, look) for look in SEEN]
    link.sendall(adu(pdu, 0xABCD))
    frame = response(link)

    assert len(frame) == 9
    assert frame == adu(bytes((int(pdu[:2], 16) | 0x80, code)), 0xABCD)
    assert [asked(link, look) for look in SEEN] == before


@pytest.mark.parametrize(
    ("write", "first", "reads", "count"),
    [("10", "FF85", ("03", "04"), "007D"), ("0F", "F850", ("01", "02"), "07D0")],
)  # fmt: skip
def test_the_last_legal_slices(
    link: socket.socket, write: str, first: str, reads: tuple[str, str], count: str
) -> None:
    """MB-12: 123 registers and 1,968 coils up to 65535 are written; with those before they are the most that one read holds."""
    head = f"{write}{first}{0x10000 - int(first, 16):04X}"
    start = f"{0x10000 - int(count, 16):04X}"

    assert asked(link, f"{head}F6{'5AA5' * 123}") == head
    for function in reads:
        shown = asked(link, f"{function}{start}{count}")
        assert shown == f"{function}FA00000000{'5AA5' * 123}"
        assert not int(asked(link, f"{function}FFFF0001")[:2], 16) & 0x80


def test_the_longest_write_and_read(link: socket.socket) -> None:
    """MB-12: 121 registers written and 125 read in one request."""
    assert asked(link, "1700C8007D00CA0079F2" + "BEEF" * 121) == "17FA00110011" + "BEEF" * 121 + "00110011"  # fmt: skip


def test_a_write_comes_before_its_read(link: socket.socket) -> None:
    """MB-13: where function 23 reads what it writes, it reads what is new."""
    asked(link, "10 0190 0004 08 0001 0002 0003 0004")

    assert asked(link, "17 0190 0004 0191 0002 04 000A 000B") == "17080001000A000B0004"
    assert asked(link, "03 0190 0004") == "03080001000A000B0004"


@pytest.mark.parametrize(
    ("there", "kept", "put", "then"),
    [
        ("0012", "00F2", "0025", "0017"), ("1234", "0000", "BEEF", "BEEF"), ("1234", "FFFF", "BEEF", "1234"),
        ("1234", "0000", "0000", "0000"), ("FFFF", "00FF", "0000", "00FF"), ("0000", "FF00", "FFFF", "00FF"),
    ],
)  # fmt: skip
def test_masks(link: socket.socket, there: str, kept: str, put: str, then: str) -> None:
    """MB-14: each bit stays where the first mask has it, else it is the second's; the response is the request."""
    asked(link, "06 01A0" + there)

    assert asked(link, f"16 01A0 {kept} {put}") == f"1601A0{kept}{put}"
    assert asked(link, "03 01A0 0001") == "0302" + then


@pytest.mark.parametrize("data", ["A537", "00", "5A" * 250])
def test_an_echo(link: socket.socket, data: str) -> None:
    """MB-31: function 8 with sub-function 0 gives back what came, up to the longest PDU."""
    assert asked(link, "08 0000" + data) == "080000" + data


def told(link: socket.socket, code: int, first: int) -> tuple[dict[int, str], bytes]:
    """Objects of one answer to 43/14, and its level, whether more follows and what comes next."""
    body = bytes.fromhex(asked(link, f"2B 0E {code:02X} {first:02X}"))
    assert body[:3] == bytes((0x2B, 14, code))
    objects, at = {}, 7
    while at < len(body):
        number, size = body[at], body[at + 1]
        objects[number] = body[at + 2 : at + 2 + size].decode()
        at += 2 + size
    assert (at, len(objects)) == (len(body), body[6])
    return objects, body[3:6]


def test_levels_of_identification(link: socket.socket) -> None:
    """MB-30: 1 basic, 2 regular, 3 no more than that, 4 one alone; a stream that begins at no object begins at 0."""
    basic, regular = [0, 1, 2], [0, 1, 2, 4, 5, 6]
    for code, first, numbers in ((1, 0, basic), (2, 0, regular), (3, 0, regular), (1, 7, basic), (2, 3, regular),
                                 (3, 0xFF, regular), (2, 5, [5, 6])):  # fmt: skip
        objects, state = told(link, code, first)
        assert (list(objects), state) == (numbers, b"\x82\0\0")
    for number in regular:
        assert list(told(link, 4, number)[0]) == [number]


def test_an_identification_in_pieces(tmp_path: Path) -> None:
    """MB-30: names too long for one PDU: more follows (FF), from the object on that the answer names; none is cut."""
    site, unit, file = "s" * 64, "c" * 64, "m" * 64
    long = SITE.replace("site: storage", f"site: {site}").replace("name: C1", f"name: {unit}")
    registers = MAP.replace("map: storage", f"map: {file}").replace("1.0.0", "10000.10000.10000")
    with stored(tmp_path, long, registers) as served, socket.create_connection(("127.0.0.1", served.port), timeout=10) as link:  # fmt: skip
        first, state = told(link, 2, 0)
        rest, end = told(link, 2, state[2])

    assert (list(first), state) == ([0, 1, 2, 4, 5], b"\x82\xff\6")
    assert (rest, end) == ({6: f"{site} {unit}"}, b"\x82\0\0")
    assert first[5] == f"{file} 10000.10000.10000"
