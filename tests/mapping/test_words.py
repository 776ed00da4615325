"""Register types: numbers to words and back."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mapping.words import (
    TYPES,
    Arrangement,
    WordType,
    from_words,
    text_from_words,
    text_to_words,
    to_words,
)

BIG, SWAPPED = Arrangement(), Arrangement(byte_order="little")
ARRANGEMENTS = [Arrangement(word, byte) for word in ("big", "little") for byte in ("big", "little")]
WHOLE = [kind for kind in TYPES.values() if not kind.is_float]
FLOATS = [kind for kind in TYPES.values() if kind.is_float]
PATTERNS = {name: kind.missing for name, kind in TYPES.items() if not kind.is_float}
NO_PATTERN = {"bit", "bits"}
"Types that use all of their bits: what is lost reads 0."
kinds = pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
wide_kinds = pytest.mark.parametrize(
    "kind", [kind for kind in WHOLE if kind.name != "bit"], ids=lambda kind: kind.name
)
"Those that hold more than 0 and 1."
whole_kinds = pytest.mark.parametrize("kind", WHOLE, ids=lambda kind: kind.name)
float_kinds = pytest.mark.parametrize("kind", FLOATS, ids=lambda kind: kind.name)


def one(
    kind: WordType, number: float, arrangement: Arrangement = BIG, instead: int | None = None
) -> list[int]:
    """A single number as words; NaN for one that is lost."""
    lost = np.array([math.isnan(number)])
    words: list[int] = to_words(kind, np.array([number]), lost, instead, arrangement)[0].tolist()
    return words


@pytest.mark.parametrize(
    ("name", "number", "words"),
    [
        ("u16", 0x1234, [0x1234]),
        ("u16", 65534, [0xFFFE]),
        ("i16", -1, [0xFFFF]),
        ("i16", -32767, [0x8001]),
        ("u32", 0x12345678, [0x1234, 0x5678]),
        ("i32", -2, [0xFFFF, 0xFFFE]),
        ("i32", -2147483647, [0x8000, 0x0001]),
        ("u64", 0x000123456789ABCD, [0x0001, 0x2345, 0x6789, 0xABCD]),
        ("f32", 1234.5, [0x449A, 0x5000]),
        ("f32", -0.1, [0xBDCC, 0xCCCD]),
        ("f64", 1.0, [0x3FF0, 0, 0, 0]),
        ("f64", -9876.54321, [0xC0C3, 0x4A45, 0x87E7, 0xC06E]),
        ("enum", 99, [99]),
        ("bitfield1", 0b101, [5]),
        ("bitfield2", 0x80000001, [0x8000, 0x0001]),
        ("bitfield4", 2.0**40 + 1, [0, 0x0100, 0, 1]),
        ("bits", 0xFFFF, [0xFFFF]),
    ],
)
def test_numbers_as_words(name: str, number: float, words: list[int]) -> None:
    """A number of each type is the words that the type's definition says, and reads back."""
    kind = TYPES[name]

    assert one(kind, number) == words
    assert from_words(kind, words, BIG) == pytest.approx(number, rel=1e-7 if name == "f32" else 0)


