"""What is passed on of limits: they fall at once, and rise slowly, with hysteresis (R22).

A PCS or an EMS that reads limits sees what comes out of here, and a setpoint is held within it.
"""

import dataclasses

from gateway.control.limit import Allowed, Limiter, Side
from gateway.control.settings import Settings
from gateway.control.state import Passed, State

_LONGEST = 0.2
"s of ramp that one cycle may make up for."
Pair = tuple[Passed, Passed]


def elapsed(state: State, now: float) -> float:
    """Seconds of ramp that this cycle is worth; what a stall left out is not made up for."""
    return max(0.0, min(now - state.stepped, _LONGEST))


def eased(
    state: State, target: Allowed, settings: Settings, voltage: float, now: float
) -> tuple[Allowed, Pair]:
    """The limits that are passed on in this cycle."""
    rise = settings.ramp_up * elapsed(state, now)
    charge, charged = _side(
        state.passed[0], target.charge, rise * settings.charge_rating, voltage, settings.limit_band
    )
    discharge, discharged = _side(
        state.passed[1], target.discharge, rise * settings.discharge_rating, voltage,
        settings.limit_band,
    )  # fmt: skip
    if charge is target.charge and discharge is target.discharge:
        return target, (charged, discharged)
    return Allowed(charge, discharge), (charged, discharged)


def _side(
    before: Passed, side: Side, rise: float, voltage: float, band: float
) -> tuple[Side, Passed]:
    """One direction; `rise` is in W, and the same at the bus's voltage in A."""
    if side.watts == before.watts and side.amperes == before.amperes:
        return side, dataclasses.replace(before, is_rising=False) if before.is_rising else before
    part = 1 - band
    rising = (
        before.is_rising or before.watts < side.watts * part or before.amperes < side.amperes * part
    )
    step = rise if rising else 0.0
    watts = min(side.watts, before.watts + step)
    amperes = min(side.amperes, before.amperes + (step / voltage if voltage > 0 else 0.0))
    rising = rising and (watts < side.watts or amperes < side.amperes)
    bound_by = Limiter.RAMP if rising else side.bound_by
    return Side(watts, amperes, bound_by, side.inhibited), Passed(watts, amperes, rising)
