"""Our reader for tools: few reads, and errors that say what to do."""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modbus.adu import adu
from modbus.service import BOUND, Service, received, serving

from gateway.errors import LinkError
from gateway.links.modbus_client import joined, register_reader

HOST = "127.0.0.1"


@pytest.fixture
def service() -> Iterator[Service]:
    """A server whose registers hold their addresses."""
    with serving(asyncio.new_event_loop()) as service:
        yield service


def test_reading(service: Service) -> None:
    """Registers come as whole numbers, up to 125 at once and up to the last one."""
    with register_reader(HOST, service.port, 1) as reader:
        assert reader.read(65411, 125) == list(range(65411, 65536))
        assert reader.read(7, 1) == [7]


def test_reading_many_places(service: Service) -> None:
    """What lies far apart is read in pieces, and every register asked for is there."""
    wanted = [(60000, 4), (10, 2), (300, 1), (11, 4)]
    with register_reader(HOST, service.port, 2) as reader:
        registers = reader.read_all(wanted, 16, lambda _: None)

    for first, count in wanted:
        for address in range(first, first + count):
            assert registers[address] == address


@pytest.mark.parametrize(
    ("unit", "address", "complaint"),
    [
        (9, 10, "unit 9 refuses registers 10..11: exception 10, it has no such unit id"),
        (1, 65535, "unit 1 refuses registers 65535..65536: exception 2, it has no such registers"),
    ],
)
def test_a_refusal(service: Service, unit: int, address: int, complaint: str) -> None:
    """The server, the registers and the exception are named."""
    with (
        register_reader(HOST, service.port, unit) as reader,
        pytest.raises(LinkError) as error,
    ):
        reader.read(address, 2)

    assert str(error.value) == f"{HOST}:{service.port} {complaint}"


def test_nothing_listens() -> None:
    """The message asks the right question."""
    with socket.socket() as closed:
        closed.bind((HOST, 0))
        port = closed.getsockname()[1]
        with pytest.raises(LinkError) as error, register_reader(HOST, port, 1):
            pass

    assert str(error.value) == f"nothing answers at {HOST}:{port}; is the gateway running there?"


@pytest.mark.parametrize(
    "says",
    [
        b"",
        struct.pack(">HHHB", 1, 0, 3, 1),
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        adu("03 06 0001 0002 0003"),
        adu("03 00"),
    ],
)
def test_a_server_that_speaks_something_else(says: bytes) -> None:
    """One that closes, sends noise, or answers what was not asked is a lost link, not a traceback."""
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        stranger = threading.Thread(target=_answer_once, args=(listener, says))
        stranger.start()
        with register_reader(HOST, port, 1) as reader, pytest.raises(LinkError) as error:
            reader.read(0, 1)
        stranger.join(BOUND)

    assert str(error.value).startswith(f"{HOST}:{port} unit 1 ")


def _answer_once(listener: socket.socket, says: bytes) -> None:
    link, _ = listener.accept()
    with link:
        link.settimeout(BOUND)
        request = received(link, 12)
        link.sendall(request[:2] + says[2:] if says[:2] == b"\0\1" else says)


places = st.lists(st.tuples(st.integers(0, 65400), st.integers(1, 125)), min_size=1, max_size=30)


@given(wanted=places, bridge=st.integers(0, 40))
def test_joining_places(wanted: list[tuple[int, int]], bridge: int) -> None:
    """Reads cover every place whole, hold 125 registers at most, and bridge no wider gap than allowed."""
    spans = joined(wanted, bridge)
    asked = {address for first, count in wanted for address in range(first, first + count)}

    assert all(end - first <= 125 for first, end in spans)
    for first, count in wanted:
        assert any(start <= first and first + count <= end for start, end in spans)
    for start, end in spans:
        assert start in asked
        assert end - 1 in asked
        gap = 0
        for address in range(start, end):
            gap = 0 if address in asked else gap + 1
            assert gap <= bridge
