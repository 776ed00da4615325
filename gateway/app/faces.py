"""What masters see of the containers: the faces of a site, each with its bank of registers.

After a cycle `encode` makes the images of the pack. Control's points and mailboxes change between cycles, too: `invalidate`
says so, and they are brought into an image when somebody reads it the next time.
"""

import dataclasses
import functools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.app.container import ContainerState
from gateway.app.mask import unsummarised, without_levels
from gateway.control.panel import withheld
from gateway.mapping.faces import Face, Stall
from gateway.mapping.image import Images
from gateway.mapping.listeners import Place
from gateway.mapping.mailbox import Mailboxes, Slot
from gateway.modbus.bank import Bank, Space
from gateway.model.pack import Snapshot


@dataclass(slots=True)
class _Served:
    """A face at work."""

    face: Face
    bank: Bank
    base: Images
    "The images without control's points."
    renewal: Callable[[], None] = lambda: None
    "Brings them into it."


class Faces:
    """The faces of a site at work."""

    def __init__(self, faces: Sequence[Face], containers: Mapping[str, ContainerState]) -> None:
        self._containers = containers
        self._mailboxes = {
            name: Mailboxes(
                box for face in faces if face.container == name for box in face.map.mailboxes
            )
            for name in containers
        }
        self.withholds_limits = False
        "Whether all limits and permissions read 0 (R35)."
        self.is_stalled = False
        "Whether the images are too old to be shown as if they were new (R8)."
        self._panels: dict[str, Snapshot | None] = {}
        "What control shows of each container, as far as somebody has looked since it changed."
        self._served = [self._serve(face) for face in faces]
        self.encode()

    def _serve(self, face: Face) -> _Served:
        judge = self._containers[face.container].controller
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

    def judge_by(self, faces: Sequence[Face]) -> None:
        """Take over what faces decide about values that are written."""
        policies = {face.place: face.rejects_beyond_rating for face in faces}
        for served in self._served:
            served.bank.rejects_beyond_rating = policies[served.face.place]

    def listeners(self) -> Mapping[Place, Mapping[int, Bank]]:
        """The banks to serve: by address, then by unit id."""
        listeners: dict[Place, dict[int, Bank]] = defaultdict(dict)
        for served in self._served:
            face = served.face
            listeners[face.host, face.port][face.unit] = served.bank
        return listeners

    def pack(self, container: str) -> Snapshot:
        """What is shown of a container's racks."""
        snapshot = self._containers[container].snapshot
        return snapshot.without_limits() if self.withholds_limits else snapshot

    def panel(self, container: str) -> Snapshot | None:
        """What is shown of its control, where it has one."""
        if container not in self._panels:
            controller = self._containers[container].controller
            self._panels[container] = None if controller is None else controller.panel()
        panel = self._panels[container]
        return withheld(panel) if self.withholds_limits and panel is not None else panel

    def encode(self) -> None:
        """A cycle is done: encode what it made of the racks, and swap the images."""
        self.is_stalled = False
        for served in self._served:
            shown = without_levels(self.pack(served.face.container), served.face.hides)
            served.base = served.face.map.encode(shown)
            served.bank.images = served.base
        self.invalidate()

    def stall(self) -> None:
        """No cycle has been completed for too long (R8)."""
        if not self.is_stalled:
            self.is_stalled = True
            self.invalidate()

    def publish(self, traffic: Snapshot) -> None:
        """Have all faces show from the next cycle on what masters have asked."""
        for served in self._served:
            served.face = dataclasses.replace(served.face, map=served.face.map.telling(traffic))

    def invalidate(self) -> None:
        """Control's points have changed: they are brought into an image before it is read the next time."""
        self._panels.clear()
        for served in self._served:
            served.bank.renew = served.renewal
            policy = served.face.on_stall if self.is_stalled else None
            served.bank.is_silent = policy is Stall.SILENT
            served.bank.is_withheld = policy is Stall.EXCEPTION
            served.bank.is_stalled = self.is_stalled

    def _renew(self, served: _Served) -> None:
        """Bring control's points into an image."""
        served.bank.renew = None
        name, base, shown = served.face.container, served.base, self.panel(served.face.container)
        if (
            self.is_stalled
            and served.face.on_stall is Stall.ZERO_LIMITS
            and not self.withholds_limits
        ):
            bare = self._containers[name].snapshot.without_limits()
            base = served.face.map.encode(without_levels(bare, served.face.hides))
            shown = None if shown is None else withheld(shown)
        if shown is not None:
            shown = unsummarised(shown, served.face.hides)
        served.bank.images = served.face.map.patched(base, shown, self._mailboxes[name])
