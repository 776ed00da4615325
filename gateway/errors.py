"""The exception tree, by whose fault it is.

    GatewayError
    ├── UsageError          the command line
    ├── MappingError        a file: site, frames, registers, database or capture
    │   └── MissingDatabase a database that is not ours and was not found
    ├── LinkError           the plant: a CAN interface, a port, a peer
    └── AdapterError        an adapter that cannot be loaded or breaks its contract

Refusals of commands are values, not exceptions. Each class carries the exit status of `essgw`.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file, where, and what to do about it."""

    file: str
    text: str
    line: int = 0
    "From 1; 0 where the whole file is meant."
    column: int = 0
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.text}" + (f"; {self.remedy}" if self.remedy else "")


class GatewayError(Exception):
    """Anything this gateway reports on purpose."""

    exit_status = 1


class UsageError(GatewayError):
    """Arguments of a command that cannot be meant so."""

    exit_status = 2


class MappingError(GatewayError):
    """One or more problems in files, all of them at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class MissingDatabase(MappingError):
    """A database that a frame file names is nowhere on the search path."""

    exit_status = 3


class LinkError(GatewayError):
    """An interface, a port or a peer that does not answer as it should."""

    exit_status = 4


class AdapterError(GatewayError):
    """An adapter that cannot be loaded or breaks its contract."""

    exit_status = 5
