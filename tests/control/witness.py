"""What must hold in every cycle of every history: the invariants of control, one function each (DESIGN 6)."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from control.coil_witness import CoilWitness, told
from control.paper import EMS, Paper

from gateway.control.arbiter import authority
from gateway.control.chain import by_rack, is_latched, united
from gateway.control.cycle import Outcome
from gateway.control.facts import Facts
from gateway.control.interlock import Effect
from gateway.control.limit import Limiter
from gateway.control.plausible import stands
from gateway.control.state import Mode, Phase, State, Step
from gateway.model.command import Stage
from gateway.model.order import COILS

POWER = Effect.ZERO | Effect.OPEN
FINAL = {Stage.OK, Stage.NOK, Stage.TIMEOUT, Stage.REFUSED, Stage.ABORTED, Stage.HELD}
HAIR = 1e-6


@dataclass(frozen=True, slots=True)
class Seen:
    """One cycle, from before to after."""

    before: State
    facts: Facts
    outcome: Outcome
    paper: Paper
    last: list[float]
    "What each rack was told before."
    said_open: list[float]
    "For how long each has said that it is open, and without current."

    @property
    def after(self) -> State:
        """The state that came of it."""
        return self.outcome.state

    @property
    def conducting(self) -> list[int]:
        """Racks that carry current, or may."""
        return [number for number, value in enumerate(self.facts.connected, 1) if value != 0]

    @property
    def effects(self) -> Effect:
        """The union of what acts on the bus."""
        return united(self.after.chain, self.conducting)

    def told(self, number: int) -> float:
        """What a rack is told now."""
        return told(self.outcome.orders, number)


def outputs_are_finite(seen: Seen) -> None:
    """Every number that leaves control, but for racks that are not told anything yet."""
    for name, values in seen.outcome.orders.values.items():
        assert all(math.isfinite(value) for value in values) or name in {
            "rack_connect", "rack_wake", "operation", "clock", *COILS,
        }, name  # fmt: skip
    for number, connected in enumerate(seen.facts.connected, 1):
        woken = seen.outcome.orders.value("rack_wake", number)
        assert math.isnan(woken) != math.isnan(connected), "a BMU is woken while it tells nothing"
    pcs, allowed = seen.outcome.pcs, seen.outcome.allowed
    numbers = (pcs.power, pcs.reactive, pcs.charge_current, pcs.discharge_current)
    sides = (allowed.charge.watts, allowed.discharge.watts)
    assert all(map(math.isfinite, (*numbers, *sides)))
    assert min(*sides, pcs.charge_current, pcs.discharge_current) >= 0
    assert not any(math.isinf(event.value) for event in seen.outcome.events)


def no_power_against_the_union(seen: Seen) -> None:
    """No order contradicts the union of tripped effects (R23)."""
    power, effects = seen.after.power.applied, seen.effects
    if effects & POWER:
        assert power == seen.after.reactive.applied == 0
        assert not seen.outcome.allowed.is_open
    if effects & Effect.INHIBIT_CHARGE:
        assert power >= 0
    if effects & Effect.INHIBIT_DISCHARGE:
        assert power <= 0
    if effects & Effect.STOP_PCS:
        assert not seen.after.runs
        assert not seen.outcome.pcs.run


def no_power_beyond_anything(seen: Seen) -> None:
    """Applied is within request, rating, caps and limits; limits only narrow (R5, R20)."""
    power, settings, facts = seen.after.power, seen.paper.settings, seen.facts
    allowed = seen.outcome.allowed
    assert -allowed.charge.watts <= power.applied <= allowed.discharge.watts
    assert allowed.charge.watts <= settings.charge_rating
    assert allowed.discharge.watts <= settings.discharge_rating
    assert abs(seen.after.reactive.applied) <= settings.reactive_rating
    most = abs(power.requested)
    if power.limited_by == Limiter.EMS_LOST:
        most = abs(seen.before.power.applied)
    assert not abs(power.applied) > most
    for side, amperes, name in (
        (allowed.charge, facts.charge_amperes, "charge_current_cap"),
        (allowed.discharge, facts.discharge_amperes, "discharge_current_cap"),
    ):
        cap, site = seen.after.setpoints.get(name), name.removesuffix("_current_cap")
        assert side.amperes <= getattr(settings, f"{site}_cap") + HAIR
        assert not (math.isnan(amperes) and side.watts)
        assert cap is None or side.amperes <= cap.value + HAIR
        assert not side.amperes > amperes + HAIR
        assert not side.watts > amperes * facts.bus_voltage + HAIR


def no_power_from_what_is_not_known(seen: Seen) -> None:
    """A conducting rack whose limits are old: nothing (R21)."""
    old = [seen.facts.limits_age[number - 1] > 1.0 for number in seen.conducting]
    if any(old) or not seen.facts.bus_voltage > 0:
        assert seen.after.power.applied == 0
        assert not seen.outcome.allowed.is_open


def power_has_an_owner(seen: Seen) -> None:
    """No power without a lease; in run or on the ramp down alone; at most one master has authority (R7)."""
    state = seen.after
    masters = [origin for origin in seen.paper.settings.masters if not authority(state, origin)]
    assert len(masters) <= 1
    if state.power.applied:
        falls = abs(state.power.applied) < abs(seen.before.power.applied)
        assert state.lease is not None or falls
        assert state.mode is Mode.RUN or state.heartbeat.is_lost
    assert state.wants_run is (state.mode is Mode.RUN)
    if state.lease is None:
        assert state.mode is not Mode.RUN
        assert state.selection is None
        assert not {"charge_enable", "discharge_enable"} & {
            name for name, item in state.setpoints.items() if item.value
        }


def racks_close_and_open_by_the_rules(seen: Seen) -> None:
    """A close has nothing against it; an opening is at low current, or marked, or a turning back in time (R30).

    A rack that has said for long enough that it is open and carries nothing is believed, whatever the PCS says (R31).
    """
    against = by_rack(seen.after.chain)
    for number, before in enumerate(seen.last, 1):
        told = seen.told(number)
        effects = against.get(number, Effect.NONE) | against.get(0, Effect.NONE)
        if before == 0 and told == 1:
            assert not effects & (Effect.BLOCK_CLOSE | Effect.OPEN)
            assert seen.after.racks[number - 1].is_enabled
        connected, current = seen.facts.connected[number - 1], seen.facts.current[number - 1]
        if before == 1 and told == 0 and not _turns_back(seen, number):
            of_bus, of_rack = _is_doubted(seen, number)
            unknown = math.isnan(current) or of_rack
            proven = unknown and not of_bus and (connected == 0 or len(seen.conducting) > 1)
            is_low = abs(current) < 5 and not (of_bus or of_rack)
            left = seen.said_open[number - 1] >= seen.paper.settings.disconnect_time - HAIR
            assert is_low or proven or left or effects & Effect.UNDER_LOAD


def _is_doubted(seen: Seen, number: int) -> tuple[bool, bool]:
    """Whether the currents of the bus, and of a rack, are contradicted (R42)."""
    of_bus = stands(seen.after, "bus_inconsistent") or stands(
        seen.after, "bus_voltage_inconsistent"
    )
    return of_bus, stands(seen.after, "rack_power_inconsistent", number)


def _turns_back(seen: Seen, number: int) -> bool:
    """On its way, and not on the bus by our order; a contactor that has closed by itself is let go, and counted."""
    before, after = seen.before.racks[number - 1], seen.after.racks[number - 1]
    if before.phase is not Phase.CLOSING:
        return False
    if seen.facts.connected[number - 1] != 1:
        return before.coil is None or before.coil.step is not Step.RELEASE
    by_itself = before.coil is not None and before.coil.step < Step.POSITIVE
    return by_itself and after.openings_under_load == before.openings_under_load + 1


def results_move_forward(seen: Seen) -> None:
    """A final result never changes; each number stands once; what is pending is there (R2).

    A master that beats between two cycles can leave a new one: of a value that is held.
    """
    before = {item.sequence: item.stage for item in seen.before.results}
    numbers = [item.sequence for item in seen.after.results]
    assert len(numbers) == len(set(numbers))
    assert seen.after.pending.keys() <= set(numbers)
    for item in seen.after.results:
        old = before.get(item.sequence, Stage.HELD)
        assert old not in FINAL or old is item.stage
        assert not (old is Stage.RELEASED and item.stage is Stage.ADMITTED)
        assert (item.stage in FINAL) is (item.sequence not in seen.after.pending)


def nobody_waits_unasked(seen: Seen) -> None:
    """A rack on its way has a command in execution; the first-out stands while a latch does (R3, R24)."""
    for rack in seen.after.racks:
        if rack.phase in {Phase.WAITING, Phase.COOLING} and rack.is_wanted:
            assert seen.after.pending
    assert (seen.after.first_out is not None) is is_latched(seen.after.chain)


INVARIANTS: tuple[Callable[[Seen], None], ...] = (
    outputs_are_finite,
    no_power_against_the_union,
    no_power_beyond_anything,
    no_power_from_what_is_not_known,
    power_has_an_owner,
    racks_close_and_open_by_the_rules,
    results_move_forward,
    nobody_waits_unasked,
)


@dataclass
class Witness:
    """Watches a container on paper, cycle by cycle."""

    paper: Paper
    cycles: int = 0
    asked: set[int] = field(default_factory=set)
    "Racks that a command has asked to close, and nothing has taken back since (R3)."
    coils: CoilWitness = field(default_factory=CoilWitness)
    said_open: dict[int, float] = field(default_factory=dict)
    "Since when each rack says that it is open, and without current."

    def step(self) -> None:
        """One cycle, with every invariant after it."""
        paper = self.paper
        count = len(paper.racks)
        last = [
            told(paper.history[-1], number) if paper.history else math.nan
            for number in range(1, count + 1)
        ]
        facts = paper.facts()
        before = paper.state
        outcome = paper.step()
        self.cycles += 1
        if any(event.kind.name == "first_out" for event in outcome.events):
            self._check_first_out(outcome)
        seen = Seen(before, facts, outcome, paper, last, list(self._open_for(facts)))
        for invariant in INVARIANTS:
            invariant(seen)
        self._check_closes(seen)
        self.coils.check(before, seen.after, facts, outcome.orders, paper.settings)
        del paper.events[:-50], paper.history[:-2]

    def _open_for(self, facts: Facts) -> Iterator[float]:
        now = self.paper.now
        for number, (connected, current) in enumerate(
            zip(facts.connected, facts.current, strict=True), 1
        ):
            if connected != 0 or abs(current) >= 5:
                self.said_open.pop(number, None)
                yield 0.0
            else:
                yield now - self.said_open.setdefault(number, now)

    def _check_closes(self, seen: Seen) -> None:
        """No close order without a command; what a start finds closed stays closed (R3, R14)."""
        old = {key for key, item in seen.before.chain.items() if item.tripped is not None}
        for key, item in seen.after.chain.items():
            effects = by_rack({key: item}).get(key[1], Effect.NONE)
            if key not in old and effects & POWER and effects & Effect.LATCH:
                self.asked.clear()
        for number, before in enumerate(seen.last, 1):
            told, connected = seen.told(number), seen.facts.connected[number - 1]
            if before == 0 and told == 1:
                assert number in self.asked
            if math.isnan(before) and told == 1:
                assert connected == 1

    @staticmethod
    def _check_first_out(outcome: Outcome) -> None:
        first = outcome.state.first_out
        assert first is None or (first.number, first.rack) in outcome.state.chain


def fresh_witness(paper: Paper) -> Witness:
    """A witness of a container whose EMS is at work."""
    witness = Witness(paper)
    witness.asked = set(range(1, len(paper.racks) + 1)) if paper.beating is EMS else set()
    return witness
