"""Racks whose coils are driven one by one, where BMUs leave precharge to us (R27, R28): one table of steps.

Rules of the table:
- a step ends when what it waits for has been so for its time; one that does not end in its own time is a try
  that failed: all coils off, the resistor cools, and after the last try the rack is locked out;
- what is not known is never so: no step ends on an unknown voltage, current or feedback (R30);
- a contactor that is told closed before its coil was driven, or after it was let go of, has failed: latched (R31);
- whatever stands against closing, or takes the order back, drops all coils in the same cycle, until both main
  contactors are told closed by our order: from then on the rack is on the bus. Nothing but an interlock that opens
  and an order that is taken back lets it go, or a last step that does not end; and it waits for low current with its
  main coils held, like any closed rack (R30). What is not known then is closed (R20);
- a contactor that closes by itself is not held: its coil was never on. All off, and counted if current flows (R30).

Opening drops both main coils at once: two gaps in series break what current there is, no step between them
can hang, and each contactor is looked at for a weld afterwards (R31).
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.control.poles import ON_BUS
from gateway.control.settings import Settings
from gateway.control.state import Closing, Phase, Rack, Step, Wait
from gateway.control.view import View
from gateway.model.order import COILS

Positions = tuple[float, float, float]
"Of the coils, in the order of `COILS`: 1 on, 0 off, NaN no order."
_OFF, _CLOSED, _NONE = (0.0, 0.0, 0.0), (1.0, 0.0, 1.0), (math.nan,) * 3
BY_PHASE: Mapping[Phase, Positions] = {
    **dict.fromkeys(Phase, _OFF),
    **dict.fromkeys(ON_BUS, _CLOSED),
    Phase.UNKNOWN: _NONE,
}
"What a rack's coils are in each phase; on the way to the bus its step says so instead."


def _follows(view: View, _: Closing) -> bool:
    return view.poles.negative == 1


def _is_judged(view: View, coil: Closing) -> bool:
    return _follows(view, coil) and not _unseen(view)


def _is_as_before(view: View, coil: Closing) -> bool:
    """Whether the bus still is what it was: live at the rack's voltage, or dead until precharge (R28)."""
    near = view.poles.volts > 0 and view.poles.gap <= _window(view, coil)
    if coil.is_live:
        return near
    was_away = abs(view.poles.volts - coil.bus) > _window(view, coil)
    return not (was_away and near)


def _is_precharged(view: View, coil: Closing) -> bool:
    """Whether the bus has the rack's voltage, and the current to it is gone (R28)."""
    if not (view.poles.volts > 0 and view.poles.gap <= _window(view, coil)):
        return False
    low = abs(view.current) < view.settings.precharge_current
    return low and _is_set(view) and _follows(view, coil)


def _is_set(view: View) -> bool:
    """Whether the resistor alone lies between them, as far as it is told."""
    closed = view.poles.precharge == 1 or not view.poles.tells_precharge
    return closed and view.poles.positive == 0


def _is_through(view: View, coil: Closing) -> bool:
    return view.poles.positive == 1 and _follows(view, coil)


def _is_released(view: View, coil: Closing) -> bool:
    if not view.poles.tells_precharge:
        open_ = view.now - coil.since >= view.settings.coil_time
    else:
        open_ = view.poles.precharge == 0
    return open_ and view.connected == 1 and _is_through(view, coil)


def _window(view: View, coil: Closing) -> float:
    """V that may be between them: on a live bus no more than racks may be apart when they join (R29)."""
    part = view.settings.precharge_difference * view.poles.volts
    return min(part, view.settings.join_window) if coil.is_live else part


def _always(_: View, __: Closing) -> bool:
    return True


def _unseen(view: View) -> str:
    """The voltages that are not known."""
    known = {"voltage": view.poles.volts, "bus voltage": view.poles.bus}
    return ", ".join(name for name, value in known.items() if math.isnan(value))


