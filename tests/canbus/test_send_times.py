"""When frames are sent: steady times, listening first, nothing late, nothing after a duplicate."""

import math
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.canbus.payload import Part
from gateway.canbus.send import Send, Transmitter
from gateway.canbus.signal import Order, Signal
from gateway.canbus.table import Counter
from gateway.model.order import Orders

BYTE = Signal("x", 0, 8, Order.LITTLE)
COUNT = Counter(Signal("n", 8, 4, Order.LITTLE), 16)
CONNECT = Part(BYTE, "rack_connect", rack=1)
SECONDS = Part(Signal("s", 0, 32, Order.LITTLE), "clock")


def send(key: int = 1, period: float = 0.1, *parts: Part) -> Send:
    """A message of a byte and a counter."""
    return Send(key, f"m{key}", "can0", 2, period, parts or (CONNECT,), COUNT)


CLOCK = Send(9, "clock", "can0", 4, 0.02, (SECONDS,), once="clock", times=3)


def ordered(at: float, connect: float = 1, **more: float) -> Mapping[str, Orders]:
    """Orders of container C."""
    rows = {"rack_connect": (connect,)} | {name: (value,) for name, value in more.items()}
    return {"C": Orders(at, rows)}


def transmitter(*sends: Send, listen: float = 0.0) -> Transmitter:
    """One that was opened at second 0."""
    made = Transmitter({"C": sends}, listen=listen)
    made.opened(0.0)
    return made


def keys(transmitter: Transmitter, now: float, **more: float) -> list[int]:
    """What is due, by id."""
    return [frame.key for frame in transmitter.due(now, ordered(now, **more))]


def test_times_are_steady_however_late_it_is_asked_for() -> None:
    """Ten periods, each asked for a little later than due: no drift."""
    at_work, due = transmitter(send()), []
    for late in (0, 0.003, 0.0, 0.009, 0.001, 0.004, 0.002, 0.0, 0.008, 0.0):
        due.append(at_work.next_due(0))
        assert keys(at_work, due[-1] + late) == [1]

    assert due == pytest.approx([number / 10 for number in range(10)])


def test_missed_periods_are_not_made_up_for() -> None:
    """After 0.75 s without a call there is one frame, and the next at the next regular time (R33)."""
    at_work = transmitter(send())
    assert keys(at_work, 0.0) == [1]
    assert keys(at_work, 0.75) == [1]
    assert at_work.next_due(0.75) == pytest.approx(0.8)
    assert keys(at_work, 0.76) == []


@example(pauses=[0.15, 0.3], period=0.15)
@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=40), st.floats(0.02, 0.3))
def test_at_most_one_frame_of_a_message_a_call_and_never_more_than_periods(
    pauses: list[float], period: float
) -> None:
    """Whatever the pauses are."""
    at_work, now, count = transmitter(send(1, period)), 0.0, 0
    for pause in pauses:
        now += pause
        frames = at_work.due(now, ordered(now))
        count += len(frames)

        assert len(frames) <= 1
        assert count <= now / period + 1.001
        assert now < at_work.next_due(now) <= now + period * 1.001


def test_the_messages_of_many_racks_are_spread_over_the_period() -> None:
    """12 racks, 100 ms: never two at once."""
    at_work, seen = transmitter(*(send(key) for key in range(1, 13))), []
    now = 0.0
    while now < 0.1 - 1e-9:
        due = keys(at_work, now)
        seen += due
        assert len(due) <= 1
        now = at_work.next_due(now)

    assert sorted(seen) == list(range(1, 13))


@pytest.mark.parametrize(("period", "listens"), [(0.1, 2.0), (1.0, 3.0)])
def test_it_listens_before_it_sends(period: float, listens: float) -> None:
    """Three periods, at least 2 s (R34)."""
    at_work = Transmitter({"C": [send(1, period)]})
    assert keys(at_work, 0.0) == []
    at_work.opened(10.0)
    assert keys(at_work, 10.0 + listens - 0.01) == []
    assert at_work.next_due(10.0) == 10.0 + listens
    assert at_work.flush(10.0 + listens - 0.01, ordered(10.0 + listens)) == []
    assert keys(at_work, 10.0 + listens) == [1]


def test_an_id_of_ours_from_outside_ends_it_for_good() -> None:
    """True once; no time, opening or order brings it back (R34)."""
    at_work = transmitter(send(), send(2))
    assert not at_work.heard(3, 0.05)
    assert keys(at_work, 0.1)
    assert at_work.heard(2, 0.15)
    assert not at_work.heard(2, 0.16)
    at_work.opened(20.0)

    assert (at_work.duplicate, at_work.is_silent) == (2, True)
    assert keys(at_work, 30.0) == []
    assert at_work.flush(30.0, ordered(30.0, 0)) == []
    assert at_work.next_due(30.0) == math.inf


def test_an_id_of_ours_counts_while_listening_too() -> None:
    """Then nothing was sent at all (R34)."""
    at_work = Transmitter({"C": [send()]})
    at_work.opened(0.0)
    assert at_work.heard(1, 0.5)
    assert keys(at_work, 5.0) == []


def test_off_never_sends_and_hears_no_duplicate() -> None:
    """Where data are not live, or the bus is listened to only, another master is as it should be (R35)."""
    at_work = transmitter(send())
    at_work.off = True
    assert at_work.is_silent
    assert not at_work.heard(1, 0.0)
    assert keys(at_work, 1.0) == []
    assert at_work.flush(1.0, ordered(1.0)) == []
    assert at_work.duplicate is None


