"""Frame tables: what to do with each identifier of a bus, as data.

A `Message` is one identifier; its `Page` holds what every such frame carries, and selectors lead to
further pages (multiplexing, to any depth). `compile.py` makes one function of each message.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gateway.canbus.signal import Signal


@dataclass(frozen=True, slots=True)
class AlarmBit:
    """An alarm that a signal carries: set while the signal is one of `codes`, has `bit`, or is not 0."""

    element: int
    codes: frozenset[int] = frozenset()
    bit: int | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """A signal and the elements that take its value."""

    signal: Signal
    elements: tuple[int, ...] = ()
    multiplier: float = 1
    divisor: float = 1
    offset: float = 0
    "From the signal's unit to the element's: value x multiplier / divisor + offset."
    absolute: bool = False
    low: float | None = None
    high: float | None = None
    "Outside, in the element's unit, the value is out of range."
    not_available: frozenset[int] = frozenset()
    "Raw values that mean: no value."
    valid_when: tuple[tuple[Signal, int], ...] = ()
    "Flags and what they must be; else the value is not available."
    states: Mapping[int, int] | None = None
    "Raw value -> enumeration; anything else is out of range."
    alarms: tuple[AlarmBit, ...] = ()


@dataclass(frozen=True, slots=True)
class Selector:
    """A signal that says which further page a frame carries."""

    signal: Signal
    pages: Mapping[int, "Page"]


@dataclass(frozen=True, slots=True)
class Page:
    """What frames carry, at one value of each selector above."""

    slots: tuple[int, ...]
    "The store's schedules that such a frame renews; the first is that of every frame of the page."
    fields: tuple[Field, ...] = ()
    selectors: tuple[Selector, ...] = ()

    def all_fields(self) -> Iterator[Field]:
        """The fields of the page and of the pages behind it."""
        yield from self.fields
        for selector in self.selectors:
            for further in selector.pages.values():
                yield from further.all_fields()

    def all_selectors(self) -> Iterator[Selector]:
        """The selectors of the page and of the pages behind it."""
        for selector in self.selectors:
            yield selector
            for further in selector.pages.values():
                yield from further.all_selectors()


@dataclass(frozen=True, slots=True)
class Counter:
    """A rolling counter that shows whether a frame is new."""

    signal: Signal
    modulo: int


@dataclass(frozen=True, slots=True)
class Message:
    """Everything about one identifier on one bus."""

    key: int
    name: str
    length: int
    "Bytes; shorter frames are not decoded, longer ones are cut."
    page: Page
    counter: Counter | None = None
    zero_is_data: bool = True
    "False: all-zero frames are ignored until the message has carried something, and after silence."
    require: tuple[Field, ...] = ()
    "Signals that must have a value, or nothing in the frame has one."
    watches_frozen: bool = False
    signals: Mapping[str, Signal] = field(default_factory=dict)
    "All that is known of the frame, mapped or not; for people."

    def carried_bits(self) -> int | None:
        """The bits that tell something, as one little-endian integer; None: all.

        Selectors and the counter do not, unless they are mapped too.
        """
        signals = [selector.signal for selector in self.page.all_selectors()]
        if self.counter is not None:
            signals.append(self.counter.signal)
        mapped = [part.signal for part in self.page.all_fields()]
        taken = _bits_of(signals, self.length) & ~_bits_of(mapped, self.length)
        everything = (1 << 8 * self.length) - 1
        return None if taken in {0, everything} else everything & ~taken


def _bits_of(signals: Iterable[Signal], size: int) -> int:
    """The bits that some signals take, in a frame read as one little-endian integer."""
    bits = 0
    for signal in signals:
        taken = (1 << signal.length) - 1 << signal.shift(size)
        bits |= int.from_bytes(taken.to_bytes(size, signal.order.value), "little")
    return bits
