"""Who never gets through a handshake: in no pool, held up for nobody, and gone after a while."""

import contextlib
import itertools
import select
import threading
from pathlib import Path

import pytest
from links.secured import Peer, asks, gone, secured
from modbus.service import BOUND, closes

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


@LOOPS
@pytest.mark.parametrize("says", [0, 1, 40, 100])
def test_a_handshake_that_is_never_done(tmp_path: Path, loop: str, says: int) -> None:
    """Nothing, a byte, half a greeting: the connection is closed in time, and told."""
    with secured(tmp_path, loop, patience=0.2) as listener, listener.service.connect() as link:
        peer = Peer(listener.context(), link)
        with contextlib.suppress(BlockingIOError, OSError):
            peer.tls.do_handshake()
        link.sendall(peer.says()[:says])

        assert closes(link)
        assert listener.told("handshake_failed") == ["no handshake in 0.2 s"]
        assert listener.service.server.pool.members == set()


@LOOPS
def test_who_leaves_before_it_is_done(tmp_path: Path, loop: str) -> None:
    """A port scan: a line a minute, nothing else."""
    with secured(tmp_path, loop) as listener:
        for _ in range(3):
            listener.service.connect().close()
        listener.service.until(lambda: bool(listener.told("handshake_failed")))
        with listener.connect() as link:
            assert asks(link)
    assert listener.told("handshake_failed") == ["it left before the handshake was done"]


@LOOPS
def test_they_take_nobody_s_place(tmp_path: Path, loop: str) -> None:
    """Of a listener for one connection: its master keeps it, however many knock; another takes it when it may."""
    with secured(tmp_path, loop, most=1) as listener, contextlib.ExitStack() as stack:
        first = stack.enter_context(listener.connect())
        assert asks(first)
        for host in ("127.0.0.1", "127.0.0.2"):
            for _ in range(50):
                stack.enter_context(listener.service.connect(host))
        assert asks(first)
        second = stack.enter_context(listener.connect())
        assert asks(second)
        assert gone(first)


@LOOPS
def test_so_many_and_no_more(tmp_path: Path, loop: str) -> None:
    """Of one address the oldest makes room for its next one; another address is not touched."""
    with secured(tmp_path, loop) as listener, contextlib.ExitStack() as stack:
        handshakes = listener.service.server.handshakes.pool
        other = stack.enter_context(listener.service.connect("127.0.0.2"))
        links = [stack.enter_context(listener.service.connect()) for _ in range(40)]
        listener.service.until(lambda: listener.service.counts.dismissed == 8)
        listener.service.until(lambda: len(handshakes.members) == 33)
        ended, _, _ = select.select(links, [], [], BOUND)
        assert all(map(closes, ended))
        peer = Peer(listener.context(), other)
        other.sendall(peer.shake_hands())
        listener.service.connected(1)
    assert listener.told("handshake_failed")[0].startswith("a newer one of 127.0.0.1")


@LOOPS
def test_one_step_a_turn_of_the_loop(tmp_path: Path, loop: str) -> None:
    """Thirty greetings at once: between two steps everything else has its turn."""
    with secured(tmp_path, loop) as listener, contextlib.ExitStack() as stack:
        service, between, context = listener.service, list[int](), listener.context()
        handshakes, peers = service.server.handshakes, list[Peer]()
        for _ in range(30):
            link = stack.enter_context(service.connect())
            peers.append(Peer(context, link))
            with contextlib.suppress(OSError):
                peers[-1].tls.do_handshake()
        service.until(lambda: len(handshakes.pool.members) == 30)
        count, released = [0], threading.Event()

        def turn() -> None:
            between.append(len(handshakes._steps))
            if count[0] < 500:
                count[0] += 1
                service.loop.call_soon(turn)

        service.loop.call_soon_threadsafe(released.wait, BOUND)
        service.loop.call_soon_threadsafe(turn)
        for peer in peers:
            peer.link.sendall(peer.says())
        released.set()
        for peer in peers:
            peer.hear()
    falls = [before - after for before, after in itertools.pairwise(between)]
    assert max(between) >= 20
    assert max(falls) <= 1
