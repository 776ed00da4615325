"""Frames that are sent: what stands in them, and when each is due.

Rules:
- a frame says what the orders say now; one with an order that is NaN, or a value that its bits cannot hold,
  is not made at all, unless the table has a raw value for "no order"; bits that no signal takes are 0;
- orders of a cycle that stalls are not sent (R8);
- a message that repeats is due at steady times, and once at most, however late it is asked for; nothing
  waits: what was not sent in its period is not sent (R33);
- messages of one period are spread over it, so that neither the bus nor a queue gets them all at once;
- what is sent out of turn does not move the regular times: some BMUs judge the period.
"""

import math
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.canbus.checksum import CHECKSUMS
from gateway.canbus.frame import Frame
from gateway.canbus.payload import Checksum, Part, bits_of, raw_value
from gateway.canbus.table import Counter
from gateway.errors import AdapterError
from gateway.model.order import NO_ORDERS, Orders

_FRESH = 1.0
"Seconds that orders may be sent after their cycle (R8)."
_LISTEN_PERIODS = 3
_LISTEN_LEAST = 2.0
"Seconds to listen before the first frame: so many periods, but at least so long (R34)."
_LOOK = 0.05
"Seconds between looks for an order that is sent once."
_COUNTS = "heartbeat"
"The order that changes all the time: no reason to send out of turn."


@dataclass(frozen=True, slots=True)
class Send:
    """A message that is sent."""

    key: int
    name: str
    bus: str
    length: int
    "Bytes."
    period: float
    "Seconds between frames; between repetitions where it is sent `once`."
    parts: tuple[Part, ...] = ()
    counter: Counter | None = None
    "Counts the frames of the message."
    checksum: Checksum | None = None
    timeout: float | None = None
    "Seconds that the BMU waits for it before it acts (R16)."
    rack: int = 0
    "From 1; 0 where it is not for one rack."
    once: str = ""
    "The order that it is sent for, once for each new value; empty: it is sent all the time."
    times: int = 1
    "How often it is said, where it is sent once."
    encode: "Encode | None" = None
    "An adapter's own way to make the payload."


Encode = Callable[[Send, Orders, int], bytes | None]
"A payload for the orders and the counter's value; None: nothing is to be sent."


def encoded(send: Send, orders: Orders, counter: int) -> bytes | None:
    """The payload that says these orders; None where they cannot be said."""
    values = raw_values(send, orders)
    if values is None:
        return None
    bits = 0
    for part, raw in zip(send.parts, values, strict=True):
        bits |= bits_of(part.signal, raw, send.length)
    if send.counter is not None:
        bits |= bits_of(send.counter.signal, counter % send.counter.modulo, send.length)
    data = bytearray(bits.to_bytes(send.length, "little"))
    if send.checksum is not None:
        check = send.checksum
        data[check.place] = CHECKSUMS[check.kind](data[place] for place in check.over)
    return bytes(data)


def raw_values(send: Send, orders: Orders) -> tuple[float, ...] | None:
    """The raw number of each part; None where one has none that its bits can hold."""
    values = []
    for part in send.parts:
        raw = raw_value(part, orders)
        if raw is None:
            return None
        values.append(raw)
    return tuple(values)


@dataclass(slots=True)
class _Line:
    """One message at work."""

    container: str
    send: Send
    phase: float
    "Seconds after the end of listening at which it is due first."
    due: float = math.inf
    counter: int = 0
    said: tuple[float, ...] | bytes | None = None
    "What the last frame said; None: nothing, or it was lost."
    seen: float | None = None
    "The last value of the order that it is sent once for; None: whatever it is, it is from before."
    left: int = 0
    "How often that is still to be said."
    saying: Orders = NO_ORDERS
    "What is repeated then."
    failure: Exception | None = None
    "What an adapter raised last instead of a payload."

    def start(self, now: float) -> None:
        """Begin anew, knowing nothing."""
        self.due, self.said, self.seen, self.left = now + self.phase, None, None, 0

    def step(self, now: float) -> None:
        """Go on to the next time after now on the grid of the period."""
        if self.send.once:
            self.due = now + (self.send.period if self.left else _LOOK)
        else:
            self.due += self.send.period * (math.floor((now - self.due) / self.send.period) + 1)
            if self.due <= now:  # a sum that was rounded down
                self.due += self.send.period

    def look(self, orders: Orders) -> bool:
        """Take note of a new value of an order that is sent once; whether there is one."""
        value = orders.value(self.send.once)
        old = self.seen is None or value == self.seen or math.isnan(value)
        self.seen = value
        if not old:
            self.left, self.saying = self.send.times, orders
        return not old

    def content(self, orders: Orders) -> tuple[float, ...] | bytes | None:
        """What a frame would say, apart from what counts."""
        if self.send.encode is not None:
            return self._payload(orders, 0)
        raws = raw_values(self.send, orders)
        if raws is None:
            return None
        parts = zip(self.send.parts, raws, strict=True)
        return tuple(raw for part, raw in parts if part.order != _COUNTS)

    def frame(self, now: float, orders: Orders) -> Frame | None:
        """The next frame."""
        data = self._payload(orders, self.counter)
        if data is None:
            return None
        self.said = self.content(orders)
        self.counter += 1
        return Frame(now, self.send.key, data)

    def _payload(self, orders: Orders, counter: int) -> bytes | None:
        if self.send.encode is None:
            return encoded(self.send, orders, counter)
        try:
            data = self.send.encode(self.send, orders, counter)
        except Exception as error:  # noqa: BLE001 - a guest must not silence the others; the link tells it
            self.failure = error
            return None
        if data is not None and len(data) != self.send.length:
            self.failure = AdapterError(f"{len(data)} bytes instead of {self.send.length}")
            return None
        return data


