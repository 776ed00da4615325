"""Modbus TCP frames as bytes, and banks whose registers a reader of a test knows by heart."""

import struct
from collections.abc import Iterable, Mapping

from gateway.mapping.image import REGISTERS, Image
from gateway.modbus.bank import Bank, Code, Refused
from gateway.model.command import Origin

NUMBERED = b"".join(number.to_bytes(2, "big") for number in range(REGISTERS))
"The image in which every register holds its own address."


def adu(pdu: bytes | str, transaction: int = 1, unit: int = 1, protocol: int = 0) -> bytes:
    """A frame around a PDU, given as bytes or in hexadecimal."""
    body = bytes.fromhex(pdu) if isinstance(pdu, str) else pdu
    return struct.pack(">HHHB", transaction, protocol, len(body) + 1, unit) + body


def read(address: int, quantity: int, transaction: int = 1, function: int = 3) -> bytes:
    """The frame of a read request."""
    return adu(struct.pack(">BHH", function, address, quantity), transaction)


def numbers(response: bytes) -> list[int]:
    """The registers in a response to a read."""
    return [high << 8 | low for high, low in zip(response[9::2], response[10::2], strict=True)]


def cut(stream: bytes) -> list[bytes]:
    """The frames in a stream; each must be well formed, and nothing may be left over."""
    frames, at = [], 0
    while at < len(stream):
        _, protocol, length = struct.unpack_from(">HHH", stream, at)
        assert protocol == 0
        assert 3 <= length <= 254
        frames.append(stream[at : at + 6 + length])
        at += 6 + length
        assert at <= len(stream), "a frame is cut off"
    return frames


def numbered(missing: Iterable[int] = (), silent: Iterable[int] = ()) -> Bank:
    """A bank of the numbered image; some registers do not exist, some have nothing to show."""
    return Bank(_marks(missing), Image(NUMBERED, _marks(silent)))


def holding(registers: Mapping[int, int]) -> Bank:
    """A bank in which only some registers exist."""
    words = [registers.get(address, 0) for address in range(REGISTERS)]
    data = struct.pack(f">{REGISTERS}H", *words)
    return Bank(_marks(set(range(REGISTERS)) - registers.keys()), Image(data, None))


class Notebook(Bank):
    """A bank of registers that may be written, and keep what they are told."""

    def __init__(self) -> None:
        super().__init__(bytes(REGISTERS), Image(NUMBERED, None))

    def write(self, address: int, words: bytes, _: Origin) -> None:
        """Take the words, as a map with writable rows will."""
        if address + len(words) // 2 > REGISTERS:
            raise Refused(Code.ILLEGAL_ADDRESS)
        data = bytearray(self.image.data)
        data[2 * address : 2 * address + len(words)] = words
        self.image = Image(bytes(data), None)


def _marks(addresses: Iterable[int]) -> bytes:
    marks = bytearray(REGISTERS)
    for address in addresses:
        marks[address] = 1
    return bytes(marks)
