"""What BMUs report and no interlock acts on: warnings and alarms, told when they come and when they go."""

from collections.abc import Sequence

import numpy as np

from gateway.control.interlock import acting_alarms
from gateway.model.alarm import CAUSES, Level, alarm_point
from gateway.model.event import KINDS, Event
from gateway.model.pack import Layout, Snapshot

_PAUSE = 5.0
"s for which an alarm is not told again: one that flickers does not fill the journal."


class AlarmWatch:
    """The alarms of one container."""

    def __init__(self, layout: Layout) -> None:
        acting, racks = acting_alarms(layout), layout.topology.racks
        rows = [
            (layout.first(name) + rack, name, rack + 1)
            for name in (alarm_point(level, cause) for level in Level for cause in CAUSES)
            for rack in range(racks)
            if layout.first(name) + rack not in acting
        ]
        self._elements = np.array([element for element, _, _ in rows], np.int64)
        self._names = [(name.removeprefix("rack_"), rack) for _, name, rack in rows]
        self._told = np.zeros(len(rows), np.bool_)
        self._at = np.full(len(rows), -np.inf)

    def changes(self, snapshot: Snapshot, now: float) -> Sequence[Event]:
        """What came or went since it was told last; what is not known any more stays as it was."""
        values = snapshot.values[self._elements]
        changed = (values == 1) != self._told
        if not changed.any():
            return ()
        changed &= ~np.isnan(values) & (now - self._at >= _PAUSE)
        events = []
        for place in np.flatnonzero(changed).tolist():
            name, rack = self._names[place]
            came = not self._told[place]
            self._told[place], self._at[place] = came, now
            events.append(Event(KINDS["alarm" if came else "alarm_gone"], now, rack=rack, row=name))
        return events


def bits_of(snapshot: Snapshot, name: str) -> float:
    """A container's alarm bits as a number; 0 where none is known."""
    value = float(snapshot.values[snapshot.layout.first(name)])
    return value if value > 0 else 0.0
