"""What is measured of a gateway at work, for who watches many of them: taken each second, put into words when it is read.

A family is named `essgw_` and the point, as in docs/points.md; labels say of which container, rack, interlock or master it is.
Modules and cells are left to the registers: they are thousands. What is unknown or unusable is left out.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

import gateway
from gateway.app.gateway import Gateway
from gateway.control.interlock import INTERLOCKS
from gateway.links.can_link import CanLink
from gateway.links.metrics import Family
from gateway.model.alarm import CAUSES, Level, alarm_point
from gateway.model.pack import Snapshot
from gateway.model.point import Point, Scope
from gateway.model.quality import USABLE, Detail
from gateway.model.traffic import Counts, Traffic

_OLDEST = 3.0
"s after which a picture is shown no more: a second passes from one to the next (R8)."
_SHOWN = (Scope.CONTAINER, Scope.RACK, Scope.INTERLOCK)
_ALARMS = frozenset(alarm_point(level, cause) for level in Level for cause in CAUSES)
"Bits of `rack_warnings`, `rack_alarms` and `rack_trips`, too."
_ROWS = {row.number: row.name for row in INTERLOCKS}

Samples = list[tuple[Sequence[str], float]]


@dataclass(slots=True)
class Pace:
    """How the loop keeps up."""

    cycles: int = 0
    spent: float = 0.0
    "Seconds in cycles."
    longest: float = 0.0
    "Seconds of the longest cycle since it was asked last."
    lag: float = 0.0
    "Seconds that a cycle began late at most since then: what the loop did meanwhile."

    def cycle(self, seconds: float, late: float) -> None:
        """A cycle took so long, and began so late; less than 0 where it came out of turn."""
        self.cycles += 1
        self.spent += seconds
        self.longest = max(self.longest, seconds)
        self.lag = max(self.lag, late)

    def taken(self) -> "Pace":
        """All of it as it is; what was longest begins anew."""
        taken = dataclasses.replace(self)
        self.longest = self.lag = 0.0
        return taken


@dataclass(frozen=True, slots=True)
class Picture:
    """What was measured at one instant; nothing in it changes any more."""

    at: float = -math.inf
    "Monotonic s."
    packs: Mapping[str, Snapshot] = field(default_factory=dict)
    panels: Mapping[str, Snapshot] = field(default_factory=dict)
    masters: Mapping[str, Traffic] = field(default_factory=dict)
    connections: Sequence[tuple[str, Traffic]] = ()
    "Those that are open, with the names of their masters."
    listeners: Mapping[str, int] = field(default_factory=dict)
    "What belongs to no master."
    buses: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)


def take(
    at_work: Gateway, counts: Counts, links: Sequence[CanLink], pace: Pace, now: float
) -> Picture:
    """A picture of this moment; while cycles stall there is none of the plant (R8)."""
    faces = at_work.faces
    names = () if faces.is_stalled else tuple(at_work.containers)
    panels = {name: faces.panel(name) for name in names}
    masters = dict.fromkeys(["", *(origin.name for origin in at_work.site.masters.origins)])
    masters |= dict.fromkeys(counts.masters)
    return Picture(
        now,
        {name: faces.pack(name) for name in names},
        {name: panel for name, panel in panels.items() if panel is not None},
        {name: counts.of(name) for name in masters},
        [(name, dataclasses.replace(one)) for name, open_ in counts.open.items() for one in open_],
        {
            "connections_refused": counts.refused,
            "connections_dismissed": counts.dismissed,
            "streams_broken": counts.desynchronised,
            "frames_damaged": counts.damaged,
            "frames_foreign": counts.foreign,
        },
        {
            link.bus.name: {"up": int(link.state.up), "errors": link.state.errors}
            | at_work.traffic(link.bus.name)
            for link in links
        },
        pace.taken(),
    )


def families(picture: Picture, now: float) -> Iterator[Family]:
    """All that a picture shows; nothing but its age where it is too old."""
    yield Family("essgw", "The gateway", ["version"], [([gateway.__version__], 1.0)])
    age = now - picture.at
    if math.isfinite(age):
        yield Family("essgw_picture_age_seconds", "Age of what is told here", (), [((), age)])
    if age > _OLDEST:
        return
    for snapshots in (picture.packs, picture.panels):
        yield from _points(snapshots)
    yield from _traffic(picture)
    yield from _buses(picture.buses)
    pace = picture.pace
    for name, text, value, grows in (
        ("cycles", "Cycles", pace.cycles, True),
        ("cycle_seconds", "Time spent in cycles", pace.spent, True),
        ("cycle_longest_seconds", "Longest cycle of the last second", pace.longest, False),
        ("loop_lag_seconds", "What a cycle began late at most in the last second", pace.lag, False),
    ):
        yield Family(f"essgw_{name}", text, (), [((), value)], grows)


def _points(snapshots: Mapping[str, Snapshot]) -> Iterator[Family]:
    """The points of containers whose layouts have the same ones."""
    points: dict[str, Point] = {}
    for snapshot in snapshots.values():
        points |= snapshot.layout.points
    for name, point in points.items():
        if point.scope not in _SHOWN or name in _ALARMS:
            continue
        samples = [
            ((container, *index), value)
            for container, snapshot in snapshots.items()
            for index, value in _values(snapshot, name, point.scope)
        ]
        if samples:
            labels = {Scope.RACK: ("rack",), Scope.INTERLOCK: ("interlock",)}.get(point.scope, ())
            text = f"{point.text}, in {point.unit}" if point.unit else point.text
            yield Family(f"essgw_{name}", text, ("container", *labels), samples)


def _values(snapshot: Snapshot, name: str, scope: Scope) -> Iterator[tuple[tuple[str, ...], float]]:
    """What is known of a point, with its index."""
    part = snapshot.layout.slices[name]
    values = snapshot.values[part]
    codes = snapshot.quality[part]
    known = USABLE[codes] & (codes != Detail.INCONSISTENT) & ~np.isnan(values)
    for place in np.flatnonzero(known).tolist():
        index = (_ROWS[place + 1],) if scope is Scope.INTERLOCK else (str(place + 1),)
        yield () if scope is Scope.CONTAINER else index, float(values[place])


_TRAFFIC = (
    ("requests", "Requests", True),
    ("writes", "Requests that would write", True),
    ("exceptions", "Requests that were answered with an exception", True),
    ("unanswered", "Requests that got no answer", True),
    ("connections", "Connections that are open", False),
)
"What is counted of masters and, but for the last, of connections."


def _traffic(picture: Picture) -> Iterator[Family]:
    """What masters ask, together and by connection."""
    for name, text, grows in _TRAFFIC:
        told: Samples = [([who], getattr(one, name)) for who, one in picture.masters.items()]
        yield Family(f"essgw_master_{name}", f"{text}, of a master", ["master"], told, grows)
    for name, text, grows in _TRAFFIC[:-1]:
        told = [((who, one.peer, one.at), getattr(one, name)) for who, one in picture.connections]
        labels = ("master", "peer", "listener")
        yield Family(
            f"essgw_connection_{name}", f"{text}, of an open connection", labels, told, grows
        )
    for name, count in picture.listeners.items():
        yield Family(
            f"essgw_{name}", name.replace("_", " ").capitalize(), (), [((), count)], is_counter=True
        )


def _buses(buses: Mapping[str, Mapping[str, int]]) -> Iterator[Family]:
    """What comes in from CAN."""
    up: Samples = [([name], told["up"]) for name, told in buses.items()]
    yield Family("essgw_bus_up", "Whether a bus is open", ["bus"], up)
    errors: Samples = [([name], told["errors"]) for name, told in buses.items()]
    yield Family("essgw_bus_failures", "How often a bus failed", ["bus"], errors, is_counter=True)
    frames: Samples = [([name], told["frames"]) for name, told in buses.items()]
    yield Family("essgw_bus_frames", "Frames received", ["bus"], frames, is_counter=True)
    odd: Samples = [
        ((name, kind), count)
        for name, told in buses.items()
        for kind, count in told.items()
        if kind not in {"up", "errors", "frames"}
    ]
    text = "Frames that were odd, by kind"
    yield Family("essgw_bus_frames_odd", text, ("bus", "kind"), odd, is_counter=True)
