"""Where a signal lies, and the generic reader's refusal of frames that do not contain it."""

import pytest

from gateway.canbus.frame import ERROR, EXTENDED, REMOTE, identifier_text, key_of
from gateway.canbus.signal import Coding, Order, Signal, is_present, physical_value, raw_value

BIG, LITTLE = Order.BIG, Order.LITTLE


@pytest.mark.parametrize(
    ("start", "length", "order", "needed", "raw"),
    [
        (0, 1, LITTLE, 1, 1),
        (7, 1, LITTLE, 1, 0),
        (4, 8, LITTLE, 2, 0x30),
        (8, 16, LITTLE, 3, 0x4523),
        (0, 64, LITTLE, 8, 0xEFCDAB8967452301),
        (7, 1, BIG, 1, 0),
        (0, 1, BIG, 1, 1),
        (3, 8, BIG, 2, 0x12),
        (15, 16, BIG, 3, 0x2345),
        (7, 64, BIG, 8, 0x0123456789ABCDEF),
        (56, 1, BIG, 8, 1),
    ],
)
def test_a_signal_s_place(start: int, length: int, order: Order, needed: int, raw: int) -> None:
    """Bit numbers are those of DBC files: the lowest bit for Intel, the highest for Motorola."""
    signal = Signal("s", start, length, order)

    assert signal.bytes_needed() == needed
    assert raw_value(signal, bytes.fromhex("0123456789ABCDEF")) == raw


@pytest.mark.parametrize("order", Order)
def test_a_frame_that_ends_before_the_signal(order: Order) -> None:
    """It is an error that names the signal, not some other number."""
    signal = Signal("current", 15 if order is BIG else 8, 16, order)

    assert raw_value(signal, bytes(3)) == 0
    with pytest.raises(IndexError, match=r"^current needs 3 bytes, not 2$"):
        raw_value(signal, bytes(2))


def test_scaling() -> None:
    """Physical is raw x scale + offset, of the signed number."""
    signal = Signal("t", 0, 8, LITTLE, Coding.SIGNED, 0.5, -40)

    assert physical_value(signal, b"\xfe") == -41


def test_presence_through_all_levels() -> None:
    """A signal is there if its selector is there and has one of its values."""
    outer = Signal("outer", 0, 8, LITTLE)
    inner = Signal("inner", 8, 8, LITTLE, when={"outer": (1, 2)})
    signal = Signal("s", 16, 8, LITTLE, when={"inner": (7,)})
    known = {part.name: part for part in (outer, inner, signal)}
    present = {
        payload: is_present(signal, bytes.fromhex(payload), known)
        for payload in ("010700", "020700", "030700", "010800")
    }

    assert present == {"010700": True, "020700": True, "030700": False, "010800": False}


def test_identifiers_as_people_write_them() -> None:
    """Three digits, or eight for an extended one; a small extended one is not a standard one."""
    assert identifier_text(key_of(0x1A, extended=False)) == "01A"
    assert identifier_text(key_of(0x1A, extended=True)) == "0000001A"
    assert identifier_text(key_of(0x1FFFFFFF, extended=True)) == "1FFFFFFF"
    assert key_of(0x1A, extended=True) != key_of(0x1A, extended=False)


def test_the_flags_of_a_key() -> None:
    """They are SocketCAN's, and no identifier reaches them."""
    assert (EXTENDED, REMOTE, ERROR) == (1 << 31, 1 << 30, 1 << 29)
    assert key_of(0x1FFFFFFF, extended=False) & (EXTENDED | REMOTE | ERROR) == 0
