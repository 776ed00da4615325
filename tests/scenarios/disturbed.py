"""A closed plant that is disturbed from outside: signals told wrong, reports of a second unit, a lost frame, a full disk.

Two racks on the bus, each with its BMU and with a unit that only passes on what it is told: every cause of the
alarm catalogue at the levels alarm and trip, in the frame 0x181r00F4. It acts on nothing, so that whatever
happens to the rack is the gateway's doing.
"""

import functools
import itertools
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cantools
from cantools.database.can import Database

from conformance.sim import pcs_server
from conformance.sim.bmu import Sent
from conformance.sim.pcs import Pcs
from gateway.canbus.frame import Frame, key_of
from gateway.mapping.library import installed
from gateway.mapping.site import Site
from gateway.model.alarm import CAUSES
from gateway.model.event import Event

from closed import EMS, Closed, loaded

LEASE, SELECT, MODE, CONNECT, DISCONNECT, RESET = range(61100, 61106)
ENABLES, POWER = 61001, 61003
READY, RUN = 3, 4
WATTS = 100_000
SELECT_RACK = 2200
PACE = 0.1
"Seconds of a cycle: slow, so that all rows take a minute."
NUMBERS = (
    "ramp_up: 1\n      tries: 1\n      connect_time: 3\n      lockout: 5\n      reset_time: 0.5"
)
THRESHOLDS = {
    "cell_voltage_high": 3.45, "cell_voltage_low": 3.1,
    "cell_temperature_high": 40, "cell_temperature_low": 10,
    "rack_voltage_high": 1420, "rack_voltage_low": 1300, "insulation_low": 150_000,
    "rack_current_high": 120, "soc_high": 95, "soc_low": 5,
}  # fmt: skip
"What the site with thresholds fits."
REST = "rest_voltages: [{soc: 0, low: 2.5, high: 3}, {soc: 10, low: 2.9, high: 3.1}, {soc: 30, low: 3, high: 3.4}, {soc: 100, low: 3.2, high: 3.7}]"


def _reports(level: str) -> str:
    rows = [f"{{cause: {of.name}, level: {level}, bit: {of.bit}}}" for of in CAUSES]
    return "[" + ", ".join(rows) + "]"


UNIT = f"""
protocol: unit
messages:
  - id: 0x181{{rack}}00F4
    name: Reports
    period: 0.1
    zero: data
    signals:
      Alarms: {{bits: 0|32@1+, alarms: {_reports("alarm")}}}
      Trips: {{bits: 32|32@1+, alarms: {_reports("trip")}}}
"""


@functools.cache
def site(*, fitted: bool) -> Site:
    """The site, with or without thresholds of its own."""
    rows = "".join(f"\n        - {{row: {row}, value: {of}}}" for row, of in THRESHOLDS.items())
    tolerant = "\n      current_tolerance: 100\n      voltage_tolerance: 200"  # what is told wrong contradicts nothing else
    more = NUMBERS + (f"{tolerant}\n      {REST}\n      thresholds:{rows}" if fitted else "")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "unit.yaml").write_text(UNIT)
        Path(folder, "racks.yaml").write_text(_without_cells())
        frames, unit = "demo-bmu" if fitted else "racks", ", {frames: unit, bus: can0}"
        return loaded(Path(folder), more=more, frames=frames, also=unit)


def _without_cells() -> str:
    """The BMUs' frame file without modules and cells, where no row looks at them: it saves a third of the time."""
    file = installed() / "frames" / "demo-bmu.yaml"
    text = file.read_text().replace("file: demo-bmu.dbc", f"file: {file.with_suffix('.dbc')}")
    kept, _, rest = text.partition("  - message: Module_Voltage")
    return kept + rest[rest.index("sends:") :]


@functools.cache
def _database() -> Database:
    path = installed() / "frames" / "demo-bmu.dbc"
    database = cantools.database.load_file(path)
    assert isinstance(database, Database)
    return database


def _told(sent: Sent, values: Mapping[str, float]) -> Sent:
    """A BMU's frame, with other values for some of its signals."""
    message = _database().get_message_by_frame_id(sent.identifier & ~0xF0000 | 1 << 16)
    if not values.keys() & {signal.name for signal in message.signals}:
        return sent
    read = message.decode(sent.data, decode_choices=False)
    assert isinstance(read, dict)
    read |= {name: value for name, value in values.items() if name in read}
    return Sent(sent.identifier, message.encode(read, strict=False))


