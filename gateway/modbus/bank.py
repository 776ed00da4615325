"""The registers behind one unit id: the image of the moment, and what may not be read or written.

Checks come in the order of the specification (APP V1.1b3, figures of clause 6) as DESIGN 6 sharpens it:
function 1 -> structure 3 -> address or read-only 2 -> role 1 -> value 3 -> control 4.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import Protocol

from gateway.mapping.image import REGISTERS, Image
from gateway.mapping.writable import Writable, fits
from gateway.model.command import Command, Origin

_NOTHING = Writable({})
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


class Judge(Protocol):
    """What decides about writes: the control core, put in by who composes the gateway."""

    def note(self, address: int, words: bytes, origin: Origin) -> None:
        """Somebody writes, whatever becomes of it."""

    def fits(self, command: Command) -> bool:
        """Whether the site lets such a value be written at all: else exception 3."""

    def admit(self, commands: Sequence[Command]) -> bool:
        """Take all commands of a write, or none: False is exception 4, with the reason in registers."""


class Bank:
    """One unit id. `image` is replaced as a whole: by the cycle, and by every write."""

    def __init__(
        self,
        holes: bytes,
        image: Image = _EMPTY,
        writable: Writable = _NOTHING,
        judge: Judge | None = None,
        identity: Mapping[int, str] = MappingProxyType({}),
    ) -> None:
        """`holes` has one byte a register, 1 where there is none; `identity`: objects of function 43."""
        self.image, self.identity = image, identity
        self.renew: Callable[[], None] | None = None
        "Called before each read while it is there: brings the image up to date, or raises why it cannot be shown."
        self.is_silent = False
        "Whether requests are left without an answer; writes are judged as ever."
        self._holes, self._writable, self._judge = holes, writable, judge

    def read(self, address: int, quantity: int) -> bytes:
        """Registers as bytes; Refused if one does not exist or has nothing to show."""
        if self.renew is not None:
            self.renew()
        end = address + quantity
        if end > REGISTERS or self._holes.find(1, address, end) >= 0:
            raise Refused(Code.ILLEGAL_ADDRESS)
        data, blocked = self.image
        if blocked is not None and blocked.find(1, address, end) >= 0:
            raise Refused(Code.SERVER_FAILURE)
        return data[2 * address : 2 * end]

    def write(self, address: int, words: bytes, origin: Origin) -> None:
        """Registers from bytes, all of them or none; Refused with the code that says what was wrong."""
        places = self._writable.covered(address, len(words) // 2)
        if places is None or self._judge is None:
            raise Refused(Code.ILLEGAL_ADDRESS)
        if any(origin.role < place.instruction.role for place in places):
            raise Refused(Code.ILLEGAL_FUNCTION)
        self._judge.note(address, words, origin)
        commands = self._writable.commands(places, words, origin)
        if not all(fits(command) and self._judge.fits(command) for command in commands):
            raise Refused(Code.ILLEGAL_VALUE)
        if not self._judge.admit(commands):
            raise Refused(Code.SERVER_FAILURE)
