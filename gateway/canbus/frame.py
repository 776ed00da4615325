"""One CAN frame, as every link delivers it."""

from typing import NamedTuple

EXTENDED = 0x80000000
REMOTE = 0x40000000
ERROR = 0x20000000
"Flags of a key, as in SocketCAN's `can_id` (linux/can.h)."
IDENTIFIER = 0x1FFFFFFF
STANDARD_IDENTIFIER = 0x7FF


class Frame(NamedTuple):
    """A frame as it arrived."""

    time: float
    "Seconds on the clock of the link: monotonic, or the capture's."
    key: int
    "The identifier with SocketCAN's flags: extended, remote, error."
    data: bytes


def key_of(identifier: int, *, extended: bool) -> int:
    """The key of a data frame."""
    return identifier | EXTENDED if extended else identifier


def identifier_text(key: int) -> str:
    """An identifier as people write it: 3 hex digits, or 8 for an extended one."""
    return f"{key & IDENTIFIER:08X}" if key & EXTENDED else f"{key & STANDARD_IDENTIFIER:03X}"