def _bus_is_wrong(view: View, coil: Closing) -> str:
    if not _follows(view, coil):
        return "no feedback"
    if unseen := _unseen(view):
        return f"{unseen} not known"
    if coil.is_live:
        return f"{view.poles.gap:.0f} V from the bus that other racks are on"
    return "the bus came up before precharge"


def _is_missing(view: View, coil: Closing) -> str:
    if unseen := _unseen(view):
        return f"{unseen} not known"
    if view.poles.gap > _window(view, coil):
        return f"{view.poles.gap:.0f} V of {view.poles.volts:.0f} V missing"
    if math.isnan(view.current):
        return "current not known"
    if abs(view.current) >= view.settings.precharge_current:
        return f"{abs(view.current):.1f} A flow still"
    return "not for long enough" if _is_set(view) and _follows(view, coil) else "no feedback"


def _no_feedback(_: View, __: Closing) -> str:
    return "no feedback"


def _stays_closed(view: View, coil: Closing) -> str:
    name = lasting(view)
    return f"the {name} contactor stays closed" if name else _no_feedback(view, coil)


@dataclass(frozen=True, slots=True)
class Row:
    """A step: its coils, what ends it and what comes after, how long it may take, what is told if it fails."""

    coils: Positions
    wait: Wait
    ends: Callable[[View, Closing], bool]
    after: Step | None
    "None: the rack is closed."
    most: Callable[[Settings], float]
    "s in which it must end."
    lacks: Callable[[View, Closing], str]
    settles: bool = False
    "Whether what ends it must be so for `precharge_settle`."
    fits: Callable[[View, Closing], bool] = _always
    "What must be so too when it ends, else the try has failed."


TABLE: Mapping[Step, Row] = {
    Step.NEGATIVE: Row(
        (1.0, 0.0, 0.0), Wait.NEGATIVE, _is_judged, Step.PRECHARGE,
        lambda of: of.coil_time + of.precharge_settle, _bus_is_wrong, settles=True,
        fits=_is_as_before,
    ),
    Step.PRECHARGE: Row(
        (1.0, 1.0, 0.0), Wait.PRECHARGE, _is_precharged, Step.POSITIVE,
        lambda of: of.precharge_time, _is_missing, settles=True,
    ),
    Step.POSITIVE: Row(
        (1.0, 1.0, 1.0), Wait.POSITIVE, _is_through, Step.RELEASE,
        lambda of: of.coil_time, _no_feedback,
    ),
    Step.RELEASE: Row(
        (1.0, 0.0, 1.0), Wait.RELEASE, _is_released, None,
        lambda of: 2 * of.coil_time, _stays_closed,  # the first of them where nobody tells it open
    ),
}  # fmt: skip


def begun(view: View, rack: Rack) -> Rack:
    """A rack that may close: its first coil, and what the bus was before; it must be known to be open."""
    if view.closed != 0:
        return view.to(Phase.OPEN, is_wanted=False, wait=Wait.NOTHING)
    coil = Closing(Step.NEGATIVE, view.now, view.poles.bus, view.poles.is_live)
    return dataclasses.replace(rack, coil=coil, wait=TABLE[coil.step].wait)


def closing(view: View) -> Rack:
    """A rack on its way to the bus."""
    coil = view.rack.coil
    against = view.must_open if _is_on_bus(view) else view.is_blocked
    if coil is None or not view.is_asked or against:
        return _left(view)
    if astray(view):
        return _left(view, mismatch=True)
    return _led(view, TABLE[coil.step], coil)


def _is_on_bus(view: View) -> bool:
    """Whether both main contactors are closed by our order, or may be: by their feedback, or by the current (R20)."""
    coil = view.rack.coil
    if coil is None or coil.step < Step.POSITIVE:
        return False
    if math.isnan(view.connected):
        return coil.step is Step.RELEASE or abs(view.current) >= view.settings.low_current
    return view.connected == 1


def _left(view: View, *, mismatch: bool = False) -> Rack:
    """A rack that turns back for good."""
    wrong = view.rack.mismatch or mismatch
    if _is_on_bus(view):
        return view.leaving(is_wanted=False, mismatch=wrong, wait=Wait.NOTHING)
    is_loaded = view.connected == 1 and not view.is_unloaded
    return view.to(
        Phase.OPENING, is_wanted=False, mismatch=wrong, wait=Wait.NOTHING,
        openings_under_load=view.rack.openings_under_load + is_loaded,
    )  # fmt: skip


