"""The Modbus TCP listener over real sockets, on asyncio's event loop and on uvloop."""

import asyncio
import socket
import struct
from collections.abc import Iterator

import pytest
from modbus.adu import adu, numbered, numbers, read
from modbus.service import BOUND, WRITE, Service, closes, response, serving, stuff

from gateway.errors import LinkError
from gateway.links.modbus_tcp import ModbusServer, with_device_itself
from gateway.links.service import Service as Offer


def new_loop(name: str) -> asyncio.AbstractEventLoop:
    """An event loop of a kind."""
    if name == "asyncio":
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = pytest.importorskip(name).new_event_loop()
    return loop


@pytest.fixture(params=["asyncio", "uvloop"])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    """A server on either loop."""
    with serving(new_loop(request.param)) as service:
        yield service


@pytest.mark.parametrize("count", [1, 16, 100])
def test_pipelined_requests(service: Service, count: int) -> None:
    """MB-23: requests sent at once are all answered, in order."""
    with service.connect() as link:
        link.sendall(b"".join(read(number, 125, number) for number in range(count)))
        answers = [response(link) for _ in range(count)]

    assert [int.from_bytes(item[:2], "big") for item in answers] == list(range(count))
    assert [numbers(item)[0] for item in answers] == list(range(count))


def test_byte_by_byte(service: Service) -> None:
    """MB-24: a request sent in single segments of a byte is answered."""
    with service.connect() as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in read(7, 2, 9):
            link.sendall(bytes((byte,)))

        assert response(link) == adu("03 04 0007 0008", 9)


def test_two_requests_and_a_half(service: Service) -> None:
    """MB-24: whole requests are answered while half of the next one, cut in its header, waits."""
    with service.connect() as link:
        third = read(3, 1, 3)
        link.sendall(read(1, 1, 1) + read(2, 1, 2) + third[:5])
        assert [numbers(response(link)) for _ in range(2)] == [[1], [2]]
        link.sendall(third[5:])

        assert numbers(response(link)) == [3]


def test_a_master_that_comes_back(service: Service) -> None:
    """MB-25: after half a request and a disconnect a new connection is served."""
    with service.connect() as link:
        link.sendall(read(1, 1)[:7])
    with service.connect() as link:
        link.sendall(read(1, 1))

        assert numbers(response(link)) == [1]
    service.connected(0)


def test_a_master_that_says_all_and_listens(service: Service) -> None:
    """A half-closed connection gets its answers before the server closes too."""
    with service.connect() as link:
        link.sendall(b"".join(read(number, 125) for number in range(50)))
        link.shutdown(socket.SHUT_WR)
        answers = [response(link) for _ in range(50)]

        assert [numbers(item)[0] for item in answers] == list(range(50))
        assert closes(link)


@pytest.mark.parametrize("protocol", [1, 0xFFFF])
def test_a_foreign_protocol(service: Service, protocol: int) -> None:
    """MB-20: a frame with another protocol id is not answered, the next request is."""
    with service.connect() as link:
        link.sendall(adu("03 0000 0001", 1, protocol=protocol) + read(5, 1, 2))

        assert response(link) == adu("03 02 0005", 2)


@pytest.mark.parametrize("length", [0, 1, 255, 65535])
def test_a_length_that_cannot_be(service: Service, length: int) -> None:
    """MB-26: the requests before it are answered, then the connection ends; a new one is served."""
    with service.connect() as link:
        link.sendall(read(5, 1) + struct.pack(">HHHBB", 2, 0, length, 1, 3) + read(6, 1))

        assert numbers(response(link)) == [5]
        assert closes(link)
    with service.connect() as link:
        link.sendall(read(7, 1))
        assert numbers(response(link)) == [7]
    (told,) = (item for item in service.logs if item["event"] == "master_desynchronised")
    assert told["reason"] == f"length field {length}"


@pytest.mark.parametrize(("unit", "code"), [(0, 0), (1, 0), (2, 0), (255, 0), (4, 10), (247, 10)])
def test_unit_ids(service: Service, unit: int, code: int) -> None:
    """MB-22: 0, 255 and the configured units answer, any other is exception 0A."""
    with service.connect() as link:
        link.sendall(adu("03 0009 0001", 4, unit))
        wanted = bytes((0x83, code)) if code else bytes.fromhex("03 02 0009")

        assert response(link) == adu(wanted, 4, unit)


def test_the_device_itself_is_the_first_unit() -> None:
    """Units 0 and 255 are the lowest unit, unless they are configured."""
    first, second, own = numbered(), numbered(), numbered()

    assert with_device_itself({7: second, 3: first}) == {0: first, 3: first, 7: second, 255: first}
    assert with_device_itself({3: first, 255: own})[255] is own


