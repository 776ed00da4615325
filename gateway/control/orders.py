"""What a state orders: from racks, and from the PCS that the gateway drives (R8, R11-R14, R27)."""

import math
from collections.abc import Mapping

from gateway.control import coil
from gateway.control.chain import united
from gateway.control.facts import Facts
from gateway.control.interlock import Effect
from gateway.control.limit import Allowed
from gateway.control.sequence import ASKED
from gateway.control.settings import PcsPath, Settings
from gateway.control.state import Mode, Phase, State
from gateway.model.order import Orders, PcsOrder

_HEARTBEATS = 65535
_STANDBY, _DISCHARGE, _CHARGE = 0.0, 1.0, 2.0  # OPERATION


def _held(state: State) -> Mapping[Phase, float]:
    """While racks are being adopted: closed ones are held, unless something stands that opens them."""
    opens = bool(united(state.chain, range(1, len(state.racks) + 1)) & Effect.OPEN)
    return _LEFT if opens else _HELD


_LEFT = dict.fromkeys(Phase, math.nan)
_HELD = {**_LEFT, Phase.CLOSED: 1.0}


def ordered(state: State, facts: Facts, settings: Settings, now: float) -> Orders:
    """The orders of this cycle; racks that are being adopted are held if closed, and not moved (R14).

    Waking a BMU moves nothing: it is asked from the first cycle on, for as long as its rack tells nothing (R17).
    """
    held = _held(state) if state.mode is Mode.ADOPT else None
    asked = ASKED if held is None else held
    connects = tuple([asked[rack.phase] for rack in state.racks])
    values: dict[str, tuple[float, ...]] = {
        "heartbeat": (float(int(now - state.started) % _HEARTBEATS),),
        "alarm_reset": (float(now <= state.reset_until),),
        "stop": (float(state.stopped or bool(state.tripped_by)),),
        "clock": (state.clock,),
        "operation": (_operation(state, connects),),
        "rack_wake": tuple([1.0 if math.isnan(told) else math.nan for told in facts.connected]),
    }
    if settings.drives_coils:
        values |= coil.driven(state.racks, held)
    else:
        values["rack_connect"] = connects
    return Orders(now, values)


def _operation(state: State, connects: tuple[float, ...]) -> float:
    if 1 not in connects:
        return math.nan if state.mode is Mode.ADOPT else _STANDBY
    return _CHARGE if state.power.applied < 0 else _DISCHARGE


def runs(state: State, effects: Effect) -> bool:
    """Whether the PCS is to run: no longer than power is asked of it, and never against a stop."""
    if effects & Effect.STOP_PCS or not (state.mode is Mode.RUN or state.power.applied != 0):
        return False
    return any(rack.phase is Phase.CLOSED for rack in state.racks)


def pcs_order(state: State, settings: Settings, limits: Allowed, now: float) -> PcsOrder:
    """What the PCS link writes; never anything for a dead EMS (R12)."""
    drives = settings.path is PcsPath.WE_DRIVE
    run = drives and state.runs
    return PcsOrder(
        now,
        power=state.power.applied if run else 0.0,
        reactive=state.reactive.applied if run else 0.0,
        run=run,
        stop=not run,
        reset=drives and now <= state.reset_until,
        access=drives and not state.left_alone,
        charge_current=limits.charge.amperes,
        discharge_current=limits.discharge.amperes,
    )
