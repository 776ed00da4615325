"""Requests and their answers, byte by byte: the vectors and checks of reference standards 1.8 and 1.10."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modbus.adu import Notebook, adu, cut, holding, numbered, numbers, read

from gateway.modbus.wire import answer

READS = (3, 4)
WRITE_ONE, WRITE_MANY = 6, 16
WHOLE = {
    function: bytes.fromhex(f"{function:02X}" + fields)
    for function, fields in {
        1: "0000 0001", 2: "0000 0001", 5: "0000 FF00", 15: "0000 0001 01 01", 3: "0000 0001", 4: "0000 0001", 6: "0000 0007", 16: "0000 0001 02 0007", 22: "0000 FFFF 0000",
        23: "0000 0001 0000 0001 02 0007", 43: "0E 01 00",
    }.items()
}  # fmt: skip
"A right request for each function that has one length."
ECHO = 8
SERVED = {*WHOLE, ECHO}
NUMBERED = {unit: numbered() for unit in (0, 1, 255)}


def exception(request: bytes) -> int:
    """The exception code that a request is answered with."""
    response = answer(NUMBERED, request)
    assert response[:7] == request[:4] + b"\0\3" + request[6:7]
    assert response[7] == request[7] | 0x80
    assert len(response) == 9
    return response[8]


@pytest.mark.parametrize(
    ("registers", "request_pdu", "response_pdu"),
    [
        ({107: 0x022B, 108: 0, 109: 0x64}, "03 006B 0003", "03 06 022B 0000 0064"),
        ({8: 0x000A}, "04 0008 0001", "04 02 000A"),
    ],
)
def test_the_specification_s_reads(
    registers: dict[int, int], request_pdu: str, response_pdu: str
) -> None:
    """The worked examples of APP 6.3 and 6.4 are answered to the byte."""
    units = {17: holding(registers)}

    assert answer(units, adu(request_pdu, 0x1501, 17)) == adu(response_pdu, 0x1501, 17)


@pytest.mark.parametrize(
    ("request_pdu", "response_pdu", "kept"),
    [
        ("06 0001 0003", "06 0001 0003", {1: 3}),
        ("10 0001 0002 04 000A 0102", "10 0001 0002", {1: 0x000A, 2: 0x0102}),
    ],
)
def test_the_specification_s_writes(
    request_pdu: str, response_pdu: str, kept: dict[int, int]
) -> None:
    """The worked examples of APP 6.6 and 6.12 are answered to the byte, and the registers change."""
    bank = Notebook()

    assert answer({1: bank}, adu(request_pdu)) == adu(response_pdu)
    for address, value in kept.items():
        assert numbers(answer({1: bank}, read(address, 1))) == [value]


def test_the_longest_write() -> None:
    """MB-12: 123 registers, the most that a frame holds, are written and read back."""
    bank = Notebook()
    request = adu(struct.pack(">BHHB", WRITE_MANY, 65413, 123, 246) + b"\x5a\xa5" * 123)

    assert len(request) == 259
    assert answer({1: bank}, request) == adu("10 FF85 007B")
    assert numbers(answer({1: bank}, read(65411, 125))) == [65411, 65412, *[0x5AA5] * 123]


@pytest.mark.parametrize("code", [50, 0, 128, 255])
def test_an_unknown_function_is_refused(code: int) -> None:
    """MB-01..03: a function that is not served, 0 and response codes are exception 1."""
    assert exception(adu(bytes((code, 0, 0, 0, 1)))) == 1


def test_every_function_code_has_one_answer() -> None:
    """Whatever the code, one well-formed response comes back, an exception 1 unless it is served."""
    for code in range(256):
        request = adu(WHOLE.get(code, bytes((code, 0, 0, 0, 1))), transaction=code)
        (response,) = cut(answer(NUMBERED, request))

        assert response[:2] == request[:2]
        assert response[6] == request[6]
        assert response[7] & 0x7F == code & 0x7F
        assert (response[8:] == b"\1") == (code not in SERVED)


@pytest.mark.parametrize("function", READS)
@pytest.mark.parametrize("quantity", [0, 126, 127, 2000, 65535])
def test_a_read_of_a_wrong_quantity(function: int, quantity: int) -> None:
    """MB-04: fewer than 1 or more than 125 registers are exception 3."""
    assert exception(read(0, quantity, function=function)) == 3


@pytest.mark.parametrize("quantity", [0, 124, 127, 128, 65535])
def test_a_write_of_a_wrong_quantity(quantity: int) -> None:
    """MB-06: fewer than 1 or more than 123 registers are exception 3, whatever the byte count says."""
    for size in {0, 2, 2 * quantity & 0xFF}:
        head = struct.pack(">BHHB", WRITE_MANY, 0, quantity, size)
        assert exception(adu(head + bytes(min(size, 246)))) == 3


@pytest.mark.parametrize(("size", "carried"), [(3, 4), (5, 4), (0, 4), (4, 3), (4, 5), (4, 0)])
def test_a_write_whose_length_does_not_fit(size: int, carried: int) -> None:
    """MB-06: a byte count that is not twice the quantity, or not what follows, is exception 3."""
    assert exception(adu(struct.pack(">BHHB", WRITE_MANY, 0, 2, size) + bytes(carried))) == 3


@pytest.mark.parametrize("function", READS)
def test_quantity_is_checked_before_address(function: int) -> None:
    """MB-10: where both are wrong the answer is exception 3."""
    assert exception(read(65535, 126, function=function)) == 3
    assert exception(read(65535, 0, function=function)) == 3


@pytest.mark.parametrize("function", READS)
@pytest.mark.parametrize(("address", "quantity"), [(65535, 2), (65412, 125), (65535, 125)])
def test_a_read_over_the_end(function: int, address: int, quantity: int) -> None:
    """MB-11: what reaches beyond register 65535 is exception 2 and never wraps to 0."""
    assert exception(read(address, quantity, function=function)) == 2


@pytest.mark.parametrize("function", READS)
@pytest.mark.parametrize(("address", "quantity"), [(0, 1), (0, 125), (65411, 125), (65535, 1)])
def test_the_last_legal_slices(function: int, address: int, quantity: int) -> None:
    """MB-12: up to 125 registers, up to the last one, are read."""
    response = answer(NUMBERED, read(address, quantity, 7, function))

    assert response[:9] == struct.pack(">HHHBBB", 7, 0, 3 + 2 * quantity, 1, function, 2 * quantity)
    assert numbers(response) == list(range(address, address + quantity))


def test_a_part_of_the_registers_exists() -> None:
    """A read that touches one register that is not there is exception 2 as a whole."""
    units = {1: holding(dict.fromkeys(range(96, 100), 5))}

    assert numbers(answer(units, read(96, 4))) == [5] * 4
    for address, quantity in ((95, 2), (96, 5), (99, 2), (0, 1)):
        assert answer(units, read(address, quantity))[7:] == b"\x83\x02"


@pytest.mark.parametrize("function", WHOLE)
def test_a_request_that_is_cut_short(function: int) -> None:
    """MB-16: a frame whose length is right but whose PDU is too short is exception 3."""
    whole = WHOLE[function]
    for length in range(1, len(whole)):
        assert exception(adu(whole[:length])) == 3


@pytest.mark.parametrize("function", WHOLE)
def test_a_request_that_is_too_long(function: int) -> None:
    """A PDU with bytes after its end is exception 3, up to the longest frame there is."""
    whole = WHOLE[function]
    for spare in (1, 2, 253 - len(whole)):
        assert exception(adu(whole + bytes(spare))) == 3


def test_a_bare_function_code() -> None:
    """MB-16: a PDU of the function code alone is exception 3 where it is served, else 1."""
    for code in range(256):
        assert exception(adu(bytes((code,)))) == (3 if code in SERVED else 1)


def test_a_write_to_a_read_only_map() -> None:
    """A well-formed write is exception 2 while all registers are read-only; nothing changes."""
    before = NUMBERED[1].images

    assert exception(adu("06 0001 0003")) == 2
    assert exception(adu("10 0001 0002 04 000A 0102")) == 2
    assert exception(adu(b"\x10\0\0\0\x7b\xf6" + bytes(246))) == 2
    assert NUMBERED[1].images is before


def test_a_write_is_checked_for_its_form_first() -> None:
    """Structure comes before address and read-only: 3, not 2, where both are wrong."""
    assert exception(adu("06 FFFF 00")) == 3
    assert exception(adu("10 FFFF 0002 03 000A 01")) == 3
    assert exception(adu("10 FFFF 007C 02 000A")) == 3
    assert exception(adu("10 FFFF 0002 04 000A 0102")) == 2


@pytest.mark.parametrize("unit", [0, 1, 255])
def test_a_configured_unit(unit: int) -> None:
    """MB-22: the unit that is asked is the unit that answers."""
    assert answer(NUMBERED, adu("03 0005 0001", 9, unit)) == adu("03 02 0005", 9, unit)


@pytest.mark.parametrize("unit", [2, 17, 247, 254])
def test_a_unit_that_is_not_configured(unit: int) -> None:
    """MB-22: another unit id is exception 0A whatever is asked, for no path leads there."""
    for pdu in ("03 0005 0001", "06 0001 0003", "32", "03 00"):
        response = answer(NUMBERED, adu(pdu, 9, unit))
        assert response == adu(bytes((bytes.fromhex(pdu)[0] | 0x80, 0x0A)), 9, unit)


@pytest.mark.parametrize("transaction", [0, 1, 0x8000, 0xFFFF])
def test_transactions_are_echoed(transaction: int) -> None:
    """MB-21: any transaction id comes back, also the same one again."""
    for _ in range(2):
        for request in (read(0, 1, transaction), adu("32", transaction)):
            assert answer(NUMBERED, request)[:2] == transaction.to_bytes(2, "big")


@pytest.mark.parametrize("pdu", ["32", "03 0000 0000", "03 FFFF 0002", "06 0000 0000", "10"])
def test_an_exception_is_nine_bytes(pdu: str) -> None:
    """MB-32: every exception is a frame of exactly 9 bytes with length 3."""
    response = answer(NUMBERED, adu(pdu, 0xABCD))

    assert len(response) == 9
    assert response[:7] == bytes.fromhex("ABCD 0000 0003 01")


@given(
    pdu=st.binary(min_size=1, max_size=253),
    transaction=st.integers(0, 0xFFFF),
    unit=st.integers(0, 255),
)
def test_any_request_has_a_proper_answer(pdu: bytes, transaction: int, unit: int) -> None:
    """Random PDUs get one well-formed response with their own transaction, unit and function."""
    request = adu(pdu, transaction, unit)
    (response,) = cut(answer(NUMBERED, request))

    assert response[:2] == request[:2]
    assert response[6] == unit
    assert response[7] & 0x7F == pdu[0] & 0x7F
    if response[7] & 0x80:
        assert response[8] in {1, 2, 3, 10}
        assert len(response) == 9


@given(
    function=st.sampled_from((*READS, WRITE_ONE, WRITE_MANY)),
    address=st.integers(0, 65535),
    quantity=st.integers(0, 65535) | st.integers(0, 130),
    tail=st.binary(max_size=248),
)
def test_near_misses_have_a_proper_answer(
    function: int, address: int, quantity: int, tail: bytes
) -> None:
    """Requests that begin like valid ones are answered with data or 2 or 3, and right."""
    pdu = struct.pack(">BHH", function, address, quantity) + tail
    (response,) = cut(answer(NUMBERED, adu(pdu)))

    if function in READS and not tail and 1 <= quantity <= 125 and address + quantity <= 65536:
        assert numbers(response) == list(range(address, address + quantity))
    else:
        assert response[7] == function | 0x80
        assert response[8] in {2, 3}
