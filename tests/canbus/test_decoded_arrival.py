"""Which frames count, what they renew, and what is counted of the others."""

import dataclasses
import math

import pytest
from canbus.taken import ELEMENT, GOOD, LAYOUT, TIMEOUT, Reading, Taken, byte, message, to

from gateway.canbus.compile import compile_bus, compile_message
from gateway.canbus.table import Counter, Message, Page, Selector
from gateway.model.quality import Detail
from gateway.model.store import Slot, Store

ONE = message(to("a", byte(0)), length=2)
COUNTED = dataclasses.replace(ONE, counter=Counter(byte(1), 16))
GUARDED = dataclasses.replace(ONE, zero_is_data=False)
WATCHED = dataclasses.replace(ONE, watches_frozen=True)
OLD, FROZEN, UNSEEN = Detail.OLD_DATA, Detail.FROZEN, Detail.NEVER_SEEN


def taken(message: Message, frozen: float = math.inf) -> Taken:
    """A message whose first page carries point a."""
    return Taken(message, {"a": 0}, frozen)


def test_a_frame_that_is_too_short() -> None:
    """It is counted, changes no value and renews none."""
    it = taken(ONE).take("05 00", 0.0).take("06", 0.9)

    assert (it.tally.frames, it.tally.short, it.tally.long) == (2, 1, 0)
    assert it["a"] == Reading(5, GOOD)
    assert it.seen_at(1.05, "a") is OLD


def test_an_empty_frame() -> None:
    """A frame of no bytes is a short one."""
    it = taken(ONE).take("")

    assert it.tally.short == 1
    assert it.seen_at(0, "a") is UNSEEN


def test_a_frame_that_is_too_long() -> None:
    """It is counted and taken as far as the message goes."""
    it = taken(ONE).take("05 00 FFFFFF", 0.0)

    assert (it.tally.frames, it.tally.short, it.tally.long) == (1, 0, 1)
    assert it["a"] == Reading(5, GOOD)


def test_a_message_without_bytes() -> None:
    """A message of no bytes is taken without harm."""
    it = Taken(message(length=0)).take("").take("01")

    assert (it.tally.frames, it.tally.long) == (2, 1)


def test_silence() -> None:
    """A value is good up to the timeout after its last frame, and old afterwards."""
    it = taken(ONE).take("05 00", 10.0)

    assert it.seen_at(10 + TIMEOUT, "a") is GOOD
    assert it.seen_at(10 + TIMEOUT + 0.001, "a") is OLD
    assert it.take("05 00", 20.0).seen_at(20, "a") is GOOD


def test_a_counter_that_stands_still() -> None:
    """A frame with the counter of the one before is counted, changes no value and renews none."""
    it = taken(COUNTED).take("05 07", 0.0).take("06 07", 0.4).take("06 07", 0.8)

    assert (it.tally.repeated, it.tally.lost) == (2, 0)
    assert it["a"] == Reading(5, GOOD)
    assert it.seen_at(1.05, "a") is OLD


def test_a_counter_that_moves_on() -> None:
    """Frames in a row lose nothing, over the counter's end too."""
    it = taken(COUNTED)
    for number in range(40):
        it.take(f"{number:02X} {number % 16:02X}", number / 10)

    assert (it.tally.frames, it.tally.repeated, it.tally.lost) == (40, 0, 0)
    assert it["a"] == Reading(39, GOOD)


def test_a_counter_that_never_moves_again() -> None:
    """However long a BMU repeats itself, its values stay old: only silence lets a counter come again."""
    it = taken(COUNTED)
    for tenth in range(100):
        it.take("05 07", tenth / 10)

    assert it.tally.repeated == 99
    assert {it.seen_at(now / 100, "a") for now in range(101, 1000)} == {OLD}
    assert it.take("05 08", 10.0).seen_at(10.0, "a") is GOOD


@pytest.mark.parametrize(
    ("before", "after", "lost"), [(0, 1, 0), (0, 3, 2), (14, 1, 2), (15, 0, 0), (3, 2, 14)]
)
def test_a_gap_in_the_counter(before: int, after: int, lost: int) -> None:
    """The frames between are counted as lost; the frame itself counts."""
    it = taken(COUNTED).take(f"05 {before:02X}", 0.0).take(f"06 {after:02X}", 0.5)

    assert it.tally.lost == lost
    assert it["a"] == Reading(6, GOOD)


def test_the_first_counter() -> None:
    """Nothing is lost before the first frame, whatever its counter is."""
    assert taken(COUNTED).take("05 09", 0.0).tally.lost == 0


def test_a_counter_after_silence() -> None:
    """After a timeout any counter is taken, the same one too, and nothing counts as lost."""
    it = taken(COUNTED).take("05 07", 0.0).take("06 07", 1.5)

    assert (it.tally.repeated, it.tally.lost) == (0, 0)
    assert it["a"] == Reading(6, GOOD)
    assert it.seen_at(2.4, "a") is GOOD
    assert it.take("07 01", 9.0).tally.lost == 0