def test_socket_options(service: Service) -> None:
    """MB-28: accepted connections send at once and notice when the master is gone."""
    with service.connect():
        (transport,) = service.connected(1)
        accepted: socket.socket = transport.get_extra_info("socket")

        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_many_masters(service: Service) -> None:
    """A hundred connections are served, each with its own answers."""
    links = [service.connect() for _ in range(100)]
    for number, link in enumerate(links):
        link.sendall(read(number, 3, number) + read(number + 1, 1, number))

    for number, link in enumerate(links):
        with link:
            assert numbers(response(link)) == [number, number + 1, number + 2]
            assert numbers(response(link)) == [number + 1]
    service.connected(0)


def test_a_master_that_never_reads(service: Service) -> None:
    """MB-29: it is not read from, its answers do not pile up, and other masters do not notice."""
    burst = b"".join(read(0, 125, number) for number in range(300))
    with service.connect() as stuck:
        (slow,) = service.connected(1)
        sent = stuff(stuck, burst, lambda: service.see(slow.get_write_buffer_size) <= 65536)
        with service.connect() as other:
            for number in range(100):
                other.sendall(read(number, 125))
                assert numbers(response(other))[0] == number
        waiting = service.see(slow.get_write_buffer_size)

        assert not service.see(slow.is_reading)
        assert 0 < waiting <= 65536 + 170 * 259
        for number in range(sent // 12):
            assert int.from_bytes(response(stuck)[:2], "big") == number % 300


def test_stopping(service: Service) -> None:
    """A stopped server ends its connections, frees its port and may be started again there."""
    with service.connect() as link:
        link.sendall(read(1, 1))
        response(link)
        service.run(service.server.stop())

        assert closes(link)
    with pytest.raises(ConnectionRefusedError):
        service.connect()
    assert service.run(service.server.start("127.0.0.1", service.port)) == service.port
    with service.connect() as link:
        link.sendall(read(2, 1))
        assert numbers(response(link)) == [2]


def test_stopping_what_never_started(service: Service) -> None:
    """A server that does not listen can be stopped."""
    service.run(ModbusServer(Offer({1: numbered()})).stop())


def test_a_port_in_use(service: Service) -> None:
    """The message names the address and the way out."""
    taken = ModbusServer(Offer({1: numbered()}))

    with pytest.raises(LinkError) as refusal:
        service.run(taken.start("127.0.0.1", service.port))
    assert str(refusal.value) == (
        f"cannot listen at 127.0.0.1:{service.port}: another program uses it; choose another port"
    )


@pytest.mark.parametrize("host", ["203.0.113.7", "no host", "a..b", "x" * 70])
def test_an_address_that_cannot_be(service: Service, host: str) -> None:
    """An address of another machine, or none at all, is a message with the way out."""
    elsewhere = ModbusServer(Offer({1: numbered()}))

    with pytest.raises(LinkError) as refusal:
        service.run(elsewhere.start(host, 0))
    assert str(refusal.value) == (
        f"cannot listen at {host}:0: this machine has no such address; "
        "use one of its own, or 0.0.0.0 for all"
    )


def test_internet_protocol_6(service: Service) -> None:
    """A server can listen at an IPv6 address."""
    server = ModbusServer(Offer({1: numbered()}))
    try:
        port = service.run(server.start("::1", 0))
    except LinkError:
        pytest.skip("no IPv6 here")
    with socket.create_connection(("::1", port), timeout=BOUND) as link:
        link.sendall(read(1, 1))
        assert numbers(response(link)) == [1]
    service.run(server.stop())


def test_answers_wait_for_the_disk(service: Service) -> None:
    """While what it acknowledges is not on disk no answer leaves, nor does anything overtake it (R41)."""
    service.holds = True
    with service.connect() as link, service.connect() as other:
        link.sendall(read(1, 1, 1) + WRITE)
        service.until(lambda: len(service.held) == 1)
        link.sendall(read(3, 1, 3))
        service.holds = False
        other.sendall(read(4, 1, 4))
        assert numbers(response(other)) == [4]
        link.settimeout(0)
        with pytest.raises(BlockingIOError):
            link.recv(1)
        link.settimeout(BOUND)
        service.settled()

        assert [response(link)[1] for _ in range(3)] == [1, 2, 3]


def test_who_has_said_all_still_gets_answers_from_the_disk(service: Service) -> None:
    """A client that closes its side while its answer waits gets it, then the connection ends."""
    service.holds = True
    with service.connect() as link:
        link.sendall(WRITE)
        link.shutdown(socket.SHUT_WR)
        service.until(lambda: len(service.held) == 1)
        service.settled()

        assert response(link) == WRITE
        assert link.recv(1) == b""
