"""A site file and all that it names, as tables ready to run."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.canbus.adapter import Assignment, load_adapter
from gateway.control.settings import Settings
from gateway.errors import AdapterError, MappingError, MissingDatabase, Problem
from gateway.mapping.agreement import (
    check_buses,
    check_control,
    check_identifiers,
    check_names,
)
from gateway.mapping.certificates import outdated, terms
from gateway.mapping.contactors import check_contactors
from gateway.mapping.control import Pcs, controlled, pcs_of
from gateway.mapping.faces import Face, FaceCompiler
from gateway.mapping.frames import FrameCompiler
from gateway.mapping.library import Library
from gateway.mapping.listeners import Listening, Place, listenings, metrics_of, place_of
from gateway.mapping.masters import Masters, masters_of
from gateway.mapping.notation import numbers
from gateway.mapping.parts import Bus, Container
from gateway.mapping.plan import Plan
from gateway.mapping.protocol import load_protocol
from gateway.mapping.schema import SiteFile, load
from gateway.mapping.schema.site import BusRow, ContainerRow, SourceRow
from gateway.mapping.source import Location, Source, did_you_mean, parse, read_text
from gateway.model.aggregate import Aggregator
from gateway.model.pack import Layout, Topology


@dataclass(frozen=True, slots=True)
class JournalPlace:
    """Where what happens is kept."""

    file: Path
    rows: int
    recordings: Path | None


@dataclass(frozen=True, slots=True)
class Site:
    """Everything a gateway needs to know before it runs."""

    name: str
    title: str
    file: Path
    cycle: float
    stall_after: float
    "Seconds without a completed cycle after which no picture is shown as if it were new (R8)."
    buses: Mapping[str, Bus]
    containers: Sequence[Container]
    faces: Sequence[Face]
    listeners: Mapping[Place, Listening]
    "Of those that have rules of their own."
    masters: Masters
    journal: JournalPlace | None
    metrics: Place | None
    "Where they are served."

    def outdated(self, now: float) -> list[Problem]:
        """Certificates of its listeners that are not valid at a time, in seconds since 1970-01-01 UTC."""
        found = [rules.tls for rules in self.listeners.values() if rules.tls is not None]
        return [problem for tls in found for problem in outdated(terms(tls), now)]


def load_site(
    library: Library, name: str, interfaces: Collection[str] = (), source: Source | None = None
) -> Site:
    """Read a site by path or name; MappingError with every problem of its files.

    `interfaces` are the names that a bus may have for one; where it is empty they are not checked. `source`
    stands for what the file says; it names other files as if it stood there.
    """
    path = library.need(name, "sites", "site")
    source = parse(read_text(path), str(path)) if source is None else source
    rows = load(source, SiteFile)
    compiler = _SiteCompiler(library, source, path, rows)
    containers = [
        compiler.container(("containers", index), row) for index, row in enumerate(rows.containers)
    ]
    check_names(source, rows)
    check_buses(source, rows, interfaces)
    check_identifiers(source, containers)
    check_control(source, rows, containers)
    faces = compiler.faces(containers)
    metrics = metrics_of(source, rows)
    compiler.stop()
    buses = {bus: _bus(bus, row) for bus, row in rows.buses.items()}
    journal = compiler.journal()
    return Site(
        rows.site, rows.title, path, rows.cycle, max(rows.stall_after, 2 * rows.cycle),
        buses, containers, faces, compiler.listeners, compiler.masters, journal, metrics,
    )  # fmt: skip


def _bus(name: str, row: BusRow) -> Bus:
    return Bus(name, row.interface, row.channel, row.bitrate, dict(row.options))


class _SiteCompiler:
    """Puts a site together, keeping the problems of all files until the end."""

    def __init__(self, library: Library, source: Source, path: Path, rows: SiteFile) -> None:
        self._library, self._source, self._path, self._rows = library, source, path, rows
        places = {place_of(row.listen): row.listen for row in rows.faces}
        self.listeners = listenings(source, rows.listeners, places, path.parent)
        secured = {place for place, rules in self.listeners.items() if rules.tls is not None}
        self.masters = masters_of(source, rows.masters, places, secured)
        self._problems: list[Problem] = []
        self._missing: list[Problem] = []

    def stop(self) -> None:
        """Raise what was found wrong, if anything."""
        problems = list(dict.fromkeys([*self._problems, *self._source.problems]))
        if problems:
            raise MappingError([*problems, *self._missing])
        if self._missing:
            raise MissingDatabase(self._missing)

    def container(self, at: Location, row: ContainerRow) -> Container:
        """Compile a container and the protocols that fill it."""
        shape = row.topology
        sensors = shape.cells if shape.sensors is None else shape.sensors
        layout = Layout(Topology(shape.racks, shape.modules, shape.cells, sensors))
        plan = Plan(layout)
        for index, spoken in enumerate(row.sources):
            here = (*at, "sources", index)
            buses = self._buses(here, spoken)
            racks = self._racks(here, spoken, shape.racks)
            try:
                self._spoken(here, spoken, plan, buses, racks)
            except AdapterError as error:
                self._source.report((*here, "adapter"), str(error))
            except MissingDatabase as error:
                self._missing += error.problems
            except MappingError as error:
                self._problems += error.problems
        return Container(
            row.name, row.title, layout, dict(plan.messages), plan.slots, plan.slot_of, plan.inputs,
            frozenset(plan.carried), plan.coded, dict(plan.sends), *self._control(at, row, plan),
        )  # fmt: skip

    def _control(
        self, at: Location, row: ContainerRow, plan: Plan
    ) -> tuple[Settings | None, Pcs | None]:
        """How a container is controlled, and the PCS that is driven."""
        if row.control is None:
            return None, None
        here = (*at, "control")
        known = Aggregator(plan.layout, frozenset(plan.carried)).known
        sends = [send for part in plan.sends.values() for send in part]
        check_contactors(self._source, here, row.control, known, plan)
        settings = controlled(self._source, here, row.control, self.masters.origins, known, sends)
        try:
            return settings, pcs_of(
                self._library, self._source, (*here, "pcs"), row.control.pcs, self._path.parent
            )
        except MappingError as error:
            self._problems += error.problems
            return settings, None

    def faces(self, containers: Sequence[Container]) -> list[Face]:
        """The faces of all containers."""
        named = {container.name: container for container in containers}
        compiler = FaceCompiler(
            self._source, self._library, self._path.parent, self._rows.site, named
        )
        faces = [face for index, row in enumerate(self._rows.faces)
                 for face in compiler.faces(("faces", index), row)]  # fmt: skip
        compiler.check(faces)
        self._problems += compiler.problems
        return faces

    def journal(self) -> JournalPlace | None:
        """Where what happens is kept; beside the site file, if the place is not absolute."""
        row, folder = self._rows.journal, self._path.parent
        if row is None:
            return None
        recordings = None if row.recordings is None else folder / row.recordings
        return JournalPlace(folder / row.file, row.rows, recordings)

    def _spoken(
        self,
        at: Location,
        row: SourceRow,
        plan: Plan,
        buses: Mapping[str, str],
        racks: Mapping[int, int],
    ) -> None:
        """Add what one source tells to a container's plan."""
        if (row.frames is None) == (row.adapter is None):
            self._source.report(at, "a source names either frames or an adapter")
        elif row.frames is not None:
            if not self._known((*at, "frames"), row.frames, "frames", "frame file"):
                return
            protocol = load_protocol(self._library, row.frames, (self._path.parent,))
            FrameCompiler(protocol, plan, buses, racks).add()
        elif row.adapter is not None and racks:
            bus = next(iter(buses.values()))
            adapter = load_adapter(row.adapter)(Assignment(plan.layout, bus, racks))
            for name in plan.add_adapter(bus, adapter):
                self._source.report(at, f"{name} is also carried by a message", "map it once")

    def _buses(self, at: Location, row: SourceRow) -> dict[str, str]:
        buses = {"main": row.bus} if isinstance(row.bus, str) else row.bus
        for role, bus in buses.items():
            if bus not in self._rows.buses:
                here = (*at, "bus") if isinstance(row.bus, str) else (*at, "bus", role)
                self._source.report(
                    here, f"no bus is named '{bus}'", did_you_mean(bus, self._rows.buses)
                )
        return buses

    def _racks(self, at: Location, row: SourceRow, count: int) -> dict[int, int]:
        """The address of each rack that speaks the protocol."""
        try:
            racks = numbers(row.racks) if row.racks is not None else tuple(range(1, count + 1))
        except ValueError as error:
            self._source.report((*at, "racks"), str(error))
            return {}
        if not racks:
            self._source.report((*at, "racks"), "names no rack", "leave it out for all racks")
            return {}
        wrong = [rack for rack in racks if not 1 <= rack <= count]
        if wrong:
            self._source.report(
                (*at, "racks"), f"there is no rack {wrong[0]}: racks go from 1 to {count}"
            )
        first = racks[0] if row.address is None else row.address
        return {rack: first + rack - racks[0] for rack in racks if rack not in wrong}

    def _known(self, at: Location, name: str, kind: str, what: str) -> bool:
        """Whether a file is there by that name; reported at its place if not."""
        beside = (self._path.parent,)
        if self._library.find(name, kind, beside) is not None:
            return True
        near = did_you_mean(name, self._library.known(kind, beside))
        self._source.report(at, f"no such {what}", near)
        return False
