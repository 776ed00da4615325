"""Modbus RTU as bytes: checksums from the specification and from well-known frames, units, broadcast (MB-33)."""

import pytest
from modbus.adu import Notebook, numbered

from gateway.mapping.image import Table
from gateway.modbus.rtu import MAX_FRAME, answered, crc, framed, is_whole
from gateway.modbus.session import Session

UNITS = {1: numbered(), 17: numbered()}


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        ("02 07", "41 12"),  # MODBUS over serial line V1.02, appendix B
        ("01 03 0000 000A", "C5 CD"), ("11 03 006B 0003", "76 87"), ("11 05 00AC FF00", "4E 8B"),  # in any RTU primer
        ("", "FF FF"),
    ],
)  # fmt: skip
def test_checksums(data: str, checksum: str) -> None:
    """CRC-16 with 0xA001, lowest byte first."""
    assert crc(bytes.fromhex(data)) == bytes.fromhex(checksum)


def test_a_request_is_answered_by_its_unit() -> None:
    """With the same unit id and a checksum of its own."""
    request = bytes.fromhex("11 03 006B 0003 7687")

    assert is_whole(request)
    assert answered(UNITS, request, Session()) == framed(17, bytes.fromhex("03 06 006B 006C 006D"))


@pytest.mark.parametrize(
    "frame", ["11 03 006B 0003 7688", "11 03 006B 0003 76", "", "11", "11 03 8101", "FFFF"]
)
def test_what_is_damaged_is_no_frame(frame: str) -> None:
    """A flipped bit, a lost byte, next to nothing."""
    assert not is_whole(bytes.fromhex(frame))


def test_a_frame_has_a_longest() -> None:
    """256 bytes with unit and checksum (APP clause 4.1)."""
    assert is_whole(framed(1, bytes(MAX_FRAME - 3)))
    assert not is_whole(framed(1, bytes(MAX_FRAME - 2)))


def test_others_on_the_line_are_let_alone() -> None:
    """A unit id that is not ours, whatever is asked, and the answers of others."""
    for pdu in ("03 0000 0001", "03 02 1234", "83 02"):
        assert answered(UNITS, framed(5, bytes.fromhex(pdu)), Session()) == b""
    assert answered(UNITS, framed(255, bytes.fromhex("03 0000 0001")), Session()) == b""


def test_refusals_are_answered() -> None:
    """As over TCP."""
    for pdu, code in (("03 0000 0000", 3), ("03 FFFF 0002", 2), ("32", 1)):
        request = bytes.fromhex(pdu)
        expected = framed(1, bytes((request[0] | 0x80, code)))
        assert answered(UNITS, framed(1, request), Session()) == expected


def test_a_broadcast_acts_on_all_and_nobody_answers() -> None:
    """MB-33: writes only; a read that nobody could answer is nothing."""
    first, second = Notebook(), Notebook()
    units = {1: first, 2: second, 3: second}
    written = answered(units, framed(0, bytes.fromhex("06 0005 BEEF")), Session())
    read = answered(units, framed(0, bytes.fromhex("03 0005 0001")), Session())

    assert written == read == b""
    assert [bank.read(Table.HOLDING, 5, 1).hex() for bank in (first, second)] == ["beef"] * 2
