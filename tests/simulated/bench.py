"""Simulated racks to be ordered about: requests by an encoder of our own, frames read with cantools."""

from collections import defaultdict
from collections.abc import Iterable

from cantools.database.can import Database

from conformance.sim.battery import Battery, Ratings
from conformance.sim.bmu import Sent, identifier
from conformance.sim.emitter import Emitter

Values = dict[str, float]
NO_ORDER, DISCONNECT, CONNECT = 0, 1, 2
RESET, STOP = 0x10, 0x20


def remainder(data: bytes) -> int:
    """CRC-8 SAE J1850 by its definition: the rest of the message, divided by x^8 + x^4 + x^3 + x^2 + 1."""
    rest = int.from_bytes(data, "big") << 8 ^ 0xFF << 8 * len(data)
    for place in range(8 * len(data) + 7, 7, -1):
        if rest >> place & 1:
            rest ^= 0x11D << place - 8
    return rest ^ 0xFF


class Bench:
    """A few racks, and a gateway's voice."""

    def __init__(self, database: Database, racks: int = 2, *, closed: bool = False) -> None:
        self._database = database
        self.battery = Battery(Ratings(racks=racks), closed=closed)
        self.emitter = Emitter(self.battery)
        self._counter = 0

    def frame(self, bits: int) -> bytes:
        """A request with its counter and checksum."""
        self._counter = (self._counter + 1) % 16
        body = bytes((bits, 1, 7, 0, 0, 0, self._counter))
        return body + bytes((remainder(body),))

    def say(self, rack: int, data: bytes) -> None:
        """Send a request to a rack."""
        self.emitter.take(0x190001A0 | rack << 16, data)

    def order(self, bits: int, seconds: float, racks: Iterable[int] = (1,)) -> None:
        """Send a request to some racks each 100 ms for some seconds."""
        for _ in range(round(seconds / 0.1)):
            data = self.frame(bits)
            for rack in racks:
                self.say(rack, data)
            self.wait(0.1)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds / 0.05)):
            self.emitter.step(0.05)

    def told(self, rack: int = 1) -> Values:
        """Measured values, limits and status of a rack as its frames say."""
        values = read(self._database, self.emitter.bmus[rack].fast(), rack)
        return values["Rack_Measure"] | values["Rack_Limits"] | values["Rack_Status"]

    def trips(self, rack: int = 1) -> set[str]:
        """The trip bits of a rack's status frame."""
        return {name for name, value in self.told(rack).items() if value and name[:4] == "Trip"}

    def state(self, rack: int = 1) -> int:
        """The state in a rack's status frame."""
        return int(self.told(rack)["RackState"])

    def contactors(self, rack: int = 1) -> str:
        """The closed contactors of a rack's status frame: some of `N`, `P` and `+`."""
        told = self.told(rack)
        names = (("Negative", "N"), ("Precharge", "P"), ("Positive", "+"))
        return "".join(letter for name, letter in names if told[f"Contactor{name}"])


def read(database: Database, frames: Iterable[Sent], rack: int) -> dict[str, Values]:
    """What cantools reads in a rack's frames: values by message."""
    values: dict[str, Values] = defaultdict(dict)
    for sent in frames:
        assert sent.identifier >> 16 & 0xF == rack
        name = database.get_message_by_frame_id(identifier(1, sent.identifier >> 8 & 0xFF)).name
        decoded = database.decode_message(name, sent.data, decode_choices=False)
        assert isinstance(decoded, dict)
        values[name] |= {key: float(str(value)) for key, value in decoded.items()}
    return values
