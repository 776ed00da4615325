"""What is not in frames and not in writes, looked at once a cycle: the wall clock, other masters, the PCS links."""

import dataclasses
import math
import time
from collections.abc import Callable, Sequence

from gateway.app.gateway import Gateway
from gateway.canbus.frame import identifier_text
from gateway.links.can_link import CanLink
from gateway.links.clock import ClockWatch
from gateway.links.pcs_client import PcsLink
from gateway.model.event import KINDS, Event
from gateway.model.order import PcsOrder

Tell = Callable[[Event], None]
_LESS = 0.995
"A part of the most that was ordered of the PCS: below it the PCS is told at once, above it with its next poll (R22)."


class Lookout:
    """Looks at links, and tells what is new."""

    def __init__(
        self, gateway: Gateway, links: Sequence[CanLink], pcs_links: Sequence[PcsLink], tell: Tell
    ) -> None:
        self._gateway, self._links, self._pcs_links, self._tell = gateway, links, pcs_links, tell
        self._clock, self._looked = ClockWatch(), math.inf
        self._sent: dict[str, object] = {}
        "What was ordered of each container's BMUs last."
        self._driven = {pcs.name: Urgency() for pcs in pcs_links}
        self._seen: dict[str, str] = {}
        "What was told of each PCS last."
        self._up: dict[str, bool] = {}
        "Whether each bus was there when it was told last."

    def look(self, now: float) -> None:
        """Everything once, before a cycle."""
        if now - self._looked > self._gateway.site.stall_after:
            self._tell(Event(KINDS["cycle_stalled"], now, value=now - self._looked))
        self._looked = now
        if (step := self._clock.stepped(now, time.time())) is not None:
            self._tell(Event(KINDS["clock_step"], now, value=step))
        for pcs in self._pcs_links:
            self._look_at(pcs, now)
        for link in self._links:
            self._look_at_bus(link, now)
            key = None if link.sender is None else link.sender.transmitter.duplicate
            if key is not None:
                self._gateway.hear_duplicate(link.bus.name, identifier_text(key))

    def _look_at_bus(self, link: CanLink, now: float) -> None:
        """Tell when a bus is lost, and when it is back; one that is being opened is neither."""
        name, state = link.bus.name, link.state
        if state.up is self._up.get(name, True) or not (state.up or state.last_error):
            return
        self._up[name] = state.up
        detail = name if state.up else f"{name} ({state.last_error})"
        self._tell(Event(KINDS["bus_back" if state.up else "bus_lost"], now, detail=detail))

    def _look_at(self, pcs: PcsLink, now: float) -> None:
        """Tell when the PCS is lost, back, or left alone (R12); the first time that it answers is no news."""
        state = pcs.state
        if pcs.name not in self._seen and not (state.up or state.last_error):
            return
        seen = "pcs_left_alone" if state.left_alone else "pcs_back" if state.up else "pcs_lost"
        is_news = seen == "pcs_lost" if pcs.name not in self._seen else seen != self._seen[pcs.name]
        if is_news:
            self._tell(Event(KINDS[seen], now, container=pcs.name, detail=state.last_error))
        self._seen[pcs.name] = seen

    def send_changes(self) -> None:
        """Send what is ordered otherwise than before, out of turn."""
        for name, orders in self._gateway.orders().items():
            lasting = {key: value for key, value in orders.values.items() if key != "heartbeat"}
            if lasting != self._sent.get(name):
                self._sent[name] = lasting
                for link in self._links:
                    link.flush()
        for pcs in self._pcs_links:
            controller = self._gateway.containers[pcs.name].controller
            if controller is not None and self._driven[pcs.name].is_due(controller.pcs_order):
                pcs.flush()


class Urgency:
    """Whether a PCS is to be told at once, of one order after the other."""

    def __init__(self) -> None:
        self._most: PcsOrder | None = None
        "The most that was ordered since it was told at once last: many small falls add up."

    def is_due(self, order: PcsOrder) -> bool:
        """Whether it may do less than it was ordered, or something else (R22)."""
        before = self._most
        if before is None or _differs(before, order):
            self._most = order
            return True
        self._most = dataclasses.replace(
            order,
            power=max(before.power, order.power, key=abs),
            reactive=max(before.reactive, order.reactive, key=abs),
            charge_current=max(before.charge_current, order.charge_current),
            discharge_current=max(before.discharge_current, order.discharge_current),
        )
        return False


def _differs(before: PcsOrder, now: PcsOrder) -> bool:
    if (before.run, before.stop, before.access) != (now.run, now.stop, now.access):
        return True
    pairs = (
        (before.power, now.power),
        (before.reactive, now.reactive),
        (before.charge_current, now.charge_current),
        (before.discharge_current, now.discharge_current),
    )
    return any(last * value < 0 or abs(value) < _LESS * abs(last) for last, value in pairs)