@dataclass
class Paper:
    """A journal that is on disk at once, until it fails."""

    boot: int = 1
    failed: str = ""
    tickets: int = 0
    kept: dict[str, str] = field(default_factory=dict)

    def write(self, events: Sequence[Event], kept: Mapping[str, str] | None = None) -> int:
        """Hand events over, and what survives a restart."""
        del events
        self.kept |= kept or {}
        self.tickets += 1
        return self.tickets

    def settled(self, ticket: int) -> bool:
        """Whether it is on disk, or cannot be."""
        return ticket <= self.tickets

    def when_settled(self, ticket: int, callback: Callable[[], None]) -> None:
        """It is."""
        del ticket
        callback()


class Disturbed:
    """The plant, and what is wrong with it."""

    def __init__(self, *, fitted: bool = False) -> None:
        """`fitted`: with thresholds of the site's own."""
        self.closed = Closed(site(fitted=fitted), closed=True)
        self.closed.cycle_time = PACE
        self.closed.on_the_way, self.closed.others = self._on_the_way, self._others
        self.closed.measured = self._measured
        self.told: dict[int, dict[str, float]] = {}
        "Signals that a rack's BMU tells wrong, by rack."
        self.cut: set[tuple[int, int]] = set()
        "Messages that do not arrive: rack, and kind as in the identifier."
        self.reports: set[tuple[int, int]] = set()
        "What the units report: rack, and the number of the interlock."
        self.foreign: list[int] = []
        "Identifiers that somebody else sends."
        self.astray = 0
        "Tenths of A by which the PCS tells its DC current too high."
        self.beats = True
        "Whether the EMS is alive."
        self.journal = Paper()
        self.closed.gateway.begin(self.journal, {}, lambda: self.closed.now)
        self._numbers = itertools.count(1)

    def start(self, *, data: str = "simulation") -> None:
        """The gateway starts anew, with what the journal has kept."""
        memory = self.journal.kept.get("control C1", "")
        self.closed.start(memory, data=data, record=self.journal)

    def work(self, settle: float = 2.2) -> "Disturbed":
        """Once racks are adopted, the EMS takes the lease, has the PCS run, and asks for 100 kW."""
        self.run(settle)
        self.write(LEASE, 3600)
        self.write(ENABLES, 1, 1)
        self.resume()
        return self

    def resume(self) -> None:
        """The EMS asks for run and power again."""
        self.write(MODE, READY)
        self.write(MODE, RUN)
        self.push(WATTS, 0.9)

    def run(self, seconds: float) -> None:
        """Time goes on."""
        self.closed.run(seconds, EMS if self.beats else "")

    def push(self, watts: int, seconds: float = 0.4) -> None:
        """The EMS asks for power, and waits for it."""
        self.closed.write_i32(POWER, watts)
        self.run(seconds)

    def write(self, address: int, *words: int) -> int:
        """What the EMS writes; the exception code."""
        return self.closed.write(address, *words)

    def once(self, address: int) -> int:
        """A command that acts when its value changes; the exception code."""
        return self.write(address, next(self._numbers))

    def connect(self, rack: int) -> int:
        """Select and connect one rack; the exception code."""
        self.write(SELECT, 0)
        if refused := self.write(SELECT, SELECT_RACK + rack):
            return refused
        return self.once(61190 + 10 * rack)

    def disconnect(self, rack: int) -> int:
        """Disconnect one rack; the exception code."""
        return self.once(61191 + 10 * rack)

    def _measured(self, pcs: Pcs) -> list[int]:
        """What the PCS tells, its DC current perhaps wrong."""
        words = pcs_server.measured(pcs)
        (current,) = struct.unpack(">i", struct.pack(">HH", *words[7:9]))
        words[7:9] = struct.unpack(">HH", struct.pack(">i", current + self.astray))
        return words

    def _on_the_way(self, sent: Sent) -> Sent | None:
        rack, kind = sent.identifier >> 16 & 0xF, sent.identifier >> 8 & 0xFF
        if (rack, kind) in self.cut:
            return None
        return _told(sent, self.told[rack]) if self.told.get(rack) else sent

    def _others(self, now: float) -> Iterator[Frame]:
        for rack in range(1, 3):
            if "silent" in self.closed.plant.faults.of(rack):
                continue
            bits = 0
            for number in (number for of, number in self.reports if of == rack):
                bits |= 1 << (number + 31) % 64  # trips are interlocks 1-32 and behind the alarms
            key = key_of(0x181000F4 | rack << 16, extended=True)
            yield Frame(now, key, bits.to_bytes(8, "little"))
        for identifier in self.foreign:
            yield Frame(now, key_of(identifier, extended=True), bytes(8))
