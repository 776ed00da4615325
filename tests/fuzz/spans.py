"""The map that is fuzzed, as a table: its rows are written from here, and the witness knows them from here.

All four tables; commands of one and two registers beside a hold and mailboxes, so that one write can reach several
of them; a value that is missing, constants that only one table has, and the last register there is.
"""

import tempfile
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from pathlib import Path

from mapping.written import SMALL, text_of, written

from gateway.mapping.image import FaceMap, Table
from gateway.mapping.placing import compile_map
from gateway.model.command import Role

HOLDING, INPUT, COIL, DISCRETE = Table.HOLDING, Table.INPUT, Table.COIL, Table.DISCRETE
WORDS, BITS = (HOLDING, INPUT), (COIL, DISCRETE)


class Kind(Enum):
    """What a span is to a master."""

    SHOWN = auto()
    "Only read."
    MISSING = auto()
    "Without a value: exception 4 to whoever reads it."
    COMMAND = auto()
    MAILBOX = auto()
    HOLD = auto()


@dataclass(frozen=True, slots=True)
class Span:
    """One row, or one of its repetitions."""

    at: int
    words: int
    "Registers or bits; those of a command are written together, or not at all."
    kind: Kind
    text: str
    "What the map's row says beside the address."
    tables: tuple[Table, ...] = WORDS
    role: Role = Role.VIEWER
    "Who may write it."
    rack: int = 0
    "Of a command; those after the first come from the first one's row."

    @property
    def name(self) -> str:
        """The command, and its rack."""
        return f"{self.text.removeprefix('command: ').partition(',')[0]} {self.rack}"

    @property
    def row(self) -> str:
        """The row in the map's file."""
        one = f", table: {self.tables[0].name.lower()}" if len(self.tables) == 1 else ""
        return f"at: {self.at}{one}, {self.text}"


_D, _O = Role.DISPATCHER, Role.OPERATOR
MOST_HELD = 200
"What the hold takes at most, in 0.01 s."
SPANS = (
    Span(0, 1, Kind.MISSING, "point: voltage, type: u16, missing: exception"),
    Span(2, 1, Kind.SHOWN, "const: 4660, type: u16", (HOLDING,)),
    Span(2, 1, Kind.SHOWN, "const: 22136, type: u16", (INPUT,)),
    Span(3, 1, Kind.SHOWN, "const: 9, type: u16", (INPUT,)),
    Span(10, 1, Kind.COMMAND, "command: ems_heartbeat, type: u16", role=_D),
    Span(11, 2, Kind.COMMAND, "command: power_setpoint, type: i32, sign: charge", role=_D),
    Span(13, 1, Kind.COMMAND, "command: charge_current_cap, type: u16, scale: 0.1", role=_D),
    Span(14, 2, Kind.COMMAND, "command: power_setpoint_percent, type: f32, word_order: little", role=_D),
    Span(16, 1, Kind.HOLD, "hold: 2, type: u16, scale: 0.01"),
    Span(17, 150, Kind.MAILBOX, "mailbox: note, type: u16, count: 150, initial: 7, owner: viewer"),
    Span(167, 4, Kind.MAILBOX, "mailbox: turned, type: u32, count: 2, word_order: little, byte_order: little", role=_D),
    Span(171, 1, Kind.COMMAND, "command: alarm_reset, type: u16", role=_O),
    Span(172, 8, Kind.MAILBOX, "mailbox: orders, type: f64, count: 2, initial: 1.5, owner: operator", role=_O),
    Span(300, 1, Kind.COMMAND, "command: rack_disconnect, type: u16, stride: {rack: 4}", role=_D, rack=1),
    Span(304, 1, Kind.COMMAND, "command: rack_disconnect", role=_D, rack=2),
    Span(308, 1, Kind.COMMAND, "command: rack_disconnect", role=_D, rack=3),
    Span(65534, 2, Kind.MAILBOX, "mailbox: last, type: u16, count: 2, owner: viewer"),
    Span(0, 1, Kind.COMMAND, "command: charge_enable, type: bit", (COIL,), _D),
    Span(1, 1, Kind.COMMAND, "command: discharge_enable, type: bit", (COIL,), _D),
    Span(2, 1, Kind.SHOWN, "const: 1, type: bit", (DISCRETE,)),
    Span(2, 2100, Kind.MAILBOX, "mailbox: lamps, type: bit, count: 2100, owner: viewer", (COIL,)),
    Span(4000, 9, Kind.MAILBOX, "mailbox: flags, type: bit, count: 9, initial: 1", BITS, _D),
    Span(65535, 1, Kind.MAILBOX, "mailbox: end, type: bit, owner: operator", BITS, _O),
)  # fmt: skip


@cache
def mapped() -> FaceMap:
    """The map of these rows."""
    rows = [span.row for span in SPANS if span.rack <= 1]
    with tempfile.TemporaryDirectory() as folder:
        return compile_map(written(Path(folder), text_of(*rows, gaps="refuse")), SMALL)


def starts(table: Table) -> dict[int, Span]:
    """The spans of a table, by where a write may begin: commands are taken whole, all else by the register."""
    found = dict[int, Span]()
    for span in SPANS:
        if table in span.tables:
            step = span.words if span.kind is Kind.COMMAND else 1
            found |= dict.fromkeys(range(span.at, span.at + span.words, step), span)
    return found


def addresses(table: Table, *kinds: Kind) -> frozenset[int]:
    """Where a table has something; of these kinds, or any."""
    return frozenset(
        address
        for span in SPANS
        if table in span.tables and span.kind in (kinds or Kind)
        for address in range(span.at, span.at + span.words)
    )
