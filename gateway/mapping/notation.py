"""Small notations of frame files: numbers and ranges, bit places, identifiers that carry indices."""

import re
from collections.abc import Mapping

from gateway.canbus.signal import Coding, Order
from gateway.mapping.schema.frames import IdRow
from gateway.mapping.schema.row import Numbers

_RANGE = re.compile(r"^\s*(0x[0-9a-fA-F]+|\d+)\s*-\s*(0x[0-9a-fA-F]+|\d+)\s*$")
_BITS = re.compile(r"^(\d+)\|(\d+)@([01])([+-])$")
_INDEX = re.compile(r"\{(rack|module|page)([+-]\d+)?(?::(\d+))?\}")
_WIDEST = 65536
_HEXADECIMAL = 16


def numbers(text: Numbers) -> tuple[int, ...]:
    """Every number meant by 3, [1, 2], "0-103" or "0xFE00-0xFFFF"; ValueError if it means none."""
    if isinstance(text, int):
        return (text,)
    if isinstance(text, list):
        return tuple(number for item in text for number in numbers(item))
    if found := _RANGE.match(text):
        first, last = int(found[1], 0), int(found[2], 0)
        if first > last or last - first >= _WIDEST:
            raise ValueError(f"'{text}' is no range of at most {_WIDEST} numbers")
        return tuple(range(first, last + 1))
    return (_integer(text, 0),)


def _integer(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError:
        kind = "hexadecimal number" if base == _HEXADECIMAL else "number and no range of numbers"
        raise ValueError(f"'{text}' is no {kind}") from None


def bit_place(text: str) -> tuple[int, int, Order, Coding]:
    """Start, length, byte order and sign of a DBC notation like `7|16@0+`; ValueError if it is none."""
    found = _BITS.match(text)
    if not found:
        raise ValueError(f"'{text}' is not start|length@order sign, like 7|16@0+")
    start, length = int(found[1]), int(found[2])
    order = Order.LITTLE if found[3] == "1" else Order.BIG
    return start, length, order, Coding.SIGNED if found[4] == "-" else Coding.UNSIGNED


def byte_place(text: int | str, order: Order) -> tuple[int, int]:
    """Start bit and length of whole bytes like `2` or `2-3`; ValueError if it names none."""
    places = numbers(text)
    if places[0] < 0 or list(places) != list(range(places[0], places[-1] + 1)):
        raise ValueError(f"'{text}' does not name bytes in a row")
    start = places[0] * 8 + (7 if order is Order.BIG else 0)
    return start, len(places) * 8


def indices_in(identifier: int | str | IdRow) -> frozenset[str]:
    """Which of rack, module and page an identifier carries."""
    if isinstance(identifier, IdRow):
        return frozenset(name for name, step in _steps(identifier).items() if step)
    return frozenset(found[1] for found in _INDEX.finditer(str(identifier)))


def _steps(identifier: IdRow) -> Mapping[str, int]:
    return {"rack": identifier.rack, "module": identifier.module, "page": identifier.page}


def identifier_at(identifier: int | str | IdRow, at: Mapping[str, int]) -> int:
    """The identifier for some indices; ValueError if its text is no hexadecimal number then."""
    if isinstance(identifier, int):
        return identifier
    if isinstance(identifier, IdRow):
        steps = _steps(identifier).items()
        return identifier.base + sum(step * (at[name] - 1) for name, step in steps if step)

    def digits(found: re.Match[str]) -> str:
        number = at[found[1]] + int(found[2] or 0)
        width = int(found[3] or 1)
        text = f"{number:0{width}X}"
        if number < 0 or len(text) > width:
            raise ValueError(f"{found[1]} {at[found[1]]} does not fit into {found[0]}")
        return text

    return _integer(_INDEX.sub(digits, identifier), _HEXADECIMAL)
