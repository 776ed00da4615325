"""A TLS connection once the handshake is done: like any other; and renewed certificates."""

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from links.secured import V12, V13, Peer, Secured, asks, gone, secured
from modbus.adu import adu, cut, numbers, read
from modbus.service import BOUND, WRITE, closes, response

from gateway.errors import MappingError
from gateway.links.tls import context_of

from authority import Authority

VERSIONS = pytest.mark.parametrize("version", [V12, V13])


@pytest.fixture(params=["asyncio", "uvloop"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Secured]:
    """A TLS listener on either loop."""
    with secured(tmp_path, request.param) as found:
        yield found


@VERSIONS
def test_pipelined_requests(listener: Secured, version: ssl.TLSVersion) -> None:
    """MB-23 by TLS: all are answered, in order, though one record holds many, and answers fill several."""
    with listener.connect(version=version) as link:
        link.sendall(b"".join(read(number, 125, number) for number in range(500)))
        answers = [response(link) for _ in range(500)]

    assert [int.from_bytes(item[:2], "big") for item in answers] == list(range(500))
    assert [numbers(item)[0] for item in answers] == list(range(500))


@VERSIONS
def test_byte_by_byte(listener: Secured, version: ssl.TLSVersion) -> None:
    """MB-24 by TLS: handshake and requests in segments of a byte, the requests in records of a byte too."""
    with listener.service.connect() as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = Peer(listener.context(version=version), link)
        last = peer.shake_hands()
        for byte in read(7, 2, 9):
            peer.tls.write(bytes((byte,)))
        for number in last + peer.says():
            link.sendall(bytes((number,)))
        peer.end()

        assert peer.received() == adu("03 04 0007 0008", 9)


@VERSIONS
def test_a_request_with_the_last_words_of_the_handshake(
    listener: Secured, version: ssl.TLSVersion
) -> None:
    """In one segment: it is not forgotten."""
    with listener.service.connect() as link:
        peer = Peer(listener.context(version=version), link)
        last = peer.shake_hands()
        if version is V12:  # its client has the last but one
            link.sendall(last)
            last = b""
        peer.tls.write(read(7, 1))
        link.sendall(last + peer.says())
        peer.end()

        assert peer.received() == adu("03 02 0007")


@VERSIONS
def test_a_master_that_says_all_and_listens(listener: Secured, version: ssl.TLSVersion) -> None:
    """It gets its answers before the server says that nothing more comes, and closes."""
    with listener.service.connect() as link:
        peer = Peer(listener.context(version=version), link)
        link.sendall(peer.shake_hands())
        peer.tls.write(b"".join(read(number, 125) for number in range(50)))
        peer.end()
        answers = cut(peer.received())

        assert [numbers(item)[0] for item in answers] == list(range(50))
        assert closes(link)


def test_a_master_that_is_cut_off(listener: Secured) -> None:
    """Its whole requests are answered, then the connection ends; half a request is nothing."""
    with listener.connect() as link:
        link.sendall(read(1, 1) + read(2, 1)[:5])
        with socket.socket(fileno=socket.dup(link.fileno())) as raw:
            raw.shutdown(socket.SHUT_WR)

        assert numbers(response(link)) == [1]
        assert gone(link)
    listener.service.connected(0)


def test_answers_wait_for_the_disk(listener: Secured) -> None:
    """Who has said all still gets its answer, then the connection ends (R41)."""
    listener.service.holds = True
    with listener.service.connect() as link:
        peer = Peer(listener.context(), link)
        last = peer.shake_hands()
        peer.tls.write(WRITE)
        link.sendall(last + peer.says())
        peer.end()
        listener.service.until(lambda: len(listener.service.held) == 1)
        listener.service.settled()

        assert peer.received() == WRITE


def test_who_is_cut_off_while_its_answer_waits(listener: Secured) -> None:
    """Nothing is left of it."""
    listener.service.holds = True
    with listener.connect() as link:
        link.sendall(WRITE)
        listener.service.until(lambda: len(listener.service.held) == 1)
        with socket.socket(fileno=socket.dup(link.fileno())) as raw:
            raw.shutdown(socket.SHUT_WR)
        listener.service.connected(1)
        listener.service.settled()
        listener.service.connected(0)


def test_a_master_that_never_reads(listener: Secured) -> None:
    """MB-29 by TLS: it is not read from, its answers do not pile up, and other masters do not notice."""
    burst = b"".join(read(0, 125, number) for number in range(300))
    with listener.connect() as stuck:
        (slow,) = listener.service.connected(1)
        sent = 0
        stuck.settimeout(0)
        while listener.service.see(slow.get_write_buffer_size) <= 65536:
            with contextlib.suppress(ssl.SSLWantWriteError):
                sent += stuck.send(burst[sent % len(burst) :])
        stuck.settimeout(BOUND)
        with listener.connect() as other:
            for number in range(100):
                other.sendall(read(number, 125))
                assert numbers(response(other))[0] == number

        assert listener.service.see(slow.get_write_buffer_size) <= 65536 + 2 * 170 * 290
        for number in range(sent // 12):
            assert int.from_bytes(response(stuck)[:2], "big") == number % 300


def test_a_length_that_cannot_be(listener: Secured) -> None:
    """MB-26 by TLS: the requests before it are answered, then the connection ends."""
    with listener.connect() as link:
        link.sendall(read(5, 1) + bytes.fromhex("0002 0000 0001 01 03") + read(6, 1))

        assert numbers(response(link)) == [5]
        assert closes(link)


def test_socket_options(listener: Secured) -> None:
    """MB-28 by TLS: sent at once, and a peer that has vanished is found."""
    with listener.connect():
        (transport,) = listener.service.connected(1)
        accepted: socket.socket = transport.get_extra_info("socket")
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)

        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert [accepted.getsockopt(socket.IPPROTO_TCP, of) for of in options] == [30, 10, 3]


def test_the_log_says_who_is_there(listener: Secured) -> None:
    """Version, cipher, role and common name of the certificate."""
    files = listener.authority.client("Grid", "EMS 1")
    with listener.connect(files, V12) as link:
        assert asks(link)
    (told,) = (item for item in listener.service.logs if item["event"] == "master_connected")

    assert {key: told[key] for key in ("master", "tls", "cipher", "role", "name")} == {
        "master": "grid", "tls": "TLSv1.2", "cipher": "ECDHE-ECDSA-AES128-GCM-SHA256",
        "role": "Grid", "name": "EMS 1",
    }  # fmt: skip


def test_stopping_ends_all(listener: Secured) -> None:
    """Masters, and who is still shaking hands."""
    with listener.connect() as link, listener.service.connect() as early:
        listener.service.until(lambda: len(listener.service.server.handshakes.pool.members) == 1)
        assert asks(link)
        listener.service.run(listener.service.server.stop())

        assert closes(early)
        assert gone(link)


def test_renewed_certificates(listener: Secured) -> None:
    """They serve the next handshakes; who is connected stays, and a session from before is worth nothing."""
    own, now = listener.authority, 1.0e9
    context = listener.context()
    with listener.connect(context=context) as link:
        assert asks(link)
        session = link.session
        assert not listener.service.server.renew(now), "nothing has changed"
        other = Authority(own.folder, "root")  # the same names, all keys new
        assert all("is not valid before 20" in problem for problem in refusal(listener, now))
        assert listener.service.server.renew(own.pair.certificate.not_valid_after_utc.timestamp())
        assert asks(link)
        with pytest.raises(ssl.SSLError), listener.connect(context=context, session=session):
            pass
        with listener.connect(other.client("Grid")) as new:
            assert asks(new)
            assert not new.session_reused
        assert asks(link)


def test_certificates_that_are_wrong_are_not_taken(listener: Secured) -> None:
    """What was there goes on serving, and the right ones are taken as soon as they are there."""
    own = listener.authority
    right, now = own.server.key.read_bytes(), own.pair.certificate.not_valid_after_utc.timestamp()
    own.server.key.write_bytes(own.client("any").key.read_bytes())
    for _ in range(2):
        (problem,) = refusal(listener, now)
        assert "is not the key of" in problem
    with listener.connect() as link:
        assert asks(link)
    own.server.key.write_bytes(right)
    assert not listener.service.server.renew(now), "they are those that serve"


def refusal(listener: Secured, now: float) -> list[str]:
    """Why changed files are not taken."""
    with pytest.raises(MappingError) as refused:
        listener.service.server.renew(now)
    return [str(problem) for problem in refused.value.problems]


def test_what_openssl_does_not_take(tmp_path: Path) -> None:
    """A file that became another one after it was looked at: said with its place, no traceback, no prompt."""
    own = Authority(tmp_path)
    own.server.key.write_text("nothing")
    with pytest.raises(MappingError) as refused:
        context_of(own.tls())
    (problem,) = refused.value.problems
    assert str(problem).startswith("site.yaml:1:1: ")
    assert "is not taken by OpenSSL" in problem.text
