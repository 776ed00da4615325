"""The mode machine (R36), as one table: from, when, to. The first row that fits moves; one move a cycle.

Maintenance, test and black start have their numbers and no rows yet: operation on site brings them.
The table generates the mode manual and its diagram.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.control.state import Mode


@dataclass(frozen=True, slots=True)
class Situation:
    """What the machine looks at."""

    adopted: bool
    "The feedback of every rack is good, or the rack is declared lost (R14)."
    latched: bool
    "An interlock waits for its reset, or its cause for its end."
    closed: bool
    "A rack is on the bus."
    run: bool
    "Run was asked for, and nothing has taken it back."


@dataclass(frozen=True, slots=True)
class Move:
    """A row of the table."""

    before: Mode
    when: str
    after: Mode
    holds: Callable[[Situation], bool]


MOVES: tuple[Move, ...] = (
    Move(Mode.ADOPT, "adopted, and a latch stands", Mode.FAULT, lambda s: s.adopted and s.latched),
    Move(Mode.ADOPT, "adopted, and a rack is closed", Mode.READY, lambda s: s.adopted and s.closed),
    Move(Mode.ADOPT, "adopted, and all racks are open", Mode.STANDBY, lambda s: s.adopted),
    Move(Mode.STANDBY, "a latch stands", Mode.FAULT, lambda s: s.latched),
    Move(Mode.STANDBY, "a rack is closed", Mode.READY, lambda s: s.closed),
    Move(Mode.READY, "a latch stands", Mode.FAULT, lambda s: s.latched),
    Move(Mode.READY, "all racks are open", Mode.STANDBY, lambda s: not s.closed),
    Move(Mode.READY, "run is asked for", Mode.RUN, lambda s: s.run),
    Move(Mode.RUN, "a latch stands", Mode.FAULT, lambda s: s.latched),
    Move(Mode.RUN, "all racks are open", Mode.STANDBY, lambda s: not s.closed),
    Move(Mode.RUN, "run is taken back, or the EMS is lost", Mode.READY, lambda s: not s.run),
    Move(
        Mode.FAULT, "reset, and a rack is closed", Mode.READY, lambda s: not s.latched and s.closed
    ),
    Move(Mode.FAULT, "reset, and all racks are open", Mode.STANDBY, lambda s: not s.latched),
)


def moved(mode: Mode, situation: Situation) -> Mode:
    """The mode after a cycle."""
    return next((row.after for row in MOVES if row.before is mode and row.holds(situation)), mode)
