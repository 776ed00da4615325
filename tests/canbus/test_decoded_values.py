"""What a compiled decoder makes of a frame's bits: values, and why there is none."""

import dataclasses
import math
import struct
from collections.abc import Sequence

import pytest
from canbus.taken import ELEMENT, GOOD, MISSING, OUTSIDE, Reading, Taken, byte, message, to
from hypothesis import given
from hypothesis import strategies as st

from gateway.canbus.expression import aligned
from gateway.canbus.signal import FLOATS, Coding, Order, Signal
from gateway.canbus.table import Field

FLOAT32 = Signal("f", 0, 32, Order.LITTLE, Coding.FLOAT)


@pytest.mark.parametrize(
    ("codes", "raw", "expected"),
    [
        ({255}, "FF", Reading(None, MISSING)),
        ({255}, "FE", Reading(254, GOOD)),
        ({0, 254, 255}, "FE", Reading(None, MISSING)),
        ({0, 254, 255}, "00", Reading(None, MISSING)),
        ({0, 254, 255}, "FD", Reading(253, GOOD)),
    ],
)
def test_a_code_for_no_value(codes: set[int], raw: str, expected: Reading) -> None:
    """A raw value that means "not available" is no value; its neighbours are."""
    part = dataclasses.replace(to("a", byte(0)), not_available=frozenset(codes))

    assert Taken(message(part, length=1)).take(raw)["a"] == expected


@pytest.mark.parametrize(
    ("flags", "available"), [("00", False), ("01", True), ("02", False), ("03", False)]
)
def test_flags_of_both_polarities(flags: str, *, available: bool) -> None:
    """A value counts only while one flag is set and another is not."""
    valid, failed = Signal("valid", 8, 1, Order.LITTLE), Signal("failed", 9, 1, Order.LITTLE)
    part = dataclasses.replace(to("a", byte(0)), valid_when=((valid, 1), (failed, 0)))
    taken = Taken(message(part, length=2)).take(f"2A {flags}")

    assert taken["a"] == (Reading(42, GOOD) if available else Reading(None, MISSING))


def test_a_code_before_the_range() -> None:
    """A code for "not available" outside the range is told as what it is."""
    part = dataclasses.replace(to("a", byte(0)), not_available=frozenset({255}), low=0, high=100)
    taken = Taken(message(part, length=1))

    assert taken.take("FF")["a"] == Reading(None, MISSING)
    assert taken.take("FE")["a"] == Reading(None, OUTSIDE)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("09", None), ("0A", 10), ("14", 20), ("15", None), ("0F", 15), ("80", None)],
)
def test_a_range(raw: str, expected: float | None) -> None:
    """The bounds belong to the range; outside there is no value, and the next frame may have one."""
    part = dataclasses.replace(to("a", byte(0, Coding.SIGNED)), low=10, high=20)
    taken = Taken(message(part, length=1)).take(raw)

    assert taken["a"] == Reading(expected, OUTSIDE if expected is None else GOOD)
    assert taken.take("0B")["a"] == Reading(11, GOOD)


@pytest.mark.parametrize("bounds", [(None, None), (-1e9, 1e9), (-math.inf, math.inf)])
@pytest.mark.parametrize("width", FLOATS)
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_floats_that_are_no_measure(
    number: float, width: int, bounds: tuple[float | None, float | None]
) -> None:
    """NaN and infinity never pass for values, with a range or without."""
    signal = Signal("f", 0, width, Order.LITTLE, Coding.FLOAT)
    part = dataclasses.replace(to("a", signal), low=bounds[0], high=bounds[1])
    taken = Taken(message(part)).take(struct.pack(f"<{FLOATS[width]}", number).hex().ljust(16, "0"))

    assert taken["a"] == Reading(None, MISSING if math.isnan(number) else OUTSIDE)


def test_an_open_range() -> None:
    """A range may be open on one side."""
    part = dataclasses.replace(to("a", byte(0)), low=10, high=math.inf)
    taken = Taken(message(part, length=1))

    assert taken.take("09")["a"] == Reading(None, OUTSIDE)
    assert taken.take("FF")["a"] == Reading(255, GOOD)


