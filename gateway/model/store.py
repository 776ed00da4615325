"""The store that frames fill, and what is known of their schedules.

Freshness is kept per slot: a slot is one message (or one page of a multiplexed message) of one rack, and
nothing but its own arrival renews it.
"""

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gateway.model.pack import Codes, Draft, Indices, Layout, Vector
from gateway.model.quality import SEVERITY, USABLE, Detail


@dataclass(frozen=True, slots=True)
class Slot:
    """The schedule of one message, or of one page of it: what renews its points, and how often."""

    bus: str
    key: int
    "Frame identifier with SocketCAN's flags."
    name: str
    period: float = math.inf
    "Seconds between frames."
    timeout: float = math.inf
    "Seconds after which the points are old data."
    frozen: float = math.inf
    "Seconds of bit-identical payload after which the points are frozen."


GATEWAY = Slot(bus="", key=0, name="gateway")
"Slot 0: what the gateway itself knows; never late."


@dataclass(slots=True)
class Tally:
    """What was odd about the frames of one message; each is counted, none is fatal."""

    frames: int = 0
    short: int = 0
    long: int = 0
    empty: int = 0
    "All-zero payloads of a message that had not carried data before."
    repeated: int = 0
    "Frames whose rolling counter stood still."
    lost: int = 0
    "Frames that the rolling counter says are missing."


@dataclass(frozen=True, slots=True)
class Inputs:
    """Alarms that several messages carry: the first message's element, and those of the others.

    An alarm is set while one of them says so. While none does, it is incomplete if one of them is usable and
    another is not, else as doubtful as the worst that was ever seen.
    """

    rounds: tuple[tuple[Indices, Indices], ...]
    "Alarms and further inputs of theirs; no alarm comes twice in a round."

    @classmethod
    def of(cls, inputs: Mapping[int, int]) -> "Inputs":
        """Put inputs, each with its alarm, into rounds."""
        rounds: list[dict[int, int]] = []
        for element, alarm in inputs.items():
            free = next((one for one in rounds if alarm not in one), None)
            if free is None:
                rounds.append(free := {})
            free[alarm] = element
        return cls(tuple((np.array([*one]), np.array([*one.values()])) for one in rounds))

    def join(self, values: Vector, quality: Codes, age: Vector) -> None:
        """Bring the inputs into their alarms."""
        for alarm, more in self.rounds:
            mine, other = values[alarm] == 1, values[more] == 1
            own, codes = quality[alarm], quality[more]
            mine_only, other_only = codes == Detail.NEVER_SEEN, own == Detail.NEVER_SEEN
            worse = SEVERITY[codes] > SEVERITY[own]
            takes = np.where(mine | other, other & ~(mine & worse), worse & ~mine_only) | other_only
            clear = ~mine & ~other
            mixed = clear & (USABLE[own] != USABLE[codes])
            ages = np.where(takes, age[more], age[alarm])
            both = clear & ~mine_only & ~other_only
            age[alarm] = np.where(both, np.maximum(age[alarm], age[more]), ages)
            values[alarm] = np.where(mixed, 0.0, np.where(takes, values[more], values[alarm]))
            quality[alarm] = np.where(mixed, Detail.INACCURATE, np.where(takes, codes, own))

    def tellers(self, values: Vector, slot_of: Indices) -> Indices:
        """The slots by element, where an alarm's is that of an input which sets it while its own does not."""
        told, is_set = slot_of.copy(), values == 1
        for alarm, more in self.rounds:
            takes = is_set[more] & ~is_set[alarm]
            told[alarm] = np.where(takes, slot_of[more], told[alarm])
            is_set[alarm] |= takes
        return told


