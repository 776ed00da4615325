"""Racks on their way to the DC bus and back (R27-R31), one table of steps by phase.

Orders are state requests: `ASKED` says what each phase asks of the BMU, which drives its own coils and
precharge; for one that does not, `coil.py` has the steps on the way to the bus. A rack never closes on a held
value, after a trip, or on a bus that is not at rest.
"""

import dataclasses
import math
import operator
from collections.abc import Callable, Iterator, Mapping

from gateway.control import coil
from gateway.control.chain import by_rack, tripped_by_bmus
from gateway.control.contrary import fallen, is_gone, judged, said_open
from gateway.control.current import known_currents
from gateway.control.facts import QUIET, Facts, Plant
from gateway.control.interlock import Effect
from gateway.control.join import next_to_join, rest_since
from gateway.control.poles import NO_POLES, closed_of, poles_of
from gateway.control.settings import Settings
from gateway.control.state import Mode, Phase, Rack, State, Wait
from gateway.control.view import View
from gateway.model.event import KINDS, Event

ORDER: Mapping[Phase, float] = {
    Phase.UNKNOWN: math.nan,
    Phase.OPEN: 0,
    Phase.WAITING: 0,
    Phase.CLOSING: 1,
    Phase.CLOSED: 1,
    Phase.UNLOADING: 1,
    Phase.OPENING: 0,
    Phase.COOLING: 0,
}
"What a rack is asked in each phase: 1 be connected, 0 be disconnected, NaN nothing."
ASKED = tuple(ORDER[phase] for phase in Phase)
"The same by the phase's number."


def _unknown(view: View) -> Rack:
    """Adopt what is found (R14): closed stays closed, half-done precharge is opened."""
    if view.connected == 1:
        return view.to(Phase.CLOSED, is_wanted=not view.rack.is_cancelled)
    if view.is_off:
        return view.to(Phase.OPENING if view.precharging or view.closed == 1 else Phase.OPEN)
    return view.rack


def _adopting(view: View) -> Rack:
    """Nothing is ordered yet: the rack is what its feedback says, and no time runs (R14)."""
    return view.rack if math.isnan(view.connected) else _unknown(view)


_SEEN = {1.0: Phase.CLOSED, 0.0: Phase.OPEN}


def _followed(view: View) -> Rack:
    """A rack whose contactors others switch: its phase is what it says."""
    phase = _SEEN.get(view.connected, view.rack.phase)
    return view.rack if phase is view.rack.phase else view.to(phase)


def _open(view: View) -> Rack:
    rack = view.rack
    if view.closed == 1:
        since = view.now if math.isnan(rack.contrary) else rack.contrary
        welded = rack.mismatch or view.now - since >= view.settings.disconnect_time
        return dataclasses.replace(rack, mismatch=welded, contrary=since, is_wanted=False)
    if view.closed == 0 and (rack.mismatch or not math.isnan(rack.contrary)):
        rack = dataclasses.replace(rack, mismatch=False, contrary=math.nan)
    if not math.isnan(rack.fell):
        return _rests(judged(view, rack), Wait.PAUSE)
    if not view.is_asked:
        return _rests(rack, Wait.NOTHING if rack.is_enabled else Wait.DISABLED)
    if view.is_blocked:
        return _rests(rack, Wait.INTERLOCK)
    if math.isnan(view.closed):
        return _rests(rack, Wait.UNKNOWN)
    return view.to(Phase.WAITING, wait=Wait.TURN, mismatch=False, contrary=math.nan)


def _rests(rack: Rack, wait: Wait) -> Rack:
    """A rack that stays open, and is wanted no more."""
    if rack.wait is wait and not rack.is_wanted:
        return rack
    return dataclasses.replace(rack, is_wanted=False, wait=wait)


def _waiting(view: View) -> Rack:
    if not view.is_asked or view.is_blocked:
        return view.to(Phase.OPEN, is_wanted=False, wait=Wait.NOTHING)
    if view.wait is Wait.NOTHING:
        return view.to(Phase.CLOSING, tries=view.rack.tries + 1, wait=Wait.NOTHING)
    same = view.rack.wait is view.wait
    return view.rack if same else dataclasses.replace(view.rack, wait=view.wait)


