"""What the demo shows of what happens, first-out first."""

from collections.abc import Sequence

from gateway.cli.screen import out
from gateway.model.event import Event, Severity

_CHAIN = {"interlock_tripped", "interlock_latched", "interlock_gone", "interlock_reset"}
_QUIET = {"never_heard", "pcs_lost", "limits_stale"}
"Rows that come and go with the start of a plant, or with a rack that is silenced on purpose."
_BACK = {"pcs_back", "bus_back"}
_STYLES = {Severity.ALARM: "red", Severity.TRIP: "bold red"}


def is_shown(event: Event) -> bool:
    """Whether an event is worth a line of the demo's screen."""
    if event.kind.name in _CHAIN:
        return event.row not in _QUIET
    if event.kind.name in _BACK:
        return True
    if event.kind.name == "mode":
        return event.detail == "fault"
    return event.kind.severity >= Severity.ALARM


def show(events: Sequence[Event]) -> None:
    """Print what happened in one cycle: the first-out before the rows that act."""
    chosen = sorted(filter(is_shown, events), key=lambda event: -event.kind.severity)
    for event in chosen:
        out.print(f"  {event}", style=_STYLES.get(event.kind.severity, "yellow"), markup=False)
