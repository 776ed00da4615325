"""One container under control: its state, the writes it judges, and what its cycles order.

The decisions are `gateway.control`'s, pure; this keeps the state between them, writes the journal, and has
orders sent at once where a master stops, opens or trips. What moves the unsafe way is adopted only once it
is on disk; the safe way acts first (R41).
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from gateway.control.cycle import Admission, Outcome, admit, is_unsafe, step
from gateway.control.facts import Plant, facts_of
from gateway.control.memory import kept, restored
from gateway.control.panel import Shown, panel_layout, picture
from gateway.control.settings import Settings
from gateway.control.state import Phase
from gateway.control.watchdog import POWER, REACTIVE
from gateway.model.command import GATEWAY, INSTRUCTIONS, Command, Origin
from gateway.model.event import KINDS, Event
from gateway.model.order import NO_ORDERS, Orders, PcsOrder, PcsReport
from gateway.model.pack import Snapshot


class Record(Protocol):
    """Where what happens is written: the journal."""

    @property
    def boot(self) -> int:
        """Changes with every start."""

    @property
    def failed(self) -> str:
        """Why it cannot be written."""

    def write(self, events: Sequence[Event], kept: Mapping[str, str] | None = None) -> int:
        """Hand events over; the ticket."""

    def when_settled(self, ticket: int, callback: Callable[[], None]) -> None:
        """Call back once they are on disk, or cannot be."""

    def settled(self, ticket: int) -> bool:
        """Whether they are."""


class Controller:
    """The control of one container; `now` comes with every call."""

    def __init__(self, name: str, snapshot: Snapshot, settings: Settings, *, is_live: bool) -> None:
        """`snapshot` is the picture before anything was heard."""
        drives = settings.drives_contactors and is_live
        self.name, self.settings = name, dataclasses.replace(settings, drives_contactors=drives)
        layout = snapshot.layout
        self.panel_layout = panel_layout(layout.topology)
        self.record: Record | None = None
        self.acted: Callable[[], None] = lambda: None
        "Called when orders or registers have changed between cycles."
        self.told: Callable[[Sequence[Event]], None] = lambda _: None
        "Called with what happened."
        self.noted: Callable[[float, str, int, bytes], None] = lambda *_: None
        "Called with every write, whatever becomes of it."
        self._now = 0.0
        self.clock: Callable[[], float] = lambda: self._now
        "Until a runtime puts a real one in: the time of the latest cycle."
        self._racks = layout.topology.racks
        self._plant = Plant(is_live=is_live)
        self.state = restored("", self._racks, settings, 0.0)
        self.outcome: Outcome | None = None
        self._snapshot, self._facts = snapshot, facts_of(snapshot, settings.thresholds)
        self._kept = ""
        self._key = f"control {name}"
        self._ticket = 0
        "Of what was written to the journal last."
        self._barrier = 0
        "What the answer to the latest write waits for."

    def begin(self, record: Record | None, memory: Mapping[str, str], now: float) -> None:
        """Start over with what survived (R14, R15)."""
        self.record, self._kept = record, memory.get(self._key, "")
        self.state = restored(self._kept, self._racks, self.settings, now)

    @property
    def orders(self) -> Orders:
        """The orders of the latest cycle."""
        return NO_ORDERS if self.outcome is None else self.outcome.orders

    @property
    def pcs_order(self) -> PcsOrder:
        """What the PCS is to do; nothing may reach it before the first cycle."""
        return PcsOrder(NO_ORDERS.at, access=False) if self.outcome is None else self.outcome.pcs

    @property
    def is_on_bus(self) -> bool:
        """Whether a rack that we drive is closed, or on its way."""
        moving = {Phase.CLOSING, Phase.CLOSED, Phase.UNLOADING, Phase.OPENING}
        return self.settings.drives_contactors and any(
            rack.phase in moving for rack in self.state.racks
        )

    def retire(self) -> None:
        """Open all racks at low current, as a master would ask (R16, R30)."""
        row = INSTRUCTIONS["disconnect"]
        held = self.state.held.get((GATEWAY.name, row.name, 0), 0.0)
        self.admit([Command(row, held % row.high + 1, GATEWAY)])

    def hear_pcs(self, report: PcsReport) -> None:
        """The PCS link has read the PCS."""
        self._plant = dataclasses.replace(self._plant, pcs=report)

    def hear_duplicate(self, identifier: str) -> None:
        """Somebody else sends our frames (R34)."""
        if self._plant.duplicate:
            return
        self._plant = dataclasses.replace(self._plant, duplicate=identifier)
        self._tell([Event(KINDS["duplicate_master"], self.clock(), self.name, detail=identifier)])

    @property
    def pcs_report(self) -> PcsReport:
        """What is known of the PCS."""
        return self._plant.pcs

    def note(self, address: int, words: bytes, origin: Origin) -> None:
        """A master writes registers."""
        self.noted(self.clock(), origin.name, address, words)

    def fits(self, command: Command) -> bool:
        """Whether the site lets such a value be written: beyond the rating only where it is clamped (R5)."""
        if not self.settings.rejects_beyond_rating:
            return True
        name, value, most = command.instruction.name, command.value, self.settings
        bounds = {
            POWER: (-most.charge_rating, most.discharge_rating),
            REACTIVE: (-most.reactive_rating, most.reactive_rating),
        }
        if name.endswith("_percent"):
            return not abs(value) > 100  # noqa: PLR2004 - percent
        low, high = bounds.get(name, (value, value))
        return not (value < low or value > high)

    def admit(self, commands: Sequence[Command]) -> bool:
        """Judge a write (R1-R5); True if it is taken, or will be once it is on disk."""
        admission = self._judged(commands)
        if admission.acts and self.record is not None and any(map(is_unsafe, commands)):
            self._promise(self.record, admission, commands)
            return True
        self._tell(admission.events)
        self.state = admission.state
        if admission.acts:
            self.step(self.clock())
        self._barrier = self._ticket if admission.events else 0
        self.acted()
        return admission.refusal is None

    def _judged(self, commands: Sequence[Command]) -> Admission:
        return admit(self.state, self._facts, commands, self.settings, self.clock(), self._plant)

    def _promise(self, record: Record, admission: Admission, commands: Sequence[Command]) -> None:
        """An unsafe write takes effect once it is on disk (R41)."""
        events, memory = self._named(admission.events), kept(admission.state, self.clock())
        self._kept = memory
        self._barrier = ticket = record.write(events, {self._key: memory})
        self.told(events)
        record.when_settled(ticket, lambda: self._recorded(commands))

    def _recorded(self, commands: Sequence[Command]) -> None:
        """It is on disk, or cannot be: it is judged on what has become of the plant since."""
        if self.record is not None and self.record.failed:
            self.step(self.clock())  # the journal's interlock stands from here on
        admission = self._judged(commands)
        self.state = admission.state
        if admission.refusal is not None:
            self._tell(admission.events)
        self.step(self.clock())
        self.acted()

    def settle(self, callback: Callable[[], None]) -> bool:
        """Call back once what the latest write did is on disk; False if nothing has to be waited for (R41)."""
        ticket, self._barrier = self._barrier, 0
        if self.record is None or not ticket or self.record.settled(ticket):
            return False
        self.record.when_settled(ticket, callback)
        return True

    def look(self, snapshot: Snapshot, now: float) -> Outcome:
        """One control cycle on a new picture."""
        self._snapshot, self._facts = snapshot, facts_of(snapshot, self.settings.thresholds)
        self._now = now
        return self.step(now)

    def step(self, now: float) -> Outcome:
        """One control cycle on the latest picture."""
        failed = "" if self.record is None else self.record.failed
        if failed != self._plant.journal_failed:
            self._plant = dataclasses.replace(self._plant, journal_failed=failed)
        outcome = step(self.state, self._facts, self.settings, now, self._plant)
        self.state, self.outcome = outcome.state, outcome
        self._tell(outcome.events)
        self._keep(now)
        return outcome

    def _keep(self, now: float) -> None:
        """Write what survives a restart, where it has changed."""
        if self.record is None:
            return
        text = kept(self.state, now)
        if text != self._kept:
            self._kept = text
            self._ticket = self.record.write((), {self._key: text})

    def _named(self, events: Sequence[Event]) -> list[Event]:
        return [dataclasses.replace(event, container=self.name) for event in events]

    def _tell(self, events: Sequence[Event]) -> None:
        if not events:
            return
        named = self._named(events)
        self.told(named)
        if self.record is not None:
            self._ticket = self.record.write(named)

    def panel(self) -> Snapshot | None:
        """What control shows now; None before the first cycle."""
        if self.outcome is None:
            return None
        shown = Shown(
            self.state, self._facts, self.outcome.allowed, self.settings,
            boot=0 if self.record is None else self.record.boot % 65535,
            warnings=_bits(self._snapshot, "warnings"), alarms=_bits(self._snapshot, "alarms"),
            is_live=self._plant.is_live, journal_failed=bool(self._plant.journal_failed),
        )  # fmt: skip
        return picture(self.panel_layout, shown, self.clock())


def _bits(snapshot: Snapshot, name: str) -> float:
    value = float(snapshot.values[snapshot.layout.first(name)])
    return value if value > 0 else 0.0
