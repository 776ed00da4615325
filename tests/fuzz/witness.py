"""What a unit of the fuzzed map must answer, worked out a second time: from the specification and the table of spans.

It keeps what masters have written and what they hold, and says of each answer whether it is the right one. Open is
only whether a command can have a value (exception 3); the rest is known: order of checks as in `gateway.modbus.bank`.
"""

from dataclasses import dataclass, field

from fuzz.form import Asked, Values, taken_apart
from fuzz.spans import MOST_HELD, WORDS, Kind, Span, addresses, starts
from fuzz.unit import IDENTITY, Peer, Unit

from gateway.mapping.image import Table

ADDRESS, ROLE, VALUE, CONTROL, WITHHELD = 2, 1, 3, 4, 0x0B
CODES = {1, 2, 3, 4, 0x0A, 0x0B}
"The exceptions that a gateway has any use for (docs/modbus.md)."
_EXISTING = {table: addresses(table) for table in Table}
_MISSING = {table: addresses(table, Kind.MISSING) for table in Table}
_STARTS = {table: starts(table) for table in Table}
_LEVELS = {1: 2, 2: 6, 3: 6}


class Wrong(AssertionError):
    """An answer that is not what it must be."""


def hold(fact: bool, what: str, *seen: bytes) -> None:  # noqa: FBT001 - reads as an assertion
    """Wrong, unless it is a fact."""
    if not fact:
        raise Wrong(" ".join([what, *(item.hex(" ") for item in seen)]))


@dataclass(frozen=True, slots=True)
class Held:
    """A picture that a connection holds."""

    tables: dict[Table, bytes]
    until: float


