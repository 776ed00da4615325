"""Modbus TCP as bytes: find whole requests in a stream, and answer them.

stream -> Receiver.feed -> [unit, transaction, PDU]... -> answer -> response bytes

length field below 2 or above 254     the stream cannot be trusted any more: Desynchronised, close
protocol id not 0                     skipped without an answer (MSG V1.0b clause 4.4.2.2)
certificate without a known role      exception 01, whatever is asked (MB-TCP-Security v36, R-31)
unit id that is not served            exception 0A, 0B or nothing, as the listener says
unit id 0 or 255                      the device itself: the first unit (MSG clause 4.4.2.5)
function that is not served           exception 01
PDU of another length than it should  exception 03
picture too old, on a silent face     no answer
"""

import struct
from collections.abc import Iterator, Mapping

from gateway.modbus.bank import Bank, Code, Refused
from gateway.modbus.functions import SERVED
from gateway.modbus.session import Session
from gateway.model.traffic import Counts

MAX_PDU = 253
MAX_LENGTH = MAX_PDU + 1
"Of the length field: PDU and unit id (APP clause 4.1)."

MIN_LENGTH = 2
_HEADER = struct.Struct(">HHH")
"Transaction, protocol, length; unit id and PDU follow."


class Desynchronised(Exception):
    """The stream holds something that cannot be a Modbus TCP header."""


class Receiver:
    """Cuts a stream of bytes into requests, however it was cut before."""

    def __init__(self, counts: Counts | None = None) -> None:
        """`counts` learns of frames that are skipped for their protocol id."""
        self._rest, self._counts = b"", counts or Counts()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Each whole ADU in order, nothing (b"") for one to skip; raises Desynchronised where the stream breaks."""
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        while end - at >= _HEADER.size:
            _, protocol, length = _HEADER.unpack_from(data, at)
            if not MIN_LENGTH <= length <= MAX_LENGTH:
                raise Desynchronised(f"length field {length}")
            after = at + _HEADER.size + length
            if after > end:
                break
            if protocol:
                self._counts.foreign += 1
                yield b""
            else:
                yield data[at:after]
            at = after
        self._rest = data[at:]


def answer(
    units: Mapping[int, Bank], adu: bytes, session: Session | None = None,
    unknown: Code | None = Code.PATH_UNAVAILABLE,
) -> bytes:  # fmt: skip
    """The response to a whole ADU of a connection; empty if there is none.

    `unknown` is what a unit id is answered that is not served; None: nothing.
    """
    session = session or Session()
    if session.is_denied:
        return _exception(adu, Code.ILLEGAL_FUNCTION)
    bank = units.get(adu[6])
    if bank is None:
        return b"" if unknown is None else _exception(adu, unknown)
    serve = SERVED.get(adu[7], _unserved)
    try:
        response = serve(bank, adu, session)
    except Refused as refusal:
        response = _exception(adu, refusal.code)
    return b"" if bank.is_silent else response


def _unserved(*_: object) -> bytes:
    raise Refused(Code.ILLEGAL_FUNCTION)


def _exception(adu: bytes, code: Code) -> bytes:
    return adu[:4] + bytes((0, 3, adu[6], adu[7] | 0x80, code))