def test_orders_of_a_stalled_cycle_are_not_sent() -> None:
    """1 s after their cycle they are old (R8); fresh ones are sent again."""
    at_work = transmitter(send())
    assert len(at_work.due(1.0, ordered(0.0))) == 1
    assert at_work.due(1.1, ordered(0.0)) == []
    assert at_work.flush(1.1, ordered(0.0, 0)) == []
    assert len(at_work.due(1.21, ordered(1.15))) == 1
    assert at_work.due(1.31, {}) == []


def test_the_counter_counts_frames_and_nothing_else() -> None:
    """16 values; a frame that is not sent does not count; one out of turn does."""
    at_work, seen = transmitter(send()), []
    for number in range(20):
        now = number / 10
        frames = at_work.due(now + 0.001, ordered(now, math.nan if number == 5 else 1))
        if number == 7:
            frames += at_work.flush(now + 0.002, ordered(now, 0))
        seen += [frame.data[1] for frame in frames]

    assert seen == [number % 16 for number in range(20)]


def test_what_changed_is_sent_out_of_turn_and_the_times_stay() -> None:
    """Rack 1's order changes at 30 ms: its frame at once, the next at its time; the other one waits."""
    other = send(2, 0.1, Part(BYTE, "operation"))
    at_work = transmitter(send(), other)
    for now in (0.0, 0.05):
        at_work.due(now, ordered(now, operation=1))
    before = at_work.next_due(0.06)
    frames = at_work.flush(0.06, ordered(0.06, 0, operation=1))

    assert [(frame.key, frame.data[0]) for frame in frames] == [(1, 0)]
    assert at_work.next_due(0.06) == before
    assert at_work.flush(0.061, ordered(0.061, 0, operation=1)) == []


def test_a_heartbeat_alone_is_no_reason_to_send_out_of_turn() -> None:
    """It changes all the time."""
    at_work = transmitter(
        send(1, 0.1, CONNECT, Part(Signal("h", 12, 4, Order.LITTLE), "heartbeat"))
    )
    at_work.due(0.0, ordered(0.0, heartbeat=1))

    assert at_work.flush(0.01, ordered(0.01, heartbeat=2)) == []
    assert len(at_work.flush(0.02, ordered(0.02, 0, heartbeat=2))) == 1


def test_a_frame_that_was_lost_is_made_again_by_the_next_flush() -> None:
    """With what holds then."""
    at_work = transmitter(send())
    at_work.due(0.0, ordered(0.0))
    assert len(at_work.flush(0.01, ordered(0.01, 0))) == 1
    at_work.lost(1)

    assert [frame.data[0] for frame in at_work.flush(0.012, ordered(0.012, 0))] == [0]


def _clock_frames(at_work: Transmitter, since: float, until: float, clock: float) -> list[float]:
    """The times at which the clock is sent, asked for whenever something is due."""
    times, now = [], since
    while now < until:
        times += [frame.time for frame in at_work.due(now, ordered(now, clock=clock))]
        now = at_work.next_due(now)
    return times


def test_a_clock_order_is_sent_three_times_and_no_more() -> None:
    """At a small gap; the same order holding on is not a new one."""
    at_work = transmitter(CLOCK)
    assert _clock_frames(at_work, 0.0, 1.0, math.nan) == []
    times = _clock_frames(at_work, 1.0, 3.0, 1_700_000_000)
    assert len(times) == 3
    assert times[2] - times[0] == pytest.approx(0.04)
    assert len(_clock_frames(at_work, 3.0, 5.0, 1_700_000_100)) == 3


def test_a_clock_order_from_before_the_bus_was_open_is_not_sent() -> None:
    """It would set the clocks late (R33)."""
    at_work = transmitter(CLOCK)
    _clock_frames(at_work, 0.0, 1.0, math.nan)
    at_work.opened(10.0)
    assert _clock_frames(at_work, 10.0, 12.0, 1_700_000_000) == []


def test_a_flush_sees_a_clock_order_at_once() -> None:
    """It is then due at once."""
    at_work = transmitter(CLOCK)
    at_work.due(0.0, ordered(0.0))
    at_work.flush(0.01, ordered(0.01, clock=5))
    assert at_work.next_due(0.01) == 0.01


def test_nothing_old_is_due_after_opening_again() -> None:
    """Half-said clocks and missed periods are forgotten (R33)."""
    at_work = transmitter(CLOCK, send())
    at_work.due(0.0, ordered(0.0))
    at_work.due(0.1, ordered(0.1, clock=5))
    at_work.opened(0.11)

    assert keys(at_work, 0.11, clock=5) == [1]
    assert _clock_frames(transmitter(CLOCK), 0.2, 1.0, 5) == []


def test_an_adapter_that_fails_keeps_only_its_own_frame_back() -> None:
    """What it raised is kept; too few bytes are a failure too."""

    def raises(_: Send, __: Orders, ___: int) -> bytes:
        raise ZeroDivisionError

    def short(_: Send, __: Orders, ___: int) -> bytes:
        return b"\0"

    def fine(own: Send, orders: Orders, counter: int) -> bytes:
        return bytes((int(orders.value("rack_connect", 1)), counter + own.key))

    at_work = transmitter(*(
        Send(key, "coded", "can0", 2, 0.1, encode=way)
        for key, way in ((1, raises), (2, short), (3, fine))
    ))  # fmt: skip
    frames = at_work.due(0.09, ordered(0.09))

    assert [(frame.key, frame.data) for frame in frames] == [(3, b"\x01\x03")]
    failures = at_work.failures()
    assert {key: type(error).__name__ for key, error in failures.items()} == {
        1: "ZeroDivisionError", 2: "AdapterError",
    }  # fmt: skip


def test_a_transmitter_without_messages_is_never_due() -> None:
    """And owns no id."""
    at_work = transmitter()
    assert at_work.next_due(0.0) == math.inf
    assert at_work.keys == frozenset()
