"""What can be wrong with a row that is sent: orders that do not exist, values that cannot be said."""

import math
from collections.abc import Iterator, Sequence

from gateway.canbus.payload import bits_of, holds, scaled
from gateway.canbus.signal import Coding, Signal
from gateway.mapping.fields import Placed
from gateway.mapping.notation import numbers
from gateway.mapping.schema.frames import SendRow, SentSignalRow
from gateway.mapping.source import Location, Source, did_you_mean
from gateway.model.order import REQUESTS, Request
from gateway.model.point import Scope

Flaw = tuple[str, str, str]
"Key in the row, what is wrong, what to do about it."
_FILLINGS = ("order", "const", "counter", "checksum")
_OF_ORDERS = ("states", "none", "wrap", "given", "otherwise")
_BYTE = 8  # bits
_CLASSIC = 8  # bytes
_LENGTHS = {*range(_CLASSIC + 1), 12, 16, 20, 24, 32, 48, 64}
"Bytes that a frame can have (ISO 11898-1)."
_LAST_SECOND = (1 << 31) - 1
"Of clocks that are signed: in 2038."


def check_frame(
    source: Source, at: Location, row: SendRow, placed: Sequence[Placed], length: int
) -> None:
    """When a message is sent, how long it is, and that each bit belongs to one signal."""
    for key, text, remedy in (*_times(row), *_once(row)):
        source.report((*at, key), text, remedy)
    if length not in _LENGTHS:
        source.report((*at, "length"), f"no frame has {length} bytes", "8, or more with CAN FD")
    for kind in ("counter", "checksum"):
        named = [name for name, signal in row.signals.items() if getattr(signal, kind) is not None]
        for name in named[1:]:
            text = f"'{named[0]}' is the {kind} already"
            source.report((*at, "signals", name, kind), text, "a frame has one")
    _check_overlaps(source, [part for part in placed if _fits(part.signal, length)], length)


def _check_overlaps(source: Source, placed: Sequence[Placed], length: int) -> None:
    taken: dict[str, int] = {}
    for part in placed:
        signal = part.signal
        whole = Signal(signal.name, signal.start, signal.length, signal.order)
        bits = bits_of(whole, (1 << signal.length) - 1, length)
        for name, others in taken.items():
            if bits & others:
                text = f"'{signal.name}' lies on bits of '{name}'"
                source.report(part.at, text, "correct the place of one of them")
        taken[signal.name] = bits


def _fits(signal: Signal, length: int) -> bool:
    return signal.start >= 0 and signal.bytes_needed() <= length


def _times(row: SendRow) -> Iterator[Flaw]:
    if (row.period is None) == (row.once is None):
        which = "neither period nor once" if row.period is None else "both period and once"
        yield "period", f"says {which}", "say one of them"
    if row.timeout is not None and row.period is not None and row.timeout <= row.period:
        yield "timeout", "ends before the next frame comes", "correct the period or the timeout"


def _once(row: SendRow) -> Iterator[Flaw]:
    if row.once is None:
        if "times" in row.model_fields_set:
            yield "times", "belongs to what is sent once", "leave it out"
        return
    if row.once not in REQUESTS:
        yield "once", f"no order is named '{row.once}'", did_you_mean(row.once, REQUESTS)
    elif REQUESTS[row.once].scope is not Scope.CONTAINER:
        yield "once", f"'{row.once}' is ordered rack by rack", "send it with a period"
    if row.timeout is not None:
        yield "timeout", "what is sent once keeps nothing alive", "leave it out"


def check_sendable(source: Source, placed: Placed, row: SentSignalRow, length: int) -> None:
    """Report everything that is wrong with a signal that is sent."""
    signal = placed.signal
    if placed.captured or signal.when:
        what = "is one of several" if placed.captured else "is not in every frame"
        source.report(placed.at, f"'{signal.name}' {what}", "a table sends only what always is")
    if not _fits(signal, length):
        source.report(placed.at, f"'{signal.name}' does not fit into {length} bytes")
    scaling = (signal.scale, signal.offset)
    if signal.scale == 0 or not all(math.isfinite(number) for number in scaling):
        source.report(placed.at, f"'{signal.name}' has a scale that says nothing", "correct it")
        return
    for part in (
        _filling(row),
        _order(signal, row),
        _fixed(signal, row),
        _check(signal, row, length),
    ):
        for key, text, remedy in part:
            source.report((*placed.at, key), text, remedy)


