"""Register types: how numbers become 16-bit words, and back.

A row: width in words, bounds of what a value may use, and the pattern that means "not implemented" (the
one that SunSpec uses, so that clients know it). A value beyond the bounds is clamped to the nearest, never
to what stands for a missing one. Words of a value follow each other highest first (`big`) or lowest first (`little`); the
bytes of a word can be swapped too.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class WordType:
    """A row of the table of types."""

    name: str
    words: int
    code: str
    "numpy and struct code of the number, big-endian."
    low: float = -math.inf
    high: float = math.inf
    missing: int = 0
    "Bits that mean: no value."

    @property
    def is_float(self) -> bool:
        """Whether the number is IEEE 754, and NaN means no value."""
        return self.code.endswith(("f4", "f8"))

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and greatest number that the bits can say at all."""
        bits = 1 if self.name == "bit" else 16 * self.words
        if self.is_float:
            return -self.high, self.high
        return (-(1 << bits - 1), (1 << bits - 1) - 1) if "i" in self.code else (0, (1 << bits) - 1)


_EXACT = 2.0**53
"Beyond this a float64 cannot count by ones."
_SHORT, _LONG = float(np.finfo(np.float32).max), float(np.finfo(np.float64).max)

TYPES = {
    row.name: row
    for row in (
        WordType("u16", 1, ">u2", 0, 0xFFFE, 0xFFFF),
        WordType("i16", 1, ">i2", -0x7FFF, 0x7FFF, 0x8000),
        WordType("u32", 2, ">u4", 0, 0xFFFFFFFE, 0xFFFFFFFF),
        WordType("i32", 2, ">i4", -0x7FFFFFFF, 0x7FFFFFFF, 0x80000000),
        WordType("u64", 4, ">u8", 0, _EXACT, 0xFFFFFFFFFFFFFFFF),
        WordType("f32", 2, ">f4", -_SHORT, _SHORT),
        WordType("f64", 4, ">f8", -_LONG, _LONG),
        WordType("enum", 1, ">u2", 0, 0xFFFE, 0xFFFF),
        WordType("bitfield1", 1, ">u2", 0, 0x7FFF, 0xFFFF),
        WordType("bitfield2", 2, ">u4", 0, 0xFFFFFFFE, 0xFFFFFFFF),
        WordType("bitfield4", 4, ">u8", 0, _EXACT, 0xFFFFFFFFFFFFFFFF),
        WordType("bits", 1, ">u2", 0, 0xFFFF, 0),
        WordType("bit", 1, ">u2", 0, 1, 0),
    )
}

COUNTER = WordType("counter", 1, ">u2", 0, 0xFFFF, 0xFFFF)
"A u16 that uses every number, as heartbeats do; only what was never written is missing."


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The order of words and of the bytes in a word."""

    word_order: str = "big"
    byte_order: str = "big"


def to_words(
    kind: WordType, numbers: NDArray[np.float64], lost: NDArray[np.bool_], instead: int | None,
    arrangement: Arrangement,
) -> Words:  # fmt: skip
    """Numbers in register units as words, one row a number; `instead` replaces the pattern of lost ones."""
    low, high = kind.low, kind.high
    if kind.is_float:
        numbers = np.where(lost, np.nan if instead is None else instead, numbers) + 0.0  # no -0.0
        raw = np.clip(numbers, low, high).astype(kind.code)
    else:
        whole = np.where(lost, 0.0, numbers)
        if instead is not None:
            taken = _as_number(kind, instead)
            low, high = low + (taken == low < 0), high - (taken == high)
        np.clip(np.rint(whole, out=whole), low, high, out=whole)
        raw = whole.astype(kind.code)
        pattern = kind.missing if instead is None else instead & (1 << 16 * kind.words) - 1
        raw.view(f">u{2 * kind.words}")[lost] = pattern
    return _arranged(raw.view(">u2").astype(np.uint16).reshape(-1, kind.words), arrangement)


def _as_number(kind: WordType, constant: int) -> int:
    """The number that a constant's bits are in a type."""
    low, high = (int(bound) for bound in kind.bounds)
    return (constant - low) % (high - low + 1) + low


def _arranged(words: Words, arrangement: Arrangement) -> Words:
    if arrangement.word_order == "little":
        words = words[:, ::-1]
    return swapped(words, arrangement)


def swapped(words: Words, arrangement: Arrangement) -> Words:
    """Words with their bytes in the order of an arrangement."""
    return np.asarray(words.byteswap()) if arrangement.byte_order == "little" else words


def constant_words(kind: WordType, number: float, arrangement: Arrangement) -> Words:
    """One exact number in register units as words; it must be within the type's bounds."""
    code = kind.code[1:]
    packed = struct.pack(f">{_CODES[code]}", number if kind.is_float else int(number))
    words: Words = np.frombuffer(packed, ">u2").astype(np.uint16)
    return _arranged(words.reshape(1, -1), arrangement).ravel()


_CODES = {"u2": "H", "i2": "h", "u4": "I", "i4": "i", "u8": "Q", "f4": "f", "f8": "d"}
"struct codes of numpy's."


def from_words(
    kind: WordType, words: Sequence[int], arrangement: Arrangement, instead: int | None = None
) -> float | None:
    """The number in register units that some words mean; None for what stands for a missing one."""
    number = number_from_words(kind, words, arrangement)
    if kind.is_float:
        constant = None if instead is None else float(np.array(instead).astype(kind.code[1:]))
        return None if math.isnan(number) or number == constant else number
    pattern = _as_number(kind, kind.missing if instead is None else instead)
    return None if kind.name not in {"bit", "bits"} and number == pattern else number


def number_from_words(kind: WordType, words: Sequence[int], arrangement: Arrangement) -> float:
    """The number in register units that some words are, whatever it stands for."""
    if arrangement.byte_order == "little":
        words = [word >> 8 | (word & 0xFF) << 8 for word in words]
    if arrangement.word_order == "little":
        words = list(reversed(words))
    packed = b"".join(word.to_bytes(2, "big") for word in words)
    number: float = struct.unpack(f">{_CODES[kind.code[1:]]}", packed)[0]
    return number


def text_to_words(text: str, words: int, arrangement: Arrangement) -> Words:
    """A string in a fixed number of words: UTF-8, cut between characters, filled with zeros.

    Its words stay in the order of reading, whatever the word order; its bytes may be swapped.
    """
    packed = text.encode()[: 2 * words].decode(errors="ignore").encode().ljust(2 * words, b"\0")
    return swapped(np.frombuffer(packed, ">u2").astype(np.uint16), arrangement)


def text_from_words(words: Sequence[int], arrangement: Arrangement) -> str:
    """The string in some words."""
    order: Literal["big", "little"] = "little" if arrangement.byte_order == "little" else "big"
    packed = b"".join(word.to_bytes(2, order) for word in words)
    return packed.split(b"\0", 1)[0].decode(errors="replace")
