"""The control part of a site file, as settings of the control core and the PCS behind it."""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.canbus.send import Send
from gateway.control.alarms import BY_NAME, Priority, Tuning
from gateway.control.interlock import WATCHED
from gateway.control.settings import Intent, PcsPath, RestVoltage, Settings, Threshold
from gateway.mapping.contactors import drives
from gateway.mapping.library import Library
from gateway.mapping.pcs import PcsMap
from gateway.mapping.pcs_file import load_pcs
from gateway.mapping.schema.control import AlarmRow, ControlRow, PcsRow, ThresholdRow
from gateway.mapping.source import Location, Source, did_you_mean
from gateway.model.command import Origin

_LAST_PORT = 65535
_NOT_NUMBERS = {
    "rating",
    "pcs",
    "caps",
    "contactors",
    "thresholds",
    "intent",
    "rest_voltages",
    "alarms",
}


@dataclass(frozen=True, slots=True)
class Pcs:
    """The PCS that the gateway drives."""

    host: str
    port: int
    registers: PcsMap

    @property
    def place(self) -> tuple[str, int, int]:
        """Where it is: host, port and unit id."""
        return self.host, self.port, self.registers.unit


def controlled(
    source: Source, at: Location, row: ControlRow, masters: tuple[Origin, ...],
    carried: Collection[str], sends: Sequence[Send] = (),
) -> Settings:  # fmt: skip
    """Settings of a container; what is wrong with them is reported at its place."""
    given: Mapping[str, float] = row.model_dump(exclude=_NOT_NUMBERS, exclude_none=True)
    intent = {} if row.intent is None else {"intent": Intent(row.intent)}
    timeout = {} if row.pcs.timeout is None else {"pcs_timeout": row.pcs.timeout}
    thresholds = tuple(
        Threshold(item.row, item.value, item.delay)
        for index, item in enumerate(row.thresholds)
        if _is_fitted(source, (*at, "thresholds", index), item.row, carried)
        and _is_first(source, (*at, "thresholds", index), row.thresholds, index)
    )
    rest = tuple(RestVoltage(item.soc, item.low, item.high) for item in row.rest_voltages)
    _check_rest(source, (*at, "rest_voltages"), rest, carried)
    alarms = tuple(
        Tuning(
            item.alarm, item.delay, item.off_delay,
            None if item.priority is None else Priority[item.priority.upper()],
        )
        for index, item in enumerate(row.alarms)
        if _is_alarm(source, (*at, "alarms", index), row.alarms, index)
    )  # fmt: skip
    leads, coils = drives(row, sends)
    settings = Settings(
        row.rating.charge, row.rating.discharge, row.rating.reactive, PcsPath(row.pcs.path),
        efficiency=row.pcs.efficiency, auxiliaries=row.pcs.auxiliaries,
        drives_contactors=leads, drives_coils=coils,
        thresholds=thresholds, alarms=alarms, rest_voltages=rest, masters=masters, charge_cap=_cap(row.caps.charge_current),
        discharge_cap=_cap(row.caps.discharge_current), **given, **intent, **timeout,  # type: ignore[arg-type] # by name
    )  # fmt: skip
    _check_order(source, at, settings)
    return settings


def _check_rest(
    source: Source, at: Location, rest: Sequence[RestVoltage], carried: Collection[str]
) -> None:
    """Whether the voltages at rest make sense, and have something to look at (R42)."""
    for index, point in enumerate(rest):
        if point.low >= point.high:
            source.report((*at, index), "low must be below high", "correct one of them")
        if index and point.soc <= rest[index - 1].soc:
            source.report((*at, index, "soc"), "soc must rise from row to row", "sort the rows")
    if rest and "rack_soc" not in carried:
        source.report(at, "no message tells rack_soc: there is nothing to compare", "remove it")


def _is_first(source: Source, at: Location, rows: Sequence[ThresholdRow], index: int) -> bool:
    """Whether a row has no other threshold before."""
    if rows[index].row in {other.row for other in rows[:index]}:
        source.report((*at, "row"), f"{rows[index].row} has a threshold already", "remove one")
        return False
    return True


def _is_alarm(source: Source, at: Location, rows: Sequence[AlarmRow], index: int) -> bool:
    """Whether there is such an alarm, and no row before is about it."""
    name = rows[index].alarm
    if name not in BY_NAME:
        source.report((*at, "alarm"), f"no alarm is named '{name}'", did_you_mean(name, BY_NAME))
        return False
    if name in {other.alarm for other in rows[:index]}:
        source.report((*at, "alarm"), f"{name} has a row already", "put both into one")
        return False
    return True


def _is_fitted(source: Source, at: Location, row: str, carried: Collection[str]) -> bool:
    """Whether a threshold has something to look at (R25)."""
    if row not in WATCHED:
        text = f"no interlock with a threshold is named '{row}'"
        source.report((*at, "row"), text, did_you_mean(row, WATCHED))
        return False
    if WATCHED[row].point not in carried:
        text = f"no message tells {WATCHED[row].point}, so {row} would never act"
        source.report((*at, "row"), text, "map the point, or leave the threshold out")
        return False
    return True


def _cap(amperes: float | None) -> float:
    return math.inf if amperes is None else amperes


def _check_order(source: Source, at: Location, settings: Settings) -> None:
    """Times that only make sense one after the other."""
    pairs = [("heartbeat_warning", "heartbeat_loss"), ("limits_stale", "limits_lost")]
    if settings.drives_coils:
        pairs += [("precharge_settle", "precharge_time"), ("precharge_time", "connect_time")]
    for first, second in pairs:
        if getattr(settings, first) >= getattr(settings, second):
            source.report(at, f"{first} must be shorter than {second}", "correct one of them")


def pcs_of(library: Library, source: Source, at: Location, row: PcsRow, folder: Path) -> Pcs | None:
    """The PCS that is driven; None for other paths. MappingError with what is wrong in its map."""
    drives = row.path == PcsPath.WE_DRIVE.value
    for key in ("map", "address"):
        if drives and getattr(row, key) is None:
            source.report(at, f"we_drive needs {key}: of the PCS (R11)", "give it")
        if not drives and getattr(row, key) is not None:
            source.report((*at, key), f"{row.path} has no use for it", "remove it, or we_drive")
    if not drives or row.map is None or row.address is None:
        return None
    if library.find(row.map, "pcs", (folder,)) is None:
        near = did_you_mean(row.map, library.known("pcs", (folder,)))
        source.report((*at, "map"), "no such PCS map", near)
        return None
    host, _, port = row.address.rpartition(":")
    if not 1 <= int(port) <= _LAST_PORT:
        source.report((*at, "address"), f"{port} is no TCP port", "1 to 65535")
        return None
    registers = load_pcs(library, row.map, (folder,))
    if row.unit is not None:
        registers = dataclasses.replace(registers, unit=row.unit)
    return Pcs(host.strip("[]"), int(port), registers)
