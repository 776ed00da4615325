"""Requests by their form, as MODBUS Application Protocol V1.1b3 clause 6 has them; nothing here is the gateway's.

function        PDU                                                    quantities
1, 2            address, quantity                                      1..2000
3, 4            address, quantity                                      1..125
5               address, FF00 or 0000
6               address, value
8               sub-function 0, data                                   (another sub-function: exception 1)
15              address, quantity, bytes, bits                         1..1968
16              address, quantity, bytes, values                       1..123
22              address, AND, OR
23              address, quantity, address, quantity, bytes, values    1..125, 1..121
43              14, level, object                                      (another type: exception 1)
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.mapping.image import Table

Values = tuple[int, ...]
UNKNOWN_FUNCTION, MALFORMED = 1, 3


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of right form, taken apart."""

    function: int
    table: Table | None = None
    read: tuple[int, int] | None = None
    "Address and quantity."
    write: tuple[int, Values] | None = None
    "Address and values."
    mask: tuple[int, int, int] | None = None
    "Address, AND, OR."
    echoed: bytes = b""
    "The answer, where it is known from the request alone."
    named: tuple[int, int] | None = None
    "Level and object of identification."


class _Malformed(Exception):
    """Exception 3."""


def taken_apart(pdu: bytes) -> Asked | int:
    """A request, or the exception that its form deserves."""
    form = _FORMS.get(pdu[0])
    if form is None:
        return UNKNOWN_FUNCTION
    try:
        return form(pdu)
    except (_Malformed, struct.error):
        return MALFORMED


def _need(*, that: bool) -> None:
    if not that:
        raise _Malformed


def _fields(pdu: bytes, count: int) -> Values:
    """A PDU that consists of so many 16-bit fields."""
    return struct.unpack(f">{count}H", pdu[1:])


def _reading(pdu: bytes) -> Asked:
    address, quantity = _fields(pdu, 2)
    table = (Table.COIL, Table.DISCRETE, Table.HOLDING, Table.INPUT)[pdu[0] - 1]
    _need(that=1 <= quantity <= (2000 if pdu[0] <= 2 else 125))
    return Asked(pdu[0], table, read=(address, quantity))


def _coil(pdu: bytes) -> Asked:
    address, value = _fields(pdu, 2)
    _need(that=value in {0xFF00, 0})
    return Asked(5, Table.COIL, write=(address, (int(value > 0),)), echoed=pdu)


def _register(pdu: bytes) -> Asked:
    address, value = _fields(pdu, 2)
    return Asked(6, Table.HOLDING, write=(address, (value,)), echoed=pdu)


def _data(pdu: bytes, at: int, size: int) -> bytes:
    """What follows a byte count, which must be so many bytes."""
    count, *data = pdu[at:] or b"\xff"
    _need(that=count == size == len(data))
    return bytes(data)


def _coils(pdu: bytes) -> Asked:
    address, quantity = struct.unpack_from(">HH", pdu, 1)
    _need(that=1 <= quantity <= 1968)
    number = int.from_bytes(_data(pdu, 5, -(-quantity // 8)), "little")
    values = tuple(number >> bit & 1 for bit in range(quantity))
    return Asked(15, Table.COIL, write=(address, values), echoed=pdu[:5])


def _registers(pdu: bytes) -> Asked:
    address, quantity = struct.unpack_from(">HH", pdu, 1)
    _need(that=1 <= quantity <= 123)
    values = struct.unpack(f">{quantity}H", _data(pdu, 5, 2 * quantity))
    return Asked(16, Table.HOLDING, write=(address, values), echoed=pdu[:5])


def _masking(pdu: bytes) -> Asked:
    address, kept, put = _fields(pdu, 3)
    return Asked(22, Table.HOLDING, mask=(address, kept, put), echoed=pdu)


def _both(pdu: bytes) -> Asked:
    address, quantity, target, count = struct.unpack_from(">HHHH", pdu, 1)
    _need(that=1 <= quantity <= 125 and 1 <= count <= 121)
    values = struct.unpack(f">{count}H", _data(pdu, 9, 2 * count))
    return Asked(23, Table.HOLDING, read=(address, quantity), write=(target, values))


def _echo(pdu: bytes) -> Asked | int:
    _need(that=len(pdu) >= 3)
    if pdu[1] or pdu[2]:
        return UNKNOWN_FUNCTION
    _need(that=len(pdu) > 3)
    return Asked(8, echoed=pdu)


def _identity(pdu: bytes) -> Asked | int:
    _need(that=len(pdu) >= 2)
    if pdu[1] != 0x0E:
        return UNKNOWN_FUNCTION
    _need(that=len(pdu) == 4 and 1 <= pdu[2] <= 4)
    return Asked(43, named=(pdu[2], pdu[3]))


_FORMS: Mapping[int, Callable[[bytes], Asked | int]] = {
    1: _reading, 2: _reading, 3: _reading, 4: _reading, 5: _coil, 6: _register, 8: _echo,
    15: _coils, 16: _registers, 22: _masking, 23: _both, 43: _identity,
}  # fmt: skip


def whole(stream: bytes) -> tuple[list[bytes], bool]:
    """The Modbus TCP requests in a stream, and whether it breaks behind them (MSG V1.0b clause 3.1.3)."""
    requests = list[bytes]()
    while len(stream) >= 6:
        length = int.from_bytes(stream[4:6], "big")
        if length < 2 or length > 254:
            return requests, True
        request, stream = stream[: 6 + length], stream[6 + length :]
        if len(request) < 6 + length:
            break
        if request[2:4] == b"\0\0":
            requests.append(request)
    return requests, False


def checksum(data: bytes) -> bytes:
    """CRC-16 bit by bit, as MODBUS over serial line V1.02 clause 2.5.1.2 tells it in words."""
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            carry = register & 1
            register >>= 1
            if carry:
                register ^= 0xA001
    return bytes((register & 0xFF, register >> 8))
