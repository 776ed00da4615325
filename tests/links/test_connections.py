"""The rules of a listener over real sockets: allow-list, pools, unknown units, counters (MB-22, MB-27, MB-28)."""

import asyncio
import contextlib
import ipaddress
import socket

import pytest
from modbus.adu import adu, numbers, read
from modbus.service import BOUND, WRITE, Service, closes, response, serving

from gateway.mapping.listeners import Listening, UnknownUnit
from gateway.model.traffic import Traffic

LOCAL = ipaddress.ip_network("127.0.0.1")
SECOND, THIRD = "127.0.0.2", "127.0.0.3"


def ruled(**rules: object) -> contextlib.AbstractContextManager[Service]:
    """A server with rules."""
    return serving(asyncio.new_event_loop(), Listening(**rules))  # type: ignore[arg-type] # by name


def asks(link: socket.socket) -> bool:
    """Whether a request is answered."""
    link.sendall(read(7, 1, 9))
    return numbers(response(link)) == [7]


def test_strangers_are_refused_and_told_once() -> None:
    """They are closed without a word; who is allowed is served; a line a minute in the log."""
    with ruled(allowed=[LOCAL]) as service:
        for _ in range(2):
            with service.connect(SECOND) as link:
                assert closes(link)
        with service.connect() as link:
            assert asks(link)
        told = [item for item in service.logs if item["event"] == "master_refused"]

    assert [item["reason"] for item in told] == ["not on the allow-list"]
    assert str(told[0]["peer"]).startswith(SECOND)
    assert service.counts.refused == 2


def test_the_ordinary_one_that_was_silent_longest_makes_room() -> None:
    """MB-27: a priority master gets a connection and keeps it, whoever comes."""
    with ruled(most=2, prior=[LOCAL]) as service, contextlib.ExitStack() as links:
        prior = links.enter_context(service.connect())
        first = links.enter_context(service.connect(SECOND))
        assert asks(prior)
        assert asks(first)
        second = links.enter_context(service.connect(THIRD))
        assert asks(second)
        assert closes(first)
        third = links.enter_context(service.connect(SECOND))
        assert asks(third)
        assert closes(second)
        assert asks(prior)
        (told,) = (item for item in service.logs if item.get("reason", "").startswith(THIRD))

    assert told["event"] == "master_disconnected"
    assert (told["requests"], told["writes"], told["exceptions"]) == (1, 0, 0)


def test_a_restarted_master_is_not_locked_out_by_what_is_left_of_it() -> None:
    """Its connections without an end make room for its new one, not those of others."""
    with ruled(most=4, most_of_one=2) as service, contextlib.ExitStack() as links:
        other = links.enter_context(service.connect(SECOND))
        assert asks(other)
        old = [links.enter_context(service.connect()) for _ in range(2)]
        assert all(map(asks, old))
        new = links.enter_context(service.connect())
        assert asks(new)
        assert closes(old[0])
        assert asks(old[1])
        assert asks(other)


@pytest.mark.parametrize(
    ("policy", "code"),
    [(UnknownUnit.UNAVAILABLE, 0x0A), (UnknownUnit.NO_RESPONSE, 0x0B), (UnknownUnit.SILENT, 0)],
)
def test_unknown_unit_ids(policy: UnknownUnit, code: int) -> None:
    """MB-22: 0A, 0B or nothing, as the site says; the next request is answered."""
    with ruled(unknown_unit=policy) as service, service.connect() as link:
        link.sendall(read(7, 1, 3, unit=77))
        if code:
            assert response(link) == adu(bytes((0x83, code)), 3, 77)
        link.sendall(read(7, 1, 4))
        assert response(link)[:2] == bytes((0, 4))


def test_what_a_master_does_is_counted() -> None:
    """Requests, writes, exceptions and what got no answer; of each connection, and of all of a master's."""
    with ruled(unknown_unit=UnknownUnit.SILENT) as service:
        for _ in range(2):
            with service.connect() as link:
                link.sendall(
                    read(7, 1, 1) + read(7, 0, 2) + read(7, 1, 3, unit=77) + adu("06 0000 0001", 4)
                )
                assert [response(link)[:2] for _ in range(3)] == [b"\0\1", b"\0\2", b"\0\4"]
            service.connected(0)
        ended = [item for item in service.logs if item["event"] == "master_disconnected"]
        heard = service.see(lambda: service.counts.of("").heard)
        now = service.loop.time()

    assert [(item["requests"], item["writes"], item["exceptions"]) for item in ended] == [
        (4, 1, 2)
    ] * 2
    assert service.counts.of("") == Traffic(0, 8, 2, 4, 2, heard)
    assert 0 <= now - heard < BOUND


def test_half_a_request_acknowledges_nothing() -> None:
    """Pieces of a request that come while an answer waits for the disk ask the disk for nothing more (R41)."""
    with ruled() as service, service.connect() as link, service.connect() as other:
        service.holds = True
        link.sendall(WRITE)
        service.until(lambda: len(service.held) == 1)
        for byte in read(3, 1, 3)[:-1]:
            link.sendall(bytes((byte,)))
            assert asks(other)
        assert len(service.held) == 1
        link.sendall(read(3, 1, 3)[-1:])
        service.settled()

        assert [response(link)[1] for _ in range(2)] == [2, 3]


def test_a_peer_that_vanished_is_found_in_a_minute() -> None:
    """MB-28: 30 s, then three probes 10 s apart."""
    with ruled() as service, service.connect():
        (transport,) = service.connected(1)
        accepted: socket.socket = transport.get_extra_info("socket")
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)

        assert [accepted.getsockopt(socket.IPPROTO_TCP, of) for of in options] == [30, 10, 3]
