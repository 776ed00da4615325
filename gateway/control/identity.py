"""Which rack stands where: a serial number that changes is another rack until somebody confirms it (R31).

The first serial number that a rack tells is remembered, and survives restarts. While another one is told,
the rack does not close; one that is closed stays so. Until there are commands of maintenance, the reset of
the latch is the confirmation. Of data that are not live nothing is remembered (R35).
"""

import dataclasses
import math
from collections.abc import Callable

from gateway.control.facts import Facts, Plant
from gateway.control.interlock import BY_NAME
from gateway.control.state import Rack, State

ROW = BY_NAME["rack_identity_changed"]


def differs(rack: Rack, serial: float) -> bool:
    """Whether a serial number is known, and another one than the rack's."""
    return not math.isnan(serial) and not math.isnan(rack.serial) and serial != rack.serial


def noted(state: State, facts: Facts, plant: Plant) -> State:
    """The state that knows the racks which have told their serial number for the first time."""
    if not plant.is_live:
        return state
    return _taken(state, facts, lambda number: math.isnan(state.racks[number - 1].serial))


def confirmed(state: State, facts: Facts) -> State:
    """The state after a reset: racks whose change stands are those that now tell their serial number.

    One that tells none stays who it was: if another one speaks there later, that is a change again.
    """
    return _taken(state, facts, lambda number: _stands(state, number))


def _stands(state: State, number: int) -> bool:
    standing = state.chain.get((ROW.number, number))
    return standing is not None and standing.tripped is not None


def _taken(state: State, facts: Facts, chosen: Callable[[int], bool]) -> State:
    """The state with what some racks tell, where it is known."""
    new = {
        number: serial
        for number, serial in enumerate(facts.serials, 1)
        if not math.isnan(serial) and chosen(number)
    }
    if not new:
        return state
    racks = tuple(
        dataclasses.replace(rack, serial=new[number]) if number in new else rack
        for number, rack in enumerate(state.racks, 1)
    )
    return dataclasses.replace(state, racks=racks)