def test_states() -> None:
    """Raw states become the point's own; one that is not in the table is out of range."""
    part = dataclasses.replace(to("a", byte(0)), states={0: 1, 7: 99})
    taken = Taken(message(part, length=1))

    assert taken.take("00")["a"] == Reading(1, GOOD)
    assert taken.take("07")["a"] == Reading(99, GOOD)
    assert taken.take("01")["a"] == Reading(None, OUTSIDE)


def test_a_conversion_keeps_decimal_fractions() -> None:
    """3,650 mV are 3.65 V to the last bit, and 25 degC come out of 298.15 K."""
    millivolts = dataclasses.replace(to("a", Signal("u", 0, 16, Order.LITTLE)), divisor=1000)
    kelvin = dataclasses.replace(
        to("b", Signal("t", 16, 16, Order.LITTLE, scale=0.01)), offset=-273.15
    )
    taken = Taken(message(millivolts, kelvin)).take("420E 7774 00000000")

    assert taken["a"].value == 3.65
    assert taken["b"].value == pytest.approx(25, abs=1e-9)


def test_sign_magnitude_and_several_points() -> None:
    """A value may change its sign, lose it, and go to several points."""
    signed = byte(0, Coding.SIGNED)
    turned = Field(signed, (ELEMENT["a"], ELEMENT["b"]), multiplier=-1000)
    size = dataclasses.replace(to("c", byte(1, Coding.SIGNED)), absolute=True)
    taken = Taken(message(turned, size)).take("FE FD 000000000000")

    assert [taken[name].value for name in "abc"] == [2000, 2000, 3]


numbers = st.sampled_from([1, -1, 2, -0.5, 0.001, -1000, 0.1])


@given(
    scale=numbers, offset=st.sampled_from([0, -0.5, 0.5]), multiplier=numbers,
    raw=st.sampled_from([0, 1, 255]), absolute=st.booleans(),
)  # fmt: skip
def test_zero_has_no_sign(
    scale: float, offset: float, multiplier: float, raw: int, *, absolute: bool
) -> None:
    """Whatever turns a value round, no point ever reads -0.0."""
    signal = Signal("s", 0, 8, Order.LITTLE, Coding.SIGNED, scale, offset)
    part = Field(signal, (ELEMENT["a"],), multiplier, absolute=absolute)
    value = Taken(message(part, length=1)).take(f"{raw:02X}")["a"].value

    assert str(value) != "-0.0"


def test_a_floating_minus_zero() -> None:
    """A floating -0.0 in a frame reads 0.0."""
    taken = Taken(message(to("a", FLOAT32))).take("00000080 00000000")

    assert str(taken["a"].value) == "0.0"


kinds = st.sampled_from(
    [(8 * size, coding) for size in (1, 2, 4, 8) for coding in (Coding.UNSIGNED, Coding.SIGNED)]
    + [(width, Coding.FLOAT) for width in FLOATS]
)


@st.composite
def bytewise(draw: st.DrawFn) -> list[Signal]:
    """Signals of whole bytes in one byte order, gaps between them, in no order."""
    order = draw(st.sampled_from(Order))
    signals: list[Signal] = []
    at = draw(st.integers(0, 2))
    for index, (width, coding) in enumerate(draw(st.lists(kinds, min_size=2, max_size=8))):
        start = at * 8 + (7 if order is Order.BIG else 0)
        signals.append(Signal(f"s{index}", start, width, order, coding))
        at += width // 8 + draw(st.integers(0, 2))
    return draw(st.permutations(signals))


@given(bytewise(), st.binary(min_size=80, max_size=80), st.integers(0, 3))
def test_whole_bytes_at_once(signals: Sequence[Signal], data: bytes, spare: int) -> None:
    """Fields unpacked in one go are what each of them is when it is cut out of the frame alone."""
    length = max(signal.bytes_needed() for signal in signals) + spare
    fields = [to(name, signal) for name, signal in zip("abcdefgh", signals, strict=False)]
    together = Taken(message(*fields, length=length)).take(data[:length].hex())
    alone = [Taken(message(part, length=length)).take(data[:length].hex()) for part in fields]

    assert aligned(fields, length) is not None
    assert all(aligned([part], length) is None for part in fields)
    for name, single in zip("abcdefgh", alone, strict=False):
        assert together[name] == single[name]
