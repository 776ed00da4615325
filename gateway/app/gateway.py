"""A site at work, without clock and links: frames in, images out, writes judged, orders given.

Frames come in through `receive`, and `cycle` makes the next snapshots, decides, and has the faces show the outcome.
Replay and live operation drive the same methods with different clocks.
"""

import dataclasses
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.app.container import ContainerState
from gateway.app.controller import Controller
from gateway.app.faces import Faces
from gateway.app.promise import Record
from gateway.canbus.compile import Decode
from gateway.canbus.frame import ERROR, REMOTE, Frame
from gateway.canbus.send import Send, Transmitter
from gateway.control.plausible import doubted
from gateway.mapping.site import Site
from gateway.model.order import Orders
from gateway.model.store import Tally

_STRANGE = ("error", "remote", "unknown")
_ODD = ("short", "long", "empty", "repeated", "lost")
"Kinds of frames that no message describes, and of those that one does."
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(slots=True)
class BusTally:
    """What came in on a bus."""

    frames: int = 0
    strange: Counter[str] = field(default_factory=Counter)
    "Frames that no message describes, and error and remote frames, by kind."


class Gateway:
    """A site at work, without clock and links."""

    def __init__(self, site: Site, data_source: str = "live") -> None:
        self.site = site
        self.data_source = data_source
        self.containers = {
            container.name: ContainerState(container, data_source) for container in site.containers
        }
        self.buses = {name: BusTally() for name in site.buses}
        self.tallies: dict[str, dict[int, tuple[str, Tally]]] = defaultdict(dict)
        "Message name and tally of each key, by bus."
        self._decoders: dict[str, dict[int, Decode]] = {name: {} for name in site.buses}
        for state in self.containers.values():
            self._decode(state)
        self.faces = Faces(site.faces, self.containers)
        self._is_live = data_source == "live"
        self.tripped: Callable[[], None] = lambda: None
        "Called when a frame has set an alarm that an interlock acts on."
        self._started: float | None = None
        self._cycled = math.inf
        "When the last cycle was completed."
        self._record: Record | None = None
        self.retune(site)
        for controller in self.controllers():
            controller.changed = controller.acted = self.faces.invalidate

    def _decode(self, state: ContainerState) -> None:
        """Have a container's frames decoded into its store."""
        for bus, decoders in self._decoders.items():
            for key, name, decode, tally in state.decoders(bus, self._alarmed):
                decoders[key] = decode
                if tally is not None:
                    self.tallies[bus][key] = (name, tally)

    def _alarmed(self) -> None:
        self.tripped()

    def controllers(self) -> list[Controller]:
        """The control of each container that has one."""
        return [state.controller for state in self.containers.values() if state.controller]

    def begin(
        self, record: Record | None, memory: Mapping[str, str], clock: Callable[[], float] | None
    ) -> None:
        """Start over with what survived, a journal and a clock; without one, cycles are the clock (R40)."""
        self._record = record
        for controller in self.controllers():
            controller.clock = clock or controller.clock
            controller.begin(record, memory, controller.clock())

    def hear_duplicate(self, bus: str, identifier: str) -> None:
        """Somebody else sends our frames on a bus: it concerns whom we send to there (R34)."""
        for state in self.containers.values():
            if state.controller is not None and state.container.sends.get(bus):
                state.controller.hear_duplicate(f"{identifier} on {bus}")

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
        counts = {"frames": tally.frames, **dict.fromkeys((*_STRANGE, *_ODD), 0), **tally.strange}
        for _, odd in self.tallies[bus].values():
            for kind in _ODD:
                counts[kind] += getattr(odd, kind)
        return counts

    def transmitter(self, bus: str) -> Transmitter:
        """What is sent on a bus: nothing where it is listened to only (R34, R35)."""
        sends: dict[str, list[Send]] = {
            name: list(state.container.sends.get(bus, ()))
            for name, state in self.containers.items()
            if state.controller is not None
        }
        transmitter = Transmitter(sends)
        transmitter.off = not self._may_send(bus)
        return transmitter

    def _may_send(self, bus: str) -> bool:
        """Data that are not live reach no physical bus (R35)."""
        interface, channel = self.site.buses[bus].interface, str(self.site.buses[bus].channel)
        is_paper = interface in {"virtual", "udp_multicast"} or channel.startswith("vcan")
        return self._is_live or (self.data_source == "simulation" and is_paper)

    def orders(self) -> Mapping[str, Orders]:
        """The latest orders, by container."""
        return {
            name: state.controller.orders
            for name, state in self.containers.items()
            if state.controller is not None
        }

    @property
    def is_at_rest(self) -> bool:
        """Whether no container runs, is given power or carries current."""
        return all(controller.is_at_rest for controller in self.controllers())

    def retune(self, site: Site) -> None:
        """Take over what may change while it runs, of a site that is the same in all else (R18)."""
        self.site = dataclasses.replace(
            self.site, title=site.title, cycle=site.cycle, stall_after=site.stall_after
        )
        for container in site.containers:
            controller = self.containers[container.name].controller
            if controller is not None and container.settings is not None:
                controller.tune(container.settings, site.stall_after)
        self.faces.judge_by(site.faces)

    @property
    def decides(self) -> bool:
        """Whether there is control."""
        return bool(self.controllers())

    def cycle(self, now: float) -> None:
        """Freeze every container, decide, and put the new images into the banks."""
        self.decide(now)
        self._cycled = now
        self.faces.encode()

    def check_pace(self, now: float) -> None:
        """Before requests are answered: what is too old is not shown as if it were new (R8)."""
        if now - self._cycled > self.site.stall_after:
            self.faces.stall()

    def decide(self, now: float) -> None:
        """Freeze every container, and let control look at it."""
        self._started = now if self._started is None else self._started
        for state in self.containers.values():
            snapshot = state.freeze(now, int(now - self._started))
            if state.controller is not None:
                state.controller.look(snapshot, now)
                state.snapshot = doubted(snapshot, state.controller.state)

    def settle(self, callback: Callable[[], None]) -> bool:
        """Before answers leave: act on writes, and call back once what they did is on disk.

        False where nothing has to be waited for.
        """
        ticket = max((controller.finish() for controller in self.controllers()), default=0)
        if self._record is None or not ticket or self._record.settled(ticket):
            return False
        self._record.when_settled(ticket, callback)
        return True

    def shown_at(self, host: str) -> None:
        """Take note of an address where masters can read; data that are not live get no limits beyond here.

        CONTROL R35: replayed or simulated data may be seen elsewhere, but must not let power through.
        """
        if not self._is_live and host not in _LOOPBACK:
            self.faces.withholds_limits = True
