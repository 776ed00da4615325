"""How a site drives contactors, and whether its frame files and points suffice for it (R27, R28)."""

from collections.abc import Collection, Iterator, Sequence

from gateway.canbus.payload import Part
from gateway.canbus.send import Send
from gateway.mapping.plan import Plan
from gateway.mapping.schema.control import ControlRow
from gateway.mapping.source import Location, Source
from gateway.model.order import COILS

_SWITCHES = {"rack_connect", "operation"}
"Requests that contactors follow."
_JUDGED = {
    "rack_voltage": "precharge is judged by it (R28)",
    "rack_bus_voltage": "precharge is judged by it (R28)",
    "rack_current": "precharge is judged by it (R28)",
    "rack_contactor_negative": "its coil could not be told from a weld (R31)",
    "rack_contactor_positive": "its coil could not be told from a weld (R31)",
}
_OF_COILS = (
    "coil_time", "precharge_time", "precharge_difference", "precharge_current", "precharge_settle",
)  # fmt: skip
_INSTEAD = "or say contactors: requests"


def drives(row: ControlRow, sends: Sequence[Send]) -> tuple[bool, bool]:
    """Whether racks are led at all, and whether coil by coil."""
    coils = row.contactors == "coils"
    wanted = set(COILS) if coils else _SWITCHES
    return any(part.order in wanted for send in sends for part in send.parts), coils


def check_contactors(
    source: Source, at: Location, row: ControlRow, known: Collection[str], plan: Plan
) -> None:
    """Report what contactors cannot be driven for; `known`: points that some message tells, or aggregates."""
    sends = [send for part in plan.sends.values() for send in part]
    here = (*at, "contactors")
    if row.contactors == "coils":
        racks = plan.layout.topology.racks
        silenced = _silenced(sends, {"rack_connect"}, "coils", _INSTEAD)
        for text, remedy in (*_unsent(sends, racks), *_untold(known, plan), *silenced):
            source.report(here, text, remedy)
        return
    for key in _OF_COILS:
        if getattr(row, key) is not None:
            text = "is of coils that are driven one by one"
            source.report((*at, key), text, "remove it, or say contactors: coils")
    if not drives(row, sends)[0] and any(_coils_of(send) for send in sends):
        text = "a frame file sends coils, and nothing would order them (R27)"
        source.report(at, text, "say contactors: coils, or use another frame file")
        return
    for text, remedy in _silenced(sends, set(COILS), "requests", "or say contactors: coils"):
        source.report(here, text, remedy)


def _unsent(sends: Sequence[Send], racks: int) -> Iterator[tuple[str, str]]:
    """Coils that no frame carries, of any rack or of some."""
    remedy = f"a frame file with that order under sends:, {_INSTEAD}"
    for name in COILS:
        told = {part.rack for send in sends for part in send.parts if part.order == name}
        left = [number for number in range(1, racks + 1) if number not in told]
        if len(left) == racks:
            yield f"no message sends {name}", remedy
        elif left:
            yield f"no message sends {name} to rack {left[0]}", remedy


def _untold(known: Collection[str], plan: Plan) -> Iterator[tuple[str, str]]:
    """Points that no message tells, of any rack or of some: racks may speak several protocols."""
    for name, why in _JUDGED.items():
        of = "" if name not in known else _left_out(name, plan)
        if name not in known or of:
            yield f"no message tells {name}{of}, and {why}", f"map the point, {_INSTEAD}"


def _left_out(name: str, plan: Plan) -> str:
    """The first rack that does not tell a point which others tell; what is made of other points counts as told."""
    racks = range(1, plan.layout.topology.racks + 1)
    left = [rack for rack in racks if plan.layout.element(name, rack) not in plan.slot_of]
    return f" of rack {left[0]}" if left and name in plan.carried else ""


def _silenced(
    sends: Sequence[Send], never: Collection[str], way: str, instead: str
) -> Iterator[tuple[str, str]]:
    """Messages that are never made, for what they carry besides: an order of the way that is not chosen."""
    found = {
        (send.name, order)
        for send in sends
        for part in send.parts
        for order in _orders_of(part)
        if order in never and part.none is None and send.encode is None
    }
    for name, order in sorted(found):
        text = (
            f"{name} would never be sent: with contactors: {way} nothing orders its {order} (R27)"
        )
        yield text, f"say none: beside it, the raw value for no order, {instead}"


def _orders_of(part: Part) -> tuple[str, ...]:
    """The orders that a signal cannot be filled without."""
    return (part.order,) if part.given is None else (part.order, part.given[0])


def _coils_of(send: Send) -> list[str]:
    return [part.order for part in send.parts if part.order in COILS]
