"""What a face hides of alarms: some inverters stop on any warning that they see (R39). Trips are always shown."""

import dataclasses
from collections.abc import Collection

from gateway.control.panel import SUMMARY
from gateway.model.alarm import CAUSES, Level, alarm_point
from gateway.model.pack import Snapshot
from gateway.model.quality import Detail


def without_levels(snapshot: Snapshot, levels: Collection[Level]) -> Snapshot:
    """The same, as if no rack told anything of these levels."""
    if not levels:
        return snapshot
    values, quality = snapshot.values.copy(), snapshot.quality.copy()
    for level in levels:
        names = [alarm_point(level, cause) for cause in CAUSES]
        for name in (*names, f"rack_{level.value}s", f"{level.value}s"):
            part = snapshot.layout.slices[name]
            values[part], quality[part] = 0.0, Detail.NONE
    values.flags.writeable = quality.flags.writeable = False
    return dataclasses.replace(snapshot, values=values, quality=quality)


def unsummarised(panel: Snapshot, levels: Collection[Level]) -> Snapshot:
    """The same without their bits of `summary`."""
    if not levels:
        return panel
    values, place = panel.values.copy(), panel.layout.first("summary")
    bits = sum(1 << SUMMARY.index(level.value) for level in levels)
    values[place] = int(values[place]) & ~bits
    values.flags.writeable = False
    return dataclasses.replace(panel, values=values)
