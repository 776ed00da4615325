"""What may stand in the parts of a site file that are about control: masters, PCS, thresholds, numbers."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.mapping.deviation import ADDRESS, LISTEN
from gateway.mapping.schema.row import Name, Positive, Row

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Part = Annotated[float, Field(gt=0, le=1)]
Address = Annotated[str, Field(pattern=ADDRESS)]


class MasterRow(Row):
    """Who may write: a configured identity, known by where it comes from (R6)."""

    name: Name
    source: Annotated[str | None, Field(alias="from")] = None
    "An address or network, like 10.0.0.5 or 10.0.0.0/24; any if not given."
    at: Annotated[str, Field(pattern=LISTEN)] | None = None
    "The listener that it comes in at; any if not given."
    certificate_role: Annotated[str, Field(min_length=1)] | None = None
    "What its certificate must say; only who comes in by TLS has one."
    certificate_name: Annotated[str, Field(min_length=1)] | None = None
    "The common name that its certificate must have besides."
    role: Literal["viewer", "dispatcher", "operator", "engineer"]
    priority: Annotated[int, Field(ge=0, le=100)] = 0
    local: bool = False


class RatingRow(Row):
    """What the container and its PCS are built for, in W and var at the PCS's AC terminals."""

    charge: Positive
    discharge: Positive
    reactive: Amount = 0.0


class CapsRow(Row):
    """What the site lets through the container's DC bus, in A (R20)."""

    charge_current: Amount | None = None
    discharge_current: Amount | None = None


class PcsRow(Row):
    """How power commands reach the PCS (R11), and what lies between its terminals and the battery (R13)."""

    path: Literal["polls_us", "we_drive", "ems_relays", "hardwired"]
    map: str | None = None
    address: Address | None = None
    unit: Annotated[int, Field(ge=0, le=255)] | None = None
    efficiency: Part = 1.0
    auxiliaries: Amount = 0.0
    timeout: Positive | None = None


class ThresholdRow(Row):
    """A threshold of the site's own."""

    row: str
    value: Annotated[float, Field(allow_inf_nan=False)]
    delay: Amount = 0.0


class AlarmRow(Row):
    """What a site changes of an alarm (R39)."""

    alarm: str
    delay: Amount | None = None
    "s for which its cause must be there before it comes."
    off_delay: Amount | None = None
    "s for which its cause must be gone before it goes."
    priority: Literal["urgent", "high", "medium", "low"] | None = None


class RestVoltageRow(Row):
    """What a mean cell has at rest at a state of charge (R42)."""

    soc: Annotated[float, Field(ge=0, le=100)]
    low: Positive
    high: Positive


class ControlRow(Row):
    """How a container is controlled; a number that is not given is CONTROL's default."""

    rating: RatingRow
    pcs: PcsRow
    caps: CapsRow = CapsRow()
    contactors: Literal["requests", "coils"] = "requests"
    "Where no message carries such an order, racks are followed (R27)."
    heartbeat_warning: Positive | None = None
    heartbeat_loss: Positive | None = None
    hold_after_loss: Annotated[float, Field(gt=0, le=3600)] | None = None
    open_after_loss: Positive | None = None
    restarts: Annotated[int, Field(ge=0, le=100)] | None = None
    setpoint_life: Positive | None = None
    ramp_up: Part | None = None
    ramp_down: Positive | None = None
    select_window: Positive | None = None
    limit_band: Part | None = None
    low_current: Positive | None = None
    circulating: Positive | None = None
    rest: Amount | None = None
    open_wait: Positive | None = None
    under_load_after: Annotated[float, Field(gt=0, le=1)] | None = None
    join_window: Positive | None = None
    intent: Literal["charge", "discharge", "largest_group"] | None = None
    connect_time: Positive | None = None
    tries: Annotated[int, Field(ge=1, le=10)] | None = None
    retry_wait: Amount | None = None
    lockout: Amount | None = None
    coil_time: Positive | None = None
    precharge_time: Positive | None = None
    precharge_difference: Annotated[float, Field(gt=0, le=0.1)] | None = None
    precharge_current: Positive | None = None
    precharge_settle: Positive | None = None
    disconnect_time: Positive | None = None
    limits_stale: Positive | None = None
    limits_lost: Positive | None = None
    adopt_time: Positive | None = None
    derating: Part | None = None
    reset_time: Positive | None = None
    current_tolerance: Positive | None = None
    current_share: Part | None = None
    voltage_tolerance: Positive | None = None
    voltage_share: Part | None = None
    rest_voltages: list[RestVoltageRow] = []
    thresholds: list[ThresholdRow] = []
    alarms: list[AlarmRow] = []
    shelve_time: Annotated[float, Field(gt=0, le=86400)] | None = None


class JournalRow(Row):
    """Where what happens is kept."""

    file: str
    rows: Annotated[int, Field(ge=1000, le=100_000_000)] = 200_000
    recordings: str | None = None
    "Folder for what the buses said around each trip."
