"""The rows of a frame file that say what is sent, as messages for a transmitter.

Each row becomes one message, or one for each rack where its id carries the rack.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.canbus.frame import identifier_text
from gateway.canbus.payload import Checksum, Part
from gateway.canbus.send import Send
from gateway.canbus.signal import Order, Signal
from gateway.canbus.table import Counter
from gateway.mapping.fields import Placed, placed_signals
from gateway.mapping.naming import Naming
from gateway.mapping.notation import indices_in, numbers
from gateway.mapping.pages import Where
from gateway.mapping.plan import Plan
from gateway.mapping.protocol import Protocol
from gateway.mapping.schema.frames import SendRow, SentSignalRow
from gateway.mapping.sendable import check_frame, check_sendable
from gateway.mapping.source import Location
from gateway.model.order import REQUESTS
from gateway.model.point import Scope

_GAP = 0.02
"Seconds between repetitions of what is sent once."
_OF_RACKS = {name for name, request in REQUESTS.items() if request.scope is Scope.RACK}


@dataclass(frozen=True, slots=True)
class SendCompiler:
    """Adds what is sent to some racks to a plan."""

    protocol: Protocol
    plan: Plan
    naming: Naming

    def add(self) -> None:
        """Compile all rows; problems are noted in the source."""
        for index, row in enumerate(self.protocol.rows.sends):
            self._row(("sends", index), row)

    def _row(self, at: Location, row: SendRow) -> None:
        source, frame = self.protocol.source, row.frame()
        described = self.naming.described(at, frame)
        identifier = self.naming.identifier(at, frame, described)
        if identifier is None or (row.message is not None and described is None):
            return
        order = Order(row.order or self.protocol.rows.order)
        known = described.signals if described else {}
        placed = placed_signals(source, at, frame, order, known)
        length = self.naming.length(at, frame, placed, described)
        reported = len(source.problems)
        carried = indices_in(identifier)
        check_frame(source, at, row, placed, length)
        for part in placed:
            check_sendable(source, part, row.signals[str(part.at[-1])], length)
        self._check_racks(at, row, carried)
        if len(source.problems) > reported:
            return
        for key, where in self.naming.frames(at, frame, described):
            name = row.name or (described and described.name) or identifier_text(key)
            draft = _Draft(row, name, placed, length, where, is_of_rack="rack" in carried)
            self._add(at, draft.send(key, self.naming.buses[row.bus]))

    def _check_racks(self, at: Location, row: SendRow, carried: frozenset[str]) -> None:
        """An id may carry the rack, and must where several racks are told something of their own."""
        source = self.protocol.source
        for axis in sorted(carried - {"rack"}):
            source.report(
                (*at, "id"), f"orders know no {axis}", "an id that is sent carries {rack}"
            )
        if "rack" in carried or len(self.naming.racks) <= 1:
            return
        for name, signal in row.signals.items():
            for key, order in (("order", signal.order), ("given", signal.given)):
                if order in _OF_RACKS:
                    text = f"'{order}' is another for each of {len(self.naming.racks)} racks"
                    remedy = "write {rack} into the id, or give each rack a source of its own"
                    source.report((*at, "signals", name, key), text, remedy)

    def _add(self, at: Location, send: Send) -> None:
        """Add a message that nobody else sends; what several sources say alike is said once."""
        source, told = self.protocol.source, identifier_text(send.key)
        if any(known.key == send.key for known in self.plan.messages[send.bus]):
            text = f"{told} on {send.bus} is also under messages:, as sent by the BMU"
            source.report(at, text, "only one of the two can be right")
            return
        known = [other for other in self.plan.sends[send.bus] if other.key == send.key]
        if not known:
            self.plan.sends[send.bus].append(send)
        elif known != [send] or send.rack:
            source.report(at, f"{told} on {send.bus} is sent twice", "remove one of them")


@dataclass(frozen=True, slots=True)
class _Draft:
    """One row on its way to a message."""

    row: SendRow
    name: str
    placed: Sequence[Placed]
    length: int
    where: Where
    is_of_rack: bool
    "Whether the id carries the rack."

    def send(self, key: int, bus: str) -> Send:
        """The message with this key."""
        rows = self.row.signals
        filled = [(part.signal, rows[part.signal.name]) for part in self.placed]
        parts = tuple(self._parts(filled))
        own = self.is_of_rack or any(part.rack for part in parts)
        return Send(
            key, self.name, bus, self.length,
            _GAP if self.row.period is None else self.row.period,
            parts,
            next((Counter(signal, row.counter) for signal, row in filled if row.counter), None),
            next(self._checksums(filled), None),
            self.row.timeout,
            self.where.rack if own else 0,
            self.row.once or "",
            self.row.times if self.row.once else 1,
        )  # fmt: skip

    def _parts(self, filled: Sequence[tuple[Signal, SentSignalRow]]) -> Iterator[Part]:
        for signal, row in filled:
            if row.order is not None:
                given = (row.given, self._whose(row.given)) if row.given else None
                yield Part(
                    signal, row.order, self._whose(row.order), 0, row.states, row.none,
                    row.wrap or 0, given, row.otherwise,
                )  # fmt: skip
            elif row.const is not None:
                yield Part(signal, constant=row.const)

    def _whose(self, order: str) -> int:
        return self.where.rack if order in _OF_RACKS else 0

    def _checksums(self, filled: Sequence[tuple[Signal, SentSignalRow]]) -> Iterator[Checksum]:
        for signal, row in filled:
            if row.checksum is not None:
                place = signal.start // 8
                over = range(self.length) if row.over is None else numbers(row.over)
                yield Checksum(row.checksum, place, tuple(part for part in over if part != place))