class Store:
    """The latest value of every element, filled frame by frame; `freeze` takes the picture of a cycle."""

    def __init__(
        self,
        layout: Layout,
        slots: Sequence[Slot],
        slot_of: Mapping[int, int],
        inputs: Mapping[int, int] | None = None,
    ) -> None:
        """`slot_of` gives the slot that renews each element which some message carries.

        `inputs` are further elements behind the layout's, each with the alarm that it is a part of.
        """
        self.layout = layout
        self.slots = (GATEWAY, *slots)
        self._inputs = Inputs.of(inputs or {})
        size = layout.elements + len(inputs or {})
        carried = [element for element in slot_of if element < layout.elements]
        self.carried = frozenset(layout.name_of(element) for element in carried)
        "Points that some message carries."
        self._told = np.zeros(layout.elements, np.bool_)
        self._told[carried] = True
        self._told.flags.writeable = False
        self.values = array("d", [math.nan]) * size
        self.detail = bytearray([Detail.NEVER_SEEN]) * size
        self.arrival = array("d", [-math.inf]) * len(self.slots)
        self.changed = array("d", [-math.inf]) * len(self.slots)
        self.payload: list[bytes] = [b""] * len(self.slots)
        self._slot_of = np.zeros(size, np.int64)
        self._slot_of[list(slot_of)] = [slot + 1 for slot in slot_of.values()]
        self._tells_of = np.zeros((layout.topology.racks, len(self.slots)), np.bool_)
        for element, slot in slot_of.items():
            rack = layout.rack_of((inputs or {}).get(element, element))
            if rack:
                self._tells_of[rack - 1, slot + 1] = True
        self._timeout = np.array([slot.timeout for slot in self.slots])
        self._frozen = np.array([slot.frozen for slot in self.slots])

    def know(self, name: str, value: float) -> None:
        """Set a container point that the gateway itself knows."""
        element = self.layout.first(name)
        self.values[element] = value
        self.detail[element] = Detail.NONE

    def take(self, slot: int, time: float, data: bytes, values: Mapping[int, float]) -> None:
        """Set what a frame told, by element; NaN is "not available"."""
        self.arrival[slot] = time
        if data != self.payload[slot]:
            self.payload[slot], self.changed[slot] = data, time
        for element, value in values.items():
            self.values[element] = value
            self.detail[element] = Detail.NOT_AVAILABLE if math.isnan(value) else Detail.NONE

    def picture(self, now: float) -> "Draft":
        """Copy everything as of `now`, with quality and age; aggregates are still to come."""
        self.arrival[0] = self.changed[0] = now
        slot_age = now - np.frombuffer(self.arrival)
        late = slot_age > self._timeout
        stuck = (now - np.frombuffer(self.changed) > self._frozen) & ~late
        values = np.frombuffer(self.values).copy()
        quality = np.frombuffer(self.detail, np.uint8).copy()
        slot_of = self._slot_of
        fine = quality == Detail.NONE
        for slots, detail in ((late, Detail.OLD_DATA), (stuck, Detail.FROZEN)):
            if slots.any():
                quality[fine & slots[slot_of]] = detail
        age = slot_age[slot_of]
        age[quality == Detail.NEVER_SEEN] = np.inf
        self._inputs.join(values, quality, age)
        elements = self.layout.elements
        values, quality, age = values[:elements], quality[:elements], age[:elements]
        computed = np.zeros(elements, np.bool_)
        flawless = self.layout.flawless(quality)
        silent = np.asarray((self._tells_of & late & np.isfinite(slot_age)).any(axis=1))
        return Draft(
            self.layout, now, values, quality, age, computed, flawless, self.carried, silent,
            self._told,
        )  # fmt: skip

    def sources(self) -> "Sources":
        """Which message last carried each element, as of now."""
        slot_of = self._inputs.tellers(np.frombuffer(self.values), self._slot_of)
        return Sources(self.slots, slot_of, tuple(self.payload))


@dataclass(frozen=True, slots=True)
class Sources:
    """Which message carried which element, with its last payload."""

    slots: tuple[Slot, ...]
    slot_of: Indices
    payload: tuple[bytes, ...] = field(repr=False)

    def of(self, element: int) -> tuple[Slot, bytes] | None:
        """The message behind an element, or None where no message carries it."""
        slot = int(self.slot_of[element])
        return (self.slots[slot], self.payload[slot]) if slot else None
