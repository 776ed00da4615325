"""A simulated plant whose BMUs leave precharge to the gateway, and what is sent to them, read by others.

Coil frames are read with cantools from a database written here by hand, their checksums divided by hand, so
that no table of ours judges itself.
"""

import itertools
from collections.abc import Callable
from pathlib import Path

import cantools
from cantools.database.can import Database
from simulated.bench import remainder

from conformance.sim.battery import Battery, Ratings
from conformance.sim.plant import Plant
from gateway.canbus.frame import IDENTIFIER
from gateway.model.event import Event

from closed import EMS, Closed, loaded

DBC = """
VERSION ""
NS_ :
BS_:
BU_: BMU Gateway
BO_ 2567012772 Coils: 8 Gateway
 SG_ Negative : 0|2@1+ (1,0) [0|2] "" BMU
 SG_ Precharge : 2|2@1+ (1,0) [0|2] "" BMU
 SG_ Positive : 4|2@1+ (1,0) [0|2] "" BMU
 SG_ Rest : 8|40@1+ (1,0) [0|0] "" BMU
 SG_ Counter : 48|4@1+ (1,0) [0|15] "" BMU
 SG_ High : 52|4@1+ (1,0) [0|0] "" BMU
 SG_ Check : 56|8@1+ (1,0) [0|255] "" BMU
BO_ 2566984948 Bus: 8 BMU
 SG_ Voltage : 0|16@1+ (0.1,0) [0|2000] "V" Gateway
 SG_ Counter : 56|4@1+ (1,0) [0|15] "" Gateway
"""
COILS = 0x190001A4
NO_ORDER, OFF, ON = 0, 1, 2
SHUT = (OFF, OFF, OFF)
WAY = [SHUT, (ON, OFF, OFF), (ON, ON, OFF), (ON, ON, ON), (ON, OFF, ON)]
LEASE, SELECT, CONNECT, DISCONNECT, STOP = 61100, 61101, 61103, 61104, 61108
OPEN, CLOSING, CLOSED = 1, 3, 4
PHASE, WAIT, BUS, CONNECTED = 1060, 1061, 1036, 1025
MISMATCH, LOCKOUT = 67, 68
TAKEN, CONTROL = 0, 4


def database() -> Database:
    """The database written by hand."""
    found = cantools.database.load_string(DBC, "dbc")
    assert isinstance(found, Database)
    return found


class Coiled:
    """A plant whose BMUs leave precharge to the gateway, and what was said about it."""

    def __init__(self, folder: Path, *, closed: bool = False) -> None:
        self._database = database()
        also = ", {frames: demo-bmu-coils, bus: can0}"
        self.closed = Closed(loaded(folder, more="contactors: coils", also=also), closed=closed)
        self.plant = self.closed.plant = Plant(Battery(Ratings(racks=2), closed=closed), coils=True)
        self.events: list[Event] = []
        self.hear().run(3.0)

    def hear(self) -> Closed:
        """Listen to what the controller tells."""
        self.closed.controller.told = self.events.extend
        return self.closed

    def connect(self) -> "Coiled":
        """All racks are told to connect."""
        assert self.closed.write(LEASE, 3600) == TAKEN
        self.closed.write(SELECT, 0)
        assert self.closed.write(SELECT, 2000) == TAKEN
        assert self.closed.write(CONNECT, self.closed.read(CONNECT)[0] % 100 + 1) == TAKEN
        return self

    def until(self, holds: Callable[[], bool], most: float = 30.0) -> float:
        """How long it takes until something is so."""
        begun = self.closed.now
        while not holds():
            assert self.closed.now - begun < most, self.closed.controller.state.racks
            self.closed.run(0.02, EMS if round(self.closed.now * 50) % 25 == 0 else "")
        return self.closed.now - begun

    def said(self, rack: int, since: float = 0.0) -> list[tuple[float, tuple[int, ...]]]:
        """What a rack's coils were told, each time that it changed, and when."""
        told = [
            (frame.time, self._decoded(frame.data))
            for frame in self.closed.sent
            if frame.key & IDENTIFIER == COILS | rack << 16 and frame.time >= since
        ]
        return [
            item for before, item in itertools.pairwise([(0.0, ()), *told]) if item[1] != before[1]
        ]

    def _decoded(self, data: bytes) -> tuple[int, ...]:
        values = self._database.get_message_by_name("Coils").decode(data)
        assert isinstance(values, dict)
        assert (values["Rest"], values["High"]) == (0, 0)
        assert values["Check"] == remainder(data[:7])
        return tuple(int(values[name]) for name in ("Negative", "Precharge", "Positive"))  # type: ignore[arg-type] # numbers

    def volts(self, rack: int = 1) -> float:
        """The rack's true voltage."""
        return float(self.plant.battery.rack_voltage()[rack - 1])

    def phase(self, rack: int = 1) -> int:
        """Its phase, as read."""
        return self.closed.read(PHASE + 100 * (rack - 1))[0]

    def interlock(self, number: int) -> bool:
        """Whether a row acts, as read."""
        return bool(self.closed.read(300 + (number - 1) // 16)[0] >> (number - 1) % 16 & 1)

    def details(self, kind: str) -> list[str]:
        """What events of a kind say."""
        return [event.detail for event in self.events if event.kind.name == kind]
