"""Modbus RTU as bytes: frames with a checksum, as they go over serial lines (MODBUS over serial line V1.02, clause 2.5.1).

unit id, PDU, CRC-16 (lowest byte first)      256 bytes at most
unit id 0                                     broadcast: a write acts on every unit, and nobody answers
unit id that is not served here               somebody else's: no answer, unless the listener says otherwise
wrong checksum, cut frame                     no answer
"""

from collections.abc import Mapping

from gateway.modbus.bank import Bank, Code
from gateway.modbus.functions import WRITES
from gateway.modbus.session import Session
from gateway.modbus.wire import answer

MAX_FRAME = 256
_SHORTEST = 4
_CRC = 2
_BROADCAST = 0
_HEAD = 6
"Bytes of a Modbus TCP header before the unit id."


def _table() -> tuple[int, ...]:
    """What each byte makes of a register of 0: polynomial 0xA001, lowest bit first."""
    table = []
    for number in range(256):
        register = number
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
        table.append(register)
    return tuple(table)


_TABLE = _table()


def crc(data: bytes) -> bytes:
    """The checksum of a frame (clause 2.5.1.2, appendix B)."""
    register = 0xFFFF
    for byte in data:
        register = register >> 8 ^ _TABLE[(register ^ byte) & 0xFF]
    return register.to_bytes(_CRC, "little")


def framed(unit: int, pdu: bytes) -> bytes:
    """A PDU as a frame."""
    body = bytes((unit,)) + pdu
    return body + crc(body)


def is_whole(frame: bytes) -> bool:
    """Whether a frame's length is possible and its checksum right."""
    return _SHORTEST <= len(frame) <= MAX_FRAME and crc(frame[:-_CRC]) == frame[-_CRC:]


def answered(
    units: Mapping[int, Bank], frame: bytes, session: Session, unknown: Code | None = None
) -> bytes:
    """The frame that answers a whole one; empty if there is none.

    `unknown` is what a unit id is answered that is not served; None: nothing.
    """
    unit, pdu = frame[0], frame[1:-_CRC]
    if unit == _BROADCAST:
        if pdu[0] in WRITES:
            for bank in dict.fromkeys(units.values()):
                answer({_BROADCAST: bank}, _as_adu(_BROADCAST, pdu), session)
        return b""
    response = answer(units, _as_adu(unit, pdu), session, unknown)
    return framed(unit, response[_HEAD + 1 :]) if response else b""


def _as_adu(unit: int, pdu: bytes) -> bytes:
    return bytes(_HEAD - _CRC) + (len(pdu) + 1).to_bytes(2, "big") + bytes((unit,)) + pdu
