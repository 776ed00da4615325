"""Other work on the same machine: going before it, waiting until it pauses, and how much of the CPUs it took."""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_LOOK = 0.06  # s
_QUIET = 0.15
"Share of all CPUs up to which a machine counts as quiet; a gateway that only cycles takes less."
_PRIORITY = -10
_SESSION = Path("/proc/self/autogroup")
"Where the kernel weighs sessions against each other, `nice` only counts inside of one."
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU time since boot, in ticks."""

    busy: int
    "Of all programs."
    stolen: int
    "By the host of a virtual machine."
    total: int

    @classmethod
    def now(cls) -> Self:
        """As proc(5) tells: user, nice, system, idle, iowait, irq, softirq, steal."""
        line = Path("/proc/stat").read_text().partition("\n")[0]
        user, nice, system, idle, waiting, irq, soft, steal = map(int, line.split()[1:9])
        total = user + nice + system + idle + waiting + irq + soft + steal
        return cls(user + nice + system, steal, total)


class Calm:
    """Waits for moments in which neighbours and host pause, but not for longer than its budget in all."""

    def __init__(self, budget: float) -> None:
        self._left = budget

    def wait(self) -> None:
        """Come back when the machine is quiet, or the budget is spent."""
        begin = time.monotonic()
        while time.monotonic() - begin < self._left:
            before = Usage.now()
            time.sleep(_LOOK)
            after = Usage.now()
            taken = after.busy + after.stolen - before.busy - before.stolen
            if taken <= _QUIET * max(after.total - before.total, 1):
                break
        self._left -= max(0.0, time.monotonic() - begin - _LOOK)


@contextlib.contextmanager
def preferred() -> Iterator[None]:
    """Go before the neighbours, with all programs that are started meanwhile; where the right to it is had."""
    with contextlib.suppress(PermissionError):
        os.nice(_PRIORITY)
    with contextlib.suppress(OSError):
        _SESSION.write_text(str(_PRIORITY))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            _SESSION.write_text("0")


def shares(before: Usage, ours: float) -> str:
    """What others took since `before`, where our programs took `ours` seconds of CPU time."""
    after = Usage.now()
    total = max(after.total - before.total, 1)
    others = max(0.0, after.busy - before.busy - ours * _TICKS) / total
    stolen = (after.stolen - before.stolen) / total
    return f"took {others:.0%} of all CPU time during the run; the host took {stolen:.0%}"


def own() -> float:
    """CPU time of this process and of all programs that it has ended, in s."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system
