"""Rows that say what is sent: what they become, and every mistake at its place."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping.spoken import problems, spoken

from gateway.canbus.adapter import Reading
from gateway.canbus.frame import EXTENDED, IDENTIFIER, Frame
from gateway.canbus.payload import bits_of, holds
from gateway.canbus.send import Send, encoded
from gateway.canbus.signal import Coding, Order, Signal, raw_value
from gateway.mapping.plan import Plan
from gateway.model.order import Orders
from gateway.model.pack import Layout, Topology
from gateway.model.store import Slot

HEAD = """protocol: test
messages:
  - {id: 0x100, period: 1, signals: {v: {bytes: 0, point: rack_soc}}}
sends:
"""
ONE = "  - {id: '0x200', period: 1, length: 8, signals: SIGNALS}"
TWO_RACKS = "{racks: 2}"


def sent(folder: Path, rows: str, topology: str = "{racks: 1}") -> list[Send]:
    """What a file's rows become."""
    site = spoken(folder, HEAD.replace("0x100", "'0x1{rack}0'") + rows, topology)
    return list(site.containers[0].sends.get("can0", ()))


def one(signals: str, more: str = "") -> str:
    """A row with some signals."""
    text = ONE.replace("SIGNALS", signals)
    return HEAD + text.replace("length: 8", f"length: 8, {more}" if more else "length: 8")


def test_a_row_becomes_a_message_for_each_rack(tmp_path: Path) -> None:
    """With the rack in its id, and that rack's orders; the container's are the same for all."""
    rows = """
  - id: 0x18{rack}0A0
    period: 0.1
    timeout: 2
    length: 8
    signals:
      connect: {bits: 0|2@1+, order: rack_connect, states: {0: 1, 1: 2}, none: 0}
      operation: {bytes: 1, order: operation}
"""
    sends = sent(tmp_path, rows, "{racks: 3}")
    orders = Orders(0.0, {"rack_connect": (0.0, 1.0), "operation": (2.0,)})

    assert [send.key & IDENTIFIER for send in sends] == [0x1810A0, 0x1820A0, 0x1830A0]
    assert all(send.key & EXTENDED for send in sends)
    assert [send.rack for send in sends] == [1, 2, 3]
    assert [(send.period, send.timeout) for send in sends] == [(0.1, 2)] * 3
    assert [encoded(send, orders, 0) for send in sends] == [
        bytes((said, 2)) + bytes(6) for said in (1, 2, 0)
    ]


def test_constants_counters_checksums_and_scales(tmp_path: Path) -> None:
    """Bytes as written by hand; the checksum covers what it is told to."""
    rows = """
  - id: 0x200
    period: 1
    order: big
    length: 8
    signals:
      start: {bytes: 0, const: 0xA5}
      clock: {bytes: 1-4, order: clock, offset: 1000000000}
      beat: {bits: 47|4@0+, order: heartbeat, wrap: 15}
      count: {bits: 43|4@0+, counter: 15}
      check: {bytes: 6, checksum: xor, over: 1-5}
"""
    (send,) = sent(tmp_path, rows)
    data = encoded(send, Orders(0.0, {"clock": (1000000258.0,), "heartbeat": (29.0,)}), 16)

    assert data == bytes.fromhex("A5 00000102 E1") + bytes((0x01 ^ 0x02 ^ 0xE1, 0))
    assert send.rack == 0


def test_what_is_sent_once_says_for_which_order(tmp_path: Path) -> None:
    """Three times if not told otherwise."""
    rows = "  - {id: 0x200, once: clock, signals: {s: {bytes: 0-3, order: clock}}}"
    (send,) = sent(tmp_path, rows)

    assert (send.once, send.times, send.length, send.name) == ("clock", 3, 4, "200")


def test_several_sources_with_one_broadcast_send_it_once(tmp_path: Path) -> None:
    """Racks 1 and 2 have sources of their own; the clock goes to all."""
    frames = HEAD.replace("0x100", "'0x1{rack}0'") + (
        "  - {id: 0x200, once: clock, signals: {s: {bytes: 0-3, order: clock}}}\n"
        "  - {id: '0x3{rack}0', period: 1, signals: {c: {bytes: 0, order: rack_connect}}}\n"
    )
    sources = (
        "- {frames: frames, bus: can0, racks: 1}\n      - {frames: frames, bus: can0, racks: 2}"
    )
    site = spoken(tmp_path, frames, TWO_RACKS, sources)

    assert [send.key for send in site.containers[0].sends["can0"]] == [0x200, 0x310, 0x320]


