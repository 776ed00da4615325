"""What survives a restart, as text, and the state that it begins with (R14, R15).

Trip latches, first-out, lockouts, racks out of service, sequence numbers, retry counts and identities survive. Leases,
select tokens, setpoints, seen heartbeats and everything that was on its way do not. Nothing in the text
moves with time, so it is written only when something happened.
"""

import dataclasses
import json
import math
from typing import TypedDict

from gateway.control.chain import row_of, tripped
from gateway.control.facts import Identity
from gateway.control.interlock import BY_NAME
from gateway.control.settings import Settings
from gateway.control.state import FirstOut, Rack, Standing, State, fresh
from gateway.model.command import Origin, Role

_FORM = 4


class Memory(TypedDict):
    """What survives, as it is written."""

    form: int
    sequence: int
    held: list[tuple[str, str, int, float]]
    "Master, row, rack, value."
    latched: list[tuple[str, int, float | None]]
    "Row, rack, value."
    first_out: tuple[str, int, float | None] | None
    tripped_by: list[tuple[str, bool]]
    "Masters whose trips stand, and whether they are local."
    stopped: bool
    local: bool
    racks: list[tuple[bool, int, bool, int]]
    "Enabled, tries, locked out, openings under load."
    identities: list[list[float | None]]
    "Of each rack: serial number, firmware, modules (R31)."


def kept(state: State, now: float) -> str:
    """What survives, as JSON."""
    first = state.first_out
    memory: Memory = {
        "form": _FORM,
        "sequence": state.sequence,
        "held": [(*key, value) for key, value in sorted(state.held.items())],
        "latched": [
            (row_of(key).name, key[1], _plain(standing.value))
            for key, standing in sorted(tripped(state.chain).items())
            if row_of(key).latches
        ],
        "first_out": None
        if first is None
        else (row_of((first.number, 0)).name, first.rack, _plain(first.value)),
        "tripped_by": [(owner.name, owner.is_local) for owner in state.tripped_by],
        "stopped": state.stopped,
        "local": state.is_local,
        "racks": [
            (rack.is_enabled, rack.tries, rack.locked_until > now, rack.openings_under_load)
            for rack in state.racks
        ],
        "identities": [list(map(_plain, rack.identity)) for rack in state.racks],
    }
    return json.dumps(memory, sort_keys=True)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def restored(text: str, racks: int, settings: Settings, now: float) -> State:
    """The state to start with; what was kept and cannot be understood is told, and waits for a reset."""
    state = fresh(racks, now)
    if not text:
        return state
    try:
        memory: Memory = json.loads(text)
        return _with(state, memory, settings, now)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        return dataclasses.replace(state, forgot=True)


def _with(state: State, memory: Memory, settings: Settings, now: float) -> State:
    if memory["form"] != _FORM:
        raise ValueError("written by another version")
    first = memory["first_out"]
    locked = now + settings.lockout
    racks = tuple(
        Rack(
            since=now, is_enabled=bool(enabled), tries=int(tries), openings_under_load=int(openings),
            locked_until=locked if is_locked else -math.inf, identity=Identity(*map(_number, identity)),
        )
        for (enabled, tries, is_locked, openings), identity in zip(
            memory["racks"][: len(state.racks)], memory["identities"][: len(state.racks)], strict=True
        )
    )  # fmt: skip
    return State(
        racks + state.racks[len(racks) :],
        mode_since=now,
        started=now,
        sequence=int(memory["sequence"]),
        held={
            (str(master), str(row), int(rack)): float(value)
            for master, row, rack, value in memory["held"]
        },
        chain={
            (BY_NAME[name].number, int(rack)): Standing(now, _number(value), tripped=now)
            for name, rack, value in memory["latched"]
        },
        first_out=None
        if first is None
        else FirstOut(BY_NAME[first[0]].number, int(first[1]), _number(first[2]), now),
        tripped_by=tuple(
            Origin(str(name), Role.VIEWER, is_local=bool(local))
            for name, local in memory["tripped_by"]
        ),
        stopped=bool(memory["stopped"]),
        is_local=bool(memory["local"]),
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
