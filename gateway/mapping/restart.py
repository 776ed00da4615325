"""How long a restart leaves BMUs and PCS without keep-alives, and whether they bear it (R16)."""

from dataclasses import dataclass

from gateway.canbus.send import Transmitter
from gateway.mapping.parts import Container

START = 2.0
"s from the end of one gateway to the first cycle of the next; docs/performance.md says what was measured."


@dataclass(frozen=True, slots=True)
class Gap:
    """What a restart means for a container."""

    seconds: float
    "Without keep-alives: starting, and listening before the first frame (R34)."
    patience: float
    "The shortest time-out of BMUs and PCS; infinite where none is declared."
    whose: str

    @property
    def is_borne(self) -> bool:
        """Whether racks may stay closed over a restart: the gap is below half of the patience (R16)."""
        return self.seconds < self.patience / 2

    def __str__(self) -> str:
        told = f"{self.whose} waits {self.patience:g} s, a restart takes about {self.seconds:g} s"
        if self.is_borne:
            return f"{told}: racks may stay closed (R16)"
        return f"{told}: stopping opens the racks first (R16)"


def restart_gap(container: Container) -> Gap | None:
    """The tightest gap of a container that is controlled; None where nobody waits for us."""
    if container.settings is None:
        return None
    gaps = [
        Gap(START + Transmitter({"": sends}).listen, send.timeout, send.name)
        for sends in container.sends.values()
        for send in sends
        if send.timeout is not None
    ]
    if container.pcs is not None and container.pcs.registers.watchdog:
        pcs = container.pcs.registers
        gaps.append(Gap(START, pcs.watchdog, f"the PCS ({pcs.name})"))
    return min(gaps, key=lambda gap: gap.patience / gap.seconds, default=None)
