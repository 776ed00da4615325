"""A container on paper: racks that obey orders, or do not; a clock that the test turns."""

import copy
import dataclasses
import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from control.coils import contacts, follow, made
from control.paper_rack import PaperRack, power

from gateway.control.chain import row_of
from gateway.control.cycle import Admission, Outcome, admit, step
from gateway.control.facts import Basis, Facts, Identity, Plant
from gateway.control.interlock import BY_NAME
from gateway.control.limit import Allowed, Limiter
from gateway.control.memory import kept, restored
from gateway.control.settings import PcsPath, Settings
from gateway.control.state import Mode, Phase, State, fresh
from gateway.model.command import INSTRUCTIONS, SELECT_STEP, Command, Origin, Result, Role
from gateway.model.event import Event
from gateway.model.order import Orders, PcsReport

EMS = Origin("ems", Role.OPERATOR, priority=1)
SCADA = Origin("scada", Role.OPERATOR, priority=0)
CHIEF = Origin("chief", Role.OPERATOR, priority=9)
PANEL = Origin("panel", Role.ENGINEER, priority=0, is_local=True)
VIEWER = Origin("viewer", Role.VIEWER)
CYCLE = 0.02
SETTINGS = Settings(
    charge_rating=1000e3, discharge_rating=1000e3, reactive_rating=500e3, path=PcsPath.POLLS_US,
    rest=0.1, masters=(EMS, SCADA, CHIEF, PANEL),
)  # fmt: skip
CONTACTOR = 0.5
"s that a rack takes to follow an order."


_MADE: dict[Hashable, "Paper"] = {}


