"""What may stand in a PCS map."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.mapping.schema.row import ByteOrder, Direction, Name, Numbers, Positive, Row

Register = Annotated[int, Field(ge=0, le=65535)]


class WhenRow(Row):
    """What a register reads while something holds: one of some values, or any of some bits."""

    values: Numbers | None = None
    bits: Numbers | None = None


class PlacedRow(Row):
    """Where a number lies in the PCS, and how it is written there."""

    at: Register
    type: Literal["u16", "i16", "u32", "i32", "u64", "f32", "f64"]
    scale: float = 1
    offset: float = 0
    sign: Direction | None = None
    word_order: ByteOrder | None = None
    byte_order: ByteOrder | None = None
    text: str = ""


class ReadRow(PlacedRow):
    """Something that is read: a measured value, a state, the PCS's heartbeat, or what must stand there."""

    what: (
        Literal[
            "power", "reactive", "dc_voltage", "dc_current",
            "running", "fault", "watchdog_tripped", "heartbeat",
        ]
        | None
    ) = None  # fmt: skip
    expect: int | None = None
    "The number that stands there; else it is another device, and nothing is written."
    table: Literal["holding", "input"] = "holding"
    when: WhenRow | None = None
    timeout: Positive | None = None
    "Seconds for which the PCS's heartbeat may stand still."


class WriteRow(PlacedRow):
    """Something that is written: a part of the order, the heartbeat, or always the same number."""

    what: (
        Literal[
            "power", "reactive", "run", "charge_current", "discharge_current", "heartbeat", "reset",
        ]
        | None
    ) = None  # fmt: skip
    const: int | None = None
    codes: dict[str, int] = {}
    "Of `run`: the numbers for run, stop and, if there is one, standby."
    wrap: Annotated[int, Field(ge=2)] | None = None
    "The heartbeat counts from 0 to one less than this; as far as its type goes if not given."
    max: Positive | None = None
    "The greatest magnitude that the PCS takes, in W, var or A."


class WatchdogRow(Row):
    """The PCS's own watchdog: what stops it when the gateway falls silent (R12)."""

    seconds: Positive
    reads_count: bool = True
    "Whether reads re-arm it too."


class PcsFile(Row):
    """A PCS map."""

    pcs: Name
    title: str = ""
    source: str = ""
    unverified: bool = False
    "Not yet tried on a device."
    unit: Annotated[int, Field(ge=0, le=255)] = 1
    sign: Direction = "discharge"
    "Which direction of power and DC current the PCS counts as positive."
    word_order: ByteOrder = "big"
    byte_order: ByteOrder = "big"
    poll: Annotated[float, Field(ge=0.1, le=10)] = 0.25
    "Seconds from one reading and writing to the next."
    bridge: Annotated[int, Field(ge=0, le=100)] = 0
    "Registers that no row names and that may be read over."
    watchdog: WatchdogRow
    reads: Annotated[list[ReadRow], Field(min_length=1)]
    writes: Annotated[list[WriteRow], Field(min_length=1)]
