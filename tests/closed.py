"""The whole plant in one thread, the clock turned by the test: Modbus bytes at one end, CAN frames at the other.

Nothing is looked up inside: masters' requests are bytes that the answerer answers, the BMUs hear the frames
that are sent and nothing else, and the PCS is written the words of its map.
"""

import struct
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from conformance.sim import pcs_server
from conformance.sim.battery import Battery, Ratings
from conformance.sim.bmu import Sent
from conformance.sim.pcs import Pcs
from conformance.sim.plant import Plant
from gateway.app import Gateway
from gateway.app.promise import Record
from gateway.canbus.frame import IDENTIFIER, Frame, identifier_text, key_of
from gateway.mapping.library import Library
from gateway.mapping.site import Site, load_site
from gateway.modbus.session import Session
from gateway.modbus.wire import answer

SITE = """
site: closed
buses: {{can0: {{interface: virtual, channel: closed}}}}
containers:
  - name: C1
    topology: {{racks: {racks}, modules: 8, cells: 52}}
    sources: [{{frames: {frames}, bus: can0}}{also}]
    control:
      rating: {{charge: 400000, discharge: 400000, reactive: 100000}}
      pcs: {pcs}
      {more}
faces: [{{map: native, listen: '127.0.0.1:5020', unit: 1{face}}}]
masters:
  - {{name: panel, from: 127.0.0.1, role: engineer, local: true}}
  - {{name: ems, from: 127.0.0.2, role: operator, priority: 1}}
  - {{name: scada, from: 127.0.0.3, role: operator}}
  - {{name: dispatcher, from: 127.0.0.4, role: dispatcher}}
"""
DRIVEN = "{path: we_drive, map: sim-pcs, address: '127.0.0.1:5502'}"
PARTS: Mapping[str, object] = {
    "racks": 2, "pcs": DRIVEN, "frames": "demo-bmu", "also": "", "more": "", "face": "",
}  # fmt: skip
"Of the site file: `also` names further sources, `more` keys of control, `face` keys of the face."
CYCLE = 0.02
PANEL, EMS, SCADA, DISPATCHER, STRANGER = (f"127.0.0.{number}" for number in (1, 2, 3, 4, 9))
LISTENER = ("127.0.0.1", 5020)
REQUEST = 0x190001A0


def loaded(folder: Path, **parts: object) -> Site:
    """A site of the simulated plant, written into a folder."""
    file = folder / "closed.yaml"
    file.write_text(SITE.format(**{**PARTS, **parts}))
    return load_site(Library(), str(file))


