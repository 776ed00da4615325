"""Checksums of one byte, as BMU frames carry them.

A row: name -> function of the bytes it covers. The CRCs are those of SAE J1850 and of AUTOSAR's CRC library
(polynomial 0x2F); both start from 0xFF and are inverted at the end.
"""

import functools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence

_INITIAL = 0xFF
_FINAL = 0xFF


def _crc_table(polynomial: int) -> Sequence[int]:
    """What each byte makes of a register of 0."""
    table = []
    for number in range(256):
        register = number
        for _ in range(8):
            register = register << 1 ^ (polynomial if register & 0x80 else 0)
        table.append(register & 0xFF)
    return tuple(table)


def _crc(table: Sequence[int], data: Iterable[int]) -> int:
    register = _INITIAL
    for byte in data:
        register = table[register ^ byte]
    return register ^ _FINAL


CHECKSUMS: Mapping[str, Callable[[Iterable[int]], int]] = {
    "crc8_sae_j1850": functools.partial(_crc, _crc_table(0x1D)),
    "crc8_autosar": functools.partial(_crc, _crc_table(0x2F)),
    "xor": lambda data: functools.reduce(operator.xor, data, 0),
    "sum": lambda data: sum(data) & 0xFF,
}
