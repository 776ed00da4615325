"""The control core's two functions: `admit` what a master writes, `step` once a cycle (DESIGN 6).

Both are pure: state in, state out. `step` goes through the chain of interlocks, the mode machine, what is
alive, the limits, the racks' sequences, and ends in orders and in the verification of earlier commands.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.control import annunciator, arbiter, chain, limit, watchdog
from gateway.control.asserted import causes
from gateway.control.basis import counted
from gateway.control.cyclic import written
from gateway.control.facts import QUIET, Facts, Plant
from gateway.control.identity import noted
from gateway.control.interlock import Effect
from gateway.control.limit import Allowed
from gateway.control.machine import Situation as Seen
from gateway.control.machine import moved
from gateway.control.operate import OPERATIONS, Situation, left, targets, turned_back
from gateway.control.orders import ordered, pcs_order, runs
from gateway.control.ramp import Pair, eased, elapsed
from gateway.control.sequence import sequenced
from gateway.control.settings import Settings
from gateway.control.state import Mode, Phase, State
from gateway.control.verify import abandoned, began, verified
from gateway.model.command import Command, Direction, Reason, Verdict
from gateway.model.event import KINDS, Event
from gateway.model.order import Orders, PcsOrder


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a cycle came to."""

    state: State
    orders: Orders
    pcs: PcsOrder
    allowed: Allowed
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of a write: all of its commands, or none (R4)."""

    state: State
    verdicts: tuple[Verdict, ...]
    events: tuple[Event, ...] = ()

    @property
    def refusal(self) -> Verdict | None:
        """The first refusal: the write is answered with an exception."""
        return next((verdict for verdict in self.verdicts if not verdict.accepted), None)

    @property
    def acts(self) -> bool:
        """Whether a one-shot was accepted: the cycle runs at once."""
        return self.refusal is None and any(verdict.acts for verdict in self.verdicts)


def admit(
    state: State, facts: Facts, commands: Sequence[Command], settings: Settings, now: float,
    plant: Plant = QUIET,
) -> Admission:  # fmt: skip
    """Judge a write at once; the new state is kept. A refused one leaves nothing but its result."""
    on = Situation(facts, plant, settings, now, state.selection)
    new, verdicts, events = state, [], []
    for command in commands:
        new, verdict, told = _admitted(new, command, on)
        verdicts.append(verdict)
        events += told
        if not verdict.accepted:
            kept = arbiter.spent(state, command) if verdict.acts else state
            return Admission(began(kept, command, verdict, (), now), tuple(verdicts), tuple(told))
    return Admission(new, tuple(verdicts), tuple(events))


def _admitted(state: State, command: Command, on: Situation) -> tuple[State, Verdict, list[Event]]:
    """One command of a write."""
    if unfit := _unfit(command):
        return state, unfit, []
    if command.instruction.cyclic:
        return written(state, command, on)
    if not command.instruction.repeats and not arbiter.is_edge(state, command):
        return arbiter.noted(state, command), Verdict(accepted=True), []
    noted = arbiter.noted(state, command)
    if against := _against(state, command, on):
        return noted, against, [_told(command, against, on.now)]
    new, verdict = OPERATIONS[command.instruction.name](noted, command, on)
    if command.instruction.select:
        new = dataclasses.replace(new, selection=None)
    if not verdict.acts:
        return new, verdict, []
    if verdict.accepted:
        new = began(new, command, verdict, targets(new, command), on.now)
    told = _told(command, verdict, on.now)
    return new, verdict, [told, *arbiter.changed_hands(state, new, on.now)]


def _unfit(command: Command) -> Verdict | None:
    """What no state could make right: the master's role, or a one-shot that is no number."""
    if command.origin.role < command.instruction.role:
        return Verdict(accepted=False, reason=Reason.NO_AUTHORITY, detail="role")
    if command.instruction.cyclic or math.isfinite(command.value):
        return None
    return Verdict(accepted=False, reason=Reason.NOT_SUPPORTED, detail="no number")


def is_unsafe(command: Command) -> bool:
    """Whether a one-shot goes the unsafe way (R2): it needs an authority, and is journalled first (R41)."""
    if command.instruction.name == "mode_request":
        return command.value == Mode.RUN
    return not command.instruction.cyclic and command.instruction.direction is Direction.UNSAFE


def _against(state: State, command: Command, on: Situation) -> Verdict | None:
    """What stands against a command before its own conditions: arbiter, then select (R2)."""
    if not is_unsafe(command):
        return None
    if against := arbiter.authority(state, command.origin):
        return against
    return arbiter.armed(on.selection, command, on.now) if command.instruction.select else None


def _told(command: Command, verdict: Verdict, now: float) -> Event:
    detail = "accepted" if verdict.accepted else f"refused, {verdict.reason.name.lower()}"
    detail += f", {verdict.detail}" if verdict.detail else ""
    return Event(
        KINDS["command"], now, rack=command.rack, row=command.instruction.name, value=command.value,
        origin=command.origin.name, detail=detail,
    )  # fmt: skip