class Closed:
    """Gateway, BMUs and PCS in a closed loop."""

    def __init__(self, place: Path | Site, *, closed: bool = False, **parts: object) -> None:
        """`place` is a folder for a site of such parts, or a site."""
        if isinstance(place, Path):
            place = loaded(place, **parts)
        self.site = place
        racks = self.site.containers[0].layout.topology.racks
        self.now = 5000.0
        self.cycle_time = CYCLE
        self.plant = Plant(Battery(Ratings(racks=racks), closed=closed))
        self.sent: list[Frame] = []
        "Every frame that the gateway has sent."
        self.pcs_alive = True
        "Whether the PCS link reaches it."
        self.accesses: list[float] = []
        "When the PCS was accessed."
        self.deaf = False
        "Whether the bus is cut."
        self.on_the_way: Callable[[Sent], Sent | None] = lambda sent: sent
        "What becomes of a BMU's frame."
        self.others: Callable[[float], Iterable[Frame]] = lambda _: ()
        "What else is sent on the bus, each cycle."
        self.measured: Callable[[Pcs], list[int]] = pcs_server.measured
        "What the PCS tells of itself."
        self._base = self.now
        self.start()

    def start(
        self, memory: str = "", *, data: str = "simulation", record: Record | None = None
    ) -> None:
        """The gateway starts, perhaps with what survived; the plant goes on."""
        self.gateway = Gateway(self.site, data)
        self.gateway.begin(record, {"control C1": memory}, lambda: self.now)
        (self.controller,) = self.gateway.controllers()
        self.controller.acted = self._acted
        self._transmitter = self.gateway.transmitter("can0")
        self._transmitter.opened(self.now)
        self._units = self.gateway.faces.listeners()[LISTENER]
        self._pulse = 0

    def _acted(self) -> None:
        self.gateway.faces.invalidate()
        self._send(self._transmitter.flush(self.now, self.gateway.orders()))

    def _send(self, frames: list[Frame]) -> None:
        for frame in frames:
            self.sent.append(frame)
            if not self.deaf:
                self.plant.emitter.take(frame.key & IDENTIFIER, frame.data)

    def run(self, seconds: float, beat: str = "", renew: tuple[int, ...] = ()) -> "Closed":
        """Time goes on; a master that beats writes its heartbeat each second, and renews P if given."""
        for tick in range(round(seconds / self.cycle_time)):
            if beat and not tick % round(1 / self.cycle_time):
                self._pulse += 1
                self.write(61000, self._pulse, peer=beat)
                if renew:
                    self.write(61003, *renew, peer=beat)
            self.cycle()
        return self

    def cycle(self) -> None:
        """One control cycle, and everything that happens meanwhile."""
        self.now = round(self.now + self.cycle_time, 6)
        for sent in list(self.plant.emitter.due(self.now - self._base)):
            if (told := self.on_the_way(sent)) is not None:
                self._hear(Frame(self.now, key_of(told.identifier, extended=True), told.data))
        for frame in self.others(self.now):
            self._hear(frame)
        if round(self.now / CYCLE) % 5 == 0:
            self._drive()
        self.gateway.cycle(self.now)
        self._send(self._transmitter.flush(self.now, self.gateway.orders()))
        self._send(self._transmitter.due(self.now, self.gateway.orders()))

    def _hear(self, frame: Frame) -> None:
        """A frame of somebody else comes in: it may be one of ours."""
        if self.deaf:
            return
        if self._transmitter.heard(frame.key, self.now):
            self.gateway.hear_duplicate("can0", identifier_text(frame.key))
        self.gateway.receive("can0", frame)

    def _drive(self) -> None:
        """What the PCS link does each 100 ms."""
        driven, order = self.site.containers[0].pcs, self.controller.pcs_order
        if driven is None or not self.pcs_alive or not order.access:
            return
        pcs = self.plant.pcs
        pcs.touch()
        self.accesses.append(self.now)
        registers = {
            ("holding", 100 + place): word for place, word in enumerate(self.measured(pcs))
        }
        self.controller.hear_pcs(driven.registers.report(registers, self.now))
        for address, words in driven.registers.writes(order, int(self.now * 10) & 0xFFFF):
            pcs_server.write(pcs, address, words)

    def ask(self, pdu: bytes, peer: str = EMS) -> bytes:
        """The PDU that answers a request of a master, in a segment of its own."""
        response = self.answered(pdu, peer)
        self.gateway.settle(lambda: None)
        return response

    def answered(self, pdu: bytes, peer: str = EMS) -> bytes:
        """The same, in a segment that goes on."""
        adu = struct.pack(">HHHB", 7, 0, len(pdu) + 1, 1) + pdu
        return answer(self._units, adu, Session(self.site.masters.at(peer, LISTENER)))[7:]

    def write(self, address: int, *words: int, peer: str = EMS) -> int:
        """Function 6 or 16: the exception code, 0 if it was taken."""
        if len(words) == 1:
            pdu = struct.pack(">BHH", 6, address, words[0])
            echo = pdu
        else:
            body = struct.pack(f">{len(words)}H", *words)
            pdu = struct.pack(">BHHB", 16, address, len(words), len(body)) + body
            echo = pdu[:5]
        response = self.ask(pdu, peer)
        if response[0] & 0x80:
            assert response[0] & 0x7F == pdu[0]
            return response[1]
        assert response == echo
        return 0

    def write_i32(self, address: int, number: int, peer: str = EMS) -> int:
        """A signed value of two registers."""
        return self.write(address, *struct.unpack(">HH", struct.pack(">i", number)), peer=peer)

    def read(self, address: int, count: int = 1) -> list[int]:
        """Holding registers."""
        response = self.ask(struct.pack(">BHH", 3, address, count), STRANGER)
        assert response[0] == 3, response.hex()
        return list(struct.unpack(f">{count}H", response[2:]))

    def read_i32(self, address: int) -> int:
        """A signed value of two registers."""
        number: int = struct.unpack(">i", struct.pack(">HH", *self.read(address, 2)))[0]
        return number

    def requests(self, rack: int, since: float = 0.0) -> list[int]:
        """What the frames to a rack asked for, as sent: 0 nothing, 1 disconnect, 2 connect."""
        wanted = REQUEST | rack << 16
        return [
            frame.data[0] & 3
            for frame in self.sent
            if frame.key & IDENTIFIER == wanted and frame.time >= since
        ]
