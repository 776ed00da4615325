"""One whole cycle of the demo site in run: freezing, aggregating, control and encoding, apart and together.

And what a master's cyclic write costs: to judge it, and to bring control's points into the image.
"""

import dataclasses
import functools
import gc
import itertools
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.dispatched import Dispatched
from bench.master import HEARTBEAT
from bench.timing import Effort, Spread, nanoseconds, spread
from conformance.sim.battery import Battery
from conformance.sim.emitter import Emitter
from gateway.app import Gateway
from gateway.canbus.frame import EXTENDED, Frame
from gateway.mapping.image import Table
from gateway.mapping.library import Library
from gateway.mapping.mailbox import Mailboxes
from gateway.mapping.site import Site, load_site

SWEEP = 6.0  # s, in which the simulated BMUs have told everything once
_STEP = 0.1  # s
_LATER = 60.0  # s, when what was heard in the first sweep is old
_SILENCED = 3
_TURNS = 20
"Cycles a round."
_GAP = 0xFFFF
CONTAINERS = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class Cycle:
    """What a cycle costs, in ms."""

    elements: int
    registers: int
    "That hold something, mirrors included."
    whole: Spread
    "In run, with power flowing."
    parts: Mapping[str, Spread]
    write: Spread
    "us of one accepted cyclic write."
    containers: Mapping[int, Spread]
    "At rest."
    situations: Mapping[str, Spread]
    "A whole cycle when not everything is fresh."


def recorded(seconds: float, watts: float = 0.0) -> list[Frame]:
    """What the simulated BMUs of a container send, in order, while the plant takes some power of it."""
    battery = Battery()
    battery.power = watts
    emitter, frames = Emitter(battery), []
    for tick in range(1, round(seconds / _STEP) + 1):
        now = tick * _STEP
        frames += [Frame(now, sent.identifier | EXTENDED, sent.data) for sent in emitter.due(now)]
    return frames


def multiplied(site: Site, count: int) -> Site:
    """The site with its container several times, each on a bus of its own under unit ids of its own."""
    (bus,), (container,) = site.buses.values(), site.containers
    buses = {f"can{place}": dataclasses.replace(bus, name=f"can{place}") for place in range(count)}
    containers = [
        dataclasses.replace(
            container, name=f"C{place + 1}", messages={f"can{place}": container.messages[bus.name]}
        )
        for place in range(count)
    ]
    faces = [
        dataclasses.replace(face, container=f"C{place + 1}", unit=face.unit + place)
        for place in range(count)
        for face in site.faces
    ]
    return dataclasses.replace(site, buses=buses, containers=containers, faces=faces)


def filled(count: int, frames: Sequence[Frame], now: float = SWEEP) -> Gateway:
    """A gateway whose containers have all been told these frames."""
    gateway = Gateway(multiplied(load_site(Library(), "demo"), count), "simulation")
    for bus in gateway.buses:
        for frame in frames:
            gateway.receive(bus, frame)
    gateway.cycle(now)
    return gateway


def _situations(frames: Sequence[Frame]) -> dict[str, Gateway]:
    """Containers at `_LATER`, some of whose racks have been heard lately."""
    again = [Frame(frame.time + _LATER - SWEEP, frame.key, frame.data) for frame in frames]
    but_one = [frame for frame in again if frame.key >> 16 & 0xF != _SILENCED]
    feeds = {
        "all fresh": [*frames, *again],
        "one rack silent": [*frames, *but_one],
        "all racks silent": frames,
        "nothing ever heard": [],
    }
    return {name: filled(1, feed, _LATER) for name, feed in feeds.items()}


def _turns(gateways: Mapping[str, Gateway], now: float, effort: Effort) -> dict[str, Spread]:
    """Whole cycles, taking turns; in ms."""
    costs: dict[str, list[float]] = {name: [] for name in gateways}
    gc.collect()
    for _ in range(effort.rounds * _TURNS):
        for name, gateway in gateways.items():
            costs[name].append(nanoseconds(lambda: gateway.cycle(now)) / 1e6)  # noqa: B023 - called at once
    return {name: spread(values) for name, values in costs.items()}


def _whole(plant: Dispatched, effort: Effort) -> Spread:
    """Whole cycles in run, in ms."""
    costs = []
    for _ in range(effort.rounds * _TURNS):
        plant.advance()
        costs.append(nanoseconds(lambda: plant.gateway.cycle(plant.now)) / 1e6)
    return spread(costs)


def _parts(plant: Dispatched, effort: Effort) -> dict[str, Spread]:
    """The steps of a cycle in run one by one, in ms; each is given what the one before made."""
    store, aggregator, controller = (
        plant.container.store,
        plant.container.aggregator,
        plant.controller,
    )
    registers, none = plant.gateway.site.faces[0].map, Mailboxes(())
    names = ("freeze", "aggregate", "control: facts and step", "encode", "control: panel", "patch")
    costs: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(effort.rounds * _TURNS):
        plant.advance()
        begin = [time.perf_counter_ns()]
        draft = store.picture(plant.now)
        begin.append(time.perf_counter_ns())
        aggregator.complete(draft)
        snapshot = draft.frozen()
        begin.append(time.perf_counter_ns())
        controller.look(snapshot, plant.now)
        begin.append(time.perf_counter_ns())
        image = registers.encode(snapshot)
        begin.append(time.perf_counter_ns())
        panel = controller.panel()
        begin.append(time.perf_counter_ns())
        if panel is not None:
            registers.patched(image, panel, none)
        begin.append(time.perf_counter_ns())
        for name, (one, next_) in zip(names, itertools.pairwise(begin), strict=True):
            costs[name].append((next_ - one) / 1e6)
    return {name: spread(values) for name, values in costs.items()}


def _write(plant: Dispatched, effort: Effort) -> Spread:
    """Accepted writes of heartbeat, enables and power in one block, in us."""
    costs, blocks = [], plant.blocks()
    for _ in range(effort.rounds * _TURNS):
        data = struct.pack(">5H", *next(blocks))
        write = functools.partial(plant.bank.write, Table.HOLDING, HEARTBEAT, data, plant.session)
        costs.append(nanoseconds(write) / 1e3)
    return spread(costs)


def measure(effort: Effort) -> Cycle:
    """Cycles of one container in parts and as a whole, of several, and in bad times."""
    frames, plant = recorded(SWEEP), Dispatched()
    gateways = {str(count): filled(count, frames) for count in CONTAINERS}
    several = _turns(gateways, SWEEP, effort)
    words = np.frombuffer(plant.bank.images[Table.HOLDING].data, ">u2")
    gc.collect()
    return Cycle(
        plant.container.container.layout.elements,
        int((words != _GAP).sum()),
        _whole(plant, effort),
        _parts(plant, effort),
        _write(plant, effort),
        {int(count): costs for count, costs in several.items()},
        _turns(_situations(frames), _LATER, effort),
    )
