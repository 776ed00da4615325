"""What is done with an input: bytes that a fuzzer, a seed or a defect of the past has made.

byte 0, 1   the setting (`unit.Setting`); byte 1 from bit 2 on: the size of the pieces that the stream comes in
byte 2      the target: 0 a stream as it is, 1 a stream of right frames, 2 frames of a serial line
from 3      the stream; or, for 1 and 2, how a frame is to be (below), the length of its PDU, its PDU, and so on

Served are the units 0, 1 and 255, which are one, and 2; a line serves 1 and 2. Nothing may go wrong, whatever comes:
every answer is well formed, belongs to its request, and is the one that the witness expects.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fuzz.form import checksum, taken_apart, whole
from fuzz.unit import Peer, Setting, Unit
from fuzz.witness import CODES, Witness, hold

from gateway.modbus.bank import Bank
from gateway.modbus.rtu import answered, is_whole
from gateway.modbus.wire import Desynchronised, Receiver, answer

_HEAD = 3
_UNITS = (1, 2, 255, 0, 1, 2, 3, 247)
"Bits 0 to 2 of how a frame is to be; bit 3: it is spoilt."
_SPOILT = 8
_STEP = 0.4  # s between requests
_SHORT = 300  # bytes of a stream that is tried byte by byte, too


@dataclass(slots=True)
class Served:
    """Two units that one connection asks, with their witnesses."""

    peer: Peer
    witnesses: tuple[Witness, Witness]
    units: Mapping[int, Bank]

    @classmethod
    def new(cls, setting: Setting, places: tuple[int, ...] = (0, 1, 255)) -> "Served":
        """As they are before the first request; the first has several unit ids."""
        peer = Peer(setting)
        one, two = Witness(Unit(setting), peer), Witness(Unit(setting), peer)
        units = {**dict.fromkeys(places, one.unit.bank), 2: two.unit.bank}
        return cls(peer, (one, two), units)

    def witness(self, unit: int) -> Witness | None:
        """Who watches a unit; None if it is not served."""
        bank = self.units.get(unit)
        return next((item for item in self.witnesses if item.unit.bank is bank), None)

    def judge(self, unit: int, pdu: bytes, told: bytes) -> None:
        """Look at the PDU that a unit answered with; '' is no answer."""
        setting, witness = self.peer.setting, self.witness(unit)
        if witness is None:
            code = setting.unknown
            due = b"" if code is None else bytes((pdu[0] | 0x80, code))
            hold(told == due, "a unit that is not served:", told)
        elif setting.is_silent:
            hold(told == b"", "silent:", told)
            witness.adopt()
        else:
            witness.look(pdu, told)


def sound(request: bytes, response: bytes) -> None:
    """An answer is a whole ADU of its request (MSG V1.0b clause 3.1.3, APP V1.1b3 clauses 4.1 and 7)."""
    hold(9 <= len(response) <= 260, "length:", response)
    hold(response[:4] == request[:2] + b"\0\0", "transaction and protocol:", response)
    hold(int.from_bytes(response[4:6], "big") == len(response) - 6, "length field:", response)
    hold(response[6] == request[6], "unit:", response)
    if response[7] != request[7] or request[7] & 0x80:
        hold(response[7] == request[7] | 0x80, "function:", response)
        hold(len(response) == 9 and response[8] in CODES, "exception:", response)


def received(pieces: Iterator[bytes]) -> tuple[list[bytes], bool]:
    """The requests that the receiver finds, and whether it found the stream broken."""
    receiver, found = Receiver(), list[bytes]()
    try:
        for piece in pieces:
            for adu in filter(None, receiver.feed(piece)):
                found.append(adu)
    except Desynchronised:
        return found, True
    return found, False


def cut(stream: bytes, size: int) -> Iterator[bytes]:
    """A stream in pieces."""
    return (stream[at : at + size] for at in range(0, len(stream), size))


def watched(setting: Setting, requests: list[bytes]) -> list[bytes]:
    """The answers to requests, each looked at when it is given."""
    served, answers = Served.new(setting), list[bytes]()
    for request in requests:
        response = answer(served.units, request, served.peer.session, setting.unknown)
        if response:
            sound(request, response)
        served.judge(request[6], request[7:], response[7:])
        answers.append(response)
        served.peer.now += _STEP
    for witness in served.witnesses:
        witness.compare()
    return answers


def streamed(setting: Setting, stream: bytes, size: int) -> None:
    """A stream of a connection, as a whole and in pieces of some size, and of a byte."""
    due = whole(stream)
    hold(received(iter((stream,))) == due, f"{len(due[0])} requests expected in", stream)
    for width in {1, size} if len(stream) <= _SHORT else {size}:
        hold(received(cut(stream, width)) == due, f"other requests in pieces of {width}:", stream)
    answers = watched(setting, due[0])
    again = Served.new(setting)
    for piece, response in zip(received(cut(stream, size))[0], answers, strict=True):
        told = answer(again.units, piece, again.peer.session, setting.unknown)
        hold(told == response, "another answer in pieces:", told, response)
        again.peer.now += _STEP


def parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """How a frame is to be, and its PDU, over and over."""
    while len(data) > 2:
        size = max(1, data[1])
        pdu, how = data[2 : 2 + size], data[0]
        data = data[2 + size :]
        yield how, pdu[:253]


def framed(setting: Setting, data: bytes, size: int) -> None:
    """Right frames; a spoilt one is of a foreign protocol."""
    stream = b"".join(
        number.to_bytes(2, "big") + bytes((0, how >> 3 & 1)) + (len(pdu) + 1).to_bytes(2, "big")
        + bytes((_UNITS[how & 7],)) + pdu
        for number, (how, pdu) in enumerate(parts(data))
    )  # fmt: skip
    streamed(setting, stream, size)


def serial(setting: Setting, data: bytes, _: int) -> None:
    """Frames of a serial line; a spoilt one has no right checksum, unless by chance."""
    served = Served.new(setting, (1,))
    for how, pdu in parts(data):
        body = bytes((_UNITS[how & 7],)) + pdu
        frame = body if how & _SPOILT else body + checksum(body)
        fits = 4 <= len(frame) <= 256 and checksum(frame[:-2]) == frame[-2:]
        hold(is_whole(frame) is fits, "whole or not:", frame)
        if fits:
            _ask(served, frame)
        served.peer.now += _STEP


def _ask(served: Served, frame: bytes) -> None:
    unit, pdu, told = frame[0], frame[1:-2], answered(served.units, frame, served.peer.session)
    witness = served.witness(unit)
    if unit == 0 or witness is None or served.peer.setting.is_silent:
        hold(told == b"", "nobody answers:", told)
        _unanswered(served, unit, pdu)
        return
    hold(4 <= len(told) <= 256 and told[0] == unit, "frame:", told)
    hold(checksum(told[:-2]) == told[-2:], "checksum:", told)
    witness.look(pdu, told[1:-2])


def _unanswered(served: Served, unit: int, pdu: bytes) -> None:
    """What nobody answers changes something only if it is a broadcast, or a silent unit's own write."""
    asked = taken_apart(pdu)
    is_write = not isinstance(asked, int) and bool(asked.write or asked.mask)
    obeyed = set[int]()
    for witness in served.witnesses:
        before = len(witness.admitted)
        if is_write and (unit == 0 or served.witness(unit) is witness):
            witness.adopt()
        witness.compare()
        obeyed.add(len(witness.admitted) - before)
    hold(unit != 0 or len(obeyed) == 1, "a broadcast that not both obey:", pdu)


TARGETS = (streamed, framed, serial)


def run(data: bytes) -> None:
    """Do with an input what its head says."""
    if len(data) < _HEAD:
        return
    setting = Setting.of(data[0], data[1])
    TARGETS[data[2] % len(TARGETS)](setting, data[_HEAD:], 1 + (data[1] >> 2))
