"""The contactors of a rack: negative, precharge, positive, precharge off; and what may go wrong on the way."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

DISCONNECTED, INITIALIZING, CONNECTED, FAULT = 1, 2, 3, 99
"The states of a rack, as the status message gives them."
_MATCHED = 0.02  # of the rack's voltage
_DECAYED = 2.0  # A, precharging current that counts as gone
_TRY = 2.0  # s of precharging, then the BMU gives up
_BEARABLE = 4.0  # s of precharging that a BMU bears which is driven coil by coil
_FOLLOW = 0.5  # s in which feedback must follow the coil


@dataclass(frozen=True, slots=True)
class Positions:
    """Where the contactors are: True is closed."""

    positive: bool = False
    negative: bool = False
    precharge: bool = False

    @property
    def bits(self) -> int:
        """As the status message gives them."""
        return self.positive | self.negative << 1 | self.precharge << 2


_OPEN = Positions()
_CLOSED = Positions(positive=True, negative=True)


class Contactors:
    """Coils driven in sequence, one step a call; the feedback follows unless a fault keeps it."""

    def __init__(self, *, closed: bool = False) -> None:
        self.coils = _CLOSED if closed else _OPEN
        self.gave_up = False
        "Whether precharge did not succeed in its time; until `forgive`."
        self._since = 0.0
        self._astray = 0.0
        self._dropped = False
        "Whether coils that are held on were dropped here: they must be ordered off first."

    @property
    def state(self) -> int:
        """Disconnected, initializing or connected."""
        if self.coils == _OPEN:
            return DISCONNECTED
        return CONNECTED if self.coils == _CLOSED else INITIALIZING

    def feedback(self, faults: AbstractSet[str]) -> Positions:
        """Where the contactors really are."""
        coils = self.coils
        if "welded" in faults:
            return Positions(positive=True, negative=True, precharge=coils.precharge)
        if "stuck_precharge" in faults:
            return Positions(positive=coils.positive, negative=coils.negative, precharge=True)
        if "stuck_open" in faults:
            return Positions(negative=coils.negative, precharge=coils.precharge)
        return coils

    def open(self) -> None:
        """Drop all coils."""
        self._dropped |= self.coils != _OPEN
        self.coils = _OPEN

    def forgive(self) -> None:
        """Let precharge be tried again."""
        self.gave_up = False

    def close(self, gap: float, amperes: float, now: float) -> None:
        """One step towards closed; `gap` is the voltage to the bus as a part of the rack's."""
        coils = self.coils
        if coils == _OPEN:
            self.coils = Positions(negative=True)
        elif coils.positive:
            self.coils = _CLOSED
        elif not coils.precharge:
            self.coils, self._since = Positions(negative=True, precharge=True), now
        elif abs(gap) < _MATCHED and abs(amperes) < _DECAYED:
            self.coils = Positions(positive=True, negative=True, precharge=True)
        elif now - self._since >= _TRY:
            self.coils, self.gave_up = _OPEN, True

    def drive(self, wanted: Positions, faults: AbstractSet[str], now: float) -> None:
        """Drive coils as they are ordered; a resistor that is left on for too long is taken off."""
        if wanted == _OPEN:
            self._dropped = False
        if self._dropped:
            return
        if "hasty" in faults and wanted.negative:
            wanted = Positions(positive=True, negative=True, precharge=wanted.precharge)
        if not wanted.precharge or not self.coils.precharge:
            self._since = now
        self.coils = wanted
        if now - self._since >= _BEARABLE:
            self.open()
            self.gave_up = True

    def watch(self, faults: AbstractSet[str], seconds: float) -> bool:
        """Whether the feedback has contradicted the coils for too long."""
        agrees = self.feedback(faults) == self.coils
        self._astray = 0.0 if agrees else self._astray + seconds
        return self._astray > _FOLLOW
