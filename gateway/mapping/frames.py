"""A frame file and the racks that speak it, as messages of a frame table.

Each row of the file becomes one message for each identifier that its racks, modules and pages give. Every
message, and every page of a multiplexed one, gets a slot of its own: the schedule that renews its points.
"""

import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.canbus.frame import EXTENDED, IDENTIFIER, STANDARD_IDENTIFIER, identifier_text, key_of
from gateway.canbus.signal import Order, Signal
from gateway.canbus.table import Counter, Field, Message, Page, Selector
from gateway.mapping.database import Described
from gateway.mapping.demands import check_required, need_rack
from gateway.mapping.fields import Placed, placed_signals
from gateway.mapping.meaning import Meaning
from gateway.mapping.notation import identifier_at, indices_in
from gateway.mapping.plan import Plan
from gateway.mapping.protocol import Protocol
from gateway.mapping.schema import IdRow, MessageRow
from gateway.mapping.source import Location, did_you_mean
from gateway.model.point import Kind
from gateway.model.store import Slot

Path_ = tuple[tuple[str, int], ...]
"Selectors and their values on the way to a page."

_LONGEST = 64  # bytes, CAN FD
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
        if "rack" not in carried:
            self._check_racks(at, draft)

    def _check_racks(self, at: Location, draft: "_Draft") -> None:
        """Several racks on one identifier must be told apart by what is in the frame."""
        if len(self.racks) > 1 and need_rack(draft.placed, self.plan.layout.points):
            text = f"{len(self.racks)} racks speak this, but nothing says which one a frame is from"
            remedy = "write {rack} into the id, or give each rack a source of its own"
            self.protocol.source.report(at, text, remedy)

    def _draft(self, at: Location, row: MessageRow, described: Described | None) -> "_Draft":
        """The row with its signals."""
        known = described.signals if described else {}
        order = Order(row.order or self.protocol.rows.order)
        placed = placed_signals(self.protocol.source, at, row, order, known)
        needed = max((part.signal.bytes_needed() for part in placed), default=0)
        told = described.length if described else min(needed, _LONGEST)
        length = told if row.length is None else row.length
        inside = {name: part for name, part in known.items() if part.bytes_needed() <= length}
        signals = inside | {part.signal.name: part.signal for part in placed}
        check_required(self.protocol.source, at, row, placed, signals)
        return _Draft(self, at, row, placed, described, signals, length)

    def _described(self, at: Location, row: MessageRow) -> Described | None:
        """The database's message that a row names."""
        database, source = self.protocol.database, self.protocol.source
        if row.message is None or database is None:
            if row.id is None or row.message is not None:
                source.report(at, "a message needs an id, or a database and its message's name")
            return None
        if row.message not in database.messages:
            near = did_you_mean(row.message, database.messages)
            source.report((*at, "message"), f"no message '{row.message}' in the database", near)
        return database.messages.get(row.message)

    def _key(
        self, at: Location, identifier: int | str | IdRow, where: "Where", *, wide: bool | None
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

    def _instances(self, carried: frozenset[str], row: MessageRow) -> Iterator["Where"]:
        """Every combination of the indices that the identifier carries."""
        modules = range(1, self.plan.layout.topology.modules + 1) if "module" in carried else (0,)
        pages = range(1, row.pages + 1) if "page" in carried else (0,)
        racks = self.racks if "rack" in carried else dict(itertools.islice(self.racks.items(), 1))
        for (rack, address), module, page in itertools.product(racks.items(), modules, pages):
            yield Where(rack, module, page, {"rack": address, "module": module, "page": page})


@dataclass(frozen=True, slots=True)
class Where:
    """Which rack, module and page an identifier belongs to; 0 where it carries none."""

    rack: int
    module: int
    page: int
    numbers: Mapping[str, int]
    "What stands in the identifier."


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
        source = self.compiler.protocol.source
        if any(known.key == key for known in plan.messages[bus]):
            source.report(
                self.at, f"{identifier_text(key)} on {bus} is described twice", "remove one of them"
            )
            return
        fields = self._fields(where)
        root = self._page((), fields, key, name)
        message = Message(
            key, name, self.length, root,
            counter=self._counter(),
            zero_is_data=self._zero_is_data(fields),
            require=tuple(part for part in fields.get((), ()) if part.signal.name in self.row.require),
            watches_frozen=self.row.frozen is not None,
            signals=self.signals,
        )  # fmt: skip
        plan.messages[bus].append(message)

    def _fields(self, where: Where) -> dict[Path_, list[Field]]:
        """The fields of each page."""
        fields: dict[Path_, list[Field]] = defaultdict(list)
        for placed in self.placed:
            if placed.signal.start < 0 or placed.signal.bytes_needed() > self.length:
                self._report(
                    placed, f"'{placed.signal.name}' does not fit into {self.length} bytes"
                )
                continue
            for index, path in enumerate(self._paths(placed, placed.signal)):
                turn = (max(where.page - 1, 0) * self._turns(placed) + index) * placed.row.repeat
                meaning = Meaning(
                    self.compiler.protocol, self.compiler.plan.layout, self.signals, placed
                )
                part = meaning.field(where.rack, where.module, turn + placed.repetition)
                if part is not None:
                    fields[path].append(part)
        return fields

    def _turns(self, placed: Placed) -> int:
        return max((len(values) for values in placed.signal.when.values()), default=1)

    def _paths(
        self, placed: Placed, signal: Signal, inside: tuple[Signal, ...] = ()
    ) -> list[Path_]:
        """All ways of selector values at which a signal is present."""
        paths: list[Path_] = [()]
        for name, values in signal.when.items():
            selector = self.signals.get(name)
            if selector is None:
                self._report(
                    placed,
                    f"the selector '{name}' is no signal here",
                    did_you_mean(name, self.signals),
                )
                return []
            if selector in (signal, *inside):
                self._report(placed, f"'{name}' is there only where it itself says so")
                return []
            outer = self._paths(placed, selector, (signal, *inside))
            paths = [
                (*path, *way, (name, value)) for path in paths for way in outer for value in values
            ]
        return paths

    def _page(self, path: Path_, fields: Mapping[Path_, list[Field]], key: int, name: str) -> Page:
        """The page at a path, with the pages behind it."""
        plan, row = self.compiler.plan, self.row
        slot = len(plan.slots)
        timeout = row.timeout or max(3 * row.period, _LEAST_TIMEOUT)
        bus = self.compiler.buses[row.bus]
        plan.slots.append(Slot(bus, key, name, row.period, timeout, row.frozen or float("inf")))
        own = tuple(fields.get(path, ()))
        for part in own:
            self._claim(part, slot)
        behind: dict[str, dict[int, Page]] = defaultdict(dict)
        for further in sorted(
            {way[: len(path) + 1] for way in fields if way[: len(path)] == path and way != path}
        ):
            selector, value = further[-1]
            behind[selector][value] = self._page(further, fields, key, name)
        selectors = tuple(
            Selector(self.signals[selector], pages) for selector, pages in behind.items()
        )
        return Page(slot + 1, own, selectors)

    def _claim(self, part: Field, slot: int) -> None:
        plan = self.compiler.plan
        for element in part.elements:
            if plan.slot_of.get(element) == slot:
                text = f"{plan.layout.name_of(element)} is carried twice by {plan.slots[slot].name}"
                self.compiler.protocol.source.report(self.at, text, "map it once")
        for element in (*part.elements, *(alarm.element for alarm in part.alarms)):
            if other := plan.claim(element, slot):
                text = f"{plan.layout.name_of(element)} is also carried by {other}"
                self.compiler.protocol.source.report(self.at, text, "map it once")

    def _counter(self) -> Counter | None:
        row = self.row.counter
        if row is None:
            return None
        signal = self.signals.get(row.signal)
        if signal is None:
            source = self.compiler.protocol.source
            near = did_you_mean(row.signal, self.signals)
            source.report((*self.at, "counter", "signal"), f"no signal '{row.signal}' here", near)
            return None
        return Counter(dataclasses.replace(signal, when={}), row.modulo)

    def _zero_is_data(self, fields: Mapping[Path_, list[Field]]) -> bool:
        """As the file says; else false for messages that carry measured values or limits."""
        if self.row.zero is not None:
            return self.row.zero == "data"
        layout = self.compiler.plan.layout
        kinds = {
            layout.points[layout.name_of(e)].kind
            for parts in fields.values()
            for part in parts
            for e in part.elements
        }
        return not kinds & {Kind.MEASURE, Kind.LIMIT}

    def _report(self, placed: Placed, text: str, remedy: str = "") -> None:
        self.compiler.protocol.source.report(placed.at, text, remedy)
