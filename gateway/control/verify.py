"""The life of commands: admitted, released, and seen done, not done, or too late (DESIGN 6)."""

import dataclasses
from collections.abc import Mapping, Sequence

from gateway.control.chain import is_latched, standing_against
from gateway.control.interlock import Effect
from gateway.control.settings import Settings
from gateway.control.state import Phase, Rack, State, Wait
from gateway.model.command import BY_NUMBER, Command, Reason, Result, Stage, Verdict
from gateway.model.event import KINDS, Event

_KEPT = 4  # results that registers show
_CONNECTS = {"connect", "rack_connect"}
_DISCONNECTS = {
    "disconnect",
    "rack_disconnect",
    "trip",
    "software_stop",
    "mode_request",
    "disable",
    "rack_disable",
}
_PATIENCE = 2.0
"s beyond all that a command's racks may take by their own rules."
_UNDER_WAY = {Phase.CLOSING, Phase.COOLING, Phase.WAITING}
_ON_THE_WAY = {Phase.WAITING, Phase.COOLING}


def began(
    state: State, command: Command, verdict: Verdict, racks: Sequence[int], now: float
) -> State:
    """The state with a new result; a command that has racks to wait for, or a reset, is in execution."""
    name = command.instruction.name
    waits = verdict.accepted and (bool(racks) or name == "alarm_reset")
    stage = Stage.REFUSED if not verdict.accepted else Stage.ADMITTED if waits else Stage.OK
    if waits:
        state = _superseded(state, command, now)
    state = _with_result(state, command, verdict, stage, now)
    if not waits:
        return state
    pending = {**state.pending, state.sequence: tuple(racks)}
    return dataclasses.replace(state, pending=pending)


def _with_result(
    state: State, command: Command, verdict: Verdict, stage: Stage, now: float
) -> State:
    sequence = state.sequence % 65535 + 1
    result = Result(
        sequence, command.origin.name, command.instruction.number, command.rack, command.value,
        stage, verdict.reason, verdict.detail, now, first_out_number(state),
    )  # fmt: skip
    results = _kept((result, *state.results), state.pending)
    return dataclasses.replace(state, sequence=sequence, results=results)


def held(state: State, command: Command, verdict: Verdict, now: float) -> State:
    """The state with the result of a cyclic value that is taken and not applied: it is final (R4)."""
    return _with_result(state, command, verdict, Stage.HELD, now)


def _superseded(state: State, new: Command, now: float) -> State:
    """The state in which a command that is given again does not wait any more: it takes its own place."""
    again = {
        result.sequence
        for result in state.results
        if result.sequence in state.pending
        and (result.number, result.rack) == (new.instruction.number, new.rack)
    }
    if not again:
        return state
    results = tuple(
        dataclasses.replace(
            result,
            stage=Stage.ABORTED,
            reason=Reason.ABORTED_BY_CANCEL,
            detail="given again",
            at=now,
            first_out=first_out_number(state),
        )
        if result.sequence in again
        else result
        for result in state.results
    )
    pending = {key: racks for key, racks in state.pending.items() if key not in again}
    return dataclasses.replace(state, results=results, pending=pending)


def _kept(results: Sequence[Result], pending: Mapping[int, tuple[int, ...]]) -> tuple[Result, ...]:
    """The results that registers show, and those that are not final."""
    return tuple(
        item for place, item in enumerate(results) if place < _KEPT or item.sequence in pending
    )


def verified(state: State, settings: Settings, now: float) -> tuple[State, tuple[Event, ...]]:
    """The state after looking at what became of commands in execution."""
    if not state.pending:
        return state, ()
    pending = dict(state.pending)
    judged, events = [], []
    for result in state.results:
        after = _judged(result, state, settings, now) if result.sequence in pending else result
        if after.stage is not result.stage:
            events.append(_told(after, now))
            if after.stage is not Stage.RELEASED:
                pending.pop(result.sequence)
        judged.append(after)
    if not events:
        return state, ()
    results = _kept(judged, pending)
    return dataclasses.replace(state, results=results, pending=pending), tuple(events)


def _told(result: Result, now: float) -> Event:
    row = BY_NUMBER[result.number].name
    detail = result.stage.name.lower() + (f", {result.detail}" if result.detail else "")
    return Event(
        KINDS["result"], now, rack=result.rack, row=row, origin=result.origin, detail=detail
    )