@pytest.mark.parametrize(
    ("arrangement", "words"),
    [
        (Arrangement("big", "big"), [0x1122, 0x3344, 0x5566, 0x7788]),
        (Arrangement("little", "big"), [0x7788, 0x5566, 0x3344, 0x1122]),
        (Arrangement("big", "little"), [0x2211, 0x4433, 0x6655, 0x8877]),
        (Arrangement("little", "little"), [0x8877, 0x6655, 0x4433, 0x2211]),
    ],
)
def test_word_and_byte_order(arrangement: Arrangement, words: list[int]) -> None:
    """Words and the bytes in a word are swapped independently, in every width."""
    number = float(np.frombuffer(bytes.fromhex("1122334455667788"), ">f8")[0])
    swapped = 0x2211 if arrangement.byte_order == "little" else 0x1122

    assert one(TYPES["f64"], number, arrangement) == words
    assert from_words(TYPES["f64"], words, arrangement) == number
    assert one(TYPES["u16"], 0x1122, arrangement) == [swapped]
    assert from_words(TYPES["u16"], [swapped], arrangement) == 0x1122


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
@kinds
def test_no_value(kind: WordType, arrangement: Arrangement) -> None:
    """What is lost is the pattern of its type, in whatever order, and reads back as nothing."""
    words = one(kind, math.nan, arrangement)

    if kind.name in NO_PATTERN:
        assert words == [0]
    else:
        assert from_words(kind, words, arrangement) is None


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, 0), (1, 1), (0.4, 0), (0.6, 1), (7, 1), (-1, 0), (math.inf, 1), (math.nan, 0)],
)
def test_a_bit_is_0_or_1(number: float, shown: int) -> None:
    """The nearest of the two; no value is 0, and reads back as that."""
    assert one(TYPES["bit"], number) == [shown]
    assert from_words(TYPES["bit"], [shown], BIG) == shown
    assert TYPES["bit"].bounds == (0, 1)


def test_the_patterns_of_no_value() -> None:
    """The patterns are SunSpec's, and published."""
    assert PATTERNS == {
        "u16": 0xFFFF, "i16": 0x8000, "u32": 0xFFFFFFFF, "i32": 0x80000000,
        "u64": 0xFFFFFFFFFFFFFFFF, "enum": 0xFFFF, "bitfield1": 0xFFFF, "bitfield2": 0xFFFFFFFF,
        "bitfield4": 0xFFFFFFFFFFFFFFFF, "bits": 0, "bit": 0,
    }  # fmt: skip
    assert one(TYPES["f32"], math.nan) == [0x7FC0, 0]
    assert one(TYPES["f64"], math.nan) == [0x7FF8, 0, 0, 0]


@kinds
def test_a_type_s_row_fits_together(kind: WordType) -> None:
    """The code is as wide as the words, and what a value may use leaves the pattern out."""
    assert np.dtype(kind.code).itemsize == 2 * kind.words
    if not kind.is_float and kind.name not in NO_PATTERN:
        signed = "i" in kind.code
        pattern = kind.missing - (1 << 16 * kind.words if signed else 0)
        assert not kind.low <= pattern <= kind.high


@pytest.mark.parametrize("number", [math.inf, -math.inf, 1e30, -1e30])
@whole_kinds
def test_far_beyond_the_bounds(kind: WordType, number: float) -> None:
    """A value that does not fit is the nearest that does, never the pattern of no value."""
    words = one(kind, number)

    assert from_words(kind, words, BIG) == (kind.high if number > 0 else kind.low)


@whole_kinds
def test_just_beyond_the_bounds(kind: WordType) -> None:
    """The bounds themselves are kept; one count, or less, beyond is clamped to them."""
    for bound, outwards in ((kind.low, -1), (kind.high, 1)):
        for beyond in (0.0, 0.5, 1.0, 2.0):
            words = one(kind, bound + outwards * beyond)
            assert from_words(kind, words, BIG) == bound


@pytest.mark.parametrize("number", [1e39, -1e39, math.inf, -math.inf])
def test_beyond_a_short_float(number: float) -> None:
    """What does not fit into an f32 is its largest finite number of that sign."""
    shown = from_words(TYPES["f32"], one(TYPES["f32"], number), BIG)

    assert shown == math.copysign(float(np.finfo(np.float32).max), number)


@wide_kinds
@pytest.mark.parametrize("constant", [0, 1, 0x7FFF])
def test_a_constant_instead(kind: WordType, constant: int) -> None:
    """A declared constant takes the place of the pattern, and of nothing else."""
    numbers, lost = np.array([5.0, 5.0]), np.array([True, False])
    words = to_words(kind, numbers, lost, constant, BIG)

    assert [from_words(kind, row, BIG) for row in words.tolist()] == [constant, 5]


