"""cantools as the reference: one of its messages as ours, and whether both read payloads alike."""

import math
import random
from array import array
from collections.abc import Iterator
from pathlib import Path

import cantools.database
from cantools.database.can import Message as Theirs

from gateway.canbus.compile import compile_message
from gateway.canbus.signal import Signal, is_present, physical_value
from gateway.canbus.table import Field, Message, Page, Selector
from gateway.mapping import database
from gateway.model.pack import Layout, Topology
from gateway.model.point import Point, Scope
from gateway.model.quality import Detail
from gateway.model.store import Slot, Store

Way = tuple[tuple[str, int], ...]
"Selectors and their values on the way to a page."


def messages(file: Path) -> list[Theirs]:
    """The messages of a database."""
    encoding = "cp1252" if file.suffix == ".dbc" else None
    loaded = cantools.database.load_file(file, encoding=encoding)
    assert isinstance(loaded, cantools.database.can.Database)
    return loaded.messages


class Both:
    """One message, read by cantools, by the generic reader and by the compiled decoder."""

    def __init__(self, theirs: Theirs) -> None:
        self._theirs = theirs
        described = database._described(theirs)
        self.name, self.key, self.length = described.name, described.key, described.length
        self.signals = described.signals
        points = {name: Point(name, Scope.CONTAINER, "", "") for name in self.signals}
        self._layout = Layout(Topology(1), points)
        self._slots: list[Slot] = []
        page = self._page(())
        self._store = Store(self._layout, self._slots, {})
        message = Message(self.key, described.name, self.length, page)
        self._decode, _ = compile_message(message, self._store)
        self._blank = array("d", self._store.values), bytes(self._store.detail)

    def _page(self, way: Way) -> Page:
        self._slots.append(Slot("can0", self.key, self._theirs.name))
        slot = len(self._slots)
        fields, behind = [], dict[str, set[int]]()
        for signal in self.signals.values():
            for other in self._ways(signal):
                if other == way:
                    fields.append(Field(signal, (self._layout.element(signal.name),)))
                elif other[: len(way)] == way:
                    selector, value = other[len(way)]
                    behind.setdefault(selector, set()).add(value)
        selectors = [
            Selector(
                self.signals[name], {value: self._page((*way, (name, value))) for value in values}
            )
            for name, values in behind.items()
        ]
        return Page((slot,), tuple(fields), tuple(selectors))

    def _ways(self, signal: Signal) -> Iterator[Way]:
        if not signal.when:
            yield ()
        for name, values in signal.when.items():
            for way in self._ways(self.signals[name]):
                yield from ((*way, (name, value)) for value in values)

    def _depth(self, name: str) -> int:
        return max((1 + self._depth(outer) for outer in self.signals[name].when), default=0)

    def selecting(self, data: bytes, draw: random.Random) -> bytes:
        """A payload whose selectors have values that lead somewhere."""
        selectors = {name for signal in self.signals.values() for name in signal.when}
        for name in sorted(selectors, key=lambda name: (self._depth(name), name)):
            selector = self.signals[name]
            if not is_present(selector, data, self.signals):
                continue
            known = sorted({v for part in self.signals.values() for v in part.when.get(name, ())})
            value = draw.choice(known)
            whole, shift = int.from_bytes(data, selector.order.value), selector.shift(len(data))
            mask = (1 << selector.length) - 1
            whole = whole & ~(mask << shift) | (value & mask) << shift
            data = whole.to_bytes(len(data), selector.order.value)
        return data

    def values(self, data: bytes) -> dict[str, float]:
        """What the compiled decoder makes of a payload."""
        self._store.values[:], self._store.detail[:] = self._blank
        self._decode(data, 0.0)
        return {
            name: self._store.values[element]
            for name in self.signals
            if self._store.detail[element := self._layout.element(name)] != Detail.NEVER_SEEN
        }

    def compare(self, data: bytes) -> int | None:
        """How many values both read alike from a payload; None if cantools refuses it."""
        try:
            expected = self._theirs.decode(data, decode_choices=False, scaling=True)
        except cantools.database.DecodeError:
            return None
        assert isinstance(expected, dict)
        decoded = self.values(data)
        for name, signal in self.signals.items():
            place = f"{self._theirs.name}.{name} of {data.hex()}"
            there = is_present(signal, data, self.signals)
            assert there == (name in expected), place
            assert there == (name in decoded), place
            if not there:
                continue
            value = expected[name]
            assert isinstance(value, int | float)
            read = float(physical_value(signal, data))
            assert read == float(value) or (math.isnan(read) and math.isnan(value)), place
            finite = math.isfinite(value)
            assert decoded[name] == float(value) if finite else math.isnan(decoded[name]), place
        return len(expected)
