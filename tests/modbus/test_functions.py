"""Bits, mask write, write and read, diagnostics, identification: vectors of the specification and their edges."""

import struct
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modbus.adu import BITS, Notebook, adu, holding, numbers, read, registers

from gateway.mapping.image import REGISTERS, Image
from gateway.mapping.writable import Writable
from gateway.modbus.bank import Bank, Space
from gateway.modbus.wire import answer

VENDOR, PRODUCT = "Company identification", "Product code XX"


def asked(bank: Bank, pdu: bytes | str) -> str:
    """The response's PDU in hexadecimal."""
    return answer({1: bank}, adu(pdu))[7:].hex()


def kept(values: Mapping[int, int]) -> Notebook:
    """A bank that keeps what it is told, with some values in it."""
    bank = Notebook()
    for address, value in values.items():
        assert asked(bank, struct.pack(">BHH", 6, address, value))
    return bank


def bits(pattern: str, first: int) -> Bank:
    """A bank of coils and discrete inputs, from an address on, lowest bit first as they are packed."""
    data = bytearray(2 * REGISTERS)
    for at, bit in enumerate(pattern):
        data[2 * (first + at) + 1] = int(bit)
    there = Space(bytes(REGISTERS), Writable({}))
    return Bank(dict.fromkeys(BITS, there), dict.fromkeys(BITS, Image(bytes(data), None)))


@pytest.mark.parametrize(
    ("request_pdu", "response_pdu", "first"),
    [("01 0013 0013", "0103cd6b05", 0x13), ("02 00C4 0016", "0203acdb35", 0xC4)],
)
def test_the_specification_s_bits(request_pdu: str, response_pdu: str, first: int) -> None:
    """APP 6.1 and 6.2: 19 coils and 22 discrete inputs, the last byte filled with zeros."""
    packed = bytes.fromhex(response_pdu)[2:]
    pattern = "".join(f"{byte:08b}"[::-1] for byte in packed)

    assert asked(bits(pattern + "1", first), request_pdu) == response_pdu


def test_the_specification_s_bit_writes() -> None:
    """APP 6.5 and 6.11: coil 172 on; ten coils from 19 on, lowest bit first."""
    bank = Notebook()

    assert asked(bank, "05 00AC FF00") == "0500acff00"
    assert asked(bank, "0F 0013 000A 02 CD01") == "0f0013000a"
    assert asked(bank, "01 00AB 0003") == "010102"
    assert asked(bank, "01 0012 000C") == "01029a03"
    assert asked(bank, "05 00AC 0000") == "0500ac0000"
    assert asked(bank, "01 00AB 0003") == "010100"


@given(st.lists(st.booleans(), min_size=1, max_size=1968), st.integers(0, 65535 - 1968))
def test_any_coils_read_as_they_were_written(values: list[bool], first: int) -> None:
    """Whatever their number; those beside them stay."""
    bank = Notebook()
    packed = sum(bit << at for at, bit in enumerate(values)).to_bytes(
        (len(values) + 7) // 8, "little"
    )
    request = struct.pack(">BHHB", 15, first, len(values), len(packed)) + packed

    assert asked(bank, request) == struct.pack(">BHH", 15, first, len(values)).hex()
    for function in (1, 2):
        read_back = asked(bank, struct.pack(">BHH", function, first, len(values)))
        assert read_back == bytes((function, len(packed))).hex() + packed.hex()
    after = min(2000, 65536 - first - len(values))
    assert not any(
        bytes.fromhex(asked(bank, struct.pack(">BHH", 1, first + len(values), after)))[2:]
    )


@pytest.mark.parametrize("function", [1, 2])
@pytest.mark.parametrize("quantity", [0, 2001, 65535])
def test_a_wrong_quantity_of_bits(function: int, quantity: int) -> None:
    """MB-05: fewer than 1 or more than 2,000 are exception 3, beyond the end too (MB-10)."""
    for address in (0, 65535):
        assert asked(Notebook(), struct.pack(">BHH", function, address, quantity)) == f"{function | 0x80:02x}03"  # fmt: skip
    assert len(asked(Notebook(), struct.pack(">BHH", function, 0, 2000))) == 2 * 252


