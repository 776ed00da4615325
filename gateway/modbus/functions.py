"""What each function code does, from a whole ADU to the response's: structure is checked here, the rest by the bank.

1 structure (exception 3) -> 2 addresses (2) -> 3 role, value, control (1, 3, 4): APP V1.1b3, figures of clause 6.
A request whose length is not what its function says is exception 3.
"""

import struct
from collections.abc import Callable, Mapping

from gateway.mapping.image import Table
from gateway.modbus.bank import Bank, Code, Refused
from gateway.modbus.identification import identified
from gateway.modbus.session import Session

MAX_READ = 125
MAX_WRITE = 123
MAX_WRITE_BESIDE_READ = 121
MAX_READ_BITS = 2000
MAX_WRITE_BITS = 1968

_HEAD, _DATA = 7, 8
"Where an ADU's function code is, and what follows it."
_FIXED = 12
"Length of an ADU with two 16-bit fields after the function code."
_PAIR = struct.Struct(">HH")
_QUAD = struct.Struct(">HHHH")
_DIGITS = bytes.maketrans(b"\0\1", b"01")
_WORDS = (b"\0\0", b"\0\1")
_TABLES = {table.value: table for table in Table}
_ECHO = b"\0\0"
"Sub-function 0 of diagnostics: return query data."
_IDENTIFICATION = 14
"MEI type."


def _require(*, fits: bool, code: Code = Code.ILLEGAL_VALUE) -> None:
    if not fits:
        raise Refused(code)


def _response(adu: bytes, pdu: bytes) -> bytes:
    """A PDU with the request's transaction and unit."""
    return adu[:4] + (len(pdu) + 1).to_bytes(2, "big") + adu[6:7] + pdu


def _read_bits(bank: Bank, adu: bytes, session: Session) -> bytes:
    """APP clauses 6.1 and 6.2: lowest bit first, filled with zeros."""
    _require(fits=len(adu) == _FIXED)
    address, quantity = _PAIR.unpack_from(adu, _DATA)
    _require(fits=1 <= quantity <= MAX_READ_BITS)
    bits = bank.read(_TABLES[adu[_HEAD]], address, quantity, session)[1::2]
    size = (quantity + 7) // 8
    packed = int(bits[::-1].translate(_DIGITS), 2).to_bytes(size, "little")
    return _response(adu, bytes((adu[_HEAD], size)) + packed)


def _read(bank: Bank, adu: bytes, session: Session) -> bytes:
    if len(adu) != _FIXED:
        raise Refused(Code.ILLEGAL_VALUE)
    address, quantity = _PAIR.unpack_from(adu, _DATA)
    if not 1 <= quantity <= MAX_READ:
        raise Refused(Code.ILLEGAL_VALUE)
    size = 2 * quantity
    head = bytes((adu[0], adu[1], 0, 0, 0, size + 3, adu[6], adu[7], size))
    return head + bank.read(_TABLES[adu[_HEAD]], address, quantity, session)


def _write_bit(bank: Bank, adu: bytes, session: Session) -> bytes:
    """APP clause 6.5: FF00 is on, 0000 off, and nothing else is anything."""
    _require(fits=len(adu) == _FIXED and adu[10] in {0, 0xFF} and not adu[11])
    bank.write(Table.COIL, adu[8] << 8 | adu[9], bytes((0, adu[10] & 1)), session)
    return adu


def _write_bits(bank: Bank, adu: bytes, session: Session) -> bytes:
    """APP clause 6.11: lowest bit first; what fills the last byte does not matter."""
    _require(fits=len(adu) > _FIXED)
    address, quantity = _PAIR.unpack_from(adu, _DATA)
    size, carried = (quantity + 7) // 8, adu[_FIXED + 1 :]
    _require(fits=1 <= quantity <= MAX_WRITE_BITS and adu[_FIXED] == size == len(carried))
    words = b"".join(_WORDS[carried[bit >> 3] >> (bit & 7) & 1] for bit in range(quantity))
    bank.write(Table.COIL, address, words, session)
    return adu[:4] + b"\0\6" + adu[6:_FIXED]


