"""On a real SocketCAN kernel: what the gateway sends, as somebody else on the bus sees it."""

import asyncio
import itertools
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress

import can
import pytest

from gateway.canbus.frame import IDENTIFIER, Frame
from gateway.canbus.send import Transmitter
from gateway.links.can_link import CanLink
from gateway.mapping.library import Library
from gateway.mapping.parts import Bus
from gateway.mapping.site import load_site
from gateway.model.order import Orders

pytestmark = pytest.mark.socketcan
_PATIENCE = 120  # s; a guest on a loaded machine is slow
_RACKS = 12
_VCAN = Bus("can0", "socketcan", "vcan0", None, {})


class Plant:
    """Orders of the demo container, fresh whenever they are asked for."""

    def __init__(self) -> None:
        self.connect = 0.0

    def orders(self) -> Mapping[str, Orders]:
        """As of now."""
        values = {
            "rack_connect": (self.connect,) * _RACKS, "operation": (0.0,),
            "heartbeat": (float(int(time.monotonic())),),
        }  # fmt: skip
        return {"C1": Orders(time.monotonic(), values)}


@asynccontextmanager
async def sending(
    plant: Plant, listen: float | None = 0.0
) -> AsyncIterator[tuple[CanLink, Transmitter, list[Frame]]]:
    """The demo site's request frames on vcan0."""
    container = load_site(Library(), "demo").containers[0]
    transmitter = Transmitter({"C1": container.sends["can0"]}, listen=listen)
    frames: list[Frame] = []
    link = CanLink(_VCAN, lambda _, frame: frames.append(frame), transmitter, plant.orders)
    task = asyncio.create_task(link.run())
    try:
        yield link, transmitter, frames
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a state."""
    async with asyncio.timeout(_PATIENCE):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.fixture
def other() -> Iterator[can.BusABC]:
    """Somebody else on the bus: python-can's own socket, with the kernel's time stamps."""
    with can.Bus(interface="socketcan", channel="vcan0") as port:
        yield port


async def collect(port: can.BusABC, count: int) -> list[can.Message]:
    """That many messages."""
    messages: list[can.Message] = []

    def enough() -> bool:
        messages.extend(iter(lambda: port.recv(0), None))
        return len(messages) >= count

    await until(enough)
    return messages


async def test_keep_alives_of_twelve_racks_come_every_100_ms(other: can.BusABC) -> None:
    """By the kernel's clock: no frame is missing or doubled, and the times do not drift."""
    seconds = 10
    async with sending(Plant()) as (_, transmitter, frames):
        messages = await collect(other, _RACKS * seconds * 10)

        assert frames == [], "own frames are not received"
        assert transmitter.duplicate is None
    worst = drift = 0.0
    for rack in range(1, _RACKS + 1):
        key = 0x190001A0 | rack << 16
        own = [message for message in messages if message.arbitration_id == key]
        times = [message.timestamp for message in own]
        gaps = [after - before for before, after in itertools.pairwise(times)]
        worst = max(worst, *(abs(gap - 0.1) for gap in gaps))
        drift = max(drift, abs(times[-1] - times[0] - 0.1 * len(gaps)))
        counts = [message.data[6] for message in own]

        assert counts == [(counts[0] + number) % 16 for number in range(len(counts))]
    print(f"worst jitter {worst * 1000:.2f} ms, drift {drift * 1000:.2f} ms over {seconds} s")  # noqa: T201

    assert worst < 0.1
    assert drift < 0.1


async def test_an_order_leaves_for_all_racks_within_milliseconds(other: can.BusABC) -> None:
    """Out of turn, through a queue that is kept small."""
    plant = Plant()
    async with sending(plant) as (link, _, __):
        await collect(other, 2 * _RACKS)
        plant.connect = 1.0
        link.flush()
        racks: dict[int, float] = {}

        def all_told() -> bool:
            for message in iter(lambda: other.recv(0), None):
                if message.data[0] & 3 == 2:
                    racks.setdefault(message.arbitration_id, message.timestamp)
            return len(racks) == _RACKS

        await until(all_told)

    assert max(racks.values()) - min(racks.values()) < 0.05


async def test_a_foreign_frame_with_our_id_silences_us(other: can.BusABC) -> None:
    """Sent by can-utils; whatever comes afterwards comes from others (R34)."""
    cansend = shutil.which("cansend")
    if cansend is None:
        pytest.skip("cansend (can-utils) is not installed")
    async with sending(Plant()) as (link, transmitter, frames):
        await collect(other, _RACKS)
        await asyncio.to_thread(
            subprocess.run, [cansend, "vcan0", "190301A0#0200000000000000"], check=True
        )
        await until(lambda: transmitter.duplicate is not None)
        sender = link.sender
        assert sender is not None
        sent = sender.state.sent
        await asyncio.to_thread(subprocess.run, [cansend, "vcan0", "123#"], check=True)
        await until(lambda: frames[-1].key == 0x123)
        link.flush()

    assert transmitter.duplicate is not None
    assert transmitter.duplicate & IDENTIFIER == 0x190301A0
    assert sender.state.sent == sent


async def test_after_down_and_up_it_listens_and_nothing_old_is_sent(other: can.BusABC) -> None:
    """The order that was given while the interface was down is the first that is said (R33, R34)."""
    plant = Plant()
    async with sending(plant, listen=None) as (link, _, __):
        await collect(other, 3 * _RACKS)
        await asyncio.to_thread(subprocess.run, ["ip", "link", "set", "vcan0", "down"], check=True)
        await until(lambda: not link.state.up)
        plant.connect = 1.0
        await asyncio.to_thread(subprocess.run, ["ip", "link", "set", "vcan0", "up"], check=True)
        back = time.time()
        with can.Bus(interface="socketcan", channel="vcan0") as anew:
            await until(lambda: link.state.up)
            messages = await collect(anew, 2 * _RACKS)

    assert link.state.opened >= 2
    assert min(message.timestamp for message in messages) - back >= 1.9
    assert {message.data[0] & 3 for message in messages} == {2}
