"""The tables behind one unit id: their images of the moment, and what may not be read or written.

Checks come in the order of the specification (APP V1.1b3, figures of clause 6) as DESIGN 6 sharpens it:
function 1 -> structure 3 -> address or read-only 2 -> role 1 -> value 3 -> control 4.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Protocol

from gateway.mapping.image import REGISTERS, Image, Images, Table
from gateway.mapping.mailbox import Slot
from gateway.mapping.writable import Hold, Part, Place, Writable, Written, fits
from gateway.modbus.session import Session
from gateway.model.command import Command, Origin, Role

_EMPTY = Image(bytes(2 * REGISTERS), None)
_WORD = 2  # bytes


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

    def note(self, table: str, address: int, words: bytes, origin: Origin) -> None:
        """Somebody writes, whatever becomes of it."""

    def is_within_rating(self, command: Command) -> bool:
        """Whether it asks for no more than the plant is built for."""

    def admit(self, commands: Sequence[Command]) -> bool:
        """Take all commands of a write, or none: False is exception 4, with the reason in registers."""


@dataclass(frozen=True, slots=True)
class Space:
    """What there is in one table of a unit."""

    holes: bytes
    "One byte a register or bit, 1 where there is none."
    writable: Writable


class Bank:
    """One unit id. `images` is replaced as a whole: by the cycle, and by every write."""

    def __init__(
        self,
        spaces: Mapping[Table, Space],
        images: Images | None = None,
        judge: Judge | None = None,
        identity: Mapping[int, str] = MappingProxyType({}),
    ) -> None:
        """A table that `spaces` does not have is empty; `identity`: objects of function 43."""
        self.images = dict.fromkeys(Table, _EMPTY) if images is None else images
        self.identity = identity
        self.renew: Callable[[], None] | None = None
        "Called before the images are looked at, while it is there: brings them up to date."
        self.is_silent = False
        "Whether requests are left without an answer; writes are judged as ever."
        self.is_withheld = False
        "Whether reads are answered with exception 0B; writes are judged as ever."
        self.is_stalled = False
        "Whether no picture is held for anybody: its limits would be too old (R8)."
        self.rejects_beyond_rating = False
        "Whether a value beyond the rating is refused with exception 3, so that it renews nothing (R5)."
        self.keep: Callable[[Sequence[Slot], Sequence[int]], None] = lambda *_: None
        "Called with what is written to mailboxes."
        self._holes = {table: space.holes for table, space in spaces.items()}
        self._writable = {table: space.writable for table, space in spaces.items()}
        self._judge = judge

    def read(
        self, table: Table, address: int, quantity: int, session: Session | None = None
    ) -> bytes:
        """Registers as bytes, bits as registers of 0 or 1; Refused if one does not exist or has nothing to show."""
        if self.is_withheld:
            self.require(table, address, quantity)
            raise Refused(Code.TARGET_SILENT)
        if session is not None and session.held and not self.is_stalled:
            held = session.picture(self)
            if held is not None:
                self.require(table, address, quantity)
                return _part(held[table], address, quantity)
        return self.current(table, address, quantity)

    def require(self, table: Table, address: int, quantity: int) -> None:
        """Refused if a register does not exist, whatever it shows."""
        end, holes = address + quantity, self._holes.get(table)
        if holes is None or end > REGISTERS or holes.find(1, address, end) >= 0:
            raise Refused(Code.ILLEGAL_ADDRESS)

    def current(self, table: Table, address: int, quantity: int) -> bytes:
        """The same as `read`, for what a write rests on: no master is shown it."""
        self.require(table, address, quantity)
        if self.renew is not None:
            self.renew()
        return _part(self.images[table], address, quantity)

    def require_writable(
        self, table: Table, address: int, quantity: int, session: Session
    ) -> Sequence[Part]:
        """What a write means, whatever its values; Refused if it may not be, or not by who asks."""
        writable = self._writable.get(table)
        parts = None if writable is None else writable.covered(address, quantity)
        if parts is None:
            raise Refused(Code.ILLEGAL_ADDRESS)
        if session.is_read_only or any(session.origin.role < _owner(part) for part in parts):
            raise Refused(Code.ILLEGAL_FUNCTION)
        return parts

    def write(self, table: Table, address: int, words: bytes, session: Session) -> None:
        """Registers from bytes, all of them or none; Refused with the code that says what was wrong."""
        parts = self.require_writable(table, address, len(words) // _WORD, session)
        written = Written.of(parts, words, session.origin)
        if not all(0 <= seconds <= hold.most for hold, seconds in written.holds):
            raise Refused(Code.ILLEGAL_VALUE)
        if written.commands:
            self._command(table, address, words, written.commands)
        if written.slots:
            self.keep(written.slots, written.words)
        for _, seconds in written.holds:
            if self.renew is not None:
                self.renew()
            session.hold(self, self.images, seconds)

    def _command(
        self, table: Table, address: int, words: bytes, commands: Sequence[Command]
    ) -> None:
        if self._judge is None:
            raise Refused(Code.ILLEGAL_ADDRESS)
        self._judge.note(table.name.lower(), address, words, commands[0].origin)
        if not all(self._fits(self._judge, command) for command in commands):
            raise Refused(Code.ILLEGAL_VALUE)
        if not self._judge.admit(commands):
            raise Refused(Code.SERVER_FAILURE)

    def _fits(self, judge: Judge, command: Command) -> bool:
        """Whether such a value may be written here at all."""
        rejected = self.rejects_beyond_rating and not judge.is_within_rating(command)
        return fits(command) and not rejected


def _owner(part: Part) -> Role:
    """The role that it takes to write something; anybody may hold a picture."""
    if isinstance(part, Hold):
        return Role.VIEWER
    return part.instruction.role if isinstance(part, Place) else part.box.owner


def _part(image: Image, address: int, quantity: int) -> bytes:
    """Registers of an image; Refused if one has nothing to show."""
    data, blocked = image
    if blocked is not None and blocked.find(1, address, address + quantity) >= 0:
        raise Refused(Code.SERVER_FAILURE)
    at = 2 * address
    return data[at : at + 2 * quantity]