MISTAKES = {
    "{x: {bytes: 0, order: rack_conect}}":
        "5:72: no order is named 'rack_conect'; did you mean 'rack_connect'?",
    "{x: {bytes: 0-1, order: big}}":
        "no order is named 'big'; the byte order is that of bits:, or of the whole message",
    "{x: {bytes: 0}}": "says nothing; say one of order, const, counter, checksum",
    "{x: {bytes: 0, const: 1, counter: 16}}": "says const and counter; say one of order, const",
    "{x: {bytes: 0, const: 256}}": "'x' has 8 unsigned bits and is never 256; correct the value",
    "{x: {bytes: 0, const: 1, none: 0}}": "'none' belongs to an order; name it with order:",
    "{x: {bits: 0|1@1+, order: operation}}":
        "operation 2 is raw 2: 'x' has 1 unsigned bits and is never 2; give states:",
    "{x: {bytes: 0, order: operation, states: {0: 0, 1: 1}}}":
        "says nothing for 2, charge; give it a raw value",
    "{x: {bytes: 0, order: alarm_reset, states: {0: 0, 1: 1, 2: 2}}}":
        "'alarm_reset' is never 2; it is 0 off, 1 on",
    "{x: {bytes: 0, order: stop, states: {0: 0, 1: 300}}}":
        "'x' has 8 unsigned bits and is never 300",
    "{x: {bytes: 0, order: stop, none: -1}}": "'x' has 8 unsigned bits and is never -1",
    "{x: {bytes: 0, order: heartbeat}}": "a heartbeat counts on and on; say wrap: 256",
    "{x: {bytes: 0, order: heartbeat, wrap: 300}}": "heartbeat 299 is raw 299: 'x' has 8",
    "{x: {bytes: 0-1, order: clock}}": "clock 2147483647 is raw 2.14748e+09: 'x' has 16",
    "{x: {bytes: 0, order: stop, scale: 0}}": "'x' has a scale that says nothing",
    "{x: {bits: 60|8@1+, order: stop}}": "'x' does not fit into 8 bytes",
    "{x: {bytes: 0, order: stop}, y: {bits: 7|1@1+, const: 1}}":
        "'y' lies on bits of 'x'; correct the place of one of them",
    "{x: {bytes: 0, counter: 300}}": "'x' has 8 unsigned bits and is never 299",
    "{x: {bytes: 0, counter: 4}, y: {bytes: 1, counter: 4}}":
        "'x' is the counter already; a frame has one",
    "{x: {bits: 4|8@1+, checksum: sum}}": "'x' is not one whole byte",
    "{x: {bytes: 7, checksum: sum, over: 0-7}}": "a checksum cannot cover itself",
    "{x: {bytes: 0, checksum: sum, over: 1-8}}": "there is no byte 8; bytes go from 0 to 7",
    "{x: {bytes: 7, checksum: sum, over: a-b}}": "'a-b' is no number and no range of numbers",
    "{x: {bytes: 7, checksum: crc16}}": "'checksum' must be 'crc8_sae_j1850', ",
    "{x: {bytes: 7, const: 1, over: 0-6}}": "belongs to a checksum; leave it out",
    "{x: {bytes: 0, order: operation, given: stopp}}": "no order is named 'stopp'; did you mean",
    "{x: {bytes: 0, order: operation, given: clock}}": "'clock' is not a matter of yes or no",
    "{x: {bytes: 0, order: operation, given: stop, otherwise: 256}}": "is never 256",
    "{x: {bytes: 0, order: operation, otherwise: 2}}": "belongs to given:; name an order there",
    "{x: {order: operation}}": "'x' says neither bits nor bytes; say one of them",
}  # fmt: skip


@pytest.mark.parametrize("signals", MISTAKES)
def test_mistakes_in_signals_are_told_at_their_place(tmp_path: Path, signals: str) -> None:
    """File, line and column, what is wrong, what to do."""
    (told,) = problems(tmp_path, one(signals))

    assert told.startswith("frames.yaml:5:")
    assert MISTAKES[signals] in told


