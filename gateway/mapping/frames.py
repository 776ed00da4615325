"""A frame file and the racks that speak it, as messages of a frame table.

Each row of the file becomes one message for each identifier that its racks, modules and pages give.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.canbus.frame import identifier_text
from gateway.canbus.signal import Order, Signal
from gateway.canbus.table import Counter, Message
from gateway.mapping.database import Described
from gateway.mapping.demands import check_required, need_rack
from gateway.mapping.fields import Placed, placed_signals
from gateway.mapping.naming import Naming
from gateway.mapping.notation import indices_in
from gateway.mapping.pages import PageMaker, Where
from gateway.mapping.plan import Plan
from gateway.mapping.protocol import Protocol
from gateway.mapping.schema.frames import MessageRow
from gateway.mapping.sends import SendCompiler
from gateway.mapping.soundness import check_sound
from gateway.mapping.source import Location, did_you_mean
from gateway.model.point import Kind
from gateway.model.store import Slot

_LEAST_TIMEOUT = 0.5  # s, so that jitter on a fast message does not make its points old


@dataclass(slots=True)
class FrameCompiler:
    """Adds the messages of some racks to a plan."""

    protocol: Protocol
    plan: Plan
    buses: Mapping[str, str]
    "The site's bus for each bus that the protocol names."
    racks: Mapping[int, int]
    "The address in identifiers of each rack."

    def add(self) -> None:
        """Compile all rows; MappingError with every problem."""
        for index, row in enumerate(self.protocol.rows.messages):
            self._row(("messages", index), row)
        SendCompiler(self.protocol, self.plan, self._naming()).add()
        self.protocol.source.stop()

    def _row(self, at: Location, row: MessageRow) -> None:
        naming = self._naming()
        described = naming.described(at, row)
        if row.message is not None and described is None:
            return
        identifier = naming.identifier(at, row, described)
        if identifier is None:
            return
        draft = self._draft(at, row, described)
        frames = naming.frames(at, row, described)
        if not frames:
            return
        for key, where in frames:
            draft.add(key, where)
        self._check_indices(at, draft, indices_in(identifier))

    def _naming(self) -> Naming:
        return Naming(self.protocol, self.plan.layout.topology, self.buses, self.racks)

    def _check_indices(self, at: Location, draft: "_Draft", carried: frozenset[str]) -> None:
        """Pages need to be in the id; several racks on one id must be told apart by what is in the frame."""
        if draft.row.pages > 1 and "page" not in carried:
            text = "the id counts no pages"
            self.protocol.source.report((*at, "pages"), text, "write {page} into the id")
        if "rack" in carried:
            return
        if len(self.racks) > 1 and need_rack(draft.placed, self.plan.layout.points):
            text = f"{len(self.racks)} racks speak this, but nothing says which one a frame is from"
            remedy = "write {rack} into the id, or give each rack a source of its own"
            self.protocol.source.report(at, text, remedy)

    def _draft(self, at: Location, row: MessageRow, described: Described | None) -> "_Draft":
        """The row with its signals."""
        known = described.signals if described else {}
        order = Order(row.order or self.protocol.rows.order)
        placed = placed_signals(self.protocol.source, at, row, order, known)
        length = self._naming().length(at, row, placed, described)
        inside = {name: part for name, part in known.items() if part.bytes_needed() <= length}
        signals = inside | {part.signal.name: part.signal for part in placed}
        check_required(self.protocol.source, at, row, placed, signals)
        for part in placed:
            check_sound(self.protocol.source, part, signals)
        return _Draft(self, at, row, placed, described, signals, length)


@dataclass(frozen=True, slots=True)
class _Draft:
    """One row on its way to messages."""

    compiler: FrameCompiler
    at: Location
    row: MessageRow
    placed: Sequence[Placed]
    described: Described | None
    signals: Mapping[str, Signal]
    "All that is known of the message, by name."
    length: int
    "Bytes of a frame."

    def add(self, key: int, where: Where) -> None:
        """Add the message with this key."""
        plan, bus = self.compiler.plan, self.compiler.buses[self.row.bus]
        name = self.row.name or (self.described and self.described.name) or identifier_text(key)
        if any(known.key == key for known in plan.messages[bus]):
            text = f"{identifier_text(key)} on {bus} is described twice"
            self.compiler.protocol.source.report(self.at, text, "remove one of them")
            return
        row = self.row
        timeout = row.timeout or max(3 * row.period, _LEAST_TIMEOUT)
        slot = Slot(bus, key, name, row.period, timeout, row.frozen or math.inf)
        pages = PageMaker(self.compiler.protocol, plan, self.at, self.signals, slot)
        for placed in self.placed:
            if placed.signal.start < 0 or placed.signal.bytes_needed() > self.length:
                text = f"'{placed.signal.name}' does not fit into {self.length} bytes"
                self.compiler.protocol.source.report(placed.at, text)
            else:
                pages.place(placed, where, self.compiler.racks)
        root = pages.root()
        message = Message(
            key, name, self.length, root,
            counter=self._counter(),
            zero_is_data=self._zero_is_data(pages),
            require=tuple(part for part in root.fields if part.signal.name in row.require),
            watches_frozen=row.frozen is not None,
            signals=self.signals,
        )  # fmt: skip
        plan.messages[bus].append(message)

    def _counter(self) -> Counter | None:
        row, source = self.row.counter, self.compiler.protocol.source
        if row is None:
            return None
        signal = self.signals.get(row.signal)
        if signal is None:
            near = did_you_mean(row.signal, self.signals)
            source.report((*self.at, "counter", "signal"), f"no signal '{row.signal}' here", near)
            return None
        if signal.when:
            text = f"'{row.signal}' is not in every frame"
            source.report((*self.at, "counter", "signal"), text, "choose one that is")
        if row.modulo > 1 << signal.length:
            text = f"'{row.signal}' has {signal.length} bits and never counts to {row.modulo}"
            source.report((*self.at, "counter", "modulo"), text, "correct the modulo")
        return Counter(dataclasses.replace(signal, when={}), row.modulo)

    def _zero_is_data(self, pages: PageMaker) -> bool:
        """As the file says; else false for messages that carry measured values or limits."""
        if self.row.zero is not None:
            return self.row.zero == "data"
        layout = self.compiler.plan.layout
        kinds = {layout.points[layout.name_of(element)].kind for element in pages.elements()}
        return not kinds & {Kind.MEASURE, Kind.LIMIT}
