"""How much power is let through, and what binds it: limits only narrow (R5, R13, R19-R22).

Powers are AC at the PCS, positive when discharging. What is not known lets nothing through.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from gateway.control.facts import Facts
from gateway.control.interlock import Effect
from gateway.control.settings import Settings
from gateway.control.state import Applied, Mode, Phase, State
from gateway.control.watchdog import POWER, REACTIVE, holds
from gateway.model.command import Command


class Limiter(IntEnum):
    """What binds a setpoint, the last of them named; numbers are published."""

    NOTHING = 0
    RATING = 1
    BATTERY = 2
    "What the racks allow, known and unknown."
    EMS_CAP = 3
    DISABLED = 4
    INTERLOCK = 5
    MODE = 6
    NO_LEASE = 7
    EXPIRED = 8
    EMS_LOST = 9
    RAMP = 10
    SEQUENCE = 11
    "A rack is closing, or waits for low current to open."
    NO_PATH = 12
    "The site has no way to the PCS."
    SITE_CAP = 13
    "What the site lets through the DC bus (R20)."


@dataclass(frozen=True, slots=True)
class Side:
    """What is allowed in one direction."""

    watts: float
    "AC."
    amperes: float
    "DC."
    bound_by: Limiter
    inhibited: bool
    "An interlock stands against this direction."


@dataclass(frozen=True, slots=True)
class Allowed:
    """What is allowed now, whoever asks."""

    charge: Side
    discharge: Side

    @property
    def is_open(self) -> bool:
        """Whether any power may flow."""
        return self.charge.watts > 0 or self.discharge.watts > 0


_STOPPED = Effect.ZERO | Effect.OPEN
_NO_CHARGE, _NO_DISCHARGE = _STOPPED | Effect.INHIBIT_CHARGE, _STOPPED | Effect.INHIBIT_DISCHARGE
_CLOSING, _UNLOADING = Phase.CLOSING, Phase.UNLOADING
"Phases that want no power on the bus (R29, R30)."


def allowed(state: State, facts: Facts, settings: Settings, effects: Effect) -> Allowed:
    """The limits of both directions: battery, EMS caps and enables, rating, interlocks."""
    return Allowed(
        _side(state, facts, settings, effects, discharging=False),
        _side(state, facts, settings, effects, discharging=True),
    )


def _side(
    state: State, facts: Facts, settings: Settings, effects: Effect, *, discharging: bool
) -> Side:
    name = "discharge" if discharging else "charge"
    amperes = facts.discharge_amperes if discharging else facts.charge_amperes
    watts = facts.discharge_watts if discharging else facts.charge_watts
    watts, amperes = _consistent(watts, amperes, facts.bus_voltage)
    bound_by = Limiter.BATTERY
    for cap, limiter in _caps(state, settings, name):
        if cap < amperes:
            watts, amperes, bound_by = cap * facts.bus_voltage, cap, limiter
    power = _at_terminals(watts, settings, discharging=discharging)
    if effects & Effect.DERATE:
        power, amperes, bound_by = (
            power * settings.derating,
            amperes * settings.derating,
            Limiter.INTERLOCK,
        )
    rating = settings.discharge_rating if discharging else settings.charge_rating
    if power > rating:
        most = _from_terminals(rating, settings, discharging=discharging) / facts.bus_voltage
        power, amperes, bound_by = rating, min(amperes, most), Limiter.RATING
    enabled = state.setpoints.get(f"{name}_enable")
    if enabled is None or enabled.value != 1:
        power, amperes, bound_by = 0.0, 0.0, Limiter.DISABLED
    inhibits = _NO_DISCHARGE if discharging else _NO_CHARGE
    inhibited = bool(effects & inhibits)
    if inhibited:
        power, amperes, bound_by = 0.0, 0.0, Limiter.INTERLOCK
    return Side(power, amperes, bound_by, inhibited)


def _caps(state: State, settings: Settings, name: str) -> Iterator[tuple[float, Limiter]]:
    """What narrows a direction, in A of the DC bus: the site, and the EMS (R20)."""
    yield settings.charge_cap if name == "charge" else settings.discharge_cap, Limiter.SITE_CAP
    cap = state.setpoints.get(f"{name}_current_cap")
    if cap is not None:
        yield max(cap.value, 0.0), Limiter.EMS_CAP


def _consistent(watts: float, amperes: float, voltage: float) -> tuple[float, float]:
    """Both limits, each no more than the other allows; what is not known is 0 (R19)."""
    if math.isnan(watts) and math.isnan(amperes):
        return 0.0, 0.0
    if not 0 < voltage < math.inf:
        return 0.0, 0.0
    by_amperes = math.inf if math.isnan(amperes) else amperes * voltage
    by_watts = math.inf if math.isnan(watts) else watts / voltage
    power = by_amperes if math.isnan(watts) else min(watts, by_amperes)
    current = by_watts if math.isnan(amperes) else min(amperes, by_watts)
    return max(power, 0.0), max(current, 0.0)


def _at_terminals(watts: float, settings: Settings, *, discharging: bool) -> float:
    """A DC limit at the PCS's AC terminals, on the safe side (R13): a charging PCS may lose nothing."""
    if not discharging:
        return watts
    return max(0.0, watts - settings.auxiliaries) * settings.efficiency


