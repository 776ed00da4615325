"""The whole CAN path, from a socket's receive buffer to the store: python-can with cantools against ours.

All read the same datagrams (`datagram.py`) of rack 1, put into the buffer beforehand; what counts is the
CPU time of the process until the last is in the store.
"""

import asyncio
import contextlib
import dataclasses
import gc
import itertools
import socket
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import can
from cantools.database.can import Database

from bench import datagram
from bench.cycle import SWEEP, recorded
from bench.decode import SHAPES, database, of_rack_one
from bench.timing import Effort, Measure, Spread, interleaved
from gateway.app import Gateway
from gateway.canbus.frame import Frame
from gateway.links.can_link import CanLink
from gateway.mapping.library import Library
from gateway.mapping.parts import Bus
from gateway.mapping.site import Site, load_site

_FRAMES = 2_000
"A run; the receive buffer holds more."
_PATIENCE = 20.0  # s
Values = dict[tuple[int, str], float]


@dataclass(frozen=True, slots=True)
class Path:
    """What a frame costs on each way to the store, in us."""

    text: str
    ours: Spread
    recv: Spread
    notifier: Spread
    lost: int
    "Frames that ours did not deliver, over all rounds."


@contextlib.contextmanager
def _sent(frames: Sequence[Frame]) -> Iterator[Callable[[int], None]]:
    """Something that sends all frames to a port."""
    packets = [datagram.packed(frame.key, frame.data) for frame in frames]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:

        def send(port: int) -> None:
            for packet in packets:
                link.sendto(packet, (datagram.HOST, port))

        yield send


def store_with(known: Database, values: Values, message: can.Message) -> None:
    """What a program around python-can and cantools does with a message."""
    identifier = message.arbitration_id
    signals = known.decode_message(identifier, bytes(message.data), decode_choices=False)
    for name, value in cast("dict[str, float]", signals).items():
        values[identifier, name] = value


def by_recv(known: Database, frames: Sequence[Frame]) -> Measure:
    """python-can's own receive call in a loop, and cantools."""

    def measure() -> float:
        port, values = datagram.free_port(socket.SOCK_DGRAM), Values()
        with can.Bus(interface=datagram.INTERFACE, channel=port) as bus, _sent(frames) as send:
            send(port)
            begin = time.process_time_ns()
            for _ in frames:
                message = bus.recv(1)
                if message is not None:
                    store_with(known, values, message)
            return (time.process_time_ns() - begin) / len(frames) / 1e3

    return measure


def by_notifier(known: Database, frames: Sequence[Frame]) -> Measure:
    """python-can's Notifier in the loop with its asynchronous reader, and cantools."""

    async def receive(bus: can.BusABC, values: Values) -> None:
        reader = can.AsyncBufferedReader()
        notifier = can.Notifier(bus, [reader], loop=asyncio.get_running_loop())
        async with asyncio.timeout(_PATIENCE):
            for _ in frames:
                store_with(known, values, await reader.get_message())
        notifier.stop()

    def measure() -> float:
        port, values = datagram.free_port(socket.SOCK_DGRAM), Values()
        with can.Bus(interface=datagram.INTERFACE, channel=port) as bus, _sent(frames) as send:
            send(port)
            return _cpu(receive(bus, values)) / len(frames) / 1e3

    return measure


def _cpu(work: Coroutine[object, object, None]) -> float:
    begin = time.process_time_ns()
    asyncio.run(work)
    return float(time.process_time_ns() - begin)


def by_gateway(site: Site, frames: Sequence[Frame], losses: list[int]) -> Measure:
    """The gateway's CanLink and stores, on asyncio's own loop."""
    gateway = Gateway(site)
    tally = gateway.buses["can0"]

    async def receive(port: int, send: Callable[[int], None]) -> float:
        bus = Bus("can0", datagram.INTERFACE, port, None, {})
        link = CanLink(bus, gateway.receive)
        task = asyncio.create_task(link.run())
        async with asyncio.timeout(_PATIENCE):
            while not link.state.up:  # noqa: ASYNC110 - as below
                await asyncio.sleep(0)
        due = tally.frames + len(frames)
        send(port)
        begin, patience = time.process_time_ns(), time.monotonic() + _PATIENCE
        while tally.frames < due and time.monotonic() < patience:  # noqa: ASYNC110 - an event would cost every frame something
            await asyncio.sleep(0)
        cost = float(time.process_time_ns() - begin)
        losses.append(due - tally.frames)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return cost

    def measure() -> float:
        with _sent(frames) as send:
            port = datagram.free_port(socket.SOCK_DGRAM)
            return asyncio.run(receive(port, send)) / len(frames) / 1e3

    return measure


def _mixtures(known: Database) -> dict[str, list[Frame]]:
    """Frames of rack 1 by kind, and as the BMU really mixes them."""
    recording = recorded(SWEEP)
    by_name = of_rack_one(recording, known)
    keys = {frames[0].key for frames in by_name.values() if frames}
    mixtures = {shape.message: by_name[shape.message] for shape in SHAPES}
    mixtures["all as sent"] = [frame for frame in recording if frame.key in keys]
    return {
        name: list(itertools.islice(itertools.cycle(frames), _FRAMES))
        for name, frames in mixtures.items()
    }


def measure(effort: Effort) -> list[Path]:
    """All ways, in turn, for each kind of frame."""
    datagram.register()
    known, site = database(), dataclasses.replace(load_site(Library(), "demo"), faces=())
    results = []
    for name, frames in _mixtures(known).items():
        losses: list[int] = []
        gc.collect()
        costs = interleaved(
            effort.rounds,
            {
                "ours": by_gateway(site, frames, losses),
                "recv": by_recv(known, frames),
                "notifier": by_notifier(known, frames),
            },
        )
        results.append(Path(name, costs["ours"], costs["recv"], costs["notifier"], sum(losses)))
    return results
