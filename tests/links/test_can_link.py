"""A link that lives on whatever its interface does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import can
import pytest
from can.interfaces import BACKENDS
from links.troubled import TroubledBus

from gateway.app import Gateway, Runtime
from gateway.canbus.frame import ERROR, EXTENDED, REMOTE, Frame
from gateway.errors import LinkError
from gateway.links.can_link import CanLink
from gateway.mapping.library import Library
from gateway.mapping.parts import Bus
from gateway.mapping.site import load_site

_PATIENCE = 30  # s
_SITE = """
site: here
buses: {can0: {interface: troubled, channel: d}}
containers: [{name: C, topology: {racks: 1}, sources: [{frames: outlander-phev, bus: can0}]}]
"""


@pytest.fixture(autouse=True)
def troubled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the interface known to python-can."""
    monkeypatch.setitem(BACKENDS, "troubled", ("links.troubled", "TroubledBus"))
    monkeypatch.setattr("can.util.VALID_INTERFACES", can.VALID_INTERFACES | {"troubled"})
    TroubledBus.scripts.clear()
    TroubledBus.refusals.clear()


@asynccontextmanager
async def running(bus: Bus) -> AsyncIterator[tuple[CanLink, list[Frame]]]:
    """A link at work, and the frames that it delivered."""
    frames: list[Frame] = []
    link = CanLink(bus, lambda _, frame: frames.append(frame))
    task = asyncio.create_task(link.run())
    try:
        yield link, frames
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a state, as long as the link lives."""
    async with asyncio.timeout(_PATIENCE):
        while not holds():
            assert len(asyncio.all_tasks()) > 1, "the link has ended"
            await asyncio.sleep(0.01)


def message(number: int) -> can.Message:
    """A frame that can be told from others."""
    return can.Message(arbitration_id=number, data=bytes((number,)), is_extended_id=False)


async def test_frames_come_in_order_whatever_their_kind() -> None:
    """Standard, extended, remote and error frames, each with its flags."""
    kinds = [
        message(1),
        can.Message(arbitration_id=0x18FF50E5, data=b"\1\2", is_extended_id=True),
        can.Message(arbitration_id=2, is_remote_frame=True, is_extended_id=False),
        can.Message(is_error_frame=True, is_extended_id=False),
    ]
    TroubledBus.script("a", kinds)
    async with running(Bus("can0", "troubled", "a", None, {})) as (link, frames):
        await until(lambda: len(frames) == 4)
        assert link.state.up

    assert [frame.key for frame in frames] == [1, 0x18FF50E5 | EXTENDED, 2 | REMOTE, ERROR]
    assert frames[1].data == b"\1\2"


@pytest.mark.parametrize(
    "trouble",
    [
        can.CanOperationError("[100] Network is down"),
        OSError(19, "No such device"),
        ValueError("invalid literal for int() with base 16: 'ZZ'"),
    ],
)
async def test_a_bus_that_fails_is_opened_again(trouble: Exception) -> None:
    """The trouble is counted and kept; what comes afterwards is received."""
    TroubledBus.script("b", [message(1), trouble, message(2), trouble, message(3)])
    async with running(Bus("can0", "troubled", "b", None, {})) as (link, frames):
        await until(lambda: len(frames) == 3)

        assert link.state.opened == 3
        assert link.state.errors == 2
        assert link.state.last_error.startswith(str(trouble))


@pytest.mark.parametrize("fault", [RuntimeError("usb gone"), AttributeError("no handle")])
async def test_whatever_a_driver_lets_out_costs_its_bus_a_restart(
    fault: Exception, tmp_path: Path
) -> None:
    """A fault in the receiving thread is told with its place and counted; the bus is opened again."""
    (tmp_path / "site.yaml").write_text(_SITE)
    gateway = Gateway(load_site(Library(), str(tmp_path / "site.yaml")))
    TroubledBus.script("d", [message(1), fault, message(2)])
    runtime = Runtime(gateway)
    task = asyncio.create_task(runtime.live())
    await until(lambda: gateway.buses["can0"].frames == 2)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    (link,) = runtime.links
    assert (link.state.opened, link.state.errors) == (2, 1)
    assert link.state.last_error.startswith(f"{type(fault).__name__}: {fault} (")


async def test_an_interface_that_is_not_there_yet_is_waited_for() -> None:
    """Opening is tried again with a growing pause."""
    TroubledBus.refusals["c"] = [OSError(19, "No such device"), can.CanInitializationError("busy")]
    TroubledBus.script("c", [message(7)])
    async with running(Bus("can0", "troubled", "c", None, {})) as (link, frames):
        await until(lambda: len(frames) == 1)

        assert link.state.errors == 2
        assert link.state.opened == 1


@pytest.mark.parametrize(
    ("bus", "told"),
    [
        (Bus("can0", "nonsense", "x", None, {}), "bus can0: interface 'nonsense'"),
        (Bus("can0", "kvaser", 0, None, {}), "'kvaser': its driver is not installed here"),
        (Bus("can0", "canalystii", 0, None, {}), "bus can0: interface 'canalystii'"),
    ],
)
async def test_what_can_never_work_ends_at_once(bus: Bus, told: str) -> None:
    """An interface that does not exist, or whose driver is not installed, is a mistake, not a trouble."""
    with pytest.raises(LinkError, match=told):
        await asyncio.wait_for(CanLink(bus, lambda *_: None).run(), 60)


async def test_python_cans_virtual_bus_works_as_it_is() -> None:
    """A sender that knows nothing of us, through python-can itself."""
    with can.Bus(interface="virtual", channel="link-test") as sender:
        async with running(Bus("can0", "virtual", "link-test", None, {})) as (link, frames):
            await until(lambda: link.state.up)
            for number in range(500):
                sender.send(message(number % 256))
            await until(lambda: len(frames) == 500)

    assert [frame.data[0] for frame in frames] == [number % 256 for number in range(500)]
    times = [frame.time for frame in frames]
    assert times == sorted(times)


async def test_no_frame_is_left_waiting_however_they_come() -> None:
    """Bursts and single frames at awkward moments: each arrives without a further one to push it."""
    with can.Bus(interface="virtual", channel="burst-test") as sender:
        async with running(Bus("can0", "virtual", "burst-test", None, {})) as (link, frames):
            await until(lambda: link.state.up)
            sent = 0
            for burst in range(400):
                for _ in range(1 + burst * 7 % 300):
                    sender.send(message(sent % 256))
                    sent += 1
                await asyncio.sleep(0)
            await until(lambda: len(frames) == sent)

    assert [frame.data[0] for frame in frames] == [number % 256 for number in range(sent)]