class Transmitter:
    """All that is sent on one bus, by container: what is due, and whether anything may be sent at all."""

    def __init__(self, sends: Mapping[str, Sequence[Send]], *, listen: float | None = None) -> None:
        self.off = False
        "Never sends while this is set: the bus is listened to only, or the data are not live (R34, R35)."
        self.duplicate: int | None = None
        "An id of ours that somebody else sends: nothing is sent any more until the program starts anew (R34)."
        every = [send for part in sends.values() for send in part]
        self.keys = frozenset(send.key for send in every)
        slowest = max((send.period for send in every if not send.once), default=0.0)
        self.listen = max(_LISTEN_PERIODS * slowest, _LISTEN_LEAST) if listen is None else listen
        "Seconds of listening before the first frame."
        self._until = math.inf
        "When listening ends."
        self._lines = list(_spread(sends))

    @property
    def is_silent(self) -> bool:
        """Whether nothing is sent, whatever the orders are."""
        return self.off or self.duplicate is not None

    def opened(self, now: float) -> None:
        """The interface was opened, or its controller started again: listen first, nothing old is due."""
        self._until = now + self.listen
        for line in self._lines:
            line.start(self._until)

    def heard(self, key: int, now: float) -> bool:
        """A frame came from outside; true where it is the first with an id of ours (R34)."""
        del now
        if self.is_silent or key not in self.keys:
            return False
        self.duplicate = key
        return True

    def next_due(self, now: float) -> float:
        """When `due` is to be asked next; infinity where nothing will ever be sent."""
        if self.is_silent:
            return math.inf
        return max(min((line.due for line in self._lines), default=math.inf), now)

    def due(self, now: float, orders: Mapping[str, Orders]) -> list[Frame]:
        """What is to be sent now: of each message one frame at most."""
        frames = []
        for line in self._awake(now):
            if line.due > now:
                continue
            frame = self._frame(line, now, orders.get(line.container, NO_ORDERS))
            line.step(now)
            if frame is not None:
                frames.append(frame)
        return frames

    def flush(self, now: float, orders: Mapping[str, Orders]) -> list[Frame]:
        """What says something new since its last frame, out of turn; the regular times stay."""
        frames = []
        for line in self._awake(now):
            given = orders.get(line.container, NO_ORDERS)
            if now - given.at > _FRESH:
                continue
            if line.send.once:
                line.due = now if line.look(given) else line.due
                continue
            content = line.content(given)
            if content is None or content == line.said:
                continue
            frame = line.frame(now, given)
            if frame is not None:
                frames.append(frame)
        return frames

    def failures(self) -> dict[int, Exception]:
        """What adapters raised last instead of a payload, by id."""
        return {line.send.key: line.failure for line in self._lines if line.failure is not None}

    def lost(self, key: int) -> None:
        """A frame with this id was not taken by the interface: the next `flush` makes it again."""
        for line in self._lines:
            if line.send.key == key:
                line.said = None

    def _awake(self, now: float) -> Sequence[_Line]:
        return () if self.is_silent or now < self._until else self._lines

    def _frame(self, line: _Line, now: float, orders: Orders) -> Frame | None:
        if now - orders.at > _FRESH:
            line.left = 0
            return None
        if not line.send.once:
            return line.frame(now, orders)
        line.look(orders)
        if not line.left:
            return None
        line.left -= 1
        return line.frame(now, line.saying)


def _spread(sends: Mapping[str, Sequence[Send]]) -> Iterator[_Line]:
    """A line for each message; those of one period follow each other evenly."""
    every = [(name, send) for name, part in sends.items() for send in part]
    count = Tally((send.period, send.once) for _, send in every)
    place = Tally[tuple[float, str]]()
    for name, send in every:
        kind = (send.period, send.once)
        phase = 0.0 if send.once else send.period * place[kind] / count[kind]
        place[kind] += 1
        yield _Line(name, send, phase)
