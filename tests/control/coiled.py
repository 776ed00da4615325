"""A container on paper whose coils control drives, on its way to the bus; for tests of coils alone."""

import dataclasses

from control.coils import Coils
from control.paper import EMS, SETTINGS, Paper

from gateway.control.settings import Settings
from gateway.control.state import Phase, Step
from gateway.model.order import COILS

SITE = dataclasses.replace(SETTINGS, drives_coils=True)
OFF, CLOSED = (0.0, 0.0, 0.0), (1.0, 0.0, 1.0)


def asked(count: int = 1, settings: Settings = SITE, **coils: object) -> Paper:
    """Racks that have just been told to connect; what their coils are other than whole."""
    paper = Paper(count=count, settings=settings)
    change(paper, 1, **coils)
    paper.adopted().write("lease", 3600)
    paper.beating = EMS
    paper.beat()
    paper.operate("connect")
    return paper


def change(paper: Paper, rack: int = 1, **coils: object) -> None:
    """Something becomes of a rack's coils."""
    before = paper.racks[rack - 1].coils
    assert before is not None
    paper.racks[rack - 1].coils = dataclasses.replace(before, **coils)  # type: ignore[arg-type] # by name


def coils_of(paper: Paper, rack: int = 1) -> Coils:
    """A rack's coils."""
    coils = paper.racks[rack - 1].coils
    assert coils is not None
    return coils


def ordered(paper: Paper, rack: int = 1, ago: int = 1) -> tuple[float, ...]:
    """What a rack's coils are ordered."""
    orders = paper.history[-ago]
    return tuple(orders.value(name, rack) for name in COILS)


def step_of(paper: Paper, rack: int = 1) -> Step | None:
    """How far a rack is on its way."""
    coil = paper.state.racks[rack - 1].coil
    return None if coil is None else coil.step


def phase_of(paper: Paper, rack: int = 1) -> Phase:
    """The phase of a rack."""
    return paper.state.racks[rack - 1].phase


def until(paper: Paper, step: Step) -> Paper:
    """Up to the first cycle of a step of rack 1."""
    paper.takes(lambda paper: step_of(paper) is step)
    return paper


def reasons(paper: Paper) -> list[str]:
    """Why coils were dropped."""
    return [event.detail for event in paper.told("coils_dropped")]
