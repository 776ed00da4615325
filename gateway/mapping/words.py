"""Register types: how numbers become 16-bit words, and back.

A row: width in words, bounds of what a value may use, and the pattern that means "not implemented" (the
one that SunSpec uses, so that clients know it). A value beyond the bounds is clamped to the nearest, never
to the pattern. Words of a value follow each other highest first (`big`) or lowest first (`little`); the
bytes of a word can be swapped too.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

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


_EXACT = 2.0**53
"Beyond this a float64 cannot count by ones."
_SHORT = float(np.finfo(np.float32).max)

TYPES = {
    row.name: row
    for row in (
        WordType("u16", 1, ">u2", 0, 0xFFFE, 0xFFFF),
        WordType("i16", 1, ">i2", -0x7FFF, 0x7FFF, 0x8000),
        WordType("u32", 2, ">u4", 0, 0xFFFFFFFE, 0xFFFFFFFF),
        WordType("i32", 2, ">i4", -0x7FFFFFFF, 0x7FFFFFFF, 0x80000000),
        WordType("u64", 4, ">u8", 0, _EXACT, 0xFFFFFFFFFFFFFFFF),
        WordType("f32", 2, ">f4", -_SHORT, _SHORT),
        WordType("f64", 4, ">f8"),
        WordType("enum", 1, ">u2", 0, 0xFFFE, 0xFFFF),
        WordType("bitfield1", 1, ">u2", 0, 0x7FFF, 0xFFFF),
        WordType("bitfield2", 2, ">u4", 0, 0xFFFFFFFE, 0xFFFFFFFF),
        WordType("bitfield4", 4, ">u8", 0, _EXACT, 0xFFFFFFFFFFFFFFFF),
        WordType("bits", 1, ">u2", 0, 0xFFFF, 0),
    )
}


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
    if kind.is_float:
        numbers = np.where(lost, np.nan if instead is None else instead, numbers)
        raw = np.clip(numbers, kind.low, kind.high).astype(kind.code)
    else:
        whole = np.where(lost, 0.0, numbers)
        np.clip(np.rint(whole, out=whole), kind.low, kind.high, out=whole)
        raw = whole.astype(kind.code)
        pattern = kind.missing if instead is None else instead & (1 << 16 * kind.words) - 1
        raw.view(f">u{2 * kind.words}")[lost] = pattern
    words = raw.view(">u2").astype(np.uint16).reshape(-1, kind.words)
    if arrangement.word_order == "little":
        words = words[:, ::-1]
    if arrangement.byte_order == "little":
        words = words.byteswap()
    return words


def from_words(kind: WordType, words: Sequence[int], arrangement: Arrangement) -> float | None:
    """The number in register units that some words mean; None for the pattern of no value."""
    if arrangement.byte_order == "little":
        words = [word >> 8 | (word & 0xFF) << 8 for word in words]
    if arrangement.word_order == "little":
        words = list(reversed(words))
    packed = b"".join(word.to_bytes(2, "big") for word in words)
    code = {"u2": "H", "i2": "h", "u4": "I", "i4": "i", "u8": "Q", "f4": "f", "f8": "d"}[
        kind.code[1:]
    ]
    number: float = struct.unpack(f">{code}", packed)[0]
    if kind.is_float:
        return None if math.isnan(number) else number
    if kind.name != "bits" and int.from_bytes(packed, "big") == kind.missing:
        return None
    return number


def text_to_words(text: str, words: int) -> list[int]:
    """A string in a fixed number of words: UTF-8, cut between characters, filled with zeros."""
    packed = text.encode()[: 2 * words].decode(errors="ignore").encode().ljust(2 * words, b"\0")
    return [int.from_bytes(packed[at : at + 2], "big") for at in range(0, 2 * words, 2)]


def text_from_words(words: Sequence[int]) -> str:
    """The string in some words."""
    packed = b"".join(word.to_bytes(2, "big") for word in words)
    return packed.split(b"\0", 1)[0].decode(errors="replace")
