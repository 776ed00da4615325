"""What may stand in a site file."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.mapping.deviation import ADDRESS, LISTEN
from gateway.mapping.schema.control import ControlRow, JournalRow, MasterRow
from gateway.mapping.schema.row import Name, Numbers, Row
from gateway.model.pack import LARGEST


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
    control: ControlRow | None = None
    "Without it nothing can be written."


class FaceRow(Row):
    """A register map of a container, served at an address and unit id."""

    map: str
    container: str | None = None
    listen: Annotated[str, Field(pattern=LISTEN)]
    unit: Annotated[int, Field(ge=1, le=247)] = 1
    on_stall: Literal["silent", "exception", "zero_limits"] = "silent"
    "What masters are answered while no control cycle is completed (R8)."
    beyond_rating: Literal["clamp", "reject"] = "clamp"
    "What becomes of a setpoint beyond the rating: taken and clamped, or exception 3 (R5)."
    hides: list[Literal["warning", "alarm"]] = []
    "Levels of alarms that are not shown here; trips always are (R39)."
    read_only: list[str] = []
    "Commands and mailboxes that cannot be written here, by name or pattern; what they read stays."


class TlsRow(Row):
    """What a listener shows, and whom it trusts: PEM files, beside the site file where not absolute."""

    certificate: str
    "Its own first, then those that lead to the root."
    key: str
    clients: Annotated[list[str], Field(min_length=1)]
    "The roots of its masters' certificates."


class ListenerRow(Row):
    """Whom an address of faces serves; without a row it serves anybody that can reach it."""

    at: Annotated[str, Field(pattern=LISTEN)]
    allow: Annotated[list[str], Field(min_length=1)] | None = None
    "Networks and addresses that may connect."
    priority: list[str] = []
    "Those whose connections make no room for others."
    connections: Annotated[int, Field(ge=1, le=1000)] = 128
    per_address: Annotated[int, Field(ge=1, le=1000)] | None = None
    unknown_unit: Literal["unavailable", "no_response", "silent"] = "unavailable"
    "What a request for a unit id is answered that nobody is behind: exception 0A, 0B, or nothing."
    read_only: bool = False
    framing: Literal["tcp", "rtu"] = "tcp"
    "What goes over TCP: Modbus TCP, or the frames of a serial line as device servers pass them on."
    tls: TlsRow | None = None
    "Modbus/TCP Security: masters come with certificates, or not at all."
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] | None = None
    parity: Literal["even", "odd", "none"] | None = None
    stop_bits: Literal[1, 2] | None = None
    silence: Annotated[float, Field(ge=0.001, le=1)] | None = None
    "Seconds without a byte that end a frame."
    echo: bool = False
    "Whether the line's adapter hears what it sends; of serial lines, like the four before."


class SiteFile(Row):
    """A whole site."""

    site: Name
    title: str = ""
    cycle: Annotated[float, Field(ge=0.005, le=10)] = 0.02
    stall_after: Annotated[float, Field(ge=0.1, le=1)] = 1.0
    "Seconds without a completed cycle after which no picture is shown as if it were new (R8); two cycles at least."
    buses: Annotated[dict[str, BusRow], Field(min_length=1)]
    containers: Annotated[list[ContainerRow], Field(min_length=1)]
    faces: list[FaceRow] = []
    listeners: list[ListenerRow] = []
    masters: list[MasterRow] = []
    journal: JournalRow | None = None
    metrics: Annotated[str, Field(pattern=ADDRESS)] | None = None
    "Where Prometheus finds them, without any rights asked for."