def _from_terminals(watts: float, settings: Settings, *, discharging: bool) -> float:
    """The DC power behind a power at the PCS's AC terminals."""
    return watts / settings.efficiency + settings.auxiliaries if discharging else watts


def active(
    state: State, settings: Settings, limits: Allowed, effects: Effect, elapsed: float, now: float
) -> Applied:
    """What becomes of the active power setpoint; `elapsed` is what its ramps may use, in s."""
    setpoint = state.setpoints.get(POWER)
    requested = math.nan if setpoint is None else setpoint.value
    before = state.power.applied
    rating = max(settings.charge_rating, settings.discharge_rating)
    if state.heartbeat.is_lost and before and not effects & _STOPPED:
        fallen = max(0.0, abs(before) - rating / settings.ramp_down * elapsed)
        if _may_hold(state) and holds(state, settings, now):
            fallen = max(fallen, _held(before, requested))
        power, _ = _within(math.copysign(fallen, before), limits)
        return Applied(requested, power, Limiter.EMS_LOST)
    reason = blocked(state, settings, effects)
    if reason is not None or setpoint is None:
        return Applied(requested, 0.0, Limiter.EXPIRED if reason is None else reason)
    power, bound_by = _within(requested, limits)
    base = abs(before) if before * power > 0 else 0.0
    highest = base + settings.ramp_up * rating * elapsed
    if abs(power) > highest:
        power, bound_by = math.copysign(highest, power), Limiter.RAMP
    return Applied(requested, power, bound_by)


def _may_hold(state: State) -> bool:
    """Whether nothing but the loss itself stands against power: run was taken by it alone, and no rack moves."""
    return state.resumes and not _moves(state)


def _held(before: float, requested: float) -> float:
    """How much of a power is held: all, or what a setpoint that still lives asks for if that is less (R1)."""
    if math.isnan(requested):
        return abs(before)
    return min(abs(before), max(0.0, math.copysign(1.0, before) * requested))


def _moves(state: State) -> bool:
    """Whether a rack is on its way, which wants no power on the bus (R29, R30)."""
    return any(rack.phase is _CLOSING or rack.phase is _UNLOADING for rack in state.racks)


def reactive(state: State, settings: Settings, effects: Effect) -> Applied:
    """What becomes of the reactive power setpoint: the battery does not bind it, stops and modes do."""
    setpoint = state.setpoints.get(REACTIVE)
    requested = math.nan if setpoint is None else setpoint.value
    reason = Limiter.EXPIRED if setpoint is None else blocked(state, settings, effects)
    if reason is not None:
        return Applied(requested, 0.0, reason)
    most = settings.reactive_rating
    if abs(requested) > most:
        return Applied(requested, math.copysign(most, requested), Limiter.RATING)
    return Applied(requested, requested, Limiter.NOTHING)


def blocked(state: State, settings: Settings, effects: Effect) -> Limiter | None:
    """What stands against any power at all."""
    causes = (
        (not settings.path.carries_power, Limiter.NO_PATH),
        (bool(effects & _STOPPED), Limiter.INTERLOCK),
        (_moves(state), Limiter.SEQUENCE),
        (state.heartbeat.is_lost, Limiter.EMS_LOST),
        (state.lease is None, Limiter.NO_LEASE),
        (state.mode is not Mode.RUN, Limiter.MODE),
    )
    return next((limiter for is_so, limiter in causes if is_so), None)


def _within(power: float, limits: Allowed) -> tuple[float, Limiter]:
    """A power within the limits of its direction, and what bound it."""
    side = limits.discharge if power > 0 else limits.charge
    if abs(power) <= side.watts:
        return power, Limiter.NOTHING
    return math.copysign(side.watts, power), side.bound_by


def within_rating(command: Command, settings: Settings) -> bool:
    """Whether a setpoint asks for no more than the ratings (R5)."""
    name, value = command.instruction.name, command.value
    if name.endswith("_percent"):
        return not abs(value) > _WHOLE
    bounds = {
        POWER: (-settings.charge_rating, settings.discharge_rating),
        REACTIVE: (-settings.reactive_rating, settings.reactive_rating),
    }
    low, high = bounds.get(name, (value, value))
    return not (value < low or value > high)


_WHOLE = 100.0  # %
