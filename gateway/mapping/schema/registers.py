"""What may stand in a register map."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.mapping.deviation import VERSION
from gateway.mapping.schema.row import ByteOrder, Direction, Name, Row

Table = Literal["holding", "input", "coil", "discrete"]
"The tables of the Modbus data model (APP V1.1b3 clause 4.3)."
Distance = Annotated[int, Field(ge=-65535, le=65535)]
"In registers."


class StrideRow(Row):
    """Registers from one index to the next; an index without a stride follows closely."""

    rack: Distance | None = None
    module: Distance | None = None
    cell: Distance | None = None
    sensor: Distance | None = None
    interlock: Distance | None = None
    result: Distance | None = None
    master: Distance | None = None
    alarm: Distance | None = None
    event: Distance | None = None


class ConstantRow(Row):
    """What a face shows for a missing value."""

    constant: int


class RegisterRow(Row):
    """A row of a register map: a point, a command, a constant, a mailbox, a snapshot hold, or what the gateway knows of itself."""

    at: Annotated[int, Field(ge=0, le=65535)]
    table: Table | None = None
    "Where it lies; in both tables of its width if it does not say."
    point: str | None = None
    command: str | None = None
    "What a master writes here; it reads back what was written last."
    identity: str | None = None
    const: int | float | str | None = None
    mailbox: Name | None = None
    "Plain storage that masters write and read: no command, never looked at by control."
    hold: Annotated[float, Field(gt=0, le=5)] | None = None
    "A register by which a connection has its reads come from one picture: the seconds that it may ask for at most."
    initial: int | float | str = 0
    count: Annotated[int, Field(ge=1, le=65536)] = 1
    "Values that follow each other in a mailbox."
    owner: Literal["viewer", "dispatcher", "operator", "engineer"] = "dispatcher"
    "The role that may write a mailbox; a viewer is anybody."
    type: Literal[
        "u16", "i16", "u32", "i32", "u64", "f32", "f64", "string", "bitfield", "enum", "bits", "bit"
    ]
    words: Annotated[int, Field(ge=1, le=125)] | None = None
    "Length of a string; 1, 2 or 4 for a bit field."
    scale: float = 1
    offset: float = 0
    sign: Direction | None = None
    word_order: ByteOrder | None = None
    byte_order: ByteOrder | None = None
    stride: StrideRow = StrideRow()
    missing: Literal["sentinel", "hold", "exception"] | ConstantRow | None = None
    text: str = ""

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables in which it lies: single bits are coils and discrete inputs, all else is registers."""
        if self.table is not None:
            return (self.table,)
        return ("coil", "discrete") if self.type == "bit" else ("holding", "input")

    @property
    def name(self) -> str:
        """What people call it; empty for a constant."""
        return self.shows or self.identity or self.mailbox or ("snapshot_hold" if self.hold else "")

    @property
    def shows(self) -> str:
        """The point whose value it shows; empty for anything else."""
        return self.point or self.command or ""


class MirrorRow(Row):
    """Where the mirrors of values lie, as distances in registers."""

    quality: Distance
    age: Distance


class MapFile(Row):
    """A register map."""

    map: Name
    version: Annotated[str, Field(pattern=VERSION)]
    title: str = ""
    gaps: Literal["fill", "refuse"] = "refuse"
    sign: Direction = "discharge"
    word_order: ByteOrder = "big"
    byte_order: ByteOrder = "big"
    missing: Literal["sentinel", "hold", "exception"] | ConstantRow = "sentinel"
    racks: Annotated[int, Field(ge=1)] = 64
    "Racks that one unit id shows; the others follow on the next unit ids."
    mirrors: MirrorRow | None = None
    registers: Annotated[list[RegisterRow], Field(min_length=1)]