ROWS = {
    "{id: 0x200, signals: {x: {bytes: 0, order: stop}}}":
        "says neither period nor once; say one of them",
    "{id: 0x200, period: 1, once: clock, signals: {x: {bytes: 0, order: stop}}}":
        "says both period and once; say one of them",
    "{id: 0x200, once: clok, signals: {x: {bytes: 0, order: stop}}}":
        "no order is named 'clok'; did you mean 'clock'?",
    "{id: 0x200, once: rack_connect, signals: {x: {bytes: 0, order: stop}}}":
        "'rack_connect' is ordered rack by rack; send it with a period",
    "{id: 0x200, once: clock, timeout: 1, signals: {x: {bytes: 0, order: stop}}}":
        "what is sent once keeps nothing alive; leave it out",
    "{id: 0x200, period: 1, times: 2, signals: {x: {bytes: 0, order: stop}}}":
        "belongs to what is sent once; leave it out",
    "{id: 0x200, period: 1, timeout: 1, signals: {x: {bytes: 0, order: stop}}}":
        "ends before the next frame comes; correct the period or the timeout",
    "{id: 0x200, period: 1, length: 9, signals: {x: {bytes: 0, order: stop}}}":
        "no frame has 9 bytes; 8, or more with CAN FD",
    "{id: 0x100, period: 1, signals: {x: {bytes: 0, order: stop}}}":
        "100 on can0 is also under messages:, as sent by the BMU",
    "{id: '0x2{module}0', period: 1, signals: {x: {bytes: 0, order: stop}}}":
        "orders know no module; an id that is sent carries {rack}",
    "{id: 0x800, extended: false, period: 1, signals: {x: {bytes: 0, order: stop}}}":
        "0x800 is no CAN identifier",
    "{id: 0x200, bus: sub, period: 1, signals: {x: {bytes: 0, order: stop}}}":
        "the site gives no bus for 'sub'",
    "{message: M, period: 1, signals: {x: {bytes: 0, order: stop}}}":
        "a message needs an id, or a database and its message's name",
    "{id: 0x200, period: 1, signals: {}}": "'signals' has too few entries",
    "{id: 0x200, period: 1, sgnals: {x: {bytes: 0, order: stop}}, signals: {x: {bytes: 0, order: stop}}}":
        "'sgnals' is not known here; did you mean 'signals'?",
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_mistakes_in_rows_are_told_at_their_place(tmp_path: Path, row: str) -> None:
    """File, line and column, what is wrong, what to do."""
    (told,) = problems(tmp_path, f"{HEAD}  - {row}")

    assert told.startswith("frames.yaml:5:")
    assert ROWS[row] in told


@pytest.mark.parametrize("key", ["order: rack_connect", "order: operation, given: rack_connect"])
def test_several_racks_need_the_rack_in_the_id(tmp_path: Path, key: str) -> None:
    """Or a source of their own: one frame cannot say something to each."""
    frames = one(f"{{x: {{bytes: 0, {key}}}}}").replace("0x100", "'0x1{rack}0'")
    (told,) = problems(tmp_path, frames, TWO_RACKS)

    assert "'rack_connect' is another for each of 2 racks; write {rack} into the id" in told


def test_an_id_is_sent_once(tmp_path: Path) -> None:
    """Two rows with one id contradict each other."""
    row = "  - {id: 0x200, period: 1, signals: {x: {bytes: 0, order: ORDER}}}\n"
    frames = HEAD + row.replace("ORDER", "stop") + row.replace("ORDER", "operation")
    (told,) = problems(tmp_path, frames)

    assert told == "frames.yaml:6:5: 200 on can0 is sent twice; remove one of them"


def test_two_containers_cannot_send_one_id(tmp_path: Path) -> None:
    """Only what is sent once, such as a clock, may be said by both."""
    row = "  - {id: 0x200, period: 1, signals: {x: {bytes: 0, order: stop}}}"
    site = (
        "- {frames: frames, bus: {main: can0}}\n"
        "  - name: other\n    topology: {racks: 1}\n"
        "    sources: [{frames: frames, bus: can1}]"
    )
    spoken(tmp_path, HEAD + row, sources=site)
    frames = (HEAD + row).replace("0x100", "'0x1{rack}0'")
    again = site.replace("bus: can1", "bus: can0, address: 5")
    (told,) = problems(tmp_path, frames, sources=again)

    assert "200 on can0 already belongs to pack" in told
    once = frames.replace(
        "period: 1, signals: {x: {bytes: 0, order: stop",
        "once: clock, signals: {x: {bytes: 0-3, order: clock",
    )
    spoken(tmp_path, once, sources=again)


class Telling:
    """An adapter that carries nothing and tells its racks to wait."""

    slots: Sequence[Slot] = ()
    slot_of: Mapping[int, int] = {}
    sends: Sequence[Send] = (Send(0x700, "wait", "", 1, 0.5),)

    def decode(self, frame: Frame) -> Iterable[Reading]:
        """It listens to nothing."""
        del frame
        return ()

    def encode(self, send: Send, orders: Orders, counter: int) -> bytes | None:
        """The counter alone."""
        del send, orders
        return bytes((counter,))


def test_an_adapter_may_send() -> None:
    """On the bus that it serves, in its own way."""
    plan, adapter = Plan(Layout(Topology(1, 0, 0, 0))), Telling()
    plan.add_adapter("can1", adapter)
    (send,) = plan.sends["can1"]

    assert (send.key, send.bus) == (0x700, "can1")
    assert send.encode is not None
    assert send.encode(send, Orders(0.0, {}), 3) == b"\3"


@given(st.data())
def test_what_is_placed_is_what_the_decoder_reads(data: st.DataObject) -> None:
    """Any place, order and coding: our own decoder, which cantools checks, finds the raw number again."""
    order = data.draw(st.sampled_from(Order))
    coding = data.draw(st.sampled_from((Coding.SIGNED, Coding.UNSIGNED)))
    start, length = data.draw(st.integers(0, 63)), data.draw(st.integers(1, 64))
    signal = Signal("x", start, length, order, coding)
    if signal.bytes_needed() > 8:
        return
    low = -(1 << length - 1) if coding is Coding.SIGNED else 0
    raw = data.draw(st.integers(low, low + (1 << length) - 1))

    assert holds(signal, raw)
    assert not holds(signal, low - 1)
    assert not holds(signal, low + (1 << length))
    payload = bits_of(signal, raw, 8).to_bytes(8, "little")
    assert raw_value(signal, payload) == raw