def step(
    state: State, facts: Facts, settings: Settings, now: float, plant: Plant = QUIET
) -> Outcome:
    """One control cycle."""
    events: list[Event] = []
    state = noted(state, facts, plant)
    state, told = counted(state, facts, now)
    events += told
    state, told = watchdog.expired(state, now)
    events += told
    state, told = watchdog.watched(state, settings, now)
    events += told
    if watchdog.deserted(state, settings, now):
        state = left(state, 0)
    state, told = _chained(state, facts, settings, plant, now)
    events += told
    conducting = _conducting(state, facts)
    state, told = _annunciated(state, facts, settings, now)
    events += told
    state, told = _moded(state, facts, conducting, settings, now)
    events += told
    state, told = sequenced(state, facts, settings, now, plant)
    events += told
    state, told = verified(state, settings, now)
    events += told
    state = abandoned(state)
    effects = chain.united(state.chain, conducting)
    target = limit.allowed(state, facts, settings, effects)
    limits, passed = eased(state, target, settings, facts.bus_voltage, now)
    state = _powered(state, settings, limits, effects, passed, now)
    pcs = pcs_order(state, settings, limits, now)
    return Outcome(state, ordered(state, facts, settings, now), pcs, limits, tuple(events))


def _conducting(state: State, facts: Facts) -> list[int]:
    """Racks that carry current, or may: also those whose feedback contradicts their order (R20, R31)."""
    told = zip(state.racks, facts.connected, strict=True)
    return [
        number for number, (rack, value) in enumerate(told, 1)
        if value != 0 or not math.isnan(rack.contrary)
    ]  # fmt: skip


def _chained(
    state: State, facts: Facts, settings: Settings, plant: Plant, now: float
) -> tuple[State, tuple[Event, ...]]:
    """The state after the interlock chain, and after a reset that is under way."""
    asserted = causes(state, facts, settings, plant, now)
    moved_chain = chain.advance(state.chain, state.first_out, asserted, settings, now)
    events, rows, first_out = moved_chain.events, moved_chain.chain, moved_chain.first_out
    if now <= state.reset_until:
        asked = state.reset_until - settings.reset_time
        rows, told = chain.reset(rows, asked, now)
        events += told
    if first_out is not None and not chain.is_latched(rows):
        first_out = None
    if rows is not state.chain or first_out is not state.first_out:
        state = dataclasses.replace(state, chain=rows, first_out=first_out)
    return turned_back(state) if moved_chain.has_hard_trip else state, events


def _annunciated(
    state: State, facts: Facts, settings: Settings, now: float
) -> tuple[State, tuple[Event, ...]]:
    """The state with what becomes of alarms; nothing else of it changes (R39)."""
    acting = {key: standing.value for key, standing in chain.tripped(state.chain).items()}
    after, told = annunciator.advance(
        state.annunciator, {**facts.signalled, **acting}, facts.doubtful, settings.kinds, now
    )
    if after is not state.annunciator:
        state = dataclasses.replace(state, annunciator=after)
    return state, told


def _moded(
    state: State, facts: Facts, conducting: Sequence[int], settings: Settings, now: float
) -> tuple[State, tuple[Event, ...]]:
    """The state after the mode machine; what asked for run and did not get it, asks no more (R3)."""
    adopting = state.mode is Mode.ADOPT
    waited = now - state.started >= settings.adopt_time
    seen = Seen(
        adopted=waited or not any(map(math.isnan, facts.connected)),
        latched=chain.is_fault(state.chain, conducting),
        closed=any(rack.phase in _CLOSED for rack in state.racks)
        or (adopting and 1 in facts.connected),
        run=state.wants_run and state.lease is not None and not state.heartbeat.is_lost,
    )
    mode = moved(state.mode, seen)
    if mode is not Mode.RUN and (state.wants_run or mode is not Mode.READY):
        state = watchdog.idle(state)
    if mode is state.mode:
        return state, ()
    new = dataclasses.replace(state, mode=mode, mode_since=now)
    return new, (Event(KINDS["mode"], now, detail=mode.name.lower()),)


_CLOSED = {Phase.CLOSED, Phase.UNLOADING}


def _powered(
    state: State, settings: Settings, limits: Allowed, effects: Effect, passed: Pair, now: float
) -> State:
    """The state with what becomes of the setpoints, at the end of the cycle."""
    power = limit.active(state, settings, limits, effects, elapsed(state, now), now)
    reactive = limit.reactive(state, settings, effects)
    is_zero = power.applied == 0 and reactive.applied == 0
    since = state.zero_since if is_zero and not math.isnan(state.zero_since) else now
    alone = state.heartbeat.is_lost and is_zero and now - since >= _SETTLED
    state = dataclasses.replace(
        state, power=power, reactive=reactive, zero_since=since if is_zero else math.nan,
        left_alone=alone, passed=passed, stepped=now,
    )  # fmt: skip
    running = runs(state, effects)
    return state if running is state.runs else dataclasses.replace(state, runs=running)


_SETTLED = 1.0
"s for which zero is commanded before the PCS is left alone (R12)."


def refusal(state: State, command: Command, reason: Reason, detail: str, now: float) -> Admission:
    """A command refused for reasons that lie outside of control: told and shown like any other."""
    verdict = arbiter.refused(reason, detail)
    state = began(arbiter.noted(state, command), command, verdict, (), now)
    return Admission(state, (verdict,), (_told(command, verdict, now),))
