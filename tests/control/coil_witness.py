"""What must hold of coils in every cycle of every history, judged anew from facts and orders alone (R27, R28)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.control.chain import by_rack
from gateway.control.facts import Facts
from gateway.control.interlock import Effect
from gateway.control.settings import Settings
from gateway.control.state import Phase, State
from gateway.model.order import COILS, Orders

Positions = tuple[float, float, float]
UNSAID = (math.nan, math.nan, math.nan)
OFF, NEGATIVE, PRECHARGE = (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (1.0, 1.0, 0.0)
POSITIVE, CLOSED = (1.0, 1.0, 1.0), (1.0, 0.0, 1.0)
NEXT = {
    OFF: {OFF, NEGATIVE},
    NEGATIVE: {NEGATIVE, PRECHARGE, OFF},
    PRECHARGE: {PRECHARGE, POSITIVE, OFF},
    POSITIVE: {POSITIVE, CLOSED, OFF},
    CLOSED: {CLOSED, OFF},
}
"What may follow what is ordered."
SAYING = {
    Phase.CLOSING: {NEGATIVE, PRECHARGE, POSITIVE, CLOSED},
    Phase.CLOSED: {CLOSED},
    Phase.UNLOADING: {CLOSED},
}
"Phases in which coils are on, and which."
HAIR = 1e-6


def told(orders: Orders, number: int) -> float:
    """Whether a rack is asked onto the bus, by request or coil by coil; NaN: neither."""
    request = orders.value("rack_connect", number)
    return orders.value(COILS[0], number) if math.isnan(request) else request


@dataclass
class CoilWitness:
    """Watches the coils of a container."""

    last: dict[int, Positions] = field(default_factory=dict)
    right: dict[int, float] = field(default_factory=dict)
    "Since when each rack's precharge looks done."
    warm: dict[int, float] = field(default_factory=dict)
    "Since when each resistor has carried current."

    def check(
        self, before: State, after: State, facts: Facts, orders: Orders, settings: Settings
    ) -> None:
        """One cycle of all racks."""
        for number, rack in enumerate(after.racks, 1):
            negative, precharge, positive = (orders.value(name, number) for name in COILS)
            coils = (negative, precharge, positive)
            if not settings.drives_coils:
                assert all(map(math.isnan, coils))
                continue
            assert math.isnan(orders.value("rack_connect", number)), "one master (R27)"
            self._judge(number, facts, settings, orders.at)
            if not math.isnan(coils[0]):
                assert coils in SAYING.get(rack.phase, {OFF})
                self._move(number, coils, after, facts)
            self._heat(number, coils, settings, orders.at, before.stepped)
            self.last[number] = coils

    def _judge(self, number: int, facts: Facts, settings: Settings, now: float) -> None:
        """Keep since when voltage, current and feedback say that precharge is done (R28, R30)."""
        place, of = number - 1, facts.contacts
        assert of is not None
        volts, amperes = facts.voltage[place], facts.current[place]
        near = abs(volts - of.bus[place]) <= settings.precharge_difference * volts
        told = of.precharge[place] == 1 or not of.tells_precharge[place]
        both = of.negative[place] == 1 and told
        if near and both and abs(amperes) < settings.precharge_current:
            self.right.setdefault(number, now)
        else:
            self.right.pop(number, None)

    def _move(self, number: int, coils: Positions, after: State, facts: Facts) -> None:
        before = self.last.get(number, UNSAID)
        if math.isnan(before[0]):
            assert coils == OFF or facts.connected[number - 1] == 1, "adopted (R14)"
            return
        assert coils in NEXT[before]
        if coils not in {before, OFF} and (before, coils) != (POSITIVE, CLOSED):
            against = by_rack(after.chain)
            effects = against.get(number, Effect.NONE) | against.get(0, Effect.NONE)
            assert not effects & (Effect.BLOCK_CLOSE | Effect.OPEN)
        if (before, coils) == (PRECHARGE, POSITIVE):
            assert number in self.right, "positive before precharge was done (R28)"
            assert after.stepped - self.right[number] >= SETTLED - HAIR

    def _heat(
        self, number: int, coils: Sequence[float], settings: Settings, now: float, stepped: float
    ) -> None:
        """The resistor carries current no longer than its try, and the positive contactor's time (R28)."""
        if coils[1] != 1:
            self.warm.pop(number, None)
            return
        since = self.warm.setdefault(number, now)
        most = settings.precharge_time + settings.coil_time
        assert stepped - since < most + HAIR


SETTLED = 0.3
"s for which precharge must look done."
