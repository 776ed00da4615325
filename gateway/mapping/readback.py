"""The way back: registers that a server gave, as values of a map. For tools; serving does not need it."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.mapping.image import AGE_UNIT, NEVER
from gateway.mapping.registers import Entry, MapRows
from gateway.mapping.schema.registers import ConstantRow
from gateway.mapping.shown import point_of
from gateway.mapping.spread import word_type
from gateway.mapping.words import from_words, number_from_words, text_from_words


@dataclass(frozen=True, slots=True)
class Reading:
    """What one value of a map read."""

    entry: Entry
    value: float | str | None
    "In the point's unit; None where the registers say that there is none, or were refused."
    quality: int | None
    "The register of the quality mirror, where the map has one."
    age: float | None
    "Seconds, from the age mirror; None where there is none, or the value was never seen."


def places(rows: MapRows, chosen: Iterable[Entry]) -> Iterator[tuple[int, int]]:
    """The registers to read for some values: address and words, mirrors included."""
    mirrors = rows.rows.mirrors
    for entry in chosen:
        yield entry.address, entry.words
        if mirrors is not None and rows.is_mirrored(entry.row, entry.address):
            yield entry.address + mirrors.quality, 1
            yield entry.address + mirrors.age, 1


def reading(rows: MapRows, entry: Entry, registers: Mapping[int, int]) -> Reading:
    """The value of an entry in some registers; those that were refused are not among them."""
    quality = age = None
    mirrors = rows.rows.mirrors
    if mirrors is not None and rows.is_mirrored(entry.row, entry.address):
        quality = registers.get(entry.address + mirrors.quality)
        counts = registers.get(entry.address + mirrors.age, NEVER)
        age = None if counts == NEVER else counts * AGE_UNIT
    words = [registers.get(entry.address + word) for word in range(entry.words)]
    known = [word for word in words if word is not None]
    value = None if len(known) < entry.words else _value(rows, entry, known)
    return Reading(entry, value, quality, age)


def _value(rows: MapRows, entry: Entry, words: list[int]) -> float | str | None:
    row, order = entry.row, rows.arrangement(entry.row)
    if row.type == "string":
        return text_from_words(words, order)
    missing = rows.missing(row)
    instead = missing.constant if isinstance(missing, ConstantRow) else None
    number = (
        from_words(word_type(row), words, order, instead)
        if row.shows
        else number_from_words(word_type(row), words, order)
    )
    if number is None or not math.isfinite(number):
        return None
    if entry.bit is not None:
        return int(number) >> entry.bit & 1
    value = number * row.scale + row.offset
    point = point_of(row)
    turned = point is not None and point.signed and (row.sign or rows.rows.sign) == "charge"
    return 0.0 - value if turned else value