def _write_one(bank: Bank, adu: bytes, session: Session) -> bytes:
    _require(fits=len(adu) == _FIXED)
    bank.write(Table.HOLDING, adu[8] << 8 | adu[9], adu[10:12], session)
    return adu


def _write_many(bank: Bank, adu: bytes, session: Session) -> bytes:
    _require(fits=len(adu) > _FIXED)
    address, quantity = _PAIR.unpack_from(adu, _DATA)
    size = 2 * quantity
    _require(fits=1 <= quantity <= MAX_WRITE and adu[_FIXED] == size == len(adu) - _FIXED - 1)
    bank.write(Table.HOLDING, address, adu[_FIXED + 1 :], session)
    return adu[:4] + b"\0\6" + adu[6:_FIXED]


def _mask(bank: Bank, adu: bytes, session: Session) -> bytes:
    """APP clause 6.16: what is there AND the first mask, OR the second where the first is 0."""
    _require(fits=len(adu) == _FIXED + 2)
    address, kept, put = struct.unpack_from(">HHH", adu, _DATA)
    bank.require_writable(Table.HOLDING, address, 1, session)
    there = int.from_bytes(bank.current(Table.HOLDING, address, 1), "big")
    word = there & kept | put & ~kept & 0xFFFF
    bank.write(Table.HOLDING, address, word.to_bytes(2, "big"), session)
    return adu


def _write_and_read(bank: Bank, adu: bytes, session: Session) -> bytes:
    """APP clause 6.17: the write comes first, where both ranges exist; it acts even if the read shows nothing (R1)."""
    _require(fits=len(adu) > _FIXED + 4)
    address, quantity, target, count = _QUAD.unpack_from(adu, _DATA)
    size, carried = 2 * count, adu[_FIXED + 5 :]
    _require(fits=1 <= quantity <= MAX_READ and 1 <= count <= MAX_WRITE_BESIDE_READ)
    _require(fits=adu[_FIXED + 4] == size == len(carried))
    bank.require(Table.HOLDING, address, quantity)
    bank.write(Table.HOLDING, target, carried, session)
    data = bank.read(Table.HOLDING, address, quantity, session)
    return _response(adu, bytes((adu[_HEAD], 2 * quantity)) + data)


def _diagnose(_: Bank, adu: bytes, __: Session) -> bytes:
    """APP clause 6.8: sub-function 0 alone, which gives back what came."""
    _require(fits=len(adu) >= _DATA + 2)
    _require(fits=adu[_DATA : _DATA + 2] == _ECHO, code=Code.ILLEGAL_FUNCTION)
    _require(fits=len(adu) > _DATA + 2)
    return adu


def _identify(bank: Bank, adu: bytes, _: Session) -> bytes:
    """APP clause 6.21: device identification alone of all that is encapsulated."""
    _require(fits=len(adu) > _DATA)
    _require(fits=adu[_DATA] == _IDENTIFICATION, code=Code.ILLEGAL_FUNCTION)
    _require(fits=len(adu) == _DATA + 3)
    told = identified(bank.identity, adu[_DATA + 1], adu[_DATA + 2])
    return _response(adu, adu[_HEAD : _DATA + 2] + told)


SERVED: Mapping[int, Callable[[Bank, bytes, Session], bytes]] = {
    1: _read_bits,
    2: _read_bits,
    3: _read,
    4: _read,
    5: _write_bit,
    6: _write_one,
    8: _diagnose,
    15: _write_bits,
    16: _write_many,
    22: _mask,
    23: _write_and_read,
    43: _identify,
}
"What is served, by function code; anything else is answered with exception 01."
WRITES = frozenset({5, 6, 15, 16, 22, 23})
"Those that change something."
