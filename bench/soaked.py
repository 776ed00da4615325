"""What a soak came to: figures, what must not be, and the row for docs/long-runs.md."""

import datetime as dt
import math
import statistics
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.polite import EVERY, READERS
from bench.programs import ROOT

GROWTH = 3.0  # MiB over the second half
_SAMPLES = 4
"Fewer make no second half."
_ENOUGH = 0.5
"The part of all requests of those that behave that must have been answered: a machine may be busy."
_FEW = 0.01
"The part of them that may be partial where no frame was lost: a machine may hold up a gateway, too."
_SHOWN = 5
"Lines of a log."


@dataclass(slots=True)
class Samples:
    """What the gateway's process was like, once a second."""

    memory: list[float] = field(default_factory=list)
    "MiB."
    files: list[int] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """MiB by which the straight line through the second half rises."""
        if len(self.memory) < _SAMPLES:
            return math.nan
        half = self.memory[len(self.memory) // 2 :]
        return statistics.linear_regression(range(len(half)), half).slope * (len(half) - 1)


@dataclass(frozen=True, slots=True)
class Polite:
    """What `bench.polite` tells; ms."""

    requests: int
    partial: int
    "Answers that say of some values that there is none."
    wrong: int
    reasons: Sequence[str]
    p50: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Rude:
    """What `bench.rude` tells."""

    visits: Mapping[str, int]
    lost: int
    wrong: int
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class Bus:
    """CAN frames that were sent, those that found the gateway's buffer full, and how long it was."""

    sent: int
    lost: int
    seconds: float

    def __str__(self) -> str:
        taken = (self.sent - self.lost) / self.seconds
        return f"{self.sent / self.seconds:,.0f} CAN frames/s sent, {taken:,.0f} taken"


@dataclass(frozen=True, slots=True)
class Soaked:
    """A soak."""

    minutes: float
    samples: Samples
    polite: Polite
    rude: Rude
    bus: Bus
    cpu: float
    "Of a core."
    files: tuple[int, int]
    "Open before masters came, and after they have gone."
    status: int
    events: Counter[str]
    bad: Sequence[str]
    "Lines of the log that should not be there."

    def faults(self) -> list[str]:
        """What must not be."""
        due = self.minutes * 60 / EVERY * (READERS + 2)
        found = {
            f"{self.polite.wrong} wrong answers to masters that behave: {self.polite.reasons}": self.polite.wrong,
            f"{self.rude.wrong} wrong answers to the others: {self.rude.reasons}": self.rude.wrong,
            f"only {self.polite.requests} answers of {due:.0f}": self.polite.requests
            < due * _ENOUGH,
            f"{self.polite.partial} of {self.polite.requests} answers partial, and no frame lost": (
                not self.bus.lost and self.polite.partial > self.polite.requests * _FEW
            ),
            f"memory grew by {self.samples.growth:.2f} MiB": not self.samples.growth <= GROWTH,
            f"{self.files[1]} files open, {self.files[0]} before": self.files[1] > self.files[0],
            f"it ended with status {self.status}": self.status,
            f"{len(self.bad)} bad lines in the log, as {self.bad[:_SHOWN]}": self.bad,
        }
        return [text for text, is_so in found.items() if is_so]

    def told(self) -> Iterator[str]:
        """All figures, and the row."""
        memory, files, polite = self.samples.memory, self.samples.files, self.polite
        yield f"visits       {dict(sorted(self.rude.visits.items()))}, {self.rude.lost} ended by the gateway"
        yield f"log          {dict(self.events.most_common())}"
        yield f"memory       {memory[0]:.1f} MiB, {max(memory):.1f} at most, {memory[-1]:.1f} at the end"
        yield f"files        {self.files[0]}, {max(files)} at most, {self.files[1]} at the end"
        yield f"bus          {self.bus}"
        yield f"CPU          {self.cpu:.0%} of a core"
        yield f"who behaves  {polite.requests} answers, {polite.partial} partial; ms: p50 {polite.p50}, p99 {polite.p99}, max {polite.max}"
        today = dt.datetime.now(dt.UTC).date().isoformat()
        result = (
            f"{polite.requests:,} answers to masters that behave, none wrong, {polite.partial:,} partial, p50 {polite.p50} ms, p99 {polite.p99} ms, "
            f"max {polite.max} ms; {sum(self.rude.visits.values()):,} visits of others; {self.bus}; "
            f"memory {self.samples.growth:+.2f} MiB over the second half, no file left open"
        )
        if self.faults():
            result = "failed"
        yield f"| {today} | {_commit()} | soak of {self.minutes:g} min (`python -m bench.soak`) | {result} |"


def _commit() -> str:
    """Of the checkout."""
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or "?"