@pytest.mark.parametrize("function", [1, 2])
def test_bits_over_the_end(function: int) -> None:
    """MB-11, MB-12: the last bit is 65535."""
    assert asked(Notebook(), struct.pack(">BHH", function, 65535, 1)) == f"{function:02x}0100"
    assert asked(Notebook(), struct.pack(">BHH", function, 65535, 2)) == f"{function | 0x80:02x}02"
    assert asked(holding({}), struct.pack(">BHH", function, 0, 1)) == f"{function | 0x80:02x}02"


@pytest.mark.parametrize("value", ["0001", "FF01", "1234", "FFFF", "00FF", "0100"])
def test_a_coil_is_on_or_off(value: str) -> None:
    """MB-08: anything but 0000 and FF00 is exception 3, and the coil stays."""
    bank = Notebook()
    before = bank.images

    assert asked(bank, "05 0001" + value) == "8503"
    assert bank.images is before


@pytest.mark.parametrize(
    ("quantity", "size", "carried"),
    [(0, 0, 0), (0, 1, 1), (1969, 247, 246), (9, 1, 1), (8, 2, 2), (8, 1, 2), (8, 1, 0)],
)
def test_a_wrong_write_of_coils(quantity: int, size: int, carried: int) -> None:
    """MB-07: quantity and byte count."""
    bank = Notebook()
    before = bank.images

    assert asked(bank, struct.pack(">BHHB", 15, 65535, quantity, size) + bytes(carried)) == "8f03"
    assert bank.images is before


def test_the_specification_s_mask_write() -> None:
    """APP 6.16: 0x12 AND 0xF2 OR 0x25 is 0x17; the answer is the request."""
    bank = kept({4: 0x12})

    assert asked(bank, "16 0004 00F2 0025") == "16000400f20025"
    assert numbers(answer({1: bank}, read(4, 1))) == [0x17]


@given(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 65535))
def test_any_mask(before: int, mask: int, put: int) -> None:
    """MB-14: each bit stays where the first mask has it, else it is the second's."""
    bank = kept({9: before})
    asked(bank, struct.pack(">BHHH", 0x16, 9, mask, put))
    bits = [(before if mask >> bit & 1 else put) >> bit & 1 for bit in range(16)]

    assert numbers(answer({1: bank}, read(9, 1))) == [sum(bit << at for at, bit in enumerate(bits))]


def test_the_specification_s_write_and_read() -> None:
    """APP 6.17: three registers are written from 14 on, six are read from 3 on."""
    values = {3: 0xFE, 4: 0x0ACD, 5: 1, 6: 3, 7: 0x0D, 8: 0xFF}
    bank = kept(values)
    answered = asked(bank, "17 0003 0006 000E 0003 06 00FF 00FF 00FF")

    assert answered == "170c00fe0acd00010003000d00ff"
    assert numbers(answer({1: bank}, read(14, 3))) == [0xFF] * 3


def test_what_is_written_is_read() -> None:
    """MB-13: the write is done first, where both reach the same registers."""
    assert asked(Notebook(), "17 0004 0003 0005 0001 02 BEEF") == "1706" + "0004beef0006"


@pytest.mark.parametrize(
    ("quantity", "count", "size", "carried"),
    [(0, 1, 2, 2), (126, 1, 2, 2), (1, 0, 0, 0), (1, 122, 244, 240), (1, 2, 3, 4), (1, 2, 4, 3), (1, 2, 4, 5)],
)  # fmt: skip
@pytest.mark.parametrize("address", [0, 65535])
def test_a_wrong_write_and_read(
    quantity: int, count: int, size: int, carried: int, address: int
) -> None:
    """MB-09, MB-10: quantities and the byte count come before addresses; nothing is written."""
    bank = Notebook()
    before = bank.images

    assert asked(bank, struct.pack(">BHHHHB", 0x17, address, quantity, address, count, size) + bytes(carried)) == "9703"  # fmt: skip
    assert bank.images is before


def test_the_longest_write_and_read() -> None:
    """MB-12: 125 registers are read and 121 written."""
    request = struct.pack(">BHHHHB", 0x17, 65411, 125, 65415, 121, 242) + b"\x5a\xa5" * 121

    assert asked(Notebook(), request) == "17fa" + struct.pack(">4H", *range(65411, 65415)).hex() + "5aa5" * 121  # fmt: skip


