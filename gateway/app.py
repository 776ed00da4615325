"""The composition root: a pure cycle inside, links outside.

`Gateway` holds the stores, the decoders and the register banks of a site and does nothing by itself:
frames come in through `receive`, and `cycle` makes the next snapshots and images. Replay and live
operation drive the same two methods with different clocks.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from gateway.canbus.compile import Decode, compile_bus
from gateway.canbus.frame import ERROR, REMOTE, Frame, identifier_text
from gateway.errors import LinkError
from gateway.links.can_link import CanLink
from gateway.links.modbus_tcp import ModbusServer
from gateway.mapping.plan import Coded
from gateway.mapping.site import Container, Site
from gateway.modbus.bank import Bank
from gateway.model.aggregate import Aggregator
from gateway.model.pack import Snapshot
from gateway.model.store import Sources, Store, Tally

_COUNTS = 65535
"What a counter register can show: 65535 is its pattern for no value."
_REPORT = 60.0  # s
_AGAIN = 1.0  # s until a crashed bus is tried again
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_SOURCES = {"live": 0, "replay": 1, "simulation": 2, "test": 3}

log = structlog.get_logger()


@dataclass(slots=True)
class BusTally:
    """What came in on a bus."""

    frames: int = 0
    strange: Counter[str] = field(default_factory=Counter)
    "Frames that no message describes, and error and remote frames, by kind."


class ContainerState:
    """One container at work: its store, its aggregates, its latest snapshot."""

    def __init__(self, container: Container, data_source: str) -> None:
        self.container = container
        self.store = Store(container.layout, container.slots, container.slot_of, container.inputs)
        self.aggregator = Aggregator(container.layout, container.carried)
        shape = container.layout.topology
        self._facts = {
            "racks_configured": shape.racks,
            "cells_configured": shape.racks * shape.modules * shape.cells,
            "sensors_configured": shape.racks * shape.modules * shape.sensors,
            "data_source": _SOURCES[data_source],
        }
        for name, value in self._facts.items():
            self.store.know(name, value)
        self._images = 0
        self.snapshot = self.freeze(0.0, 0)

    @property
    def known(self) -> frozenset[str]:
        """The points that have a value, or will once their messages arrive."""
        return self.aggregator.known | self._facts.keys() | {"heartbeat", "image_counter"}

    def freeze(self, now: float, seconds: int) -> Snapshot:
        """Take the picture of this cycle."""
        self.store.know("heartbeat", seconds % _COUNTS)
        self.store.know("image_counter", self._images % _COUNTS)
        self._images += 1
        draft = self.store.picture(now)
        self.aggregator.complete(draft)
        self.snapshot = draft.frozen()
        return self.snapshot

    def sources(self) -> Sources:
        """Which message carries each value."""
        return self.store.sources()


def _through(coded: Coded, key: int, store: Store) -> Decode:
    """A decoder that asks an adapter."""
    first = coded.first_slot + 1

    failed = False

    def decode(data: bytes, time: float) -> None:
        nonlocal failed
        try:
            readings = list(coded.adapter.decode(Frame(time, key, data)))
        except Exception:  # a guest must not take the house down (AdapterError by its contract)
            if not failed:
                log.exception("adapter_failed", bus=coded.bus, id=identifier_text(key))
            failed = True
            return
        for slot, values in readings:
            store.take(first + slot, time, data, values)

    return decode


class Gateway:
    """A site at work, without clock and links."""

    def __init__(self, site: Site, data_source: str = "live") -> None:
        self.site = site
        self.containers = {
            container.name: ContainerState(container, data_source) for container in site.containers
        }
        self.buses = {name: BusTally() for name in site.buses}
        self.tallies: dict[str, dict[int, tuple[str, Tally]]] = defaultdict(dict)
        "Message name and tally of each key, by bus."
        self._decoders: dict[str, dict[int, Decode]] = {name: {} for name in site.buses}
        for state in self.containers.values():
            for bus, messages in state.container.messages.items():
                names = {message.key: message.name for message in messages}
                for key, (decode, tally) in compile_bus(messages, state.store).items():
                    self._decoders[bus][key] = decode
                    self.tallies[bus][key] = (names[key], tally)
            for coded in state.container.coded:
                for key in {slot.key for slot in coded.adapter.slots}:
                    self._decoders[coded.bus][key] = _through(coded, key, state.store)
        self._faces = [(face, Bank(face.registers.holes)) for face in site.faces]
        self._is_live = data_source == "live"
        self.withholds_limits = False
        "Whether all limits read 0 (R35)."
        self._started: float | None = None
        self.encode()

    def listeners(self) -> Mapping[tuple[str, int], Mapping[int, Bank]]:
        """The banks to serve: by address, then by unit id."""
        listeners: dict[tuple[str, int], dict[int, Bank]] = defaultdict(dict)
        for face, bank in self._faces:
            listeners[face.host, face.port][face.unit] = bank
        return listeners

    def receive(self, bus: str, frame: Frame) -> None:
        """Take a frame into the stores."""
        tally = self.buses[bus]
        tally.frames += 1
        decode = self._decoders[bus].get(frame.key)
        if decode is not None:
            decode(frame.data, frame.time)
        elif frame.key & ERROR:
            tally.strange["error"] += 1
        elif frame.key & REMOTE:
            tally.strange["remote"] += 1
        else:
            tally.strange["unknown"] += 1

    def traffic(self, bus: str) -> dict[str, int]:
        """How many frames came in on a bus, and how many of each odd kind."""
        tally = self.buses[bus]
        counts = {"frames": tally.frames, **tally.strange}
        for _, odd in self.tallies[bus].values():
            for kind in ("short", "long", "empty", "repeated", "lost"):
                counts[kind] = counts.get(kind, 0) + getattr(odd, kind)
        return {kind: count for kind, count in counts.items() if count or kind == "frames"}

    def cycle(self, now: float) -> None:
        """Freeze every container and put the new images into the banks."""
        self._started = now if self._started is None else self._started
        for state in self.containers.values():
            state.freeze(now, int(now - self._started))
        self.encode()

    def encode(self) -> None:
        """Encode the latest snapshots and swap the images."""
        for face, bank in self._faces:
            snapshot = self.containers[face.container].snapshot
            shown = snapshot.without_limits() if self.withholds_limits else snapshot
            bank.image = face.registers.encode(shown)

    def shown_at(self, host: str) -> None:
        """Take note of an address where masters can read; data that are not live get no limits beyond here.

        CONTROL R35: replayed or simulated data may be seen elsewhere, but must not let power through.
        """
        if not self._is_live and host not in _LOOPBACK:
            self.withholds_limits = True


class Runtime:
    """A gateway with its links: CAN in, Modbus out, and the cycle between them."""

    def __init__(
        self, gateway: Gateway, listen: tuple[str, int] | None = None, *, on_loopback: bool = False
    ) -> None:
        """`listen` takes the place of the site's own address, where it has one listener."""
        self._on_loopback = on_loopback
        self.gateway = gateway
        self.links: list[CanLink] = []
        self.endpoints: list[str] = []
        "Where masters can connect, once started."
        self._servers: list[ModbusServer] = []
        self._listen = listen

    async def start(self) -> None:
        """Listen for masters; LinkError if an address cannot be had."""
        listeners = self.gateway.listeners()
        if self._listen is not None and len(listeners) > 1:
            raise LinkError(
                f"the site has {len(listeners)} listeners; --listen can replace only one"
            )
        for address, banks in listeners.items():
            own = ("127.0.0.1", address[1]) if self._on_loopback else address
            host, port = self._listen or own
            self.gateway.shown_at(host)
            if self.gateway.withholds_limits:
                log.warning("limits_read_0", host=host, reason="the data are not live (R35)")
            server = ModbusServer(banks)
            bound = await server.start(host, port)
            self._servers.append(server)
            self.endpoints.append(f"[{host}]:{bound}" if ":" in host else f"{host}:{bound}")

    async def stop(self) -> None:
        """Let go of everything."""
        for server in self._servers:
            await server.stop()

    async def live(self) -> None:
        """Receive from all buses and cycle, until cancelled."""
        self.links = [
            CanLink(bus, self.gateway.receive) for bus in self.gateway.site.buses.values()
        ]
        async with asyncio.TaskGroup() as tasks:
            for link in self.links:
                tasks.create_task(self._supervised(link))
            tasks.create_task(self._cycles())
            tasks.create_task(self._reports())

    async def _supervised(self, link: CanLink) -> None:
        while True:
            try:
                await link.run()
            except LinkError:
                raise
            except Exception as error:  # noqa: BLE001 - told and counted there
                # Whatever else a driver lets out: it costs this bus a restart, not the gateway its life.
                link.report("bus_crashed", error)
                await asyncio.sleep(_AGAIN)

    async def _reports(self) -> None:
        """Tell now and then what came in on each bus, and what was odd about it."""
        while True:
            await asyncio.sleep(_REPORT)
            for link in self.links:
                traffic = self.gateway.traffic(link.bus.name)
                log.info(
                    "traffic",
                    bus=link.bus.name,
                    up=link.state.up,
                    errors=link.state.errors,
                    **traffic,
                )

    async def _cycles(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self.gateway.cycle(loop.time())
            due = max(due + self.gateway.site.cycle, loop.time())
            await asyncio.sleep(due - loop.time())
