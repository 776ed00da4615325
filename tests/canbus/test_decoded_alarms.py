"""Alarms that signals carry, and signals without which a whole frame says nothing."""

import dataclasses
from collections.abc import Collection

import pytest
from canbus.taken import ELEMENT, GOOD, MISSING, Reading, Taken, byte, message, to

from gateway.canbus.signal import Coding, Order, Signal
from gateway.canbus.table import AlarmBit, Field, Message, Page, Selector
from gateway.model.quality import Detail

SET, CLEAR = Reading(1, GOOD), Reading(0, GOOD)
NOTHING = Reading(None, MISSING)


def alarm(
    signal: Signal, name: str = "a", codes: Collection[int] = (), bit: int | None = None
) -> Field:
    """A field that carries nothing but an alarm."""
    return Field(signal, alarms=(AlarmBit(ELEMENT[name], frozenset(codes), bit),))


@pytest.mark.parametrize(
    ("part", "sets", "clears"),
    [
        (alarm(byte(0)), ["01", "80", "FF"], ["00"]),
        (alarm(byte(0), bit=0), ["01", "FF", "81"], ["00", "FE", "80"]),
        (alarm(byte(0), bit=7), ["80", "FF"], ["00", "7F"]),
        (alarm(byte(0, Coding.SIGNED), bit=7), ["80", "FF"], ["00", "7F"]),
        (alarm(byte(0), codes=[3]), ["03"], ["00", "01", "02", "FF"]),
        (alarm(byte(0), codes=[0, 2]), ["00", "02"], ["01", "03"]),
    ],
    ids=["not 0", "lowest bit", "highest bit", "sign bit", "code", "codes"],
)
def test_an_alarm_follows_its_signal(part: Field, sets: list[str], clears: list[str]) -> None:
    """Set while the signal is not 0, has the bit or is one of the codes; clear by the next frame."""
    taken = Taken(message(part, length=1))

    for raw in sets:
        assert taken.take(raw)["a"] == SET
        assert [taken.take(other)["a"] for other in clears] == [CLEAR] * len(clears)


def test_alarms_of_several_signals() -> None:
    """A cause that several signals of a frame carry is set while any of them says so."""
    taken = Taken(message(alarm(byte(0), bit=2), alarm(byte(1), codes=[9]), length=2))

    assert taken.take("00 00")["a"] == CLEAR
    assert taken.take("04 00")["a"] == SET
    assert taken.take("00 09")["a"] == SET
    assert taken.take("FF 09")["a"] == SET
    assert taken.take("FB 08")["a"] == CLEAR


def test_a_value_and_alarms_in_one_signal() -> None:
    """A signal may carry a value and several alarms at once."""
    levels = tuple(AlarmBit(ELEMENT[name], bit=bit) for name, bit in (("b", 0), ("c", 1)))
    taken = Taken(message(dataclasses.replace(to("a", byte(0)), alarms=levels), length=1))

    assert [taken.take("02")[name] for name in "abc"] == [Reading(2, GOOD), CLEAR, SET]


KEPT = Reading(1, Detail.NOT_AVAILABLE)
"An alarm that was set when it was last told."
FLAG = Signal("flag", 8, 1, Order.LITTLE)


def test_an_alarm_that_is_not_available() -> None:
    """A code for "not available" sets no alarm and clears none: the alarm is not available."""
    part = dataclasses.replace(alarm(byte(0)), not_available=frozenset({0xFE, 0xFF}))
    taken = Taken(message(part, alarm(byte(1)), length=2))

    assert taken.take("FF 00")["a"] == NOTHING
    assert taken.take("FD 00")["a"] == SET
    assert taken.take("FF 00")["a"] == KEPT
    assert taken.take("FF 01")["a"] == SET
    assert taken.take("00 00")["a"] == CLEAR


def test_an_alarm_whose_validity_bit_says_no() -> None:
    """A flag that is not as it must be makes the alarm unknown."""
    part = dataclasses.replace(alarm(byte(0)), valid_when=((FLAG, 1),))
    taken = Taken(message(part, length=2))

    assert taken.take("01 00")["a"] == NOTHING
    assert taken.take("01 01")["a"] == SET
    assert taken.take("01 00")["a"] == KEPT
    assert taken.take("00 01")["a"] == CLEAR


REQUIRED = {
    "a range": dataclasses.replace(to("a", byte(0)), low=1, high=100),
    "a code": dataclasses.replace(to("a", byte(0)), not_available=frozenset({0})),
    "a flag": dataclasses.replace(to("a", byte(0)), valid_when=((FLAG, 1),)),
    "a state": dataclasses.replace(to("a", byte(0)), states={5: 1}),
}


@pytest.mark.parametrize("part", REQUIRED.values(), ids=REQUIRED)
def test_a_required_signal(part: Field) -> None:
    """Without a value of a required signal nothing in the frame has one; a set alarm stays set."""
    others = to("b", byte(2)), alarm(byte(3), "c")
    taken = Taken(dataclasses.replace(message(part, *others, length=4), require=(part,)))

    assert [taken.take("05 01 07 01")[name].value for name in "abc"] == [
        1 if part.states else 5,
        7,
        1,
    ]
    assert [taken.take("00 00 07 01")[name] for name in "abc"] == [NOTHING, NOTHING, KEPT]
    assert taken.take("05 01 07 00")["c"] == CLEAR
    assert taken.take("00 00 07 01")["c"] == NOTHING
    assert [taken.take("05 01 08 00")[name].value for name in "bc"] == [8, 0]


@pytest.mark.parametrize("payload", ["0000C07F", "0000807F"])
def test_a_required_float(payload: str) -> None:
    """A required signal that is NaN or infinite takes the frame with it."""
    part = to("a", Signal("f", 0, 32, Order.LITTLE, Coding.FLOAT))
    taken = Taken(dataclasses.replace(message(part, to("b", byte(4)), length=5), require=(part,)))

    assert taken.take("0000803F 07")["b"] == Reading(7, GOOD)
    assert taken.take(f"{payload} 07")["b"] == NOTHING


def test_a_required_signal_of_a_multiplexed_frame() -> None:
    """What a frame's selector leads to has no value either."""
    part = dataclasses.replace(to("a", byte(0)), low=1, high=100)
    pages = {1: Page((2,), (to("b", byte(2)),)), 2: Page((3,), (to("c", byte(2)),))}
    root = Page((1,), (part,), (Selector(byte(1), pages),))
    taken = Taken(Message(0x100, "m", 3, root, require=(part,)), pages=3)

    assert taken.take("05 01 07")["b"] == Reading(7, GOOD)
    assert taken.take("00 01 08")["b"] == NOTHING
