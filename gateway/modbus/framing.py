"""How the streams of a listener are framed: each form finds requests in a stream, and answers them."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol

from gateway.mapping.listeners import Framing
from gateway.modbus import rtu, wire
from gateway.modbus.bank import Bank, Code
from gateway.modbus.rtu_stream import RtuReceiver
from gateway.modbus.session import Session
from gateway.model.traffic import Counts


class Receiving(Protocol):
    """Cuts a stream of bytes into requests."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Each whole request in order; raises `wire.Desynchronised` where the stream breaks for good."""


class Form(NamedTuple):
    """One way to frame requests and answers."""

    receiver: Callable[[Callable[[], float], Counts], Receiving]
    "With a clock, and what counts damaged frames."
    answer: Callable[[Mapping[int, Bank], bytes, Session, Code | None], bytes]
    "The response to a whole request; the last is what unknown unit ids are answered."
    function_at: int
    "Where the function code is, in requests and answers."


FORMS: Mapping[Framing, Form] = {
    Framing.TCP: Form(lambda _, counts: wire.Receiver(counts), wire.answer, 7),
    Framing.RTU: Form(RtuReceiver, rtu.answered, 1),
}