def _closing(view: View) -> Rack:
    if view.connected == 1:
        stays = view.is_asked and not view.must_open
        return view.to(Phase.CLOSED, tries=0) if stays else view.leaving(is_wanted=False)
    if not view.is_asked or view.is_blocked:
        return view.to(Phase.OPENING, is_wanted=False)
    if view.age < view.settings.connect_time:
        return view.rack
    return view.given_up()


def _cooling(view: View) -> Rack:
    if not view.is_asked or view.is_blocked:
        return view.to(Phase.OPEN, is_wanted=False, wait=Wait.NOTHING)
    rested = view.age >= view.settings.retry_wait
    return view.to(Phase.WAITING, wait=Wait.TURN) if rested else view.rack


def _closed(view: View) -> Rack:
    rack = view.rack
    if view.connected == 0:
        return fallen(view)
    if rack.mismatch or not math.isnan(rack.contrary):
        return dataclasses.replace(rack, mismatch=False, contrary=math.nan)
    if view.is_asked and not view.must_open:
        return rack
    return view.leaving()


def _unloading(view: View) -> Rack:
    """Wait for low current; only a row that may, opens under load (R30)."""
    if is_gone(view):
        return view.to(Phase.OPEN, is_wanted=False, is_forced=False, contrary=math.nan)
    if view.is_unloaded:
        return view.to(Phase.OPENING, is_wanted=False, is_forced=False, contrary=math.nan)
    if view.effects & Effect.UNDER_LOAD and view.age >= view.settings.under_load_after:
        count = view.rack.openings_under_load + 1
        return view.to(
            Phase.OPENING, is_wanted=False, is_forced=False, openings_under_load=count, contrary=math.nan
        )  # fmt: skip
    return _loaded(dataclasses.replace(view, rack=said_open(view)))


def _loaded(view: View) -> Rack:
    """What becomes of a rack whose current does not fall."""
    if view.rack.is_forced and not view.must_open and view.rack.is_wanted:
        return view.to(Phase.CLOSED, is_forced=False)
    late = view.age >= view.settings.open_wait
    if late and not view.must_open:
        return view.to(Phase.CLOSED, is_wanted=True, is_forced=False, open_timed_out=True)
    timed_out = late or view.rack.open_timed_out
    if (view.rack.is_forced, view.rack.open_timed_out) == (view.must_open, timed_out):
        return view.rack
    return dataclasses.replace(view.rack, is_forced=view.must_open, open_timed_out=timed_out)


def _opening(view: View) -> Rack:
    if view.closed == 0:
        return view.to(Phase.OPEN, mismatch=False, wait=Wait.NOTHING)
    if view.age >= view.settings.disconnect_time and view.closed == 1:
        return view.to(Phase.OPEN, mismatch=True, is_wanted=False)
    return view.rack


_STEPS: Mapping[Phase, Callable[[View], Rack]] = {
    Phase.UNKNOWN: _unknown,
    Phase.OPEN: _open,
    Phase.WAITING: _waiting,
    Phase.CLOSING: _closing,
    Phase.CLOSED: _closed,
    Phase.UNLOADING: _unloading,
    Phase.OPENING: _opening,
    Phase.COOLING: _cooling,
}


def _starting(view: View) -> Rack:
    """A rack that waits for its turn to close coil by coil."""
    rack = _waiting(view)
    return coil.begun(view, rack) if rack.phase is Phase.CLOSING else rack


_COILED = {
    **_STEPS,
    Phase.WAITING: _starting,
    Phase.CLOSING: coil.closing,
    Phase.COOLING: coil.cooling,
}


