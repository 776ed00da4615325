"""Faces: register maps of containers, where they are served, under which unit ids, and what they let be written."""

import fnmatch
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from gateway.errors import MappingError, Problem
from gateway.mapping.image import FaceMap
from gateway.mapping.library import Library
from gateway.mapping.listeners import LAST_PORT, place_of
from gateway.mapping.mailbox import disagreements
from gateway.mapping.parts import Container
from gateway.mapping.placing import compile_map
from gateway.mapping.registers import MapRows, load_map
from gateway.mapping.schema.site import FaceRow
from gateway.mapping.source import Location, Source, did_you_mean
from gateway.model.alarm import Level
from gateway.model.command import INSTRUCTIONS, POWER_COMMANDS


class Stall(StrEnum):
    """What a face answers while no control cycle is completed (R8)."""

    SILENT = "silent"
    "Nothing: what most PCS understand is their own time-out."
    EXCEPTION = "exception"
    "Exception 0B to reads."
    ZERO_LIMITS = "zero_limits"
    "The last picture, with all limits and permissions 0."


@dataclass(frozen=True, slots=True)
class Face:
    """A register map of a container, where and under which unit id it is served."""

    host: str
    port: int
    unit: int
    container: str
    map: FaceMap
    on_stall: Stall = Stall.SILENT
    rejects_beyond_rating: bool = False
    "R5: exception 3 to a setpoint beyond the rating, instead of clamping it."
    hides: frozenset[Level] = frozenset()
    "Levels of alarms that it does not show."

    @property
    def place(self) -> tuple[str, int, int]:
        """Where it is: host, port and unit id."""
        return self.host, self.port, self.unit


_LAST_UNIT = 247
"Of the unit ids for devices; those above are reserved (MODBUS over serial line V1.02, clause 2.2)."


@dataclass(slots=True)
class FaceCompiler:
    """Puts the faces of a site together."""

    source: Source
    library: Library
    folder: Path
    "Where the site file is."
    site: str
    containers: Mapping[str, Container]
    "By name; the first is meant where a face names none."
    problems: list[Problem] = field(default_factory=list)
    "Of register maps."

    def faces(self, at: Location, row: FaceRow) -> list[Face]:
        """Compile a face: one unit id, or several in a row where the map splits the racks."""
        name = row.container if row.container is not None else next(iter(self.containers))
        if name not in self.containers:
            self.source.report(
                (*at, "container"),
                f"no container is named '{name}'",
                did_you_mean(name, self.containers),
            )
            return []
        host, port = place_of(row.listen)
        if not host.startswith("/") and not 1 <= port <= LAST_PORT:
            self.source.report((*at, "listen"), f"{port} is no TCP port", "1 to 65535")
            return []
        if not self._has_map((*at, "map"), row.map):
            return []
        maps = self._maps(at, row, self.containers[name])
        return [
            Face(host, port, row.unit + index, name, face_map, Stall(row.on_stall),
                 row.beyond_rating == "reject", frozenset(map(Level, row.hides)))
            for index, face_map in enumerate(maps)
        ]  # fmt: skip

    def _maps(self, at: Location, row: FaceRow, container: Container) -> list[FaceMap]:
        """The map, once for each unit id that it takes; nothing if something is wrong."""
        layout = container.layout
        try:
            rows = load_map(self.library, row.map, (self.folder,))
            read_only = self._read_only((*at, "read_only"), row.read_only, rows)
            units = math.ceil(layout.topology.racks / rows.racks_per_unit)
            if row.unit + units - 1 > _LAST_UNIT:
                text = f"{layout.topology.racks} racks take {units} unit ids, up to {row.unit + units - 1}"
                self.source.report((*at, "unit"), text, f"the last is {_LAST_UNIT}")
                return []
            maps = [
                compile_map(rows, layout, index, self.site, container.name).without(read_only)
                for index in range(units)
            ]
        except MappingError as error:
            self.problems += error.problems
            return []
        self._check_path((*at, "map"), container, maps[0])
        return maps

    def _read_only(self, at: Location, patterns: Sequence[str], rows: MapRows) -> Collection[str]:
        """The commands, and mailboxes of the map, that patterns mean."""
        found: set[str] = set()
        boxes = {row.mailbox for row in rows.rows.registers if row.mailbox is not None}
        known = [*INSTRUCTIONS, *sorted(boxes)]
        for index, pattern in enumerate(patterns):
            meant = fnmatch.filter(known, pattern)
            if not meant:
                near = did_you_mean(pattern, known)
                kinds = "command or mailbox" if boxes else "command"
                self.source.report((*at, index), f"no {kinds} is named '{pattern}'", near)
            found.update(meant)
        return found

    def _check_path(self, at: Location, container: Container, face_map: FaceMap) -> None:
        """A command of power that would never reach the PCS is not taken (R11)."""
        settings, taken = container.settings, sorted(POWER_COMMANDS & face_map.commands)
        if settings is None or settings.path.carries_power or not taken:
            return
        text = f"it takes {', '.join(taken)}, but no power command reaches the PCS by {settings.path.value} (R11)"
        self.source.report(at, text, "read_only: [power_*, reactive_*] here, or another path")

    def _has_map(self, at: Location, name: str) -> bool:
        """Whether a map is there by that name; reported at its place if not."""
        if self.library.find(name, "registers", (self.folder,)) is not None:
            return True
        near = did_you_mean(name, self.library.known("registers", (self.folder,)))
        self.source.report(at, "no such register map", near)
        return False

    def check(self, faces: Sequence[Face]) -> None:
        """A unit id can be served once at an address; a mailbox of a container is one thing in all of its maps."""
        seen = set()
        for face in faces:
            if face.place in seen:
                text = f"unit {face.unit} at {face.host}:{face.port} is served twice"
                self.source.report(("faces",), text, "give each face a unit id of its own")
            seen.add(face.place)
        for name in {face.container for face in faces}:
            boxes = [box for face in faces if face.container == name for box in face.map.mailboxes]
            for text in sorted(set(disagreements(boxes))):
                self.source.report(("faces",), text, "give one of them another name")