@dataclass(slots=True)
class Witness:
    """Beside one unit and one connection."""

    unit: Unit
    peer: Peer
    tables: dict[Table, bytes] = field(init=False)
    compared: dict[Table, bytes] = field(default_factory=dict)
    "What was found to be the same; looked at again when either is another."
    held: Held | None = None
    admitted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """It begins with what is shown at the start."""
        self.adopt()

    def look(self, pdu: bytes, told: bytes) -> None:
        """The answer to a request, and what has become of the unit; Wrong if it is not right."""
        asked = taken_apart(pdu)
        if isinstance(asked, int):
            refusal = asked
        elif asked.named is not None:
            refusal = self._named(asked.named, told)
        else:
            refusal = self._written(asked, told) or self._read(asked, told)
        if refusal:
            hold(
                told == bytes((pdu[0] | 0x80, refusal)), f"exception {refusal} expected:", pdu, told
            )
        elif not isinstance(asked, int) and asked.echoed:
            hold(told == asked.echoed, "echo expected:", pdu, told)
        self.compare()

    def adopt(self) -> None:
        """Take what is there for right: whether writes were accepted cannot be seen where nobody answers."""
        self.tables = {name: image.data for name, image in self.unit.shown().items()}
        self.admitted = list(self.unit.judge.admitted)
        if found := self.peer.session.held.get(self.unit.bank):
            pictures = {name: image.data for name, image in found[0].items()}
            self.held = Held(pictures, found[1])

    def compare(self) -> None:
        """Nothing has changed but what an accepted write has changed."""
        for name, image in self.unit.shown().items():
            if self.compared.get(name) is not image.data:
                hold(image.data == self.tables[name], f"the {name.name} table is not as written")
                self.compared[name] = image.data
        hold(self.unit.judge.admitted == self.admitted, f"{self.unit.judge.admitted} admitted")

    def _written(self, asked: Asked, told: bytes) -> int:
        """Which exception a write must be answered with; what an accepted one does."""
        table, write = asked.table, asked.write
        if table is None or (write is None and asked.mask is None):
            return 0
        if asked.read is not None and not _exists(table, *asked.read):
            return ADDRESS
        if write is None:
            write = self._masked(table, asked.mask or (0, 0, 0))
        if refusal := self._against(table, *write):
            return refusal
        spans = covered(table, write[0], len(write[1])) or []
        commands = [place for place in spans if place[1].kind is Kind.COMMAND]
        if commands and told == bytes((asked.function | 0x80, VALUE)):
            return VALUE
        if commands and not self.peer.setting.takes:
            return CONTROL
        self._take(spans, *write)
        return 0

    def _masked(self, table: Table, mask: tuple[int, int, int]) -> tuple[int, Values]:
        """What a mask write comes to, on what is there now."""
        address, kept, put = mask
        there = int.from_bytes(self.tables[table][2 * address : 2 * address + 2], "big")
        return address, ((there & kept) | (put & (kept ^ 0xFFFF)),)

    def _against(self, table: Table, address: int, values: Values) -> int:
        """What is against a write before anybody judges values."""
        spans = covered(table, address, len(values))
        if spans is None:
            return ADDRESS
        setting = self.peer.setting
        if setting.is_read_only or any(span.role > setting.role for _, span in spans):
            return ROLE
        holds = [values[at - address] for at, span in spans if span.kind is Kind.HOLD]
        return VALUE if any(value > MOST_HELD for value in holds) else 0

    def _take(self, spans: list[tuple[int, Span]], address: int, values: Values) -> None:
        """A write is accepted."""
        self.admitted += [span.name for _, span in spans if span.kind is Kind.COMMAND]
        for shows in Table:
            kept = [
                place
                for place in spans
                if place[1].kind is Kind.MAILBOX and shows in place[1].tables
            ]
            if kept:
                data = bytearray(self.tables[shows])
                for at, _ in kept:
                    data[2 * at : 2 * at + 2] = values[at - address].to_bytes(2, "big")
                self.tables[shows] = bytes(data)
                self.compared.clear()
        for at, span in spans:
            if span.kind is Kind.HOLD:
                self._hold(values[at - address])

    def _hold(self, value: int) -> None:
        """A picture is held from now on, or not any more."""
        self.held = Held(dict(self.tables), self.peer.now + value * 0.01) if value else None

    def _read(self, asked: Asked, told: bytes) -> int:
        """Which exception a read must be answered with; whether data are those that are there."""
        table, read = asked.table, asked.read
        if table is None or read is None:
            return 0
        if not _exists(table, *read):
            return ADDRESS
        if self.peer.setting.is_withheld:
            return WITHHELD
        touched = range(read[0], sum(read))
        if not _MISSING[table].isdisjoint(touched):
            return CONTROL
        data = self._seen(table, read[0], read[1])
        size = len(data)
        hold(told == bytes((asked.function, size)) + data, f"data expected {data.hex(' ')}:", told)
        return 0

    def _seen(self, table: Table, address: int, quantity: int) -> bytes:
        """What a connection sees of a table."""
        held, is_stalled = self.held, self.peer.setting.is_stalled
        if held is not None and held.until <= self.peer.now and not is_stalled:
            held = self.held = None
        tables = self.tables if held is None or is_stalled else held.tables
        part = tables[table][2 * address : 2 * (address + quantity)]
        if table in WORDS:
            return part
        number = sum(bit << place for place, bit in enumerate(part[1::2]))
        return number.to_bytes(-(-quantity // 8), "little")

    def _named(self, named: tuple[int, int], told: bytes) -> int:
        """Objects of identification: right ones, from the right one on, none of them cut (APP clause 6.21)."""
        level, first = named
        if level == 4 and first not in IDENTITY:
            return ADDRESS
        known = [first] if level == 4 else [it for it in IDENTITY if it <= _LEVELS[level]]
        due = known[known.index(first) :] if first in known else known
        hold(told[:4] == bytes((43, 14, level, 0x82)), "head of identification:", told)
        more, following, count = told[4:7]
        objects, rest = list[int](), told[7:]
        while rest:
            hold(rest[0] in IDENTITY, "an object that there is not:", told)
            objects.append(rest[0])
            text = IDENTITY[rest[0]][:244].encode()
            hold(rest[1 : 2 + len(text)] == bytes((len(text),)) + text, "object:", told)
            rest = rest[2 + len(text) :]
        left = due[len(objects) :]
        hold(objects == due[: len(objects)] and len(objects) == count >= 1, "objects:", told)
        hold((more, following) == ((0xFF, left[0]) if left else (0, 0)), "continuation:", told)
        return 0


def _exists(table: Table, address: int, quantity: int) -> bool:
    return _EXISTING[table].issuperset(range(address, address + quantity))


def covered(table: Table, address: int, quantity: int) -> list[tuple[int, Span]] | None:
    """Where each thing begins that a write reaches; None where it reaches anything that it may not, or half of it."""
    found, at = list[tuple[int, Span]](), address
    while at < address + quantity:
        span = _STARTS[table].get(at)
        if span is None or span.kind in {Kind.SHOWN, Kind.MISSING}:
            return None
        found.append((at, span))
        at += span.words if span.kind is Kind.COMMAND else 1
    return found if at == address + quantity else None
