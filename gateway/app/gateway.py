"""A site at work, without clock and links: frames in, images out, writes judged, orders given.

Frames come in through `receive`, and `cycle` makes the next snapshots, decides, and puts the new images into
the banks. Replay and live operation drive the same methods with different clocks.
"""

import dataclasses
import functools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.app.container import ContainerState
from gateway.app.controller import Controller
from gateway.app.promise import Record
from gateway.canbus.compile import Decode
from gateway.canbus.frame import ERROR, REMOTE, Frame
from gateway.canbus.send import Send, Transmitter
from gateway.control.panel import withheld
from gateway.control.plausible import doubted
from gateway.mapping.faces import Face, Stall
from gateway.mapping.image import Images
from gateway.mapping.mailbox import Mailboxes, Slot
from gateway.mapping.site import Site
from gateway.modbus.bank import Bank, Space
from gateway.model.order import Orders
from gateway.model.pack import Snapshot
from gateway.model.store import Tally

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(slots=True)
class BusTally:
    """What came in on a bus."""

    frames: int = 0
    strange: Counter[str] = field(default_factory=Counter)
    "Frames that no message describes, and error and remote frames, by kind."


@dataclass(slots=True)
class _Served:
    """A face at work."""

    face: Face
    bank: Bank
    base: Images
    "The images without control's points."
    renewal: Callable[[], None] = lambda: None
    "Brings them into it."


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
        self._mailboxes = {
            name: Mailboxes(
                box for face in site.faces if face.container == name for box in face.map.mailboxes
            )
            for name in self.containers
        }
        self._faces = [self._served(face) for face in site.faces]
        self._is_live = data_source == "live"
        self.withholds_limits = False
        "Whether all limits and permissions read 0 (R35)."
        self.tripped: Callable[[], None] = lambda: None
        "Called when a frame has set an alarm that an interlock acts on."
        self._started: float | None = None
        self._cycled = math.inf
        "When the last cycle was completed."
        self._is_stalled = False
        self._record: Record | None = None
        self._panels: dict[str, Snapshot | None] = {}
        "What control shows of each container, as far as somebody has looked since it changed."
        self.retune(site)
        for controller in self.controllers():
            controller.changed = controller.acted = self.invalidate
        self.encode()

    def _decode(self, state: ContainerState) -> None:
        """Have a container's frames decoded into its store."""
        for bus, decoders in self._decoders.items():
            for key, name, decode, tally in state.decoders(bus, self._alarmed):
                decoders[key] = decode
                if tally is not None:
                    self.tallies[bus][key] = (name, tally)

    def _alarmed(self) -> None:
        self.tripped()

    def _served(self, face: Face) -> _Served:
        judge = self.containers[face.container].controller
        spaces = {
            name: Space(table.holes, table.writable) for name, table in face.map.tables.items()
        }
        bank = Bank(spaces, judge=judge, identity=face.map.identity)
        bank.keep = functools.partial(self._keep, face.container)
        served = _Served(face, bank, bank.images)
        served.renewal = functools.partial(self._renew, served)
        return served

    def _keep(self, container: str, slots: Sequence[Slot], words: Sequence[int]) -> None:
        """A master has written to mailboxes: every face of the container shows it from now on."""
        self._mailboxes[container].put(slots, words)
        self.invalidate()

    def _judge_by(self, faces: Sequence[Face]) -> None:
        """Take over what faces decide about values that are written."""
        policies = {face.place: face.rejects_beyond_rating for face in faces}
        for served in self._faces:
            served.bank.rejects_beyond_rating = policies[served.face.place]

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

    def listeners(self) -> Mapping[tuple[str, int], Mapping[int, Bank]]:
        """The banks to serve: by address, then by unit id."""
        listeners: dict[tuple[str, int], dict[int, Bank]] = defaultdict(dict)
        for served in self._faces:
            face = served.face
            listeners[face.host, face.port][face.unit] = served.bank
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
        self._judge_by(site.faces)

    @property
    def decides(self) -> bool:
        """Whether there is control."""
        return bool(self.controllers())

    def cycle(self, now: float) -> None:
        """Freeze every container, decide, and put the new images into the banks."""
        self.decide(now)
        self._cycled, self._is_stalled = now, False
        self.encode()

    def check_pace(self, now: float) -> None:
        """Before requests are answered: what is too old is not shown as if it were new (R8)."""
        if not self._is_stalled and now - self._cycled > self.site.stall_after:
            self._is_stalled = True
            self.invalidate()

    def decide(self, now: float) -> None:
        """Freeze every container, and let control look at it."""
        self._started = now if self._started is None else self._started
        for state in self.containers.values():
            snapshot = state.freeze(now, int(now - self._started))
            if state.controller is not None:
                state.controller.look(snapshot, now)
                state.snapshot = doubted(snapshot, state.controller.state)

    def encode(self) -> None:
        """Encode the latest snapshots and swap the images."""
        for served in self._faces:
            snapshot = self.containers[served.face.container].snapshot
            shown = snapshot.without_limits() if self.withholds_limits else snapshot
            served.base = served.face.map.encode(shown)
            served.bank.images = served.base
        self.invalidate()

    def publish(self, traffic: Snapshot) -> None:
        """Have all faces show from the next cycle on what masters have asked."""
        for served in self._faces:
            served.face = dataclasses.replace(served.face, map=served.face.map.telling(traffic))

    def invalidate(self) -> None:
        """Control's points have changed: they are brought into an image before it is read the next time."""
        self._panels.clear()
        for served in self._faces:
            served.bank.renew = served.renewal
            policy = served.face.on_stall if self._is_stalled else None
            served.bank.is_silent = policy is Stall.SILENT
            served.bank.is_withheld = policy is Stall.EXCEPTION
            served.bank.is_stalled = self._is_stalled

    def _renew(self, served: _Served) -> None:
        """Bring control's points into an image."""
        served.bank.renew = None
        name, withholds, base = served.face.container, self.withholds_limits, served.base
        if self._is_stalled and served.face.on_stall is Stall.ZERO_LIMITS and not withholds:
            snapshot, withholds = self.containers[name].snapshot.without_limits(), True
            base = served.face.map.encode(snapshot)
        if name not in self._panels:
            controller = self.containers[name].controller
            self._panels[name] = None if controller is None else controller.panel()
        panel = self._panels[name]
        shown = withheld(panel) if withholds and panel is not None else panel
        served.bank.images = served.face.map.patched(base, shown, self._mailboxes[name])

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
            self.withholds_limits = True