def sequenced(
    state: State, facts: Facts, settings: Settings, now: float, plant: Plant = QUIET
) -> tuple[State, tuple[Event, ...]]:
    """All racks after a cycle."""
    currents = known_currents(state, facts, settings, plant, now)
    at_rest = rest_since(state, facts, currents, settings, now)
    if at_rest is not state.rest_since:
        state = dataclasses.replace(state, rest_since=at_rest)
    waits, against = next_to_join(state, facts, settings, now), by_rack(state.chain)
    steps, closed = _steps(state, settings), closed_of(facts, settings)
    tripped = tripped_by_bmus(state.chain)
    racks, events = list(state.racks), []
    for index, rack in enumerate(state.racks):
        effects = Effect.NONE
        if against:
            effects = against.get(index + 1, effects) | against.get(0, effects)
        if _is_steady(rack, facts.connected[index], closed[index], effects):
            continue
        view = View(
            rack, facts.connected[index], closed[index], facts.precharging[index], currents[index],
            facts.current[index], effects, settings, now, waits.get(index, Wait.TURN),
            poles_of(state, facts, index) if settings.drives_coils else NO_POLES,
            not tripped.isdisjoint((0, index + 1)),
        )  # fmt: skip
        after = racks[index] = steps[rack.phase](view)
        if after is not rack:
            events += _told(index + 1, rack, after, view)
    if all(map(operator.is_, racks, state.racks)):
        return state, ()
    return dataclasses.replace(state, racks=tuple(racks)), tuple(events)


def _steps(state: State, settings: Settings) -> Mapping[Phase, Callable[[View], Rack]]:
    """What becomes of a rack in each phase: adopted, followed or led."""
    if state.mode is Mode.ADOPT:
        return dict.fromkeys(Phase, _adopting)
    if not settings.drives_contactors:
        return dict.fromkeys(Phase, _followed)
    return _COILED if settings.drives_coils else _STEPS


_NOTHING = Effect.NONE


def _is_steady(rack: Rack, connected: float, closed: float, effects: Effect) -> bool:
    """Whether a rack is closed and is to be, or open and is to be: most racks in most cycles."""
    if rack.phase is Phase.CLOSED:
        asked = rack.is_wanted and rack.is_enabled and math.isnan(rack.contrary)
        return asked and connected == 1 and (effects is _NOTHING or Effect.OPEN not in effects)
    if rack.phase is Phase.OPEN:
        agrees = closed == 0 and math.isnan(rack.contrary) and not rack.mismatch
        agrees = agrees and math.isnan(rack.fell)
        rests = rack.wait is (Wait.NOTHING if rack.is_enabled else Wait.DISABLED)
        return agrees and rests and not rack.is_wanted
    return False


_ENTERED = {
    Phase.CLOSING: "rack_connecting",
    Phase.CLOSED: "rack_connected",
    Phase.UNLOADING: "rack_disconnecting",
    Phase.OPEN: "rack_disconnected",
    Phase.COOLING: "rack_connect_failed",
}


_DROPPED = {Phase.COOLING, Phase.OPEN}


def _told(number: int, before: Rack, after: Rack, view: View) -> list[Event]:
    """What happened to a rack."""
    kinds = list(_moves(before, after, view))
    if after.locked_until > before.locked_until:
        kinds.append(("rack_locked_out", float(before.tries), ""))
    if after.mismatch and not before.mismatch:
        kinds.append(("rack_mismatch", math.nan, _contrary(before, view)))
    if after.open_timed_out and not before.open_timed_out:
        kinds.append(("open_timeout", view.current, ""))
    if after.openings_under_load > before.openings_under_load:
        kinds.append(("opened_under_load", view.current, ""))
    return [
        Event(KINDS[kind], view.now, rack=number, value=value, detail=detail)
        for kind, value, detail in kinds
    ]


def _moves(before: Rack, after: Rack, view: View) -> Iterator[tuple[str, float, str]]:
    """Its way."""
    if after.phase is not before.phase and after.phase in _ENTERED:
        yield _ENTERED[after.phase], float(after.tries), ""
    if after.phase is Phase.OPENING and before.phase is Phase.CLOSED:
        yield "rack_disconnecting", 0.0, ""
    if after.phase is Phase.WAITING and after.wait is not before.wait:
        yield "rack_waiting", math.nan, after.wait.name.lower()
    if before.coil is not None and (after.phase in _DROPPED or coil.is_kept(after, view)):
        yield "coils_dropped", float(before.tries), coil.failure(view, before.coil)


def _contrary(before: Rack, view: View) -> str:
    """How its contactors contradict the order."""
    if before.phase is Phase.CLOSED or not math.isnan(before.fell):
        return "open"
    told = coil.astray(view) or coil.lasting(view) or view.poles.closed
    return f"closed, {told}" if told else "closed"
