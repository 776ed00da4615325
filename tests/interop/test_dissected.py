"""A recorded conversation as Wireshark's dissector reads it (tshark): it knows every byte, and pairs all requests."""

import contextlib
import shutil
import socket
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from interop.clients import HOST, MbPoll, PyModbusTcp
from interop.wiretap import MODBUS, tapped
from modbus.adu import adu, read
from modbus.service import response
from pymodbus.client import ModbusTcpClient

pytestmark = pytest.mark.interop

FUNCTIONS = {1, 2, 3, 4, 5, 6, 8, 15, 16, 22, 23, 43}
WARNING = 0x00600000
"Wireshark's severities: chat 0x200000, note 0x400000, warning 0x600000, error 0x800000."


def ask_all(port: int) -> None:
    """All functions by pymodbus; each is also refused where that can be."""
    with ModbusTcpClient(HOST, port=port, timeout=10) as client:
        for place in (0, 1990):
            client.write_coil(place, value=True, device_id=1)
            client.write_coils(place, [True] * 11, device_id=1)
            client.read_coils(place, count=11, device_id=1)
            client.read_discrete_inputs(place, count=11, device_id=1)
            client.write_register(place, 7, device_id=1)
            client.write_registers(place, list(range(123)), device_id=1)
            client.read_holding_registers(place, count=125, device_id=1)
            client.read_input_registers(place, count=125, device_id=1)
            client.mask_write_register(address=place, and_mask=0xF2, or_mask=0x25, device_id=1)
            client.readwrite_registers(read_address=place, read_count=125, write_address=place, values=[1] * 121, device_id=1)  # fmt: skip
        client.diag_query_data(b"\xa5\x37", device_id=1)
        for code, first in ((1, 0), (2, 0), (4, 6), (4, 7)):
            client.read_device_information(read_code=code, object_id=first, device_id=1)


def ask_at_once(port: int) -> None:
    """Pipelined, and in pieces; wrong counts, unknown functions and units."""
    requests = [
        *(read(number, 125, number) for number in range(16)), adu("06 07D0 0001", 20), adu("07", 21), adu("11", 22),
        read(0, 0, 23), read(0, 1, 24, unit=9), adu("01 0000 07D0", 25), adu("08 0001 0000", 26), adu("2B 0E 05 00", 27),
    ]  # fmt: skip
    stream = b"".join(requests)
    with socket.create_connection((HOST, port), timeout=10) as link:
        for at in range(0, len(stream), 50):
            link.sendall(stream[at : at + 50])
        for _ in requests:
            response(link)


def ask_by_others(port: int) -> None:
    """Registers by the other two clients."""
    for peer in (PyModbusTcp, MbPoll):
        with contextlib.closing(peer(port)) as client:
            client.read(0, 125)
            client.refused(9)


class Conversation:
    """A capture file in tshark's eyes."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def shown(self, which: str, *fields: str) -> list[list[list[str]]]:
        """Of all packets to which a display filter applies, some fields; each may occur several times."""
        wanted = [word for name in fields for word in ("-e", name)]
        done = subprocess.run(
            ["tshark", "-n", "-r", str(self._file), "-Y", which, "-T", "fields", "-E", "occurrence=a", *wanted],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        rows = [line.split("\t") for line in done.stdout.splitlines()]
        return [[cell.split(",") if cell else [] for cell in row] for row in rows]


@pytest.fixture(scope="module")
def conversation(storage: int, tmp_path_factory: pytest.TempPathFactory) -> Conversation:
    """What clients and gateway said."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    file = tmp_path_factory.mktemp("wire") / "talk.pcap"
    with tapped(storage) as tap:
        for ask in (ask_all, ask_at_once, ask_by_others):
            ask(tap.port)
    tap.save(file)
    return Conversation(file)


def test_nothing_is_malformed(conversation: Conversation) -> None:
    """No packet that it cannot read to the end, nothing that it warns of, nothing on the port that is not Modbus."""
    told = conversation.shown(f"_ws.malformed or _ws.expert.severity >= {WARNING}", "frame.number", "_ws.expert.message")  # fmt: skip

    assert told == []
    assert conversation.shown("tcp.len > 0 and not modbus", "frame.number") == []


def test_it_pairs_requests_and_responses(conversation: Conversation) -> None:
    """Each connection's transactions come back in order; all but exceptions, which it pairs never, name their request."""
    fields = ("tcp.stream", "mbtcp.trans_id", "modbus.func_code", "modbus.exception_code", "modbus.request_frame")  # fmt: skip
    asked = conversation.shown(f"modbus and tcp.dstport == {MODBUS}", *fields)
    answered = conversation.shown(f"modbus and tcp.srcport == {MODBUS}", *fields)

    assert _transactions(asked) == _transactions(answered)
    assert len(_transactions(asked)) == 53
    for _, transactions, _, exceptions, requests in answered:
        assert len(transactions) == len(exceptions) + len(requests)


def _transactions(packets: list[list[list[str]]]) -> set[tuple[str, int, str, str]]:
    """Connection, place in it, transaction id and function of all ADUs."""
    found, places = set[tuple[str, int, str, str]](), Counter[str]()
    for (stream,), transactions, functions, *_ in packets:
        for transaction, function in zip(transactions, functions, strict=True):
            found.add((stream, places[stream], transaction, function))
            places[stream] += 1
    return found


def test_it_knows_all_functions_and_exceptions(conversation: Conversation) -> None:
    """Each function is answered without an exception, by its own; those that can be refused are, by name."""
    rows = conversation.shown(f"modbus and tcp.srcport == {MODBUS}", "modbus.func_code", "modbus.exception_code")  # fmt: skip
    sound = {int(function) for functions, codes in rows if not codes for function in functions}
    refused = {(functions[0], codes[0]) for functions, codes in rows if len(functions) == 1 and codes}  # fmt: skip

    assert sound == FUNCTIONS
    assert refused == {
        *((str(function), "2") for function in (1, 3, 4, 6, 15, 16, 22, 23, 43)), ("3", "10"),
    }  # fmt: skip
    assert {code for _, codes in rows for code in codes} == {"1", "2", "3", "10"}