def _judged(result: Result, state: State, settings: Settings, now: float) -> Result:
    """A command's result after a cycle."""
    name = BY_NUMBER[result.number].name
    chosen = [(number, state.racks[number - 1]) for number in state.pending[result.sequence]]
    if name == "alarm_reset":
        stage, reason, detail = _reset(state, now)
    elif name in _CONNECTS:
        stage, reason, detail = _connected(chosen, state, result, settings, now)
    else:
        stage, reason, detail = _disconnected(chosen, result, settings, now)
    if stage is result.stage:
        return result
    return dataclasses.replace(
        result, stage=stage, reason=reason, detail=detail, at=now, first_out=first_out_number(state)
    )


def first_out_number(state: State) -> int:
    """The number of the interlock that tripped first; 0 none (R24)."""
    return 0 if state.first_out is None else state.first_out.number


Judgement = tuple[Stage, Reason, str]


def _reset(state: State, now: float) -> Judgement:
    if not is_latched(state.chain):
        return Stage.OK, Reason.NONE, ""
    if now < state.reset_until:
        return Stage.RELEASED, Reason.NONE, ""
    return Stage.NOK, Reason.BLOCKED_BY_INTERLOCKING, standing_against(state.chain, Effect.LATCH, range(1, len(state.racks) + 1))  # fmt: skip


def _connected(
    chosen: Sequence[tuple[int, Rack]], state: State, result: Result, settings: Settings, now: float
) -> Judgement:
    left = [number for number, rack in chosen if rack.phase is not Phase.CLOSED]
    if not left:
        return Stage.OK, Reason.NONE, ""
    moving = [
        rack for _, rack in chosen
        if rack.phase in _UNDER_WAY and rack.wait not in {Wait.VOLTAGE, Wait.UNKNOWN}
    ]  # fmt: skip
    told = "rack " + ", ".join(map(str, left))
    if not moving:
        if all(state.racks[number - 1].is_cancelled for number in left):
            return Stage.ABORTED, Reason.ABORTED_BY_CANCEL, told
        against = standing_against(state.chain, Effect.BLOCK_CLOSE, left)
        if against and len(left) == len(chosen):
            return Stage.ABORTED, Reason.TRIPPED, against
        return Stage.NOK, Reason.BLOCKED_BY_PROCESS, told
    patience = settings.open_wait + len(chosen) * settings.tries * (
        settings.connect_time + settings.retry_wait
    )
    if now - result.at > patience:
        return Stage.TIMEOUT, Reason.TIME_LIMIT_OVER, told
    return Stage.RELEASED, Reason.NONE, ""


def _disconnected(
    chosen: Sequence[tuple[int, Rack]], result: Result, settings: Settings, now: float
) -> Judgement:
    left = [number for number, rack in chosen if rack.phase is not Phase.OPEN]
    stuck = [number for number, rack in chosen if rack.open_timed_out]
    welded = [number for number, rack in chosen if rack.mismatch and rack.phase is Phase.OPEN]
    if welded:
        return Stage.NOK, Reason.BLOCKED_BY_PROCESS, f"rack {welded[0]} stays closed"
    if not left:
        return Stage.OK, Reason.NONE, ""
    if len(stuck) == len(left):
        return Stage.TIMEOUT, Reason.TIME_LIMIT_OVER, f"rack {stuck[0]} carries current"
    if now - result.at > settings.open_wait + settings.disconnect_time + _PATIENCE:
        return Stage.TIMEOUT, Reason.TIME_LIMIT_OVER, f"rack {left[0]} does not tell"
    return Stage.RELEASED, Reason.NONE, ""


def abandoned(state: State) -> State:
    """Racks that wait for something that no command in execution waits for any more: nothing fires later."""
    if not any(rack.is_wanted and rack.phase in _ON_THE_WAY for rack in state.racks):
        return state
    awaited = {
        rack
        for result in state.results
        if result.sequence in state.pending and BY_NUMBER[result.number].name in _CONNECTS
        for rack in state.pending[result.sequence]
    }
    racks = tuple(
        dataclasses.replace(rack, is_wanted=False)
        if rack.phase in _ON_THE_WAY and number not in awaited
        else rack
        for number, rack in enumerate(state.racks, 1)
    )
    return dataclasses.replace(state, racks=racks)
