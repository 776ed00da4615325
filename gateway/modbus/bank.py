"""The registers behind one unit id: the image of the moment, and what may not be read or written.

Checks come in the order of the specification (APP V1.1b3, figures of clause 6) as DESIGN 6 sharpens it:
function 1 -> structure 3 -> address or read-only 2 -> role 1 -> value 3 -> control 4.
"""

from enum import IntEnum

from gateway.mapping.image import REGISTERS, Image

_EMPTY = Image(bytes(2 * REGISTERS), None)


class Code(IntEnum):
    """Exception codes (APP V1.1b3 clause 7)."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_ADDRESS = 2
    ILLEGAL_VALUE = 3
    SERVER_FAILURE = 4
    PATH_UNAVAILABLE = 10
    TARGET_SILENT = 11


class Refused(Exception):
    """A request that is answered with an exception; raised here, caught in `wire.answer`."""

    def __init__(self, code: Code, what: str = "") -> None:
        super().__init__(f"{code.name} {what}".strip())
        self.code = code


class Bank:
    """One unit id. `image` is replaced as a whole, by the cycle."""

    def __init__(self, holes: bytes, image: Image = _EMPTY) -> None:
        """`holes` has one byte a register, 1 where there is none."""
        self.image = image
        self._holes = holes

    def read(self, address: int, quantity: int) -> bytes:
        """Registers as bytes; Refused if one does not exist or has nothing to show."""
        end = address + quantity
        if end > REGISTERS or self._holes.find(1, address, end) >= 0:
            raise Refused(Code.ILLEGAL_ADDRESS)
        data, blocked = self.image
        if blocked is not None and blocked.find(1, address, end) >= 0:
            raise Refused(Code.SERVER_FAILURE)
        return data[2 * address : 2 * end]

    def write(self, address: int, words: bytes) -> None:
        """Registers from bytes; Refused, for all rows of all maps are read-only."""
        raise Refused(Code.ILLEGAL_ADDRESS, f"registers {address}..{address + len(words) // 2 - 1}")
