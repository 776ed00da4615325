"""A link that sends: through python-can's virtual bus, where somebody else listens, and through drivers that block."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import can
import pytest
from can.interfaces import BACKENDS
from links.plant import PERIOD, Plant, send, until
from links.slow import SlowBus

from gateway.canbus.frame import ERROR, Frame
from gateway.canbus.send import Send, Transmitter
from gateway.links.can_link import CanLink
from gateway.links.can_sender import CanSender
from gateway.mapping.parts import Bus
from gateway.model.order import Orders


@asynccontextmanager
async def sending(
    bus: Bus, *sends: Send, listen: float = 0.0, plant: Plant | None = None
) -> AsyncIterator[tuple[CanLink, Transmitter, list[Frame]]]:
    """A link that sends and receives."""
    frames: list[Frame] = []
    transmitter = Transmitter({"C": sends or (send(),)}, listen=listen)
    link = CanLink(
        bus, lambda _, frame: frames.append(frame), transmitter, (plant or Plant()).orders
    )
    task = asyncio.create_task(link.run())
    try:
        yield link, transmitter, frames
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def bus() -> Bus:
    """A virtual bus of this test alone."""
    return Bus("can0", "virtual", f"send-test-{time.monotonic_ns()}", None, {})


@pytest.fixture
def other(bus: Bus) -> Iterator[can.BusABC]:
    """Somebody else on it."""
    with can.Bus(interface="virtual", channel=bus.channel) as port:
        yield port


def heard(port: can.BusABC) -> list[can.Message]:
    """What has come to somebody else."""
    return list(iter(lambda: port.recv(0), None))


async def collect(port: can.BusABC, count: int) -> list[can.Message]:
    """That many messages."""
    messages: list[can.Message] = []

    def enough() -> bool:
        messages.extend(heard(port))
        return len(messages) >= count

    await until(enough)
    return messages


def as_can(key: int) -> can.Message:
    """A standard frame of somebody else."""
    return can.Message(arbitration_id=key, is_extended_id=False)


async def test_somebody_else_receives_the_orders_and_we_do_not_hear_ourselves(
    bus: Bus, other: can.BusABC
) -> None:
    """Id, data and counter; nothing of ours comes back, so it is no duplicate."""
    async with sending(bus) as (link, transmitter, frames):
        messages = await collect(other, 10)
        other.send(as_can(0x300))
        await until(lambda: bool(frames))

    assert {message.arbitration_id for message in messages} == {0x210}
    assert [message.data[1] for message in messages] == list(range(len(messages)))
    assert {message.data[0] for message in messages} == {1}
    assert [frame.key for frame in frames] == [0x300]
    assert transmitter.duplicate is None
    assert link.sender is not None
    assert link.sender.state.sent >= 10


async def test_an_echo_that_is_asked_for_is_not_had(other: can.BusABC, bus: Bus) -> None:
    """With receive_own_messages we would take ourselves for another master (R33)."""
    async with sending(replace(bus, options={"receive_own_messages": True})) as (
        _,
        transmitter,
        frames,
    ):
        await collect(other, 5)

    assert frames == []
    assert transmitter.duplicate is None


async def test_another_master_silences_us_for_good(bus: Bus, other: can.BusABC) -> None:
    """Before its frame is delivered; opening anew changes nothing (R34)."""
    seen: list[int | None] = []
    transmitter = Transmitter({"C": [send()]}, listen=0)
    link = CanLink(bus, lambda *_: seen.append(transmitter.duplicate), transmitter, Plant().orders)
    task = asyncio.create_task(link.run())
    await collect(other, 3)
    other.send(as_can(0x210))
    await until(lambda: bool(seen))
    assert seen == [0x210]
    heard(other)
    link._fail(OSError(100, "Network is down"))
    await until(lambda: link.state.opened == 2)
    other.send(as_can(0x300))
    await until(lambda: len(seen) == 2)

    assert heard(other) == []
    assert transmitter.next_due(time.monotonic()) == math.inf
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_while_listening_nothing_is_sent(bus: Bus, other: can.BusABC) -> None:
    """The first frame comes after the time to listen (R34)."""
    began = time.monotonic()
    async with sending(bus, listen=0.5):
        await collect(other, 1)

    assert time.monotonic() - began >= 0.5


async def test_listen_only_never_sends(bus: Bus, other: can.BusABC) -> None:
    """The option is ours; python-can's virtual bus does not know it (R34)."""
    async with sending(replace(bus, options={"listen_only": True})) as (link, transmitter, frames):
        await until(lambda: link.state.up)
        other.send(as_can(0x210))
        await until(lambda: bool(frames))
        link.flush()

    assert heard(other) == []
    assert transmitter.next_due(time.monotonic()) == math.inf
    assert transmitter.duplicate is None


async def test_a_changed_order_leaves_at_once(bus: Bus, other: can.BusABC) -> None:
    """Out of turn: the next regular frame would come 10 s later."""
    plant = Plant()
    async with sending(bus, send(period=10.0), plant=plant) as (link, _, __):
        (first,) = await collect(other, 1)
        plant.connect = 0
        link.flush()
        (second,) = await collect(other, 1)

    assert (first.data[0], second.data[0]) == (1, 0)


