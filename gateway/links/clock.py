"""The machine's clock: whether it is set by others, whether it stepped (R40), how exact timers are."""

import ctypes
from collections.abc import Callable
from pathlib import Path

_TIME_ERROR = 5
"What adjtimex(2) gives while the clock is not synchronised."
_TIMEX = 512
"Bytes: more than `struct timex` on any machine; all zero only asks."
_SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
"Made by systemd-timesyncd once it has set the clock."
_SLEW = 5e-4
"How fast clocks are set right without a step: 500 ppm (adjtime(3))."
EARLY = 0.001
"Seconds that a timer may end before its time: uvloop's count whole milliseconds."


def clock_is_synchronised() -> bool | None:
    """Whether the clock follows a time server; None where the machine cannot tell."""
    state = _adjtimex()
    if 0 <= state < _TIME_ERROR or _SYNCHRONISED.exists():
        return True
    return None if state < 0 else False


def _ask() -> Callable[[], int]:
    try:
        call = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError, TypeError):  # not Linux
        return lambda: -1
    asked = ctypes.create_string_buffer(_TIMEX)
    return lambda: int(call(asked))


_adjtimex = _ask()


class ClockWatch:
    """Compares the wall clock with the monotonic one, which never steps."""

    def __init__(self, tolerance: float = 0.5) -> None:
        self._tolerance = tolerance
        self._offset: float | None = None
        self._seen = 0.0

    def stepped(self, mono: float, utc: float) -> float | None:
        """By how many seconds the wall clock stepped, when it has; to be asked each cycle.

        Small steps add up until they are told; a clock that is set right slowly is not told.
        """
        offset = utc - mono
        if self._offset is None:
            self._offset, self._seen = offset, mono
            return None
        slewed = _SLEW * max(mono - self._seen, 0.0)
        self._seen = mono
        self._offset += min(max(offset - self._offset, -slewed), slewed)
        step = offset - self._offset
        if abs(step) <= self._tolerance:
            return None
        self._offset = offset
        return step
