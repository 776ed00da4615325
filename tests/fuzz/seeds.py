"""What fuzzing begins with: requests of the specification's worked examples and of our own map, in each target's form."""

from collections.abc import Iterator
from pathlib import Path

FOUND = Path(__file__).with_name("found.txt")
SPECIFIED = (
    "01 0013 0013", "02 00C4 0016", "03 006B 0003", "04 0008 0001", "05 00AC FF00", "06 0001 0003", "07", "08 0000 A537",
    "0B", "0F 0013 000A 02 CD01", "10 0001 0002 04 000A 0102", "16 0004 00F2 0025",
    "17 0003 0006 000E 0003 06 00FF 00FF 00FF", "18 04DE", "2B 0E 01 00",
)  # fmt: skip
"The requests of MODBUS Application Protocol V1.1b3 clause 6."
OWN = (
    "01 0000 07D0", "01 FFFF 0001", "02 0FA0 0009", "02 0002 0001", "03 000A 007D", "04 0002 0002", "03 FFFE 0002",
    "03 0000 0001", "04 FFFF 0002", "05 0000 FF00", "05 0FA0 0000", "06 000A 0001", "06 0010 0064", "06 00AB 0001",
    "06 FFFE 1234", "0F 0000 0004 01 0F", "0F 0FA0 0009 02 A501", "10 000A 0007 0E 0001 8000 0000 0064 0000 4248 0032",
    "10 00A6 0003 06 0001 0203 0405", "10 012C 0001 02 0001", "10 00AC 0004 08 3FF8 0000 0000 0000",
    "16 0011 00F2 0025", "16 FFFF FFFF 0000", "17 0011 0006 0012 0002 04 1111 2222", "17 000A 0001 0010 0001 02 0032",
    "2B 0E 02 00", "2B 0E 03 04", "2B 0E 04 05", "2B 0D 00", "08 0001 0000", "83 02",
)  # fmt: skip
"At addresses that the fuzzed map has: every kind of span, alone and beside others, to the ends of tables."
REQUESTS = tuple(bytes.fromhex(text) for text in (*SPECIFIED, *OWN))
_STREAM, _FRAMED, _SERIAL = 0, 1, 2


def _stream(requests: tuple[bytes, ...]) -> bytes:
    """Requests to unit 1, one after another."""
    return b"".join(
        number.to_bytes(2, "big") + bytes((0, 0, 0, len(pdu) + 1, 1)) + pdu
        for number, pdu in enumerate(requests)
    )


def _parts(requests: tuple[bytes, ...]) -> bytes:
    return b"".join(bytes((0, len(pdu))) + pdu for pdu in requests)


def seeds() -> Iterator[bytes]:
    """The corpus to begin with."""
    for pdu in REQUESTS:
        yield bytes((0, 20, _STREAM)) + _stream((pdu,))
        yield bytes((0, 20, _FRAMED)) + _parts((pdu,))
        yield bytes((0, 20, _SERIAL)) + _parts((pdu,))
    for first in (0, 1, 3, 4, 8, 16, 32, 64, 128):
        yield bytes((first, 90, _STREAM)) + _stream(REQUESTS)
        yield bytes((first, 45, _FRAMED)) + _parts(REQUESTS)
        yield bytes((first, 45, _SERIAL)) + _parts(REQUESTS)
    yield bytes((0, 20, _STREAM)) + _stream(REQUESTS[:2]) + b"\0\1\0\0\0\1\1"
    yield bytes((0, 20, _STREAM)) + b"\0\1\0\1\0\6\1\3\0\13\0\1" + _stream(REQUESTS[2:4])[:-1]


def found() -> list[bytes]:
    """Inputs that have shown something, from a file of a line each: hexadecimal, then what it was."""
    lines = FOUND.read_text(encoding="utf-8").splitlines()
    return [bytes.fromhex(line.partition("#")[0]) for line in lines if not line.startswith("#")]