@pytest.mark.parametrize("pdu", ["17 FFFF 0002 0001 0001 02 0007", "17 0001 0001 FFFF 0002 04 0007 0007"])  # fmt: skip
def test_neither_is_done_where_one_cannot_be(pdu: str) -> None:
    """MB-15: a wrong range of either is exception 2, and nothing is written."""
    bank = Notebook()
    before = bank.images

    assert asked(bank, pdu) == "9702"
    assert bank.images is before


def test_what_may_not_be_written_is_not_masked() -> None:
    """Read-only or absent registers are exception 2."""
    bank = holding({4: 1})

    assert asked(bank, "16 0004 00F2 0025") == "9602"
    assert asked(bank, "16 0005 00F2 0025") == "9602"
    assert asked(bank, "17 0004 0001 0004 0001 02 0007") == "9702"


@pytest.mark.parametrize("data", ["A537", "00", "00" * 250])
def test_diagnostics_give_back_what_came(data: str) -> None:
    """MB-31: the specification's example, and any other data."""
    assert asked(Notebook(), "08 0000" + data) == ("080000" + data).lower()


@pytest.mark.parametrize(("pdu", "answered"), [("08 0001 0000", "8801"), ("08 FFFF", "8801"), ("08 00", "8803"), ("08 0000", "8803")])  # fmt: skip
def test_other_diagnostics(pdu: str, answered: str) -> None:
    """MB-31: another sub-function is exception 1, none at all, or no data, exception 3."""
    assert asked(Notebook(), pdu) == answered


def known(objects: Mapping[int, str]) -> Bank:
    """A bank that says who it is."""
    return registers(bytes(REGISTERS), identity=objects)


BASIC = {0: VENDOR, 1: PRODUCT, 2: "V2.11"}


def spelt(objects: Mapping[int, str]) -> str:
    """Objects as they are sent."""
    return "".join(
        f"{number:02x}{len(text):02x}{text.encode().hex()}" for number, text in objects.items()
    )


def test_the_specification_s_identification() -> None:
    """APP 6.21: three objects in one answer; the level is that of who has regular ones too."""
    assert asked(known(BASIC), "2B 0E 01 00") == "2b0e0182000003" + spelt(BASIC)


def test_levels_and_single_objects() -> None:
    """MB-30: regular objects by name; more than there is gives what there is; one alone by its number."""
    regular = {**BASIC, 4: "Gateway", 6: "Container 1"}
    bank = known(regular)

    assert asked(bank, "2B 0E 01 00") == "2b0e0182000003" + spelt(BASIC)
    for code in ("02", "03"):
        assert asked(bank, f"2B 0E {code} 00") == f"2b0e{code}82000005" + spelt(regular)
    assert asked(bank, "2B 0E 02 04") == "2b0e0282000002" + spelt({4: "Gateway", 6: "Container 1"})
    assert asked(bank, "2B 0E 04 06") == "2b0e0482000001" + spelt({6: "Container 1"})


@pytest.mark.parametrize(("pdu", "answered"), [("2B 0E 00 00", "ab03"), ("2B 0E 05 00", "ab03"), ("2B 0E 04 07", "ab02"), ("2B 0E 04 FF", "ab02"), ("2B 0D 01 00", "ab01"), ("2B 0F", "ab01"), ("2B 0E 01", "ab03"), ("2B 0E 01 00 00", "ab03")])  # fmt: skip
def test_a_wrong_identification(pdu: str, answered: str) -> None:
    """MB-30: a code that does not exist is exception 3, an object that does not 2, another type 1."""
    assert asked(known(BASIC), pdu) == answered


@pytest.mark.parametrize("first", ["03", "80", "FF"])
def test_a_stream_that_begins_nowhere_begins_at_the_start(first: str) -> None:
    """APP 6.21: no exception."""
    assert asked(known(BASIC), "2B 0E 01" + first) == "2b0e0182000003" + spelt(BASIC)


def test_what_does_not_fit_is_continued() -> None:
    """MB-30: objects are never cut; the answer names the one to go on with."""
    long = {0: "v" * 120, 1: "p" * 120, 2: "r" * 120}
    bank = known(long)

    assert asked(bank, "2B 0E 01 00") == "2b0e0182ff0202" + spelt({0: long[0], 1: long[1]})
    assert asked(bank, "2B 0E 01 02") == "2b0e0182000001" + spelt({2: long[2]})
    longest = {0: "x" * 300}
    assert asked(known(longest), "2B 0E 01 00") == "2b0e0182000001" + spelt({0: "x" * 244})
