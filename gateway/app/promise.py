"""Writes that make the plant do more, while they wait for the disk (R41).

A promise is judged when it is made and judged again when it is on disk; until then nothing of it has taken
effect, except that its values count as held. Whatever goes the safe way meanwhile takes all promises back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.model.command import Command
from gateway.model.event import Event


class Record(Protocol):
    """Where what happens is written: the journal."""

    @property
    def boot(self) -> int:
        """Changes with every start."""

    @property
    def failed(self) -> str:
        """Why it cannot be written."""

    def write(self, events: Sequence[Event], kept: Mapping[str, str] | None = None) -> int:
        """Hand events over; the ticket."""

    def when_settled(self, ticket: int, callback: Callable[[], None]) -> None:
        """Call back once they are on disk, or cannot be."""

    def settled(self, ticket: int) -> bool:
        """Whether they are."""


Key = tuple[str, str, int]
_TAKES_BACK = {
    "disconnect", "rack_disconnect", "rack_disable", "trip", "software_stop", "mode_request",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Promise:
    """Commands of one write that wait."""

    commands: tuple[Command, ...]

    @property
    def keys(self) -> set[Key]:
        """Master, row and rack of each: as one-shots are held."""
        return {(command.origin.name, *command.key) for command in self.commands}


@dataclass(slots=True)
class Promises:
    """All that wait, in their order."""

    waiting: list[Promise] = field(default_factory=list)

    def overlap(self, commands: Sequence[Command]) -> Command | None:
        """The first of some commands that waits already."""
        rows = {command.key for promise in self.waiting for command in promise.commands}
        return next((command for command in commands if command.key in rows), None)

    def fulfil(self, promise: Promise) -> bool:
        """Take a promise off the list; False if it was taken back."""
        if promise not in self.waiting:
            return False
        self.waiting.remove(promise)
        return True

    def taken_back(self, commands: Sequence[Command]) -> list[Command]:
        """What some accepted commands that go the safe way take back: everything, or nothing."""
        if not any(command.instruction.name in _TAKES_BACK for command in commands):
            return []
        lost = [command for promise in self.waiting for command in promise.commands]
        self.waiting.clear()
        return lost
