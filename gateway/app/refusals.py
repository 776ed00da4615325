"""Refusals that are no news: a PLC that tries again and again does not fill the journal."""

import math
from collections.abc import Sequence

from gateway.model.event import Event

_SAME = 60.0  # s for which the same refusal is no news


class Refusals:
    """The last refusal of each row by each master, and when it was."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str, int], tuple[str, float]] = {}

    def is_news(self, events: Sequence[Event], now: float) -> bool:
        """Whether a refusal differs from the last one of its row, or that was long ago."""
        for event in events:
            key = (event.origin, event.row, event.rack)
            last, at = self._last.get(key, ("", -math.inf))
            self._last[key] = event.detail, now
            if last == event.detail and now - at < _SAME:
                return False
        return True