def _led(view: View, row: Row, coil: Closing) -> Rack:
    """A step that goes on, ends, or fails."""
    if not row.ends(view, coil):
        held = math.nan
    else:
        held = view.now if math.isnan(coil.held) else coil.held
    if view.now - held >= (view.settings.precharge_settle if row.settles else 0):
        return _next(view, row, coil)
    late = view.now - coil.since >= row.most(view.settings)
    if late or view.age >= view.settings.connect_time:
        return _failed(view, is_welded=late and bool(lasting(view)))
    if held == coil.held or (math.isnan(held) and math.isnan(coil.held)):
        return view.rack
    return dataclasses.replace(view.rack, coil=dataclasses.replace(coil, held=held))


def _failed(view: View, *, is_welded: bool) -> Rack:
    """A try that failed: all coils off and another one, but for what is welded, or carries current."""
    if is_welded or (_is_on_bus(view) and not view.is_unloaded):
        return _left(view, mismatch=is_welded)
    return view.given_up()


def _next(view: View, row: Row, coil: Closing) -> Rack:
    if not row.fits(view, coil):
        return view.given_up()
    if row.after is None:
        return view.to(Phase.CLOSED, tries=0, wait=Wait.NOTHING)
    new = dataclasses.replace(coil, step=row.after, since=view.now, held=math.nan)
    return dataclasses.replace(view.rack, coil=new, wait=TABLE[row.after].wait)


def cooling(view: View) -> Rack:
    """Between two tries; the next begins with contactors that are known to be open."""
    if not view.is_asked or view.is_blocked:
        return view.to(Phase.OPEN, is_wanted=False, wait=Wait.NOTHING)
    if view.closed == 1 and view.age >= view.settings.disconnect_time:
        return view.to(Phase.OPEN, is_wanted=False, mismatch=True, wait=Wait.NOTHING)
    rested = view.age >= view.settings.retry_wait and view.closed == 0
    return view.to(Phase.WAITING, wait=Wait.TURN) if rested else view.rack


def astray(view: View) -> str:
    """The contactors that are told closed before their coils were ever driven on this try."""
    coil = view.rack.coil
    if coil is None or coil.step >= Step.POSITIVE:
        return ""
    early = {"positive": view.poles.positive == 1}
    if coil.step is Step.NEGATIVE:
        early["precharge"] = view.poles.precharge == 1
    return ", ".join(name for name, closed in early.items() if closed)


def lasting(view: View) -> str:
    """The contactor that is told closed although its coil was let go of on this try."""
    coil = view.rack.coil
    is_so = coil is not None and coil.step is Step.RELEASE and view.poles.precharge == 1
    return "precharge" if is_so else ""


def is_kept(after: Rack, view: View) -> bool:
    """Whether its last step has not ended, and what it holds is dropped when its current is low (R30)."""
    has_failed = view.is_asked and not view.must_open and not after.mismatch
    return after.phase is Phase.UNLOADING and has_failed


def failure(view: View, coil: Closing) -> str:
    """Why the step that a rack is in does not end."""
    return f"{coil.step.name.lower()}: {TABLE[coil.step].lacks(view, coil)}"


def driven(
    racks: Sequence[Rack], held: Mapping[Phase, float] | None
) -> Mapping[str, tuple[float, ...]]:
    """The orders to all coils; `held`: while racks are adopted, closed ones alone, if they are (R14)."""
    columns = [_coils(rack, held) for rack in racks]
    return dict(zip(COILS, zip(*columns, strict=True), strict=True))


def _coils(rack: Rack, held: Mapping[Phase, float] | None) -> Positions:
    if held is not None:
        return _CLOSED if held[rack.phase] == 1 else _NONE
    return BY_PHASE[rack.phase] if rack.coil is None else TABLE[rack.coil.step].coils
