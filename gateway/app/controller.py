"""One container under control: its state, the writes it judges, and what its cycles order.

The decisions are `gateway.control`'s, pure; this keeps the state between them, writes the journal, and has
orders sent at once where a master stops, opens or trips. What moves the unsafe way is adopted only once it
is on disk; the safe way acts first (R41).
"""

import dataclasses
import math
import operator
from collections.abc import Callable, Mapping, Sequence

from gateway.app.chronicle import Chronicle
from gateway.app.promise import Promise, Promises, Record
from gateway.app.refusals import Refusals
from gateway.control.arbiter import noted
from gateway.control.current import known_currents
from gateway.control.cycle import Admission, Outcome, admit, is_unsafe, refusal, step
from gateway.control.facts import Plant, facts_of
from gateway.control.limit import within_rating
from gateway.control.memory import kept, restored
from gateway.control.panel import Shown, bits_of, panel_layout, picture
from gateway.control.settings import Settings
from gateway.control.state import State
from gateway.model.command import GATEWAY, INSTRUCTIONS, Command, Origin, Reason
from gateway.model.event import KINDS, Event
from gateway.model.order import NO_ORDERS, Orders, PcsOrder, PcsReport
from gateway.model.pack import Snapshot

_LEEWAY = 10.0  # s to adopt racks, and for those that others have yet to open


