"""The result block of a server: what became of the latest commands."""

import time
from collections.abc import Collection
from typing import NamedTuple

from gateway.cli.reasons import FINAL, reason_named, stage_named
from gateway.cli.served import Served
from gateway.model.command import BY_NUMBER, Reason, Stage

_NAMES = ("sequence", "command", "rack", "origin", "stage", "reason", "age")
POINTS = tuple(f"result_{name}" for name in _NAMES)
_POLL = 0.1  # s


class Told(NamedTuple):
    """One result, as registers show it."""

    sequence: int
    command: int
    rack: int
    origin: int
    "Number of the master; 0 is nobody configured."
    stage: int
    reason: int
    age: float
    "Seconds since its last change."

    @property
    def name(self) -> str:
        """The command's name, and its rack."""
        name = BY_NUMBER[self.command].name if self.command in BY_NUMBER else str(self.command)
        return f"{name} of rack {self.rack}" if self.rack else name

    @property
    def is_final(self) -> bool:
        """Whether nothing more will come of it."""
        return self.stage in {int(stage) for stage in FINAL}

    @property
    def is_done(self) -> bool:
        """Whether it was seen done."""
        return self.stage == Stage.OK

    @property
    def short(self) -> str:
        """Stage and reason without the reason's explanation."""
        return str(self).partition(":")[0]

    def __str__(self) -> str:
        text = stage_named(self.stage)
        return text if self.reason == Reason.NONE else f"{text}, {reason_named(self.reason)}"


def results(server: Served) -> list[Told]:
    """The latest results, the latest first; none where the map does not show them."""
    values = server.values(POINTS)
    places = sorted(values["result_sequence"])
    rows = [[values[name].get(place, 0.0) for name in POINTS] for place in places]
    return [_told(row) for row in rows if row[0]]


def _told(row: list[float]) -> Told:
    sequence, command, rack, origin, stage, reason = (int(value) for value in row[:6])
    return Told(sequence, command, rack, origin, stage, reason, row[6])


def new_result(
    server: Served, before: Collection[int], number: int, rack: int, wait: float = 0.0
) -> Told | None:
    """The result of a command that was not among those before; waits for it to be final."""
    end = time.monotonic() + wait
    while True:
        found = next(
            (
                told
                for told in results(server)
                if told.sequence not in before and (told.command, told.rack) == (number, rack)
            ),
            None,
        )
        if found is None or found.is_final or time.monotonic() >= end:
            return found
        time.sleep(_POLL)
