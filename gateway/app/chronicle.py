"""The latest events of a container, dated: what its registers show, whether there is a journal or not."""

import dataclasses
import math
from collections import deque
from collections.abc import Callable, Iterable

from gateway.control.latest import EVENTS, rows_of
from gateway.model.event import Dated, Event

Wall = Callable[[], tuple[float, bool | None]]
"The time of day, in s since 1970-01-01 UTC, and whether it is synchronised; None: nobody knows."


class Chronicle:
    """The latest events, the latest first."""

    def __init__(self, container: str) -> None:
        self._container = container
        self.wall: Wall = lambda: (math.nan, None)
        "Until a runtime puts a real one in: nobody knows what time it is."
        self._latest: deque[Dated] = deque(maxlen=EVENTS)
        self.rows = rows_of(())
        "As registers show them."

    def add(self, events: Iterable[Event], now: float) -> list[Event]:
        """Some more have happened; the same with the container's name. `now` is monotonic, as their own times are."""
        named = [dataclasses.replace(event, container=self._container) for event in events]
        utc, is_synchronised = self.wall()
        for event in named:
            self._latest.appendleft(Dated(event, utc - (now - event.at), is_synchronised))
        self.rows = rows_of(self._latest)
        return named
