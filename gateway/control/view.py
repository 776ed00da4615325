"""One rack in one cycle: what it was, what it tells, what stands against it."""

import dataclasses
from dataclasses import dataclass

from gateway.control.interlock import Effect
from gateway.control.poles import NO_POLES, Poles
from gateway.control.settings import Settings
from gateway.control.state import Phase, Rack, Wait


@dataclass(frozen=True, slots=True)
class View:
    """One rack and what bears on it."""

    rack: Rack
    connected: float
    closed: float
    "1 while any contactor of it is closed; the same where they are not told one by one."
    precharging: bool
    current: float
    "As far as it is believed: NaN where something contradicts it (R42)."
    told: float
    "As it tells itself."
    effects: Effect
    settings: Settings
    now: float
    wait: Wait
    poles: Poles = NO_POLES
    is_tripped: bool = False
    "Whether its BMU reports a trip: that explains why it opens by itself."

    @property
    def age(self) -> float:
        """Seconds in this phase."""
        return self.now - self.rack.since

    @property
    def is_blocked(self) -> bool:
        """Whether something stands against closing it."""
        return bool(self.effects & (Effect.BLOCK_CLOSE | Effect.OPEN))

    @property
    def must_open(self) -> bool:
        """Whether an interlock asks for opening it."""
        return bool(self.effects & Effect.OPEN)

    @property
    def is_asked(self) -> bool:
        """Whether somebody wants it on the bus, and it takes part."""
        return self.rack.is_wanted and self.rack.is_enabled

    @property
    def is_unloaded(self) -> bool:
        """Whether its current is known and low (R30)."""
        return abs(self.current) < self.settings.low_current

    @property
    def is_off(self) -> bool:
        """Whether it is off the bus: told open, and no current that it tells contradicts that (R31)."""
        return self.connected == 0 and not abs(self.told) >= self.settings.low_current

    def to(self, phase: Phase, **changes: object) -> Rack:
        """The rack in another phase; coils are driven one by one in none but the one that says so."""
        changes = {"coil": None, **changes}
        rack: Rack = dataclasses.replace(self.rack, phase=phase, since=self.now, **changes)  # type: ignore[arg-type] # its fields
        return rack

    def leaving(self, **changes: object) -> Rack:
        """On its way off the bus: at once at low current, else it waits for that with all it holds (R30)."""
        if self.is_unloaded:
            return self.to(Phase.OPENING, **{**changes, "is_wanted": False})
        return self.to(Phase.UNLOADING, is_forced=self.must_open, **changes)

    def given_up(self) -> Rack:
        """After a try that failed: another one later, or a lockout while the resistor cools (R28)."""
        if self.rack.tries < self.settings.tries:
            return self.to(Phase.COOLING, wait=Wait.PAUSE)
        until = self.now + self.settings.lockout
        return self.to(Phase.OPEN, is_wanted=False, tries=0, locked_until=until, wait=Wait.NOTHING)
