"""The registers behind one unit id."""

import pytest
from modbus.adu import NUMBERED, numbered, read

from gateway.mapping.image import REGISTERS, Image
from gateway.modbus.bank import Bank, Code, Refused
from gateway.modbus.wire import answer


def test_a_new_bank_reads_zeros() -> None:
    """Before the first image the registers are there and 0."""
    bank = Bank(bytes(REGISTERS))

    assert bank.read(0, 125) == bytes(250)
    assert bank.read(65535, 1) == bytes(2)


def test_registers_are_big_endian() -> None:
    """A register is its two bytes of the image, high byte first."""
    assert numbered().read(0x1234, 2) == bytes.fromhex("1234 1235")


def test_an_image_is_swapped_as_a_whole() -> None:
    """A new image shows in the next read, all of it."""
    bank = numbered()
    bank.image = Image(NUMBERED[::-1], None)

    assert bank.read(0, 2) == b"\xff\xff\xfe\xff"


@pytest.mark.parametrize(("address", "quantity"), [(100, 1), (99, 2), (100, 3), (90, 20)])
def test_a_register_that_does_not_exist(address: int, quantity: int) -> None:
    """A read that touches a hole is an illegal address."""
    with pytest.raises(Refused) as refusal:
        numbered(missing=[100]).read(address, quantity)

    assert refusal.value.code is Code.ILLEGAL_ADDRESS


@pytest.mark.parametrize(("address", "quantity"), [(98, 2), (101, 3)])
def test_reads_beside_a_hole(address: int, quantity: int) -> None:
    """A read up to a hole, or from behind it, is served."""
    assert numbered(missing=[100]).read(address, quantity)[:2] == address.to_bytes(2, "big")


@pytest.mark.parametrize(("address", "quantity"), [(100, 1), (99, 2), (100, 3)])
def test_a_register_with_nothing_to_show(address: int, quantity: int) -> None:
    """A read that touches a blocked register is a server failure, on the wire exception 4."""
    bank = numbered(silent=[100])

    assert answer({1: bank}, read(address, quantity))[7:] == b"\x83\x04"
    assert bank.read(98, 2) == bytes.fromhex("0062 0063")


def test_a_hole_is_found_before_a_silent_register() -> None:
    """Where a read touches both, the address is what is wrong."""
    bank = numbered(missing=[101], silent=[100])

    assert answer({1: bank}, read(100, 2))[7:] == b"\x83\x02"


def test_nothing_can_be_written() -> None:
    """Registers are read-only, also those at the end and those that do not exist."""
    for address in (0, 100, 65535):
        with pytest.raises(Refused) as refusal:
            numbered(missing=[100]).write(address, b"\0\1")
        assert refusal.value.code is Code.ILLEGAL_ADDRESS


def test_a_refusal_says_what_it_is_about() -> None:
    """The text names the code and the registers, for the log."""
    with pytest.raises(Refused, match=r"^ILLEGAL_ADDRESS registers 10\.\.11$"):
        numbered().write(10, bytes(4))