def _filling(row: SentSignalRow) -> Iterator[Flaw]:
    """Exactly one thing is put into a signal."""
    given = [key for key in _FILLINGS if getattr(row, key) is not None]
    if len(given) != 1:
        told = " and ".join(given) or "nothing"
        yield (given or [""])[-1], f"says {told}", f"say one of {', '.join(_FILLINGS)}"
    if row.order is None:
        for key in _OF_ORDERS:
            if key in row.model_fields_set:
                yield key, f"'{key}' belongs to an order", "name it with order:, or leave this out"


def _order(signal: Signal, row: SentSignalRow) -> Iterator[Flaw]:
    if row.order is None:
        return
    if row.order not in REQUESTS:
        remedy = did_you_mean(row.order, REQUESTS)
        if row.order in {"big", "little"}:
            remedy = "the byte order is that of bits:, or of the whole message"
        yield "order", f"no order is named '{row.order}'", remedy
        return
    request = REQUESTS[row.order]
    if row.states is None:
        yield from _plain(signal, row, request)
    else:
        yield from _states(signal, row.states, request)
    if row.none is not None and not holds(signal, row.none):
        yield "none", _too_narrow(signal, row.none), "correct the value"
    yield from _given(signal, row)


def _states(signal: Signal, states: dict[int, int], request: Request) -> Iterator[Flaw]:
    for value, raw in states.items():
        if value not in request.states:
            told = ", ".join(f"{number} {text}" for number, text in request.states.items())
            yield "states", f"'{request.name}' is never {value}", f"it is {told}" if told else ""
        elif not holds(signal, raw):
            yield "states", _too_narrow(signal, raw), "correct the value"
    for value, text in request.states.items():
        if value not in states:
            yield "states", f"says nothing for {value}, {text}", "give it a raw value"


def _plain(signal: Signal, row: SentSignalRow, request: Request) -> Iterator[Flaw]:
    """An order whose value itself is said."""
    if request.states:
        extremes = (min(request.states), max(request.states))
    elif row.wrap is not None:
        extremes = (0, row.wrap - 1)
    elif request.name == "heartbeat":
        yield "order", "a heartbeat counts on and on", "say wrap: 256, or what the BMU counts to"
        return
    else:
        extremes = (_LAST_SECOND, _LAST_SECOND)
    for value in extremes:
        raw = scaled(signal, value)
        if not holds(signal, raw):
            remedy = "give states:, a scale, or more bits"
            yield (
                "order",
                f"{request.name} {value} is raw {raw:g}: {_too_narrow(signal, raw)}",
                remedy,
            )


def _given(signal: Signal, row: SentSignalRow) -> Iterator[Flaw]:
    if row.given is None:
        if "otherwise" in row.model_fields_set:
            yield "otherwise", "belongs to given:", "name an order there"
        return
    if row.given not in REQUESTS:
        yield "given", f"no order is named '{row.given}'", did_you_mean(row.given, REQUESTS)
    elif set(REQUESTS[row.given].states) != {0, 1}:
        yield "given", f"'{row.given}' is not a matter of yes or no", "name one that is 0 or 1"
    if not holds(signal, row.otherwise):
        yield "otherwise", _too_narrow(signal, row.otherwise), "correct the value"


def _fixed(signal: Signal, row: SentSignalRow) -> Iterator[Flaw]:
    if row.const is not None and not holds(signal, row.const):
        yield "const", _too_narrow(signal, row.const), "correct the value"
    if row.counter is not None and not holds(signal, row.counter - 1):
        yield "counter", _too_narrow(signal, row.counter - 1), "correct the modulo"


def _check(signal: Signal, row: SentSignalRow, length: int) -> Iterator[Flaw]:
    """A checksum is one byte, made of others."""
    if row.checksum is None:
        if row.over is not None:
            yield "over", "belongs to a checksum", "leave it out"
        return
    if signal.length != _BYTE or signal.shift(length) % _BYTE:
        yield "checksum", f"'{signal.name}' is not one whole byte", "say bytes: with its place"
    if row.over is None:
        return
    try:
        over = numbers(row.over)
    except ValueError as error:
        yield "over", str(error), "like 0-6"
        return
    if wrong := [place for place in over if not 0 <= place < length]:
        yield "over", f"there is no byte {wrong[0]}", f"bytes go from 0 to {length - 1}"
    if signal.start // 8 in over:
        yield "over", "a checksum cannot cover itself", "leave its own byte out"


def _too_narrow(signal: Signal, raw: float) -> str:
    kind = "signed" if signal.coding is Coding.SIGNED else "unsigned"
    return f"'{signal.name}' has {signal.length} {kind} bits and is never {raw:g}"
