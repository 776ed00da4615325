"""What other people's clients sent to port 502, sent again to a running gateway: piece by piece, a connection for each."""

import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop.storage import stored
from modbus.pcap import streams
from modbus.service import closes, response
from pymodbus.client import ModbusTcpClient

from program import Served

pytestmark = pytest.mark.corpus

CAPTURES = {
    "zeek/modbusBig": (2774, 0), "zeek/modbusSmall": (16, 0), "zeek/modbus-eit": (2, 0),
    "zeek/4SICS-GeekLounge-151022-min": (1, 0), "zeek/modbus-and-non-modbus-p502": (6, 6), "zeek/fuzz-1011": (2, 0),
    "ics-security-tools/modbus_test_data_part2": (141, 0), "ics-security-tools/modbus_test": (1142, 0),
    "ics-security-tools/modbus_test_2": (2382, 0),
}  # fmt: skip
"Requests in each capture, and connections of it that are broken by what can be no Modbus."
REFUSALS = {1, 2, 3, 10}
BITS, REGISTERS = (1, 2), (3, 4)
"Functions that read."


class Expected:
    """What a stream of bytes asks for: read by the standard's words, not by the gateway's code."""

    def __init__(self) -> None:
        self._stream = b""
        self.is_broken = False

    def requests(self, piece: bytes) -> Iterator[bytes]:
        """The requests that a piece completes."""
        self._stream += piece
        while len(self._stream) >= 6 and not self.is_broken:
            length = int.from_bytes(self._stream[4:6], "big")
            if not 2 <= length <= 254:
                self.is_broken = True
            elif len(self._stream) < 6 + length:
                return
            else:
                frame, self._stream = self._stream[: 6 + length], self._stream[6 + length :]
                if frame[2:4] == b"\0\0":
                    yield frame


def judged(request: bytes, answered: bytes) -> int:
    """The exception code of an answer (0: none), which must be one to the request."""
    assert answered[:4] == request[:4]
    assert answered[6] == request[6]
    assert answered[7] & 0x7F == request[7] & 0x7F
    if answered[7] & 0x80:
        assert len(answered) == 9
        assert answered[8] in REFUSALS
        return answered[8]
    quantity = int.from_bytes(request[10:12], "big")
    if answered[7] in BITS:
        assert answered[8] == len(answered) - 9 == (quantity + 7) // 8
    if answered[7] in REGISTERS:
        assert answered[8] == len(answered) - 9 == 2 * quantity
    return 0


def replayed(served: Served, pieces: list[bytes]) -> tuple[Counter[int], bool]:
    """Answers to a client's pieces by exception code, and whether the gateway broke off, as it must at what is no Modbus."""
    expected, codes = Expected(), Counter[int]()
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            link.sendall(piece)
            codes.update(judged(request, response(link)) for request in expected.requests(piece))
            if expected.is_broken:
                break
        else:
            link.shutdown(socket.SHUT_WR)
        assert closes(link), "nothing else is answered"
    return codes, expected.is_broken


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway of mailboxes that anybody may write; at its end nothing may have been a traceback."""
    with stored(tmp_path_factory.mktemp("storage")) as served:
        yield served


@pytest.mark.parametrize("name", CAPTURES)
def test_captured_requests(served: Served, corpus: Path, name: str) -> None:
    """Each request has its answer or exception, junk ends its connection alone, and the next client is served."""
    codes, broken = Counter[int](), 0
    for pieces in streams(corpus / "pcap" / f"{name}.pcap"):
        found, is_broken = replayed(served, pieces)
        codes += found
        broken += is_broken
    with ModbusTcpClient("127.0.0.1", port=served.port, timeout=20) as client:
        told = client.read_holding_registers(0, count=125, device_id=2)

    assert (codes.total(), broken) == CAPTURES[name], codes
    assert len(told.registers) == 125
    assert served.process.poll() is None
    assert "Traceback" not in served.text