@dataclass
class Paper:
    """The container, its control and everything that was ever ordered and told."""

    count: int = 3
    settings: Settings = SETTINGS
    now: float = 1000.0
    amperes: tuple[float, float] = (300.0, 300.0)
    watts: tuple[float, float] = (math.nan, math.nan)
    plant: Plant = field(default_factory=Plant)
    reported: dict[tuple[int, int], float] = field(default_factory=dict)
    resting: dict[int, float] = field(default_factory=dict)
    "Racks whose voltage at rest contradicts their state of charge."
    racks: list[PaperRack] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    history: list[Orders] = field(default_factory=list)
    outcome: Outcome | None = None
    beating: Origin | None = None
    "The master that is alive: it writes its heartbeat each second."
    watts_asked: float | None = None
    "And this setpoint with it."
    beats: int = 0
    basis: Basis | None = None
    keeps_pcs: bool = False
    "The PCS that we drive answers in every cycle."
    state: State = field(init=False)

    def __post_init__(self) -> None:
        self.racks = self.racks or [PaperRack(coils=made(self.settings)) for _ in range(self.count)]
        self.state = fresh(len(self.racks), self.now)

    def facts(self) -> Facts:
        """What control sees now."""
        scale = float(any(rack.connected != 0 for rack in self.racks))
        return Facts(
            voltage=self._told_by(lambda rack: rack.voltage),
            current=self._told_by(lambda rack: rack.current),
            connected=self._told_by(lambda rack: rack.connected if rack.heard else math.nan),
            precharging=tuple(rack.precharging for rack in self.racks),
            heard=tuple(rack.heard for rack in self.racks),
            limits_age=tuple(rack.limits_age if rack.heard else math.inf for rack in self.racks),
            charge_amperes=self.amperes[0] * scale, discharge_amperes=self.amperes[1] * scale,
            charge_watts=self.watts[0] * scale, discharge_watts=self.watts[1] * scale,
            bus_voltage=1300.0,
            reported=dict(self.reported),
            identities=tuple(
                Identity() if rack.silent else Identity(rack.serial, rack.firmware, rack.modules)
                for rack in self.racks
            ),
            power=self._told_by(power),
            resting=dict(self.resting),
            basis=self.basis,
            contacts=contacts(self.racks, [not rack.heard or rack.silent for rack in self.racks]),
        )  # fmt: skip

    def _told_by(self, tells: Callable[[PaperRack], float]) -> tuple[float, ...]:
        return tuple(math.nan if rack.silent else tells(rack) for rack in self.racks)

    def report(self, row: str, rack: int = 0, value: float = 1.0) -> None:
        """A BMU reports something."""
        self.reported[BY_NAME[row].number, rack] = value

    def clear(self, row: str, rack: int = 0) -> None:
        """It reports it no more."""
        del self.reported[BY_NAME[row].number, rack]

    def pcs(self, **changes: object) -> None:
        """The PCS reports something."""
        report: PcsReport = dataclasses.replace(self.plant.pcs, at=self.now, **changes)  # type: ignore[arg-type] # its fields
        self.plant = dataclasses.replace(self.plant, pcs=report)

    def write(self, name: str, value: float, origin: Origin = EMS, rack: int = 0) -> Admission:
        """One row, as a master writes it."""
        return self.block(origin, (name, value, rack))

    def block(self, origin: Origin, *rows: tuple[str, float, int]) -> Admission:
        """Several rows in one request."""
        commands = [Command(INSTRUCTIONS[name], value, origin, rack) for name, value, rack in rows]
        admission = admit(self.state, self.facts(), commands, self.settings, self.now, self.plant)
        self.state = admission.state
        self.events += admission.events
        return admission

    def step(self) -> Outcome:
        """One cycle: control decides, racks follow."""
        self.now = round(self.now + CYCLE, 6)
        if self.beating is not None and round(self.now / CYCLE) % round(1 / CYCLE) == 0:
            self.beat(self.beating)
        if self.keeps_pcs:
            self.pcs()
        outcome = step(self.state, self.facts(), self.settings, self.now, self.plant)
        self.state, self.outcome = outcome.state, outcome
        self.events += outcome.events
        self.history.append(outcome.orders)
        follow(self.racks, outcome.orders, self.now, CYCLE)
        for number, rack in enumerate(self.racks, 1):
            self._follow(rack, outcome.orders.value("rack_connect", number))
            rack.limits_age = rack.limits_age + CYCLE if rack.silent or rack.mute else 0.0
        return outcome

    def _follow(self, rack: PaperRack, order: float) -> None:
        if order != rack.ordered:
            rack.ordered, rack.since = order, self.now
        if self.now - rack.since >= CONTACTOR:
            if order == 1 and not rack.stuck:
                rack.connected = 1.0
            elif order == 0 and not rack.welded:
                rack.connected, rack.current, rack.precharging = 0.0, 0.0, False

    def beat(self, origin: Origin = EMS) -> None:
        """A sign of life, and the setpoint with it."""
        self.beats = self.beats % 65535 + 1
        self.write("ems_heartbeat", self.beats, origin)
        if self.watts_asked is not None:
            self.write("power_setpoint", self.watts_asked, origin)

    def run(self, seconds: float) -> Outcome:
        """Some time passes."""
        return [self.step() for _ in range(round(seconds / CYCLE))][-1]

    def takes(self, fact: Callable[["Paper"], bool], most: float = 200.0) -> float:
        """How long it takes until something is so, to one cycle."""
        begun = self.now
        while not fact(self):
            assert self.now - begun < most, self.state
            self.step()
        return self.now - begun

    def restarted(self) -> "Paper":
        """The gateway is stopped and started; the racks are what they were."""
        self.state = restored(kept(self.state, self.now), len(self.racks), self.settings, self.now)
        self.events, self.history, self.beating, self.watts_asked = [], [], None, None
        return self

    def adopted(self) -> "Paper":
        """After the adoption of what was found."""
        self.run(0.1)
        assert self.mode is not Mode.ADOPT
        return self

    def connected(self, origin: Origin = EMS) -> "Paper":
        """With the lease and alive, all racks closed by command."""
        return self._as_before(("connected", origin), lambda paper: paper._connect(origin))

    def _as_before(self, how: Hashable, make: Callable[["Paper"], None]) -> "Paper":
        """Made as `make` does, or as it was made before from the same beginning: that is faster."""
        begun = self.racks == Paper(len(self.racks), self.settings).racks and not self.history
        key = (how, len(self.racks), self.settings, self.amperes, self.watts, self.plant)
        if not begun or self.reported or (key, self.keeps_pcs) not in _MADE:
            make(self)
            if begun and not self.reported:
                _MADE[key, self.keeps_pcs] = self._twin()
        else:
            vars(self).update(vars(_MADE[key, self.keeps_pcs]._twin()))
        return self

    def _twin(self) -> "Paper":
        twin = copy.copy(self)
        twin.racks, twin.reported = [copy.copy(rack) for rack in self.racks], dict(self.reported)
        twin.resting = dict(self.resting)
        twin.events, twin.history = list(self.events), list(self.history)
        return twin

    def _connect(self, origin: Origin) -> None:
        self.adopted().write("lease", 3600, origin)
        self.beating = origin
        self.beat(origin)
        self.operate("connect", origin)
        self.takes(lambda paper: paper.phases == {Phase.CLOSED}, 2 * len(self.racks))
        self.run(0.1)

    def running(self, watts: float | None = None, origin: Origin = EMS) -> "Paper":
        """In mode run, enabled both ways, perhaps with power."""
        how = ("running", watts, origin)
        return self._as_before(how, lambda paper: paper._begin(watts, origin))

    def _begin(self, watts: float | None, origin: Origin) -> None:
        self.connected(origin)
        self.block(origin, ("charge_enable", 1, 0), ("discharge_enable", 1, 0))
        assert self.write("mode_request", 4, origin).refusal is None
        self.run(5.1)
        assert self.mode is Mode.RUN
        if watts is not None:
            self.watts_asked = watts
            self.run(7)
            assert self.power == watts

    def operate(self, name: str, origin: Origin = EMS, rack: int = 0, value: int = 0) -> Admission:
        """Select and operate."""
        number = INSTRUCTIONS[name].number * SELECT_STEP + rack
        self.write("select", 0, origin)
        if (selection := self.write("select", number, origin)).refusal is not None:
            return selection
        return self.write(name, value or self.next_value(name, origin, rack), origin, rack)

    def next_value(self, name: str, origin: Origin, rack: int = 0) -> float:
        """A value that is an edge."""
        return self.state.held.get((origin.name, name, rack), 0.0) % 65534 + 1

    @property
    def mode(self) -> Mode:
        """The mode."""
        return self.state.mode

    @property
    def phases(self) -> set[Phase]:
        """The phases that racks are in."""
        return {rack.phase for rack in self.state.racks}

    @property
    def power(self) -> float:
        """The active power that is let through, in W."""
        return self.state.power.applied

    @property
    def allowed(self) -> Allowed:
        """What both directions may do."""
        assert self.outcome is not None
        return self.outcome.allowed

    @property
    def result(self) -> Result:
        """The latest one-shot's result."""
        return self.state.results[0]

    @property
    def bound_by(self) -> Limiter:
        """What binds the active power."""
        return Limiter(self.state.power.limited_by)

    @property
    def tripped(self) -> set[tuple[str, int]]:
        """The interlock rows that act, by name and rack."""
        return {
            (row_of(key).name, key[1])
            for key, standing in self.state.chain.items()
            if standing.tripped is not None
        }

    def told(self, kind: str) -> list[Event]:
        """The events of a kind."""
        return [event for event in self.events if event.kind.name == kind]

    def ordered(self, rack: int) -> float:
        """What a rack was told last."""
        return self.history[-1].value("rack_connect", rack)
