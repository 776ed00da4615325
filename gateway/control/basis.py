"""Which racks the state of charge of the container is made of: a change of that is told (R43)."""

import dataclasses

from gateway.control.facts import Facts
from gateway.control.state import Mode, State
from gateway.model.event import KINDS, Event


def counted(state: State, facts: Facts, now: float) -> tuple[State, tuple[Event, ...]]:
    """The state that knows the basis; what is found while racks are adopted is no change."""
    if facts.basis is None or facts.basis == state.basis:
        return state, ()
    new = dataclasses.replace(state, basis=facts.basis)
    if state.basis is None or state.mode is Mode.ADOPT:
        return new, ()
    detail = "connected" if facts.basis.is_connected else "none is connected"
    return new, (Event(KINDS["soc_basis"], now, value=len(facts.basis.racks), detail=detail),)
