"""One function a message: decoders compiled from frame tables.

A generated function takes a payload and its time and writes values, details and arrival straight into a
store. Its source depends on the shape of the message alone; elements and slots are bound afterwards, so
that racks and multiplexed pages of one shape share one compilation. Byte-aligned fields are unpacked
with one `struct`, others are cut out of the payload read as one integer.
"""

import functools
import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.canbus.expression import (
    Text,
    alarm_test,
    aligned,
    first_byte,
    missing_test,
    outside_test,
    scaled,
)
from gateway.canbus.signal import Order
from gateway.canbus.table import Field, Message, Page
from gateway.model.quality import Detail
from gateway.model.store import Store, Tally

Decode = Callable[[bytes, float], None]
_Factory = Callable[..., Decode]

_LAST = -1
"What a rolling counter that has not been heard yet shows; it is kept with the time of its last frame."


def _field(source: Text, part: Field, name: str) -> None:
    """Write one field's value, or why there is none."""
    elements = [source.bind("e", element) for element in part.elements]
    missing, depth = missing_test(source, part, name), 1

    def give(value: str, detail: Detail) -> None:
        for element in elements:
            source.put(depth, f"V[{element}] = {value}; D[{element}] = {int(detail)}")

    if missing:
        source.put(depth, f"if {missing}:")
        depth += 1
        give("nan", Detail.NOT_AVAILABLE)
        depth -= 1
        source.put(depth, "else:")
        depth += 1
    if part.states is not None:
        states = {raw: float(state) for raw, state in part.states.items()}
        source.put(depth, f"v = {source.bind('m', states)}.get({name}, nan)")
        outside = "v != v"
    else:
        source.put(depth, f"v = {scaled(part, name)}")
        outside = outside_test(part)
    if outside:
        source.put(depth, f"if {outside}:")
        depth += 1
        give("nan", Detail.OUT_OF_RANGE)
        depth -= 1
        source.put(depth, "else:")
        depth += 1
    give("v", Detail.NONE)


def _fields(source: Text, fields: Sequence[Field]) -> None:
    """Write all fields of a page, then the alarms that they carry together."""
    names = [f"r{index}" for index in range(len(fields))]
    if layout := aligned(fields, source.size):
        ranked = sorted(
            zip(fields, names, strict=True), key=lambda pair: first_byte(pair[0].signal)
        )
        unpack = source.bind("u", struct.Struct(layout).unpack)
        source.put(1, f"{', '.join(name for _, name in ranked)} = {unpack}(d)")
    else:
        for part, name in zip(fields, names, strict=True):
            source.put(1, f"{name} = {source.raw(part.signal)}")
    set_when: dict[int, list[str]] = {}
    unknown_when: dict[int, list[str]] = {}
    for part, name in zip(fields, names, strict=True):
        if part.elements:
            _field(source, part, name)
        for alarm in part.alarms:
            test, missing = alarm_test(alarm, name), missing_test(source, part, name)
            if missing:
                unknown_when.setdefault(alarm.element, []).append(f"({missing})")
                test = f"({test} and not ({missing}))"
            set_when.setdefault(alarm.element, []).append(test)
    for element, tests in set_when.items():
        _alarm(source, element, tests, unknown_when.get(element, []))


def _alarm(source: Text, element: int, tests: Sequence[str], unknown: Sequence[str]) -> None:
    """Write an alarm: set if one of its signals says so, else unknown if one of them is."""
    bound = source.bind("e", element)
    source.put(1, f"if {' or '.join(tests)}:", f"    V[{bound}] = 1.0; D[{bound}] = 0")
    if unknown:
        keeps = f"V[{bound}] = 1.0 if V[{bound}] == 1.0 else nan"  # a set alarm is not forgotten
        missing = f"{keeps}; D[{bound}] = {int(Detail.NOT_AVAILABLE)}"
        source.put(1, f"elif {' or '.join(unknown)}:", f"    {missing}")
    source.put(1, "else:", f"    V[{bound}] = 0.0; D[{bound}] = 0")


def _elements(page: Page) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """All elements of a page and of the pages behind it: values, and alarms."""
    fields = list(page.all_fields())
    values = tuple(element for part in fields for element in part.elements)
    return values, tuple(alarm.element for part in fields for alarm in part.alarms)


def _requirements(source: Text, message: Message) -> None:
    """Write the check that the frame's required signals have a value."""
    if not message.require:
        return
    source.put(1, "lacks = False")
    for index, part in enumerate(message.require):
        name = f"q{index}"
        source.put(1, f"{name} = {source.raw(part.signal)}", f"v = {scaled(part, name)}")
        tests = [test for test in (missing_test(source, part, name), outside_test(part)) if test]
        if part.states is not None:
            tests.append(f"{name} not in {tuple(part.states)}")
        source.put(1, f"if {' or '.join(tests) or 'v != v'}:", "    lacks = True")
    values, alarms = _elements(message.page)
    source.put(
        1,
        "if lacks:",
        f"    for e in {source.bind('a', values)}:",
        f"        V[e] = nan; D[e] = {int(Detail.NOT_AVAILABLE)}",
        f"    for e in {source.bind('a', alarms)}:",
        f"        V[e] = 1.0 if V[e] == 1.0 else nan; D[e] = {int(Detail.NOT_AVAILABLE)}",
        "    return",
    )