def test_a_payload_that_never_changes() -> None:
    """Bit-identical frames freeze a value; the first other payload thaws it."""
    it = taken(WATCHED, frozen=5)
    for second in range(0, 11, 1):
        it.take("05 00", second)

    assert it.seen_at(10, "a") is FROZEN
    assert it.take("05 01", 10.5).seen_at(10.5, "a") is GOOD


def test_a_payload_that_changes_in_time() -> None:
    """A change in the last moment keeps a value from freezing."""
    it = taken(WATCHED, frozen=5)
    for second in range(20):
        it.take(f"{second // 5:02X} 00", second)

    assert it.seen_at(19, "a") is GOOD


def test_silence_is_not_frost() -> None:
    """A frozen value that is no longer sent is old."""
    it = taken(WATCHED, frozen=5)
    for second in range(8):
        it.take("05 00", second)

    assert it.seen_at(7, "a") is FROZEN
    assert it.seen_at(8.5, "a") is OLD


def test_a_payload_that_may_stay() -> None:
    """Without a limit for it a value never freezes."""
    it = taken(ONE)
    for second in range(100):
        it.take("05 00", second)

    assert it.seen_at(99, "a") is GOOD


def test_zeros_before_anything_else() -> None:
    """All-zero frames at the start are counted and do not count."""
    it = taken(GUARDED).take("00 00", 0.0).take("00 00", 0.1)

    assert it.tally.empty == 2
    assert it.seen_at(0.1, "a") is UNSEEN
    assert it.take("05 00", 0.2)["a"] == Reading(5, GOOD)


def test_zeros_in_between() -> None:
    """Once a message has carried something an all-zero frame is data."""
    it = taken(GUARDED).take("05 00", 0.0).take("00 00", 0.5).take("00 00", 1.2)

    assert it.tally.empty == 0
    assert it["a"] == Reading(0, GOOD)
    assert it.seen_at(2.0, "a") is GOOD


def test_zeros_after_silence() -> None:
    """After a timeout zeros mean a BMU that starts again: the old value stays, and stays old."""
    it = taken(GUARDED).take("05 00", 0.0).take("00 00", 1.5).take("00 00", 1.6)

    assert it.tally.empty == 2
    assert it["a"] == Reading(5, GOOD)
    assert it.seen_at(1.6, "a") is OLD


def test_zeros_that_are_data() -> None:
    """Without the guard the first all-zero frame counts."""
    it = taken(ONE).take("00 00", 0.0)

    assert it.tally.empty == 0
    assert it["a"] == Reading(0, GOOD)


PAGES = {1: Page((2,), (to("b", byte(1)),)), 2: Page((3,), (to("c", byte(1)),))}
MULTIPLEXED = Message(0x100, "m", 3, Page((1,), (to("a", byte(2)),), (Selector(byte(0), PAGES),)))


def test_each_page_has_its_own_age() -> None:
    """A frame renews its page and what every frame carries; other pages grow old."""
    it = Taken(MULTIPLEXED, {"a": 0, "b": 1, "c": 2}, pages=3)
    it.take("01 11 05", 0.0).take("02 22 06", 0.0).take("02 23 07", 0.9)

    assert [it[name].value for name in "abc"] == [7, 0x11, 0x23]
    assert [it.seen_at(1.5, name) for name in "abc"] == [GOOD, OLD, GOOD]


def test_a_page_that_no_one_knows() -> None:
    """A selector's unknown value leaves all pages alone and renews what every frame carries."""
    it = Taken(MULTIPLEXED, {"a": 0, "b": 1, "c": 2}, pages=3).take("09 11 05", 0.0)

    assert [it.seen_at(0, name) for name in "abc"] == [GOOD, UNSEEN, UNSEEN]


def test_a_page_that_never_changes() -> None:
    """A page freezes by its own payload, though frames of other pages come between."""
    watched = dataclasses.replace(MULTIPLEXED, watches_frozen=True)
    it = Taken(watched, {"a": 0, "b": 1, "c": 2}, frozen=5, pages=3)
    for second in range(10):
        it.take("01 11 05", second).take(f"02 {second:02X} 06", second + 0.5)

    assert [it.seen_at(9.5, name) for name in "bc"] == [FROZEN, GOOD]


def test_one_compilation_for_one_shape() -> None:
    """Messages that differ in their points alone share their code."""
    store = Store(LAYOUT, [Slot("can0", 1, "m")] * 2, {})
    other = Message(0x101, "n", 2, Page((2,), (to("b", byte(0)),)))
    codes = {compile_message(each, store)[0].__code__ for each in (ONE, other)}

    assert len(codes) == 1


def test_the_messages_of_a_bus() -> None:
    """A bus has a decoder and a tally of its own for each key."""
    store = Store(LAYOUT, [Slot("can0", 1, "m")] * 2, {})
    other = Message(0x101, "n", 2, Page((2,), (to("b", byte(0)),)))
    decoders = compile_bus([ONE, other], store)
    decoders[0x101][0](b"\x07\x00", 0.0)

    assert [tally.frames for _, tally in decoders.values()] == [0, 1]
    assert store.values[ELEMENT["b"]] == 7
