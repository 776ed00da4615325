"""Traffic of masters: counted where they are received, shown by every container alike.

Rules of the table:
- masters are numbered as everywhere: in the order of the site file, from 1; 0 is all that are not configured;
- what counts up goes on at 0 after 4,294,967,294: 4,294,967,295 is the pattern of a value that is missing;
- all counts begin at 0 with the gateway's start; of a master that the site does not have, all is missing.

The model are the diagnostic counters of APP V1.1b3 clause 6.8, of masters instead of one line. The table
generates a part of the point manual; `picture` fills it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gateway.model.pack import Layout, Snapshot, Topology, Vector
from gateway.model.point import Kind, Point, Scope
from gateway.model.quality import Detail

MASTERS = 17
"Masters that are shown: 16 of the site, and nobody in particular."
_COUNTS = 0xFFFFFFFF
"What a counter register can show: the next number is its pattern for no value."


@dataclass(slots=True)
class Traffic:
    """What came and went: of a connection, of a line, or of all of a master."""

    connections: int = 0
    requests: int = 0
    writes: int = 0
    exceptions: int = 0
    unanswered: int = 0
    heard: float = -math.inf
    "When the last request came."
    peer: str = ""
    "Who is at the other end of a connection."
    at: str = ""
    "Where it came in: the listener's address, or the line."

    def add(self, other: "Traffic") -> None:
        """Count in what came and went elsewhere."""
        self.connections += other.connections
        self.requests += other.requests
        self.writes += other.writes
        self.exceptions += other.exceptions
        self.unanswered += other.unanswered
        self.heard = max(self.heard, other.heard)


@dataclass(slots=True)
class Counts:
    """What is counted over all listeners of a gateway."""

    masters: dict[str, Traffic] = field(default_factory=dict)
    "What is over, of each master by its name that has been here; '' for those that are not configured."
    refused: int = 0
    dismissed: int = 0
    desynchronised: int = 0
    damaged: int = 0
    foreign: int = 0
    open: dict[str, list[Traffic]] = field(default_factory=dict)
    "Of connections and lines that are open, by the name of their master."

    def begin(self, master: str, peer: str, at: str) -> Traffic:
        """For a connection or line of a master to count in."""
        traffic = Traffic(peer=peer, at=at)
        self.masters.setdefault(master, Traffic())
        self.open.setdefault(master, []).append(traffic)
        return traffic

    def end(self, master: str, traffic: Traffic) -> None:
        """A connection or line of a master is over."""
        self.open[master] = [other for other in self.open[master] if other is not traffic]
        traffic.connections = 0
        self.masters[master].add(traffic)

    def of(self, master: str) -> Traffic:
        """All of a master."""
        whole = Traffic()
        if master in self.masters:
            for traffic in (self.masters[master], *self.open.get(master, ())):
                whole.add(traffic)
        return whole


_G, _M = Scope.CONTAINER, Scope.MASTER
# fmt: off
TRAFFIC: Mapping[str, Point] = {point.name: point for point in (
    Point("connections_refused", _G, "", "Connections that were refused: not allowed, or all taken", Kind.COUNT),
    Point("connections_dismissed", _G, "", "Connections that were ended to make room for others", Kind.COUNT),
    Point("streams_broken", _G, "", "Connections that were ended because their stream made no sense", Kind.COUNT),
    Point("frames_damaged", _G, "", "Frames with a wrong checksum, and noise: serial lines, and RTU over TCP", Kind.COUNT),
    Point("frames_foreign", _G, "", "Frames over TCP that were skipped: of another protocol than Modbus", Kind.COUNT),
    Point("master_connections", _M, "", "Its connections that are open; a serial line is none", Kind.COUNT),
    Point("master_requests", _M, "", "Its requests", Kind.COUNT),
    Point("master_writes", _M, "", "Those of them that would write", Kind.COUNT),
    Point("master_exceptions", _M, "", "Those that were answered with an exception", Kind.COUNT),
    Point("master_unanswered", _M, "", "Those that got no answer", Kind.COUNT),
    Point("master_silence", _M, "s", "Time since its last request; missing before the first"),
)}
# fmt: on
LAYOUT = Layout(Topology(1), TRAFFIC, {Scope.MASTER: MASTERS})
"Where each of them lies: the same for all containers."


def picture(counts: Counts, names: Sequence[str], now: float) -> Snapshot:
    """What masters have asked until now; `names` are those of the site, in its order."""
    values = np.full(LAYOUT.elements, np.nan)
    whole = (
        counts.refused, counts.dismissed, counts.desynchronised, counts.damaged, counts.foreign,
    )  # fmt: skip
    values[: len(whole)] = [count % _COUNTS for count in whole]
    first, known = LAYOUT.first("master_connections"), ("", *names)[:MASTERS]
    for place, name in enumerate(known, first):
        values[place::MASTERS] = _told(counts.of(name), now)
    quality = np.full(LAYOUT.elements, Detail.NONE, np.uint8)
    quality[np.isnan(values)] = Detail.NOT_AVAILABLE
    age, computed = np.zeros(LAYOUT.elements), np.ones(LAYOUT.elements, np.bool_)
    for part in (values, quality, age, computed):
        part.flags.writeable = False
    return Snapshot(LAYOUT, now, values, quality, age, computed)


def _told(traffic: Traffic, now: float) -> Vector:
    """One master's points, in the order of the table."""
    counts = (traffic.requests, traffic.writes, traffic.exceptions, traffic.unanswered)
    counted = [float(count % _COUNTS) for count in counts]
    silence = math.nan if math.isinf(traffic.heard) else now - traffic.heard
    return np.array([traffic.connections, *counted, silence])