@dataclass(frozen=True, slots=True)
class _Compiler:
    """Writes what all pages of a message have in common."""

    message: Message
    store: Store
    tally: Tally
    carried: int | None
    "The bits that tell something, as `Message.carried_bits` has them."

    def content(self, source: Text, page: Page) -> None:
        """Write a page's fields and the way to further pages."""
        _fields(source, page.fields)
        for selector in page.selectors:
            pages: dict[int, Decode] = {}
            for value, further in selector.pages.items():
                inner = Text(source.size)
                self.zeros(inner, further)
                self.arrival(inner, further)
                self.content(inner, further)
                pages[value] = _finish(inner, self.store, self.tally)
            way, raw = source.bind("p", pages), source.raw(selector.signal)
            source.put(1, f"page = {way}.get({raw})", "if page is not None:", "    page(d, t)")

    def arrival(self, source: Text, page: Page) -> None:
        """Write what renews a page's points, and whether what it tells has changed."""
        carried = self.carried
        for number in page.slots:
            slot = source.bind("s", number)
            if self.message.watches_frozen:
                test = f"d != P[{slot}]"
                if carried is not None:
                    test = (
                        f"(from_bytes(d, 'little') ^ from_bytes(P[{slot}], 'little')) & {carried}"
                    )
                source.put(1, f"if {test} or not P[{slot}]:", f"    C[{slot}] = t")
            else:
                source.put(1, f"C[{slot}] = t")
            source.put(1, f"A[{slot}] = t", f"P[{slot}] = d")

    def zeros(self, source: Text, page: Page) -> None:
        """Write the check that leaves out a frame of nothing but zeros while the page is not being heard."""
        if self.message.zero_is_data:
            return
        slot, timeout = self._schedule(source, page)
        carried = self.carried
        test = "any(d)" if carried is None else f"from_bytes(d, 'little') & {carried}"
        source.put(
            1,
            f"if t - A[{slot}] > {timeout} and not {test}:",
            "    T.empty += 1",
            "    return",
        )

    def _schedule(self, source: Text, page: Page) -> tuple[str, str]:
        first = page.slots[0]
        return source.bind("s", first), source.bind("o", self.store.slots[first].timeout)

    def prologue(self, source: Text) -> None:
        """Write the checks that decide whether a frame counts at all."""
        message = self.message
        source.head += [
            "T.frames += 1",
            f"if len(d) != {message.length}:",
            f"    if len(d) < {message.length}:",
            "        T.short += 1",
            "        return",
            "    T.long += 1",
            f"    d = d[:{message.length}]",
        ]
        self.zeros(source, message.page)
        if message.counter is not None:
            _, timeout = self._schedule(source, message.page)
            last = source.bind("k", [_LAST, math.nan])
            source.put(
                1,
                f"k = {source.raw(message.counter.signal)}",
                f"heard, {last}[1] = {last}[1], t",
                f"if t - heard <= {timeout}:",
                f"    if k == {last}[0]:",
                "        T.repeated += 1",
                "        return",
                f"    T.lost += (k - {last}[0] - 1) % {message.counter.modulo}",
                f"{last}[0] = k",
            )


@functools.cache
def _factory(text: str, names: tuple[str, ...]) -> _Factory:
    space: dict[str, _Factory] = {}
    arguments = ", ".join(("V", "D", "A", "C", "P", "T", "nan", "inf", *names))
    exec(f"def make({arguments}):\n{text}\n    return decode", space)  # noqa: S102 - the text is ours alone
    return space["make"]


def _finish(source: Text, store: Store, tally: Tally) -> Decode:
    wholes = [
        f"{'w' if order is Order.BIG else 'x'} = from_bytes(d, '{order.value}')"
        for order in sorted(source.whole, key=lambda order: order.value)
    ]
    body = [*source.head, *wholes, *(line.removeprefix("    ") for line in source.lines)]
    text = "\n".join(
        [
            "    from_bytes = int.from_bytes",
            "    def decode(d, t):",
            *("        " + line for line in body),
        ]
    )
    return _factory(text, tuple(source.bound))(
        store.values, store.detail, store.arrival, store.changed, store.payload, tally, math.nan, math.inf,
        *source.bound.values(),
    )  # fmt: skip


def compile_message(message: Message, store: Store) -> tuple[Decode, Tally]:
    """The function that takes a message's payloads into a store, and its tally."""
    source, tally = Text(message.length), Tally()
    compiler = _Compiler(message, store, tally, message.carried_bits())
    compiler.prologue(source)
    compiler.arrival(source, message.page)
    _requirements(source, message)
    compiler.content(source, message.page)
    return _finish(source, store, tally), tally


def compile_bus(messages: Iterable[Message], store: Store) -> Mapping[int, tuple[Decode, Tally]]:
    """All messages of one bus by key."""
    return {message.key: compile_message(message, store) for message in messages}