class Controller:
    """The control of one container; `now` comes with every call."""

    def __init__(self, name: str, snapshot: Snapshot, settings: Settings, *, is_live: bool) -> None:
        """`snapshot` is the picture before anything was heard."""
        self.name, self._is_live = name, is_live
        self.tune(settings, math.inf)
        layout = snapshot.layout
        self.panel_layout = panel_layout(layout.topology)
        self.record: Record | None = None
        self.changed: Callable[[], None] = lambda: None
        "Called when registers have changed between cycles."
        self.acted: Callable[[], None] = lambda: None
        "Called when orders may have changed between cycles."
        self.told: Callable[[Sequence[Event]], None] = lambda _: None
        "Called with what happened."
        self.noted: Callable[[float, str, str, int, bytes], None] = lambda *_: None
        "Called with every write, whatever becomes of it."
        self._now = 0.0
        self.clock: Callable[[], float] = lambda: self._now
        "Until a runtime puts a real one in: the time of the latest cycle."
        self._racks = layout.topology.racks
        self._plant = Plant(is_live=is_live)
        self.state = restored("", self._racks, settings, 0.0)
        self.outcome: Outcome | None = None
        self.chronicle = Chronicle(name)
        self._snapshot, self._facts = snapshot, facts_of(snapshot, settings)
        self._kept = ""
        self._key = f"control {name}"
        self._marks: tuple[object, ...] = (None,) * 8
        "The parts of the state that survive, as they were when they were looked at last."
        self._ticket = 0
        "Of what was written to the journal last."
        self._barrier = 0
        "What the answers to the latest writes wait for."
        self._is_due = False
        "Whether a write wants a cycle before its answer leaves."
        self._promises = Promises()
        self._refusals = Refusals()
        self._retired = math.inf
        "Since when the gateway is to stop: nothing closes any more (R16)."

    def tune(self, settings: Settings, stall_after: float) -> None:
        """Decide by these settings from the next cycle on; `stall_after` is the site's (R8)."""
        drives, self._stall_after = settings.drives_contactors and self._is_live, stall_after
        self.settings = dataclasses.replace(settings, drives_contactors=drives)

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
        return self.settings.drives_contactors and self.state.is_on_bus

    @property
    def is_at_rest(self) -> bool:
        """Whether it neither runs nor is given power, and no rack that conducts, or may, carries current."""
        low, facts = self.settings.low_current, self._facts
        known = known_currents(self.state, facts, self.settings, self._plant, self.clock())
        pairs = zip(facts.connected, known, strict=True)
        idle = all(connected == 0 or abs(current) < low for connected, current in pairs)
        return idle and not self.state.is_at_work

    def retire(self) -> None:
        """Open all racks at low current, as a master would ask; nothing closes any more (R16, R30)."""
        self._retired = self.clock()
        if not (self.is_on_bus or self.state.is_wanted or self._promises.waiting):
            return
        row = INSTRUCTIONS["disconnect"]
        held = self.state.held.get((GATEWAY.name, row.name, 0), 0.0)
        self.admit([Command(row, held % row.high + 1, GATEWAY)])
        self.finish()

    @property
    def is_leaving(self) -> bool:
        """Whether racks are on their way off the bus, and may still get there (R30)."""
        most = self.settings.open_wait + self.settings.disconnect_time + _LEEWAY
        return self.is_on_bus and self.state.is_moving and self.clock() - self._retired < most

    def stay(self) -> None:
        """The gateway does not stop after all."""
        self._retired = math.inf

    def hear_pcs(self, report: PcsReport) -> None:
        """The PCS link has read the PCS."""
        self._plant = dataclasses.replace(self._plant, pcs=report)

    def hear_duplicate(self, identifier: str) -> None:
        """Somebody else sends our frames (R34)."""
        if self._plant.duplicate:
            return
        self._plant = dataclasses.replace(self._plant, duplicate=identifier)
        self._tell([Event(KINDS["duplicate_master"], self.clock(), self.name, detail=identifier)])

    def note(self, table: str, address: int, words: bytes, origin: Origin) -> None:
        """A master writes registers or coils."""
        self.noted(self.clock(), origin.name, table, address, words)

    def is_within_rating(self, command: Command) -> bool:
        """Whether it asks for no more than the ratings; a face may take no more (R5)."""
        return within_rating(command, self.settings)

    def admit(self, commands: Sequence[Command]) -> bool:
        """Judge a write (R1-R5); True if it is taken, or will be once it is on disk (R41)."""
        admission = self._judged(self.state, commands)
        if admission.refusal is not None:
            self._take(admission)
            return False
        acting = [
            command
            for command, verdict in zip(commands, admission.verdicts, strict=True)
            if verdict.acts
        ]
        unsafe = [command for command in acting if is_unsafe(command)]
        if unsafe and (against := self._against(unsafe)) is not None:
            self._take(against)
            return False
        if unsafe and self.record is not None:
            rest = [command for command in commands if command not in unsafe]
            if rest:
                self._take(self._judged(self.state, rest))
            self._promise(self.record, unsafe)
        else:
            self._take(admission)
        safe = [command for command in acting if command not in unsafe]
        for command in self._promises.taken_back(safe):
            self._take(self._refusal(command, Reason.ABORTED_BY_CANCEL, safe[0].instruction.name))
        return True

    def _judged(self, state: State, commands: Sequence[Command]) -> Admission:
        return admit(state, self._facts, commands, self.settings, self.clock(), self._plant)

    def _refusal(self, command: Command, reason: Reason, detail: str) -> Admission:
        return refusal(self.state, command, reason, detail, self.clock())

    def _against(self, unsafe: Sequence[Command]) -> Admission | None:
        """What stands against making the plant do more, beside control's own reasons."""
        if self._retired < math.inf:
            return self._refusal(unsafe[0], Reason.BLOCKED_BY_MODE, "stopping")
        if self.clock() - self._now > self._stall_after:
            return self._refusal(unsafe[0], Reason.BLOCKED_BY_HEALTH, "no cycle")
        if self.record is not None and self.record.failed:
            return self._refusal(unsafe[0], Reason.BLOCKED_BY_HEALTH, "journal")
        twice = self._promises.overlap(unsafe)
        if twice is None:
            return None
        return self._refusal(twice, Reason.IN_EXECUTION, "waits for the journal")

    def _take(self, admission: Admission) -> None:
        """Keep what a write came to; what it asks of the plant is decided before its answer leaves."""
        self.state = admission.state
        if admission.refusal is None or self._refusals.is_news(admission.events, self.clock()):
            self._tell(admission.events)
        if admission.events:
            self._barrier = max(self._barrier, self._ticket)
        self._is_due = self._is_due or admission.acts
        self.changed()

    def _promise(self, record: Record, commands: Sequence[Command]) -> None:
        """An unsafe write takes effect once it is on disk."""
        promise = Promise(tuple(commands))
        admission = self._judged(self.state, commands)
        for command in commands:
            self.state = noted(self.state, command)
        events, memory = self._named(admission.events), kept(self.state, self.clock())
        self._kept = memory
        self._ticket = self._barrier = ticket = record.write(events, {self._key: memory})
        self.told(events)
        self._promises.waiting.append(promise)
        record.when_settled(ticket, lambda: self._fulfil(promise))

    def _fulfil(self, promise: Promise) -> None:
        """It is on disk, or cannot be: it is judged on what has become of the plant since."""
        if not self._promises.fulfil(promise):
            return
        if self.record is not None and self.record.failed:
            against = self._refusal(promise.commands[0], Reason.BLOCKED_BY_HEALTH, "journal")
            self._take(against)
            return
        held = {key: value for key, value in self.state.held.items() if key not in promise.keys}
        fresh = dataclasses.replace(self.state, held=held)
        admission = self._judged(fresh, promise.commands)
        if admission.refusal is None:
            admission = dataclasses.replace(admission, events=())  # told when it was promised
        self._take(admission)
        self.finish()

    def finish(self) -> int:
        """Act on what writes asked for, before their answers leave; the ticket that these wait for, or 0."""
        if self._is_due:
            self.step(self.clock())
            self.acted()
            self._barrier = self._ticket  # what survives a restart of it is on disk, too (R15)
        barrier, self._barrier = self._barrier, 0
        return barrier

    def look(self, snapshot: Snapshot, now: float) -> Outcome:
        """One control cycle on a new picture."""
        self._snapshot, self._facts = snapshot, facts_of(snapshot, self.settings)
        self._now = now
        return self.step(now)

    def step(self, now: float) -> Outcome:
        """One control cycle on the latest picture."""
        failed = "" if self.record is None else self.record.failed
        if failed != self._plant.journal_failed:
            self._plant = dataclasses.replace(self._plant, journal_failed=failed)
        outcome = step(self.state, self._facts, self.settings, now, self._plant)
        # What is ordered is as old as the picture that it rests on (R8).
        outcome = dataclasses.replace(
            outcome,
            orders=dataclasses.replace(outcome.orders, at=self._now),
            pcs=dataclasses.replace(outcome.pcs, at=self._now),
        )
        self.state, self.outcome, self._is_due = outcome.state, outcome, False
        self._tell(outcome.events)
        self._keep(now)
        return outcome

    def _keep(self, now: float) -> None:
        """Write what survives a restart, where it has changed."""
        state = self.state
        marks = (state.sequence, state.held, state.chain, state.first_out, state.tripped_by,
                 state.stopped, state.is_local, state.racks)  # fmt: skip
        if self.record is None or all(map(operator.is_, marks, self._marks)):
            return
        self._marks = marks
        text = kept(state, now)
        if text != self._kept:
            self._kept = text
            self._ticket = self.record.write((), {self._key: text})

    def _named(self, events: Sequence[Event]) -> list[Event]:
        return self.chronicle.add(events, self.clock())

    def _tell(self, events: Sequence[Event]) -> None:
        if not events:
            return
        named = self._named(events)
        if self.record is not None:
            self._ticket = self.record.write(named)
        self.told(named)

    def panel(self) -> Snapshot | None:
        """What control shows now; None before the first cycle."""
        if self.outcome is None:
            return None
        shown = Shown(
            self.state, self._facts, self.outcome.allowed, self.settings,
            boot=0 if self.record is None else self.record.boot % 65535,
            warnings=bits_of(self._snapshot, "warnings"), alarms=bits_of(self._snapshot, "alarms"),
            is_live=self._plant.is_live, journal_failed=bool(self._plant.journal_failed),
            latest=self.chronicle.rows,
        )  # fmt: skip
        return picture(self.panel_layout, shown, self.clock())
