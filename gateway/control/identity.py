"""Which rack stands where: one whose identity changes is another rack until somebody confirms it (R31).

An identity is a serial number, a firmware version and a count of modules, as far as the BMU tells them. What
a rack tells of itself first is remembered, and survives restarts. While it tells something else, it does not
close; one that is closed stays so. Until there are commands of maintenance, the reset of the latch is the
confirmation. Of data that are not live nothing is remembered (R35).
"""

import dataclasses
import math
from collections.abc import Callable

from gateway.control.facts import Facts, Identity, Plant
from gateway.control.interlock import BY_NAME
from gateway.control.state import State

ROW = BY_NAME["rack_identity_changed"]


def changed(known: Identity, told: Identity) -> float:
    """What a rack tells of itself unlike what is known: the first of serial number, firmware, modules; else NaN."""
    for before, now in zip(known, told, strict=True):
        if before != now and not math.isnan(before) and not math.isnan(now):
            return now
    return math.nan


def noted(state: State, facts: Facts, plant: Plant) -> State:
    """The state that knows what racks have told of themselves for the first time."""
    return _taken(state, facts, lambda _, known: math.isnan(known)) if plant.is_live else state


def confirmed(state: State, facts: Facts) -> State:
    """The state after a reset: racks whose change stands are those that now tell who they are.

    What one does not tell stays as it was: if something else is told there later, that is a change again.
    """
    return _taken(state, facts, lambda number, _: _stands(state, number))


def _stands(state: State, number: int) -> bool:
    standing = state.chain.get((ROW.number, number))
    return standing is not None and standing.tripped is not None


def _taken(state: State, facts: Facts, chosen: Callable[[int, float], bool]) -> State:
    """The state with what racks tell, where it is chosen: by the rack's number and the part that is known."""
    new = {}
    for number, (rack, told) in enumerate(zip(state.racks, facts.identities, strict=True), 1):
        parts = [
            now if not math.isnan(now) and chosen(number, known) else known
            for known, now in zip(rack.identity, told, strict=True)
        ]
        if any(part is not known for part, known in zip(parts, rack.identity, strict=True)):
            new[number] = Identity(*parts)
    if not new:
        return state
    racks = tuple(
        dataclasses.replace(rack, identity=new[number]) if number in new else rack
        for number, rack in enumerate(state.racks, 1)
    )
    return dataclasses.replace(state, racks=racks)
