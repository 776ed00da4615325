"""A PCS map at work: orders as words to write, read words as a report.

Numbers that a register cannot hold are clamped, and those between two counts are rounded, towards zero:
never more than was ordered, and nothing wraps round. Rows that lie side by side are read and written in
one request. Limits are written before power, power before the heartbeat, run last; a stop turns this
round. Until the order says run, power is written as zero.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gateway.mapping.words import (
    Arrangement,
    WordType,
    constant_words,
    from_words,
    number_from_words,
)
from gateway.model.order import PcsOrder, PcsReport

Registers = Mapping[tuple[str, int], int]
"What was read: by table (holding, input) and address."
_BETWEEN = 1e-6
"Counts by which a number may miss a whole one and still be meant as it."


class ReadSpan(NamedTuple):
    """Registers that are read in one request."""

    table: str
    first: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Coding:
    """How a number stands in registers: value = count x scale + offset."""

    kind: WordType
    order: Arrangement
    scale: float = 1
    offset: float = 0
    most: float = math.inf
    "The greatest magnitude of a value."

    def words(self, value: float) -> list[int]:
        """A value in words, never further from zero than it is; what is no number is zero (R19)."""
        value = value if math.isfinite(value) else 0.0
        value = max(-self.most, min(self.most, value))
        return self.raw(self._fraction(value) if self.kind.is_float else self._whole(value))

    def raw(self, count: float) -> list[int]:
        """A count in words."""
        return [int(word) for word in constant_words(self.kind, count, self.order)]

    def value(self, words: list[int]) -> float:
        """The value that words mean; NaN for what stands for a missing one."""
        count = from_words(self.kind, words, self.order)
        if count is None or not math.isfinite(count):
            return math.nan
        return count * self.scale + self.offset + 0.0  # no -0.0

    def count(self, words: list[int]) -> float:
        """The count that words are, whatever it stands for."""
        return number_from_words(self.kind, words, self.order)

    @property
    def zero(self) -> float:
        """The count that means zero."""
        return 0.0 - self.offset / self.scale

    def _whole(self, value: float) -> int:
        zero, kind = round(self.zero), self.kind
        steps = max(kind.low - zero, min(kind.high - zero, value / self.scale))
        near = round(steps)
        return zero + (near if abs(steps - near) < _BETWEEN else math.trunc(steps))

    def _fraction(self, value: float) -> float:
        kind = self.kind
        exact = max(kind.low, min(kind.high, (value - self.offset) / self.scale))
        short = kind.words == 2  # noqa: PLR2004 - f32
        count = float(np.float32(exact)) if short else exact
        if abs(count * self.scale + self.offset) > abs(value):
            zero = np.float32(self.zero)
            count = (
                float(np.nextafter(np.float32(count), zero))
                if short
                else math.nextafter(count, self.zero)
            )
        return count + 0.0  # no -0.0


@dataclass(frozen=True, slots=True)
class Read:
    """A row that is read."""

    what: str
    "Empty: `expect` is what must stand there."
    table: str
    at: int
    coding: Coding
    values: frozenset[int] = frozenset()
    mask: int = 0
    expect: int | None = None
    timeout: float = math.inf

    def words(self, registers: Registers) -> list[int]:
        """Its registers."""
        reach = range(self.at, self.at + self.coding.kind.words)
        return [registers[self.table, place] for place in reach]

    def holds(self, registers: Registers) -> bool:
        """Whether its number is one of its values, or has one of its bits."""
        number = int(self.coding.count(self.words(registers)))
        return number in self.values or bool(number & self.mask)


@dataclass(frozen=True, slots=True)
class Write:
    """A row that is written."""

    what: str
    "Empty: `const` is written."
    at: int
    coding: Coding
    const: int = 0
    codes: Mapping[str, int] | None = None
    wrap: int = 1

    def words(self, order: PcsOrder, heartbeat: int) -> list[int]:
        """What goes into its registers."""
        if self.codes is not None:
            return self.coding.raw(self.codes[_run_word(order, self.codes)])
        if self.what == "heartbeat":
            return self.coding.raw(heartbeat % self.wrap)
        if not self.what:
            return self.coding.raw(self.const)
        return self.coding.words(_ORDERED[self.what](order))


def runs(order: PcsOrder) -> bool:
    """Whether an order lets the PCS run: a stop beside it wins."""
    return order.run and not order.stop


def _run_word(order: PcsOrder, codes: Mapping[str, int]) -> str:
    if runs(order):
        return "run"
    return "standby" if not order.stop and "standby" in codes else "stop"


_ORDERED: Mapping[str, Callable[[PcsOrder], float]] = {
    "power": lambda order: order.power if runs(order) else 0.0,
    "reactive": lambda order: order.reactive if runs(order) else 0.0,
    "reset": lambda order: float(order.reset),
    "charge_current": lambda order: max(order.charge_current, 0.0),
    "discharge_current": lambda order: max(order.discharge_current, 0.0),
}
"What of an order a row writes, in W, var and A; a reset is 1 while it is asked for."


@dataclass(frozen=True, slots=True)
class PcsMap:
    """A PCS map, compiled."""

    name: str
    unit: int
    poll: float
    "Seconds."
    watchdog: float
    "Seconds after which the PCS stops by itself."
    reads_count: bool
    unverified: bool
    reads: tuple[Read, ...]
    read_spans: tuple[ReadSpan, ...]
    write_spans: tuple[tuple[Write, ...], ...]
    "Requests in the order in which they go out to run."

    def report(self, registers: Registers, at: float) -> PcsReport:
        """What the registers of all `read_spans` say."""
        told = {
            row.what: row.coding.value(row.words(registers))
            for row in self.reads
            if row.what in MEASURES
        }
        facts = {row.what for row in self.reads if row.what in FACTS and row.holds(registers)}
        return PcsReport(
            at,
            power=told.get("power", math.nan),
            reactive=told.get("reactive", math.nan),
            dc_voltage=told.get("dc_voltage", math.nan),
            dc_current=told.get("dc_current", math.nan),
            is_running="running" in facts,
            has_fault="fault" in facts,
            watchdog_tripped="watchdog_tripped" in facts,
        )

    def mismatch(self, registers: Registers) -> str:
        """What speaks against this being the device of the map; empty if nothing does."""
        for row in self.reads:
            found = row.coding.count(row.words(registers))
            if row.expect is not None and found != row.expect:
                return f"register {row.at} holds {found:g}, not {row.expect}: another device or map"
        return ""

    @property
    def expects(self) -> bool:
        """Whether the device is to be recognised before anything is written."""
        return any(row.expect is not None for row in self.reads)

    def pulse(self, registers: Registers) -> tuple[float, float]:
        """The PCS's heartbeat, and for how many seconds it may stand still (without one: for ever)."""
        for row in self.reads:
            if row.what == "heartbeat":
                return row.coding.count(row.words(registers)), row.timeout
        return 0.0, math.inf

    def writes(self, order: PcsOrder, heartbeat: int) -> list[tuple[int, list[int]]]:
        """The requests that carry an order: address and words, in the order in which they go out."""
        spans = self.write_spans if runs(order) else self.write_spans[::-1]
        return [
            (span[0].at, [word for row in span for word in row.words(order, heartbeat)])
            for span in spans
        ]


MEASURES = frozenset({"power", "reactive", "dc_voltage", "dc_current"})
FACTS = frozenset({"running", "fault", "watchdog_tripped"})
