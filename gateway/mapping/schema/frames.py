"""What may stand in a frame file."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from gateway.mapping.deviation import DIGEST
from gateway.mapping.schema.row import ByteOrder, Direction, Name, Numbers, Positive, Row

Axis = Literal["rack", "module", "cell", "sensor"]
Over = Annotated[
    Annotated[Axis, Tag("=axis")] | Annotated[dict[str, Axis], Tag("=axes")],
    Discriminator(lambda value: "=axes" if isinstance(value, dict) else "=axis"),
]


class IdRow(Row):
    """An identifier counted up by indices: base + step x (index - 1)."""

    base: int
    rack: int = 0
    module: int = 0
    page: int = 0


class CounterRow(Row):
    """A rolling counter."""

    signal: str
    modulo: Annotated[int, Field(ge=2)]


class AlarmRow(Row):
    """An alarm carried by a signal: set while it is not 0, is one of the codes, or has the bit."""

    cause: str
    level: Literal["warning", "alarm", "trip"]
    code: Numbers | None = None
    bit: Annotated[int, Field(ge=0, le=63)] | None = None


class SignalRow(Row):
    """A signal: where it lies (unless a database says so), what it means, and when it counts."""

    bits: str | None = None
    "As in a DBC file: start|length@order sign, for example 7|16@0+."
    bytes: int | str | None = None
    "Whole bytes counted from 0: 2 or 2-3."
    type: Literal["unsigned", "signed", "float"] = "unsigned"
    order: ByteOrder | None = None
    scale: float | None = None
    offset: float | None = None
    unit: str | None = None
    labels: dict[int, str] = {}
    when: dict[str, Numbers] = {}
    "The values of selectors at which the signal is there."
    point: str | list[str] | None = None
    module: int | None = None
    cell: int | None = None
    sensor: int | None = None
    over: Over | None = None
    "What selectors, pages and repetitions count through: all of them, or each selector its own."
    outside: Literal["refuse", "drop"] = "refuse"
    "What to do with named places that the topology does not have; running ones are left out."
    repeat: Annotated[int, Field(ge=1, le=64)] = 1
    step: int | None = None
    "Bits from one repetition to the next; the signal's length if not given."
    sign: Literal[1, -1] | None = None
    absolute: bool = False
    range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    not_available: Numbers | None = None
    valid_when: dict[str, int] = {}
    states: dict[int, str | int] | None = None
    alarms: list[AlarmRow] = []


class MessageRow(Row):
    """A message."""

    message: str | None = None
    "Its name in the database."
    name: Name | None = None
    id: int | str | IdRow | None = None
    extended: bool | None = None
    bus: Name = "main"
    length: Annotated[int, Field(ge=0, le=64)] | None = None
    order: ByteOrder | None = None
    pages: Annotated[int, Field(ge=1, le=4096)] = 1
    "How many identifiers carry the repetitions, where the id counts pages."
    period: Positive
    timeout: Positive | None = None
    frozen: Positive | None = None
    zero: Literal["data", "invalid"] | None = None
    counter: CounterRow | None = None
    require: list[str] = []
    signals: dict[str, SignalRow] = {}


class SentSignalRow(Row):
    """A signal of a message that is sent: where it lies, and what is put there."""

    bits: str | None = None
    bytes: int | str | None = None
    type: Literal["unsigned", "signed", "float"] = "unsigned"
    scale: float | None = None
    offset: float | None = None
    order: str | None = None
    "The order whose value it takes; the byte order is that of `bits`, or of the message."
    states: dict[int, int] | None = None
    "Value of the order -> raw value."
    none: int | None = None
    "The raw value that means no order; without one a frame with no order is not sent."
    wrap: Annotated[int, Field(ge=2)] | None = None
    "The order's value is taken modulo this."
    given: str | None = None
    "An order: while it is 0, the raw value is `otherwise`."
    otherwise: int = 0
    const: int | None = None
    "Always this raw value."
    counter: Annotated[int, Field(ge=2)] | None = None
    "A rolling counter with this modulo."
    checksum: Literal["crc8_sae_j1850", "crc8_autosar", "xor", "sum"] | None = None
    over: int | str | None = None
    "The bytes that the checksum covers; all others if not given."

    def place(self) -> SignalRow:
        """Where it lies, as of a signal that is received."""
        fields = {"bits", "bytes", "type", "scale", "offset"}
        return SignalRow.model_validate(self.model_dump(include=fields, exclude_unset=True))


class SendRow(Row):
    """A message that is sent."""

    message: str | None = None
    name: Name | None = None
    id: int | str | IdRow | None = None
    extended: bool | None = None
    bus: Name = "main"
    length: Annotated[int, Field(ge=0, le=64)] | None = None
    order: ByteOrder | None = None
    period: Positive | None = None
    once: str | None = None
    "The order for each new value of which it is sent once, instead of again and again."
    times: Annotated[int, Field(ge=1, le=10)] = 3
    "How often it is said then."
    timeout: Positive | None = None
    "How long the BMU waits for it before it acts."
    signals: Annotated[dict[str, SentSignalRow], Field(min_length=1)]

    def frame(self) -> MessageRow:
        """The same message as one that is received: what names it, and where its signals lie."""
        fields = {"message", "name", "id", "extended", "bus", "length", "order"}
        return MessageRow(
            **self.model_dump(include=fields),
            period=self.period or 1,
            signals={name: row.place() for name, row in self.signals.items()},
        )


class DatabaseRow(Row):
    """A DBC or KCD file that a frame file is bound to."""

    file: str
    source: str = ""
    sha256: Annotated[str, Field(pattern=DIGEST)] | None = None
    licence: str = ""


class FrameFile(Row):
    """A BMU protocol."""

    protocol: Name
    title: str = ""
    source: str = ""
    database: DatabaseRow | None = None
    positive: Direction = "discharge"
    "Which direction of current and power the protocol counts as positive."
    order: ByteOrder = "little"
    messages: Annotated[list[MessageRow], Field(min_length=1)]
    sends: list[SendRow] = []
    "What the gateway sends to the BMUs."
