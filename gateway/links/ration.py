"""How often the log tells of the same: so many times a minute, then a count of what was left out.

A master that connects for every request, or a serial line that flaps, must not fill the disk.
"""

from collections.abc import Iterator
from dataclasses import dataclass

_SPAN = 60.0
"Seconds from what is told first until all is told again."
_MOST_KEYS = 1000
"Of which a count is kept; what comes beyond shares one, ''."


@dataclass(slots=True)
class _Window:
    """What was told, and left out, since something was told first."""

    until: float
    told: int = 0
    left_out: int = 0


class Ration:
    """What the log has told, by whom it is about."""

    def __init__(self, most: int = 20) -> None:
        """`most` is how often one of them is told of in a minute."""
        self._most = most
        self._windows: dict[str, _Window] = {}

    def allows(self, about: str, now: float) -> bool:
        """Whether to tell of somebody once more; what is not told is counted."""
        if about not in self._windows and len(self._windows) >= _MOST_KEYS:
            about = ""
        window = self._windows.get(about)
        if window is None or (now >= window.until and not window.left_out):
            window = self._windows[about] = _Window(now + _SPAN)
        if window.told >= self._most:
            window.left_out += 1
            return False
        window.told += 1
        return True

    def over(self, now: float) -> Iterator[tuple[str, int]]:
        """Whose minute is over, and how much was left out; each is told once, and then told of again."""
        for about, window in list(self._windows.items()):
            if now >= window.until:
                del self._windows[about]
                if window.left_out:
                    yield about, window.left_out
