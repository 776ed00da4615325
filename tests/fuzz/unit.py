"""A unit to be fuzzed: the real bank of the map, a judge on paper, mailboxes that show as the gateway shows them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from fuzz.spans import mapped
from mapping.written import picture

from gateway.mapping.image import Images
from gateway.mapping.mailbox import Mailboxes, Slot
from gateway.modbus.bank import Bank, Code, Space
from gateway.modbus.session import Session
from gateway.model.command import Command, Origin, Role

IDENTITY = {0: "v" * 100, 1: "product", 2: "1.2.3", 4: "n" * 130, 5: "m" * 300, 6: "container"}
"Long enough not to fit into one answer."
MOST = 1000.0
"Of any value, by the rating."
_UNKNOWN = (Code.PATH_UNAVAILABLE, Code.TARGET_SILENT, None, Code.PATH_UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Setting:
    """Who asks, and how it stands with the gateway: two bytes of an input."""

    role: Role
    is_read_only: bool
    takes: bool
    "Whether control takes what it is asked."
    rejects: bool
    "Whether values beyond the rating are exception 3."
    is_withheld: bool
    is_silent: bool
    is_stalled: bool
    unknown: Code | None
    "What a unit id is answered that is not served."

    @classmethod
    def of(cls, first: int, second: int) -> "Setting":
        """From two bytes; zeros are an engineer at a gateway that is well."""
        state = first >> 5 & 3
        return cls(
            Role(3 - (first & 3)), bool(first & 4), not first & 8, bool(first & 16),
            state == 1, state == 2, state == 3 or bool(first & 128), _UNKNOWN[second & 3],
        )  # fmt: skip


@cache
def _base() -> Images:
    return mapped().encode(picture({}))


@dataclass(slots=True)
class Paper:
    """A judge that writes down what it admits."""

    setting: Setting
    admitted: list[str] = field(default_factory=list)

    def note(self, table: str, address: int, words: bytes, origin: Origin) -> None:
        """Nobody reads it here."""

    def is_within_rating(self, command: Command) -> bool:
        """Whether a value is small enough."""
        return abs(command.value) <= MOST

    def admit(self, commands: Sequence[Command]) -> bool:
        """As the setting says."""
        if self.setting.takes:
            self.admitted += [f"{item.instruction.name} {item.rack}" for item in commands]
        return self.setting.takes


class Unit:
    """A bank and what is behind it, new for each input."""

    def __init__(self, setting: Setting) -> None:
        face = mapped()
        self.judge = Paper(setting)
        self._face, self._mailboxes = face, Mailboxes(face.mailboxes)
        spaces = {name: Space(table.holes, table.writable) for name, table in face.tables.items()}
        bank = self.bank = Bank(spaces, dict(_base()), self.judge, IDENTITY)
        bank.keep = self._keep
        bank.is_withheld, bank.is_silent = setting.is_withheld, setting.is_silent
        bank.is_stalled, bank.rejects_beyond_rating = setting.is_stalled, setting.rejects

    def _keep(self, slots: Sequence[Slot], words: Sequence[int]) -> None:
        self._mailboxes.put(slots, words)
        self.bank.renew = self._renew

    def _renew(self) -> None:
        self.bank.renew = None
        self.bank.images = self._face.patched(_base(), None, self._mailboxes)

    def shown(self) -> Images:
        """What everybody would read now."""
        if self.bank.renew is not None:
            self.bank.renew()
        return self.bank.images


class Peer:
    """A connection, whose clock goes on with each request."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.now = setting, 0.0
        origin = Origin("fuzz", setting.role)
        self.session = Session(origin, lambda: self.now, setting.is_read_only)