async def test_flushing_a_link_that_is_not_open_does_nothing(bus: Bus) -> None:
    """Nothing waits for it (R33)."""
    transmitter = Transmitter({"C": [send()]}, listen=0)
    link = CanLink(bus, lambda *_: None, transmitter, Plant().orders)
    link.flush()

    assert link.sender is not None
    assert link.sender.state.sent == 0


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    """A driver that blocks, known to python-can; it is let go at the end."""
    monkeypatch.setitem(BACKENDS, "slow", ("links.slow", "SlowBus"))
    monkeypatch.setattr("can.util.VALID_INTERFACES", can.VALID_INTERFACES | {"slow"})
    SlowBus.gate.clear()
    SlowBus.sent.clear()
    SlowBus.refusals.clear()
    yield Bus("can0", "slow", "s", None, {})
    SlowBus.gate.set()


async def test_a_driver_that_blocks_gets_only_what_is_new(slow: Bus) -> None:
    """It neither holds the loop nor collects frames: what comes after the stall is of now (R33)."""
    async with sending(slow, send(1), send(2)) as (link, _, __):
        sender = link.sender
        assert sender is not None
        await until(lambda: sender.state.sent >= 30)  # the loop runs on
        stalled = sender.state.sent
        SlowBus.gate.set()
        await until(lambda: len(SlowBus.sent) >= 10)

    counts = [message.data[1] for message in SlowBus.sent if message.arbitration_id == 1]
    assert counts[0] <= 1, "the frame that was in the driver's hands"
    assert counts[1] >= stalled // 2 - 3
    assert counts[1:] == sorted(set(counts[1:]))


@pytest.mark.parametrize(
    "refusal", [can.CanOperationError("transmit buffer full"), NotImplementedError("no sending")]
)
async def test_a_driver_that_refuses_is_told_of_and_stays_open(
    slow: Bus, refusal: Exception
) -> None:
    """Receiving goes on, and so does sending."""
    SlowBus.refusals.append(refusal)
    SlowBus.gate.set()
    async with sending(slow) as (link, _, __):
        await until(lambda: len(SlowBus.sent) >= 3)

        assert (link.state.errors, link.state.opened) == (1, 1)
        assert str(refusal) in link.state.last_error


async def test_a_driver_that_is_gone_is_opened_anew_and_listens_first(slow: Bus) -> None:
    """What an unplugged device says when it is written to (R33, R34)."""
    SlowBus.refusals.append(OSError(19, "No such device"))
    SlowBus.gate.set()
    async with sending(slow, listen=0.2) as (link, _, __):
        await until(lambda: len(SlowBus.sent) >= 3)

        assert (link.state.errors, link.state.opened) == (1, 2)


def test_bus_off_starts_listening_anew() -> None:
    """Nothing is sent into a controller that has just come back (R33, R34); other errors change nothing."""
    transmitter = Transmitter({"C": [send()]}, listen=2.0)
    sender = CanSender("can0", transmitter, Plant().orders)
    transmitter.opened(0.0)
    sender.heard(ERROR | 0x04, 3.0)
    assert transmitter.next_due(3.0) == 3.0
    for kind, now in ((0x40, 4.0), (0x100, 5.0)):
        sender.heard(ERROR | kind, now)

        assert transmitter.next_due(now) == now + 2.0


async def test_a_full_queue_is_tried_again_where_an_order_changed() -> None:
    """A few times, in milliseconds, with what holds then; a regular frame waits for its next time."""
    plant, taken = Plant(), list[Frame]()
    room = iter([True, False, False, True])

    def write(frame: Frame) -> bool:
        if fits := next(room):
            taken.append(frame)
        return fits

    sender = CanSender("can0", Transmitter({"C": [send(period=60)]}, listen=0), plant.orders)
    sender.start(write, asyncio.get_running_loop(), lambda _: None)
    plant.connect = 0
    sender.flush()
    await until(lambda: len(taken) == 2)
    sender.stop()

    assert [frame.data[0] for frame in taken] == [1, 0]
    assert (sender.state.sent, sender.state.dropped) == (2, 2)


async def test_an_adapter_that_fails_does_not_end_the_link(bus: Bus, other: can.BusABC) -> None:
    """The other messages go on."""

    def raises(_: Send, __: Orders, ___: int) -> bytes:
        raise ZeroDivisionError

    broken = Send(5, "broken", "can0", 2, PERIOD, encode=raises)
    async with sending(bus, broken, send()) as (link, _, __):
        messages = await collect(other, 5)

        assert link.state.errors == 0
    assert {message.arbitration_id for message in messages} == {0x210}


async def test_a_fault_in_the_orders_ends_the_link_and_not_in_silence(bus: Bus) -> None:
    """Whoever supervises the link hears of it, and starts it anew."""

    def orders() -> Mapping[str, Orders]:
        raise ZeroDivisionError

    transmitter = Transmitter({"C": [send()]}, listen=0)
    with pytest.raises(ZeroDivisionError):
        await CanLink(bus, lambda *_: None, transmitter, orders).run()
