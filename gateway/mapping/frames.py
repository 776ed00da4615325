"""A frame file and the racks that speak it, as messages of a frame table.

Each row of the file becomes one message for each identifier that its racks, modules and pages give.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.canbus.frame import EXTENDED, IDENTIFIER, STANDARD_IDENTIFIER, identifier_text, key_of
from gateway.canbus.signal import Order, Signal
from gateway.canbus.table import Counter, Message
from gateway.mapping.database import Described
from gateway.mapping.demands import check_required, need_rack
from gateway.mapping.fields import Placed, placed_signals
from gateway.mapping.notation import identifier_at, indices_in
from gateway.mapping.pages import PageMaker, Where
from gateway.mapping.plan import Plan
from gateway.mapping.protocol import Protocol
from gateway.mapping.schema.frames import IdRow, MessageRow
from gateway.mapping.soundness import check_sound
from gateway.mapping.source import Location, did_you_mean
from gateway.model.point import Kind
from gateway.model.store import Slot

_LONGEST = 64  # bytes, CAN FD
_CLASSIC = 8  # bytes
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
        self.protocol.source.stop()

    def _row(self, at: Location, row: MessageRow) -> None:
        source = self.protocol.source
        described = self._described(at, row)
        if row.message is not None and described is None:
            return
        identifier = row.id
        if identifier is None and described is not None:
            identifier = described.key & IDENTIFIER
        if row.bus not in self.buses:
            text = f"the site gives no bus for '{row.bus}'"
            source.report((*at, "bus"), text, did_you_mean(row.bus, self.buses))
        if identifier is None or row.bus not in self.buses:
            return
        draft = self._draft(at, row, described)
        wide = row.extended
        if wide is None and described is not None and row.id is None:
            wide = bool(described.key & EXTENDED)
        carried = indices_in(identifier)
        for where in self._instances(carried, row):
            key = self._key(at, identifier, where, wide=wide)
            if key is None:
                return
            draft.add(key, where)
        self._check_indices(at, draft, carried)

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
        length = self._length(at, row, placed, described)
        inside = {name: part for name, part in known.items() if part.bytes_needed() <= length}
        signals = inside | {part.signal.name: part.signal for part in placed}
        check_required(self.protocol.source, at, row, placed, signals)
        for part in placed:
            check_sound(self.protocol.source, part, signals)
        return _Draft(self, at, row, placed, described, signals, length)

    def _length(
        self, at: Location, row: MessageRow, placed: Sequence[Placed], described: Described | None
    ) -> int:
        """The bytes of a frame: as the row says, else the database, else what the signals need."""
        if row.length is not None:
            return row.length
        if described is not None:
            return described.length
        needed = max((part.signal.bytes_needed() for part in placed), default=0)
        if _CLASSIC < needed <= _LONGEST:
            text = f"the signals need {needed} bytes; a classic frame has {_CLASSIC}"
            self.protocol.source.report(
                at, text, f"say length: {needed} if these are CAN FD frames"
            )
        return min(needed, _LONGEST)

    def _described(self, at: Location, row: MessageRow) -> Described | None:
        """The database's message that a row names."""
        database, source = self.protocol.database, self.protocol.source
        if row.message is None or database is None:
            if row.id is None or row.message is not None:
                source.report(at, "a message needs an id, or a database and its message's name")
            return None
        if row.message in database.doubled:
            text = f"several messages of the database are named '{row.message}'"
            source.report((*at, "message"), text, "describe this one in place")
        if row.message not in database.messages:
            near = did_you_mean(row.message, database.messages)
            source.report((*at, "message"), f"no message '{row.message}' in the database", near)
        return database.messages.get(row.message)

    def _key(
        self, at: Location, identifier: int | str | IdRow, where: Where, *, wide: bool | None
    ) -> int | None:
        """The key for some indices; None, and a problem, if the identifier is none."""
        source = self.protocol.source
        try:
            number = identifier_at(identifier, where.numbers)
        except ValueError as error:
            source.report((*at, "id"), f"is no identifier: {error}")
            return None
        extended = number > STANDARD_IDENTIFIER if wide is None else wide
        if not 0 <= number <= (IDENTIFIER if extended else STANDARD_IDENTIFIER):
            text = f"0x{number:X} is no CAN identifier"
            source.report((*at, "id"), text, "standard ones have 11 bits, extended ones 29")
            return None
        return key_of(number, extended=extended)

    def _instances(self, carried: frozenset[str], row: MessageRow) -> Iterator[Where]:
        """Every combination of the indices that the identifier carries."""
        modules = range(1, self.plan.layout.topology.modules + 1) if "module" in carried else (0,)
        pages = range(1, row.pages + 1) if "page" in carried else (0,)
        racks = self.racks if "rack" in carried else dict(itertools.islice(self.racks.items(), 1))
        for (rack, address), module, page in itertools.product(racks.items(), modules, pages):
            yield Where(rack, module, page, {"rack": address, "module": module, "page": page})


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
