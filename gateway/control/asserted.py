"""Which interlock rows have a cause now, beside what BMUs report (R17, R21, R31, R34, R35, R41, R42)."""

import math
from collections.abc import Iterator

from gateway.control.facts import Facts, Plant
from gateway.control.identity import changed
from gateway.control.interlock import BY_NAME
from gateway.control.plausible import contradictions
from gateway.control.reported import Asserted
from gateway.control.settings import PcsPath, Settings
from gateway.control.state import State
from gateway.model.order import NO_REPORT, PcsReport

Key = tuple[int, int]
Cause = tuple[Key, float]


def causes(state: State, facts: Facts, settings: Settings, plant: Plant, now: float) -> Asserted:
    """Every row whose cause is there, with the value that says so."""
    found = dict(facts.reported)
    found.update(_of_racks(state, facts, settings, now))
    found.update(_of_others(state, facts))
    found.update(_of_container(state, facts, plant))
    found.update(_contradicting(state, facts, settings, plant, now))
    if settings.path is PcsPath.WE_DRIVE:
        found.update(_of_pcs(state, settings, plant, now))
    return found


def _row(name: str, rack: int, value: float) -> Cause:
    return (BY_NAME[name].number, rack), value


def _of_racks(state: State, facts: Facts, settings: Settings, now: float) -> Iterator[Cause]:
    for index, rack in enumerate(state.racks):
        number, age = index + 1, facts.limits_age[index]
        if not facts.heard[index]:
            yield _row("never_heard", number, 1)
        elif age > settings.limits_stale:
            age = min(age, now - state.started)  # a start opens nothing (R14): T2 counts from it
            if facts.connected[index] != 0:
                yield _row("limits_stale", number, age)
            if age > settings.limits_lost:
                yield _row("limits_lost", number, age)
        if rack.mismatch:
            yield _row("contactor_mismatch", number, facts.connected[index])
        if now < rack.locked_until:
            yield _row("precharge_lockout", number, rack.locked_until - now)


def _of_others(state: State, facts: Facts) -> Iterator[Cause]:
    """Racks that are not who they were."""
    for number, (rack, told) in enumerate(zip(state.racks, facts.identities, strict=True), 1):
        value = changed(rack.identity, told)
        if not math.isnan(value):
            yield _row("rack_identity_changed", number, value)


def _of_container(state: State, facts: Facts, plant: Plant) -> Iterator[Cause]:
    is_silent = any(facts.heard) and all(math.isnan(value) for value in facts.connected)
    there = {
        "bus_silent": is_silent,
        "ems_lost": state.heartbeat.is_lost,
        "trip": bool(state.tripped_by),
        "software_stop": state.stopped,
        "memory_lost": state.forgot,
        "duplicate_master": bool(plant.duplicate),
        "journal_failed": bool(plant.journal_failed),
        "not_live": not plant.is_live,
    }
    return (_row(name, 0, 1) for name, is_there in there.items() if is_there)


def _contradicting(
    state: State, facts: Facts, settings: Settings, plant: Plant, now: float
) -> Iterator[Cause]:
    """What contradicts itself; what cannot be compared any more stands as it stood (R42)."""
    pcs: PcsReport | None = NO_REPORT
    if settings.path is PcsPath.WE_DRIVE:
        is_silent = state.left_alone or now - plant.pcs.at > settings.pcs_timeout
        pcs = None if is_silent else plant.pcs
    for name, rack, value in contradictions(facts, settings, pcs):
        key, standing = (BY_NAME[name].number, rack), state.chain.get((BY_NAME[name].number, rack))
        if not math.isnan(value):
            yield key, value
        elif standing is not None and standing.tripped is not None:
            yield key, standing.value


def _of_pcs(state: State, settings: Settings, plant: Plant, now: float) -> Iterator[Cause]:
    """What the PCS that we drive says, unless it is left alone (R12)."""
    age = now - plant.pcs.at
    if state.left_alone:
        return
    if age > settings.pcs_timeout:
        yield _row("pcs_lost", 0, min(age, now - state.started))
        return
    if plant.pcs.has_fault:
        yield _row("pcs_fault", 0, 1)
