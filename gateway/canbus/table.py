"""Frame tables: what to do with each identifier of a bus, as data.

A `Message` is one identifier; its `Page` holds what every such frame carries, and selectors lead to
further pages (multiplexing, to any depth). `compile.py` makes one function of each message.
"""

from collections.abc import Mapping
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
