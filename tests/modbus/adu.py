"""Modbus TCP frames as bytes, and banks whose registers a reader of a test knows by heart."""

import struct
from collections.abc import Iterable, Mapping, Sequence

from gateway.mapping.image import REGISTERS, Image, Table
from gateway.mapping.writable import Part, Writable
from gateway.modbus.bank import Bank, Code, Refused, Space
from gateway.modbus.session import Session

WORDS, BITS = (Table.HOLDING, Table.INPUT), (Table.COIL, Table.DISCRETE)
SHARED = {Table.HOLDING: WORDS, Table.COIL: BITS}
"The tables in which a write shows."
NUMBERED = b"".join(number.to_bytes(2, "big") for number in range(REGISTERS))
"The image in which every register holds its own address."


def adu(pdu: bytes | str, transaction: int = 1, unit: int = 1, protocol: int = 0) -> bytes:
    """A frame around a PDU, given as bytes or in hexadecimal."""
    body = bytes.fromhex(pdu) if isinstance(pdu, str) else pdu
    return struct.pack(">HHHB", transaction, protocol, len(body) + 1, unit) + body


def read(
    address: int, quantity: int, transaction: int = 1, function: int = 3, unit: int = 1
) -> bytes:
    """The frame of a read request."""
    return adu(struct.pack(">BHH", function, address, quantity), transaction, unit)


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


def registers(
    holes: bytes, image: Image | None = None, *, identity: Mapping[int, str] | None = None
) -> Bank:
    """A bank of registers, the same as holding and as input registers."""
    spaces = dict.fromkeys(WORDS, Space(holes, Writable({})))
    images = None if image is None else dict.fromkeys(WORDS, image)
    return Bank(spaces, images, identity=identity or {})


def numbered(missing: Iterable[int] = (), silent: Iterable[int] = ()) -> Bank:
    """A bank of the numbered image; some registers do not exist, some have nothing to show."""
    return registers(_marks(missing), Image(NUMBERED, _marks(silent)))


def holding(numbers: Mapping[int, int]) -> Bank:
    """A bank in which only some registers exist."""
    words = [numbers.get(address, 0) for address in range(REGISTERS)]
    data = struct.pack(f">{REGISTERS}H", *words)
    return registers(_marks(set(range(REGISTERS)) - numbers.keys()), Image(data, None))


class Notebook(Bank):
    """A bank of registers and bits that may be written, and keep what they are told."""

    def __init__(self) -> None:
        spaces = dict.fromkeys(Table, Space(bytes(REGISTERS), Writable({})))
        bits = Image(bytes(2 * REGISTERS), None)
        numbers = Image(NUMBERED, None)
        super().__init__(spaces, {**dict.fromkeys(Table, bits), **dict.fromkeys(WORDS, numbers)})

    def require_writable(
        self, _: Table, address: int, quantity: int, __: Session
    ) -> Sequence[Part]:
        """Everything is."""
        if address + quantity > REGISTERS:
            raise Refused(Code.ILLEGAL_ADDRESS)
        return ()

    def write(self, table: Table, address: int, words: bytes, session: Session) -> None:
        """Take the words, as a map with writable rows will."""
        self.require_writable(table, address, len(words) // 2, session)
        data = bytearray(self.images[table].data)
        data[2 * address : 2 * address + len(words)] = words
        shown = SHARED[table]
        self.images = {**self.images, **dict.fromkeys(shown, Image(bytes(data), None))}


def _marks(addresses: Iterable[int]) -> bytes:
    marks = bytearray(REGISTERS)
    for address in addresses:
        marks[address] = 1
    return bytes(marks)
