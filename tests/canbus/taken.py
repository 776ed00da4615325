"""One message at work in a store of its own, whose points are called a to h."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.canbus.compile import compile_message
from gateway.canbus.signal import Coding, Order, Signal
from gateway.canbus.table import Field, Message, Page
from gateway.model.pack import Layout, Topology
from gateway.model.point import Point, Scope
from gateway.model.quality import Detail
from gateway.model.store import Slot, Store

LAYOUT = Layout(Topology(1), {name: Point(name, Scope.CONTAINER, "", "") for name in "abcdefgh"})
ELEMENT = {name: LAYOUT.element(name) for name in LAYOUT.points}
TIMEOUT = 1.0


def byte(place: int, coding: Coding = Coding.UNSIGNED) -> Signal:
    """A signal of one whole byte."""
    return Signal(f"byte{place}", place * 8, 8, Order.LITTLE, coding)


def to(name: str, signal: Signal) -> Field:
    """A field that gives a signal's value to a point."""
    return Field(signal, (ELEMENT[name],))


def message(*fields: Field, length: int = 8) -> Message:
    """A message that carries some fields in every frame."""
    return Message(0x100, "m", length, Page((1,), fields))


@dataclass(frozen=True, slots=True)
class Reading:
    """A point as it is known."""

    value: float | None
    "None for NaN."
    detail: Detail


GOOD, MISSING, OUTSIDE = Detail.NONE, Detail.NOT_AVAILABLE, Detail.OUT_OF_RANGE


class Taken:
    """A message whose frames are taken."""

    def __init__(
        self, message: Message, slot_of: Mapping[str, int] | None = None,
        frozen: float = math.inf, pages: int = 1,
    ) -> None:  # fmt: skip
        slot = Slot("can0", message.key, message.name, TIMEOUT / 3, TIMEOUT, frozen)
        slots = {ELEMENT[name]: number for name, number in (slot_of or {}).items()}
        self.store = Store(LAYOUT, [slot] * pages, slots)
        self.decode, self.tally = compile_message(message, self.store)

    def take(self, payload: str, at: float = 0.0) -> "Taken":
        """Take a frame."""
        self.decode(bytes.fromhex(payload), at)
        return self

    def __getitem__(self, name: str) -> Reading:
        value = self.store.values[ELEMENT[name]]
        detail = Detail(self.store.detail[ELEMENT[name]])
        return Reading(None if math.isnan(value) else value, detail)

    def seen_at(self, now: float, name: str) -> Detail:
        """The quality of a point in a picture."""
        return Detail(int(self.store.picture(now).quality[ELEMENT[name]]))
