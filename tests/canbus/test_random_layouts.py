"""Layouts that no one wrote, as cantools reads them.

Any widths, both byte orders, signed and floating, any scaling, selectors beside and inside selectors,
frames of up to 64 bytes.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from canbus.reference import Both
from cantools.database.can import Message, Signal
from cantools.database.conversion import BaseConversion
from hypothesis import event, given
from hypothesis import strategies as st

SCALES = st.sampled_from([1, 0.1, 0.5, -0.25, -1, 2, 0.001, 100]) | st.floats(0.01, 100)
OFFSETS = st.sampled_from([0, -40, -1000, 0.5]) | st.floats(-1e4, 1e4)
Order = Literal["little_endian", "big_endian"]
ORDERS: st.SearchStrategy[Order] = st.sampled_from(["little_endian", "big_endian"])
FLOATS = (16, 32, 64)
DEEPEST = 2
"Selectors inside selectors."


class Place(NamedTuple):
    """Bits of a signal."""

    order: Order
    bits: Sequence[int]


class Presence(NamedTuple):
    """When a signal is there."""

    selector: str | None = None
    values: list[int] | None = None


@dataclass
class Layout:
    """Signals that were drawn so far, none in each other's way."""

    draw: st.DrawFn
    signals: list[Signal] = field(default_factory=list)

    def place(self, free: set[int], wanted: int) -> Place:
        """Free bits from anywhere on, in the direction of a byte order; takes them away."""
        order = self.draw(ORDERS)
        bits: list[int] = []
        at = self.draw(st.integers(0, max(free, default=0)))
        while at in free and len(bits) < wanted:
            bits.append(at)
            down = at - 1 if at % 8 else at + 15  # as DBC files number bits
            at = at + 1 if order == "little_endian" else down
        free.difference_update(bits)
        return Place(order, bits)

    def add(self, free: set[int], presence: Presence) -> None:
        """One more signal, unless the bits drawn are taken."""
        place = self.place(free, self.draw(st.integers(1, 64)))
        length = len(place.bits)
        is_float = length >= FLOATS[0] and self.draw(st.booleans())
        if is_float:
            length = max(width for width in FLOATS if width <= length)
        if length:
            scale, offset = self.draw(SCALES), self.draw(OFFSETS)
            conversion = BaseConversion.factory(scale, offset, None, is_float)
            signal = self._append(place, length, presence, conversion)
            signal.is_signed = self.draw(st.booleans()) and not is_float

    def _append(
        self, place: Place, length: int, presence: Presence, conversion: BaseConversion
    ) -> Signal:
        signal = Signal(
            f"s{len(self.signals)}", place.bits[0], length, place.order, conversion=conversion,
            multiplexer_ids=presence.values, multiplexer_signal=presence.selector,
        )  # fmt: skip
        self.signals.append(signal)
        return signal

    def fill(self, free: set[int], presence: Presence, depth: int = 0) -> None:
        """Signals of one page, and selectors with pages of their own."""
        for _ in range(self.draw(st.integers(1, 4))):
            self.add(free, presence)
        for _ in range(self.draw(st.sampled_from([1, 0, 2])) if depth < DEEPEST else 0):
            self.select(free, presence, depth)

    def select(self, free: set[int], presence: Presence, depth: int) -> None:
        """A selector, and a page for each set of its values."""
        place = self.place(free, self.draw(st.integers(1, 8)))
        if not place.bits:
            return
        selector = self._append(place, len(place.bits), presence, BaseConversion.factory())
        number = len(self.signals)
        values = st.integers(0, 2 ** len(place.bits) - 1)
        known = self.draw(st.lists(values, min_size=1, max_size=5, unique=True))
        split = self.draw(st.integers(0, len(known) - 1))
        used: set[int] = set()
        for part in filter(None, (known[:split], known[split:])):
            inner = set(free)
            self.fill(inner, Presence(selector.name, part), depth + 1)
            used |= free - inner
        free -= used
        selector.is_multiplexer = len(self.signals) > number


@st.composite
def layouts(draw: st.DrawFn) -> Message:
    """A message of any layout."""
    size = draw(st.integers(1, 8) | st.sampled_from([12, 16, 24, 32, 48, 64]))
    layout = Layout(draw)
    layout.fill(set(range(size * 8)), Presence())
    return Message(1, "random", size, layout.signals, strict=True)


@given(layouts(), st.integers())
def test_any_payload_of_any_layout(message: Message, seed: int) -> None:
    """The same signals are present, with the same values, generic and compiled."""
    both, payload = Both(message), random.Random(seed)
    event(f"selectors: {min(sum(signal.is_multiplexer for signal in message.signals), 4)}")

    for _ in range(5):
        assert both.compare(both.selecting(payload.randbytes(both.length), payload)) is not None
