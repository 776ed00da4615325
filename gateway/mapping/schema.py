"""The file formats: what may stand in a site, a frame file and a register map.

The only module that knows pydantic. A file is checked against its model as a whole; every deviation is
reported at its line and column, in our words. Cross references are checked where they are used.
"""

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from gateway.mapping.deviation import ADDRESS, DIGEST, NAME, VERSION, Deviation, report
from gateway.mapping.source import Location, Source
from gateway.model.pack import LARGEST

Direction = Literal["discharge", "charge"]
ByteOrder = Literal["big", "little"]
Numbers = int | str | list[int | str]
"One number, a list, or a range as text: 3, [1, 2], 0-103."
Axis = Literal["rack", "module", "cell", "sensor"]
Over = Annotated[
    Annotated[Axis, Tag("=axis")] | Annotated[dict[str, Axis], Tag("=axes")],
    Discriminator(lambda value: "=axes" if isinstance(value, dict) else "=axis"),
]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=NAME, max_length=64)]


class Row(BaseModel):
    """What all rows have in common: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


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


class BusRow(Row):
    """A CAN bus: any python-can interface, with its options."""

    interface: str
    channel: str | int | None = None
    bitrate: Annotated[int, Field(gt=0)] | None = None
    options: dict[str, str | int | float | bool] = {}


class TopologyRow(Row):
    """What a container has."""

    racks: Annotated[int, Field(ge=1, le=LARGEST.racks)]
    modules: Annotated[int, Field(ge=0, le=LARGEST.modules)] = 0
    cells: Annotated[int, Field(ge=0, le=LARGEST.cells)] = 0
    sensors: Annotated[int, Field(ge=0, le=LARGEST.sensors)] | None = None


class SourceRow(Row):
    """A protocol spoken on a bus by some racks: a frame file, or a coded adapter."""

    frames: str | None = None
    adapter: str | None = None
    bus: str | dict[str, str]
    racks: Numbers | None = None
    address: int | None = None
    "The address of the first of these racks in identifiers; its number if not given."


class ContainerRow(Row):
    """A container."""

    name: Name
    title: str = ""
    topology: TopologyRow
    sources: list[SourceRow]


class FaceRow(Row):
    """A register map of a container, served at an address and unit id."""

    map: str
    container: str | None = None
    listen: Annotated[str, Field(pattern=ADDRESS)]
    unit: Annotated[int, Field(ge=1, le=247)] = 1


class SiteFile(Row):
    """A whole site."""

    site: Name
    title: str = ""
    cycle: Annotated[float, Field(ge=0.005, le=10)] = 0.02
    buses: Annotated[dict[str, BusRow], Field(min_length=1)]
    containers: Annotated[list[ContainerRow], Field(min_length=1)]
    faces: list[FaceRow] = []


Distance = Annotated[int, Field(ge=-65535, le=65535)]
"In registers."


class StrideRow(Row):
    """Registers from one index to the next; an index without a stride follows closely."""

    rack: Distance | None = None
    module: Distance | None = None
    cell: Distance | None = None
    sensor: Distance | None = None


class ConstantRow(Row):
    """What a face shows for a missing value."""

    constant: int


class RegisterRow(Row):
    """A row of a register map: a point, a constant, or something the gateway knows of itself."""

    at: Annotated[int, Field(ge=0, le=65535)]
    point: str | None = None
    identity: str | None = None
    const: int | float | str | None = None
    type: Literal[
        "u16", "i16", "u32", "i32", "u64", "f32", "f64", "string", "bitfield", "enum", "bits"
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


File = TypeVar("File", SiteFile, FrameFile, MapFile)


def load(source: Source, model: type[File]) -> File:
    """A file's data as its model; MappingError with all deviations."""
    try:
        return model.model_validate(source.data)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            known = _fields(model, item["loc"][:-1])
            place = tuple(part for part in item["loc"] if not str(part).startswith("="))
            deviation = Deviation(place, item["type"], item["msg"], item.get("ctx", {}), known)
            report(source, deviation)
    source.stop()
    raise AssertionError("a model refused a file without a reason")


def _fields(model: type[BaseModel], loc: Location) -> list[str]:
    """The keys that are known at a location, as far as it can be followed."""
    for part in loc:
        info = model.model_fields.get(part) if isinstance(part, str) else None
        if info is None:
            continue
        inner = [info.annotation, *_parts(info.annotation)]
        models = [kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not models:
            return []
        model = models[0]
    return list(model.model_fields)


def _parts(annotation: object) -> list[object]:
    """The types inside a generic type, to any depth."""
    inside = list(getattr(annotation, "__args__", ()))
    return inside + [part for item in inside for part in _parts(item)]
