"""The pages of a message: which selectors lead to which fields, and which schedules they renew.

A field that is there at one value of each selector has that page's slot. A field that is there at several
has a slot of its own, which a frame of any of these pages renews.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.canbus.signal import Signal
from gateway.canbus.table import Field, Page, Selector
from gateway.mapping.fields import Placed
from gateway.mapping.meaning import Meaning
from gateway.mapping.plan import Plan
from gateway.mapping.protocol import Protocol
from gateway.mapping.soundness import counted
from gateway.mapping.source import Location, did_you_mean
from gateway.model.store import Slot

_INWARDS = ("rack", "module", "sensor", "cell")
Steps = tuple[tuple[str, int], ...]
"Selectors and their values on the way to a page, outermost first."


@dataclass(frozen=True, slots=True)
class Where:
    """Which rack, module and page an identifier belongs to; 0 where it carries none."""

    rack: int
    module: int
    page: int
    numbers: Mapping[str, int]
    "What stands in the identifier."


class _Way(NamedTuple):
    """A way to a signal, and how far each selector on it has come in the values that lead there."""

    steps: Steps
    turns: tuple[tuple[str, int, int], ...]
    "Selector, index of its value, number of its values."


def _joined(*ways: _Way) -> _Way | None:
    """One way of several, each selector on it once; None if they give one different values."""
    steps: dict[str, int] = {}
    turns: list[tuple[str, int, int]] = []
    for way in ways:
        for (selector, value), turn in zip(way.steps, way.turns, strict=True):
            if steps.setdefault(selector, value) != value:
                return None
            if all(turn[0] != known for known, _, _ in turns):
                turns.append(turn)
    return _Way(tuple(steps.items()), tuple(turns))


@dataclass(slots=True)
class PageMaker:
    """Puts the fields of one message into pages."""

    protocol: Protocol
    plan: Plan
    at: Location
    "Of the message's row."
    signals: Mapping[str, Signal]
    slot: Slot
    "What the schedule of each page looks like."
    _fields: dict[Steps, list[tuple[Field, tuple[Steps, ...]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    "The fields of each page, each with all pages that it is in."
    _slots: dict[tuple[Steps, ...], int] = field(default_factory=dict)
    _claimed: dict[int, Field] = field(default_factory=dict)

    def place(self, placed: Placed, where: Where, racks: Mapping[int, int]) -> None:
        """Give a signal its fields, in all pages that it is in."""
        ways = self._ways(placed, placed.signal)
        over = placed.row.over
        if isinstance(over, dict):
            self._check_axes(placed, over, ways)
        meaning = Meaning(self.protocol, self.plan.layout, self.signals, placed, racks)
        if not over:
            shared = meaning.field(where.rack, where.module, {})
            everywhere = tuple(way.steps for way in ways)
            if shared is not None:
                for steps in everywhere:
                    self._fields[steps].append((shared, everywhere))
            return
        for way in ways:
            part = meaning.field(where.rack, where.module, _running(placed, way, where.page))
            if part is not None:
                self._fields[way.steps].append((part, (way.steps,)))

    def _check_axes(self, placed: Placed, over: Mapping[str, str], ways: list[_Way]) -> None:
        known = {selector for way in ways for selector, _ in way.steps}
        for selector in over.keys() - known:
            text = f"'{selector}' does not lead to '{placed.signal.name}'"
            self._report(placed, text, did_you_mean(selector, known))

    def _ways(self, placed: Placed, signal: Signal, inside: tuple[Signal, ...] = ()) -> list[_Way]:
        """All ways to a signal through its selectors."""
        ways = [_Way((), ())]
        for name, values in signal.when.items():
            selector = self.signals.get(name)
            if selector is None:
                near = did_you_mean(name, self.signals)
                self._report(placed, f"the selector '{name}' is no signal here", near)
                return []
            if selector in (signal, *inside):
                self._report(placed, f"'{name}' is there only where it itself says so")
                return []
            outer = self._ways(placed, selector, (signal, *inside))
            here = [_Way(((name, value),), ((name, index, len(values)),))
                    for index, value in enumerate(values)]  # fmt: skip
            ways = [
                whole
                for way in ways
                for before in outer
                for last in here
                if (whole := _joined(way, before, last)) is not None
            ]
        return ways

    def elements(self) -> Iterator[int]:
        """The elements of all fields."""
        for parts in self._fields.values():
            for part, _ in parts:
                yield from part.elements

    def root(self) -> Page:
        """The page of every frame, with all pages behind it."""
        return self._page(())

    def _page(self, steps: Steps) -> Page:
        slots = {self._slot_of((steps,)): None}
        fields = []
        for part, everywhere in self._fields.get(steps, ()):
            slot = self._slot_of(everywhere)
            slots[slot] = None
            fields.append(self._claim(part, slot))
        behind: dict[str, dict[int, Page]] = defaultdict(dict)
        further = {way[: len(steps) + 1] for way in self._fields if way[: len(steps)] == steps}
        for way in sorted(further - {steps}):
            selector, value = way[-1]
            behind[selector][value] = self._page(way)
        selectors = (Selector(self.signals[name], pages) for name, pages in behind.items())
        return Page(tuple(slot + 1 for slot in slots), tuple(fields), tuple(selectors))

    def _slot_of(self, everywhere: tuple[Steps, ...]) -> int:
        """The slot of what is in some pages, made when it is first asked for."""
        if everywhere not in self._slots:
            self._slots[everywhere] = len(self.plan.slots)
            self.plan.slots.append(self.slot)
        return self._slots[everywhere]

    def _claim(self, part: Field, slot: int) -> Field:
        """The field with its elements claimed, and its alarms where no other message writes them."""
        if id(part) in self._claimed:
            return self._claimed[id(part)]
        plan, source = self.plan, self.protocol.source
        for element in part.elements:
            other = plan.claim(element, slot)
            if other is not None:
                how = "carried twice" if other is plan.slots[slot] else "also carried"
                text = f"{plan.layout.name_of(element)} is {how} by {other.name}"
                source.report(self.at, text, "map it once")
        claimed = part
        if part.alarms:
            raised = dict.fromkeys(alarm.element for alarm in part.alarms)
            inputs = {element: plan.alarm_input(element, slot) for element in raised}
            alarms = (dataclasses.replace(of, element=inputs[of.element]) for of in part.alarms)
            claimed = dataclasses.replace(part, alarms=tuple(alarms))
        self._claimed[id(part)] = claimed
        return claimed

    def _report(self, placed: Placed, text: str, remedy: str = "") -> None:
        self.protocol.source.report(placed.at, text, remedy)


def _running(placed: Placed, way: _Way, page: int) -> dict[str, int]:
    """How far each running index has come, from 0: page by page, value by value, repetition by repetition.

    What no selector is named for counts through the innermost index.
    """
    over, rest = placed.row.over, max(counted(placed.row), key=_INWARDS.index)
    turns = {rest: max(page - 1, 0)}
    for selector, index, count in way.turns:
        axis = over.get(selector, rest) if isinstance(over, dict) else rest
        turns[axis] = turns.get(axis, 0) * count + index
    turns[rest] = turns[rest] * placed.row.repeat + placed.repetition
    return turns
