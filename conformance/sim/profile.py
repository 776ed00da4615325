"""Power over time: what a simulated EMS dispatches, or a simulated plant does by itself."""

import math
from collections.abc import Callable, Sequence

Profile = Callable[[float], float]
"Seconds from the start -> W, positive when discharging."


def steady(watts: float) -> Profile:
    """The same power for ever."""
    return lambda _seconds: watts


def stairs(steps: Sequence[tuple[float, float]]) -> Profile:
    """From each of some seconds on so many watts; 0 before the first."""

    def power(seconds: float) -> float:
        return next((watts for start, watts in reversed(steps) if seconds >= start), 0.0)

    return power


def sine(watts: float, period: float) -> Profile:
    """Discharge and charge in turn, a period in s."""
    return lambda seconds: watts * math.sin(2 * math.pi * seconds / period)


def cycle(watts: float) -> Profile:
    """Slow cycles of 5 minutes with a quick ripple, at most 85 % of a power."""
    slow, quick = sine(0.7 * watts, 300), sine(0.15 * watts, 7)
    return lambda seconds: slow(seconds) + quick(seconds)
