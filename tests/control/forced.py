"""How to force each interlock row on a container on paper."""

import dataclasses
from collections.abc import Callable, Mapping

from control.paper import CYCLE, SCADA, SETTINGS, Paper

from gateway.control.interlock import Effect, Interlock
from gateway.control.settings import PcsPath
from gateway.model.point import Scope

REPORTED = 64
POWER = Effect.ZERO | Effect.OPEN


def _plant(**changes: object) -> Callable[[Paper], None]:
    def force(paper: Paper) -> None:
        paper.plant = dataclasses.replace(paper.plant, **changes)  # type: ignore[arg-type] # its fields

    return force


def _rack(number: int = 1, **changes: object) -> Callable[[Paper], None]:
    def force(paper: Paper) -> None:
        for name, value in changes.items():
            setattr(paper.racks[number - 1], name, value)

    return force


def _write(name: str) -> Callable[[Paper], None]:
    return lambda paper: [paper.write(name, 1, SCADA)].clear()


def _silence(paper: Paper) -> None:
    for rack in paper.racks:
        rack.silent = True


def _deaf(paper: Paper) -> None:
    paper.beating = None


def _apart(paper: Paper) -> None:
    for rack in paper.racks[1:]:
        rack.connected, rack.welded = 1.0, True
    paper.racks[2].voltage = 1200.0


def _resting(paper: Paper) -> None:
    paper.resting[1] = 2.75


def _forget(paper: Paper) -> None:
    paper.state = dataclasses.replace(paper.state, forgot=True)


def _lockout(paper: Paper) -> None:
    racks = list(paper.state.racks)
    racks[0] = dataclasses.replace(racks[0], locked_until=paper.now + 60)
    paper.state = dataclasses.replace(paper.state, racks=tuple(racks))


FORCED: Mapping[str, tuple[Callable[[Paper], None], float]] = {
    "limits_stale": (_rack(mute=True), 1.1),
    "limits_lost": (_rack(mute=True), 10.1),
    "contactor_mismatch": (_rack(connected=0.0), 1.1),
    "precharge_lockout": (_lockout, 0),
    "never_heard": (_rack(heard=False), 0),
    "bus_silent": (_silence, 0),
    "ems_lost": (_deaf, 6.0),
    "trip": (_write("trip"), 0),
    "software_stop": (_write("software_stop"), 0),
    "memory_lost": (_forget, 0),
    "duplicate_master": (_plant(duplicate="0x123 on can0"), 0),
    "pcs_lost": (lambda _: None, 2.1),
    "pcs_fault": (lambda paper: paper.pcs(has_fault=True), 0),
    "journal_failed": (_plant(journal_failed="disk full"), 0),
    "not_live": (_plant(is_live=False), 0),
    "rack_identity_changed": (_rack(serial=8.0), 0),
    "bus_inconsistent": (lambda paper: paper.pcs(dc_current=100.0), 5.1),
    "rack_power_inconsistent": (_rack(watts=100e3), 5.1),
    "bus_voltage_inconsistent": (_apart, 5.1),
    "soc_inconsistent": (_resting, 60.1),
}
"How to force a row that no BMU reports, and how long it takes."
COMPANY = {
    "limits_lost": {"limits_stale"},
    "bus_silent": {"limits_stale"},
    "never_heard": {"bus_silent"},
}
"Rows that come with a row by the same cause."


def at_work(row: Interlock) -> Paper:
    """A container in run, driving its PCS where the row is about the PCS."""
    drives = row.name.startswith(("pcs", "bus_inc"))
    path = PcsPath.WE_DRIVE if drives else PcsPath.POLLS_US
    paper = Paper(settings=dataclasses.replace(SETTINGS, path=path, pcs_timeout=2.0))
    paper.keeps_pcs = drives
    paper.running(100e3)
    paper.keeps_pcs = drives and row.name == "bus_inconsistent"
    return paper


def forced(row: Interlock) -> Paper:
    """The row's cause, and the time that it needs."""
    paper = at_work(row)
    if row.name in FORCED:
        force, wait = FORCED[row.name]
        force(paper)
        paper.run(wait + 2 * CYCLE)
    else:
        paper.report(row.name, 1 if row.scope is Scope.RACK else 0, 7.0)
        paper.run(CYCLE)
    return paper