def test_a_negative_constant() -> None:
    """A constant below 0 is its two's complement."""
    assert one(TYPES["i32"], math.nan, instead=-2) == [0xFFFF, 0xFFFE]
    assert from_words(TYPES["f32"], one(TYPES["f32"], math.nan, instead=-2), BIG) == -2


@wide_kinds
def test_numbers_are_rounded(kind: WordType) -> None:
    """The nearest count is shown, not the one below."""
    for number, count in ((2.4, 2), (2.6, 3), (2.9999999, 3)):
        assert from_words(kind, one(kind, number), BIG) == count


@given(data=st.data(), arrangement=st.sampled_from(ARRANGEMENTS))
def test_whole_numbers_come_back(data: st.DataObject, arrangement: Arrangement) -> None:
    """Any number within the bounds reads back within half a count, and is never nothing."""
    kind = data.draw(st.sampled_from(WHOLE))
    number = data.draw(st.floats(kind.low, kind.high))
    back = from_words(kind, one(kind, number, arrangement), arrangement)

    assert back is not None
    assert kind.low <= back <= kind.high
    assert abs(back - number) <= 0.5


@given(
    number=st.floats(allow_nan=False, allow_infinity=False),
    arrangement=st.sampled_from(ARRANGEMENTS),
)
def test_long_floats_come_back(number: float, arrangement: Arrangement) -> None:
    """An f64 is the number itself."""
    kind = TYPES["f64"]

    assert from_words(kind, one(kind, number, arrangement), arrangement) == number


@pytest.mark.parametrize("name", ["f32", "f64"])
@pytest.mark.parametrize("sign", [1, -1])
def test_infinity_is_clamped(name: str, sign: int) -> None:
    """A float register shows the greatest number of its type, never infinity."""
    kind = TYPES[name]

    assert from_words(kind, one(kind, sign * math.inf, BIG), BIG) == sign * kind.high


@given(number=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_short_floats_come_back(number: float) -> None:
    """An f32 is the number itself where it fits."""
    assert from_words(TYPES["f32"], one(TYPES["f32"], number), BIG) == number


@given(data=st.data())
def test_any_words_mean_something(data: st.DataObject) -> None:
    """Whatever a server sends is a number or nothing."""
    kind = data.draw(st.sampled_from(list(TYPES.values())))
    words = data.draw(st.lists(st.integers(0, 65535), min_size=kind.words, max_size=kind.words))
    number = from_words(kind, words, data.draw(st.sampled_from(ARRANGEMENTS)))

    assert number is None or isinstance(number, int | float)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("AB", [0x4142, 0, 0]),
        ("ABC", [0x4142, 0x4300, 0]),
        ("", [0, 0, 0]),
        ("ABCDEFGH", [0x4142, 0x4344, 0x4546]),
        ("ABCDE\N{DEGREE SIGN}", [0x4142, 0x4344, 0x4500]),
    ],
)
def test_text(text: str, words: list[int]) -> None:
    """Text is UTF-8, high byte first, filled with zeros, and never cut within a character."""
    assert text_to_words(text, 3, BIG).tolist() == words


@given(text=st.text(alphabet=st.characters(exclude_characters="\0", codec="utf-8"), max_size=8))
def test_text_comes_back(text: str) -> None:
    """Text that fits reads back as it is, with its bytes swapped or not."""
    for arrangement in (BIG, SWAPPED):
        assert text_from_words(text_to_words(text, 16, arrangement).tolist(), arrangement) == text
    assert text_to_words("AB", 1, SWAPPED).tolist() == [0x4241]


@given(words=st.lists(st.integers(0, 65535), max_size=8))
def test_any_words_are_text(words: list[int]) -> None:
    """Whatever a server sends as text can be shown."""
    assert isinstance(text_from_words(words, BIG), str)
