"""The PCS link against servers of two foreign stacks; what counts is what their memory holds."""

import dataclasses
from collections.abc import AsyncIterator

import pytest
from links.pcs_core import SIM, driving, now, passed, until
from links.pcs_peers import Peer, foreign

from gateway.model.order import PcsReport

SLOW = dataclasses.replace(SIM, poll=10.0)
"A map whose next poll is further off than a test waits."


@pytest.fixture(params=["pymodbus", "pyModbusTCP"])
async def peer(request: pytest.FixtureRequest) -> AsyncIterator[Peer]:
    """A PCS of either stack."""
    async with foreign(request.param) as peer:
        yield peer


async def test_orders_arrive(peer: Peer) -> None:
    """Setpoints, limits, run and the constant stand in the PCS's registers; nothing else is touched."""
    async with driving(peer.port) as core:
        core.say(run=True, stop=False, power=-70000.4, reactive=5, charge_current=100.09,
                 discharge_current=7000)  # fmt: skip
        await until(lambda: peer.words(1, 1) == [1])

        assert peer.words(2, 10) == [0xFFFE, 0xEE90, 0, 5, 0, 1000, 1, 0x1170, 5, 0]


async def test_reports_arrive(peer: Peer) -> None:
    """A report says what the PCS measures and is, as of its answer."""
    async with driving(peer.port) as core:
        await core.reported()
        peer.put(100, 2, 0, 0xFFFF, 0xFFFF, 0, 7, 7205, 0xFFFF, 0xFFF6)
        before = now()
        await core.reported(2)
        report = core.reports[-1]

    assert before <= report.at <= now()
    assert dataclasses.replace(report, at=0) == PcsReport(
        0, -1, 7, 720.5, -1, is_running=True, has_fault=False, watchdog_tripped=False
    )
    assert core.link.state.last_error == ""


async def test_a_watchdog_that_has_tripped_is_told(peer: Peer) -> None:
    """State 3 with fault code 1."""
    async with driving(peer.port) as core:
        await core.reported()
        peer.put(100, 3, 1)
        await until(lambda: core.reports[-1].watchdog_tripped)

        assert (core.reports[-1].is_running, core.reports[-1].has_fault) == (False, True)


async def test_no_access_when_the_order_forbids_it(peer: Peer) -> None:
    """R12: from then on there is no request, neither write nor read, until access is allowed again."""
    async with driving(peer.port) as core:
        await core.reported(3)
        core.say(access=False)
        core.link.flush()
        forbidden = now()
        await until(lambda: not core.link.state.up)
        await passed(1.0)
        assert core.link.state.left_alone
        assert [access for access in peer.accesses if access.time > forbidden + 0.1] == []
        seen, reports = len(peer.accesses), len(core.reports)
        core.say(access=True)
        await core.reported()

    assert len(peer.accesses) > seen
    assert core.link.state.opened == 2
    assert len(core.reports) > reports


async def test_no_access_without_being_told_to_look(peer: Peer) -> None:
    """R12 holds without `flush`: what is forbidden is seen before the next request."""
    async with driving(peer.port) as core:
        await core.reported()
        core.say(access=False)
        seen = len(peer.accesses)
        await passed(0.5)

    assert len(peer.accesses) <= seen + 1, "one may have been on its way"


async def test_no_access_after_a_stalled_cycle(peer: Peer) -> None:
    """R8: an order is written for a second; then the PCS is left to its own watchdog."""
    async with driving(peer.port) as core:
        core.say(run=True, stop=False, power=1000)
        await core.reported(3)
        core.stalled = True
        last = core.order.at
        await until(lambda: core.link.state.left_alone)
        await passed(0.5)

        assert now() > last + 1.5
        assert max(access.time for access in peer.accesses) <= last + 1.1
        core.stalled = False
        await core.reported()


async def test_the_heartbeat_tells_of_new_orders_alone(peer: Peer) -> None:
    """R8: it stands still as long as the core does, however often the link writes."""
    async with driving(peer.port) as core:
        await core.reported(3)
        before = peer.words(0, 1)[0]
        await core.reported(3)
        counted = peer.words(0, 1)[0]
        core.stalled = True
        await core.reported(2)
        stood = peer.words(0, 1)[0]
        await core.reported(4)

        assert 0 < before < counted <= stood
        assert peer.words(0, 1)[0] == stood


async def test_nothing_is_written_before_there_was_an_order(peer: Peer) -> None:
    """A link that is started before the core has decided anything does not even connect."""
    async with driving(peer.port) as core:
        core.stalled = True
        core.order = dataclasses.replace(core.order, at=float("-inf"))
        await passed(0.3)

        assert (peer.accesses, core.link.state.opened) == ([], 0)


async def test_a_stop_does_not_wait_for_the_poll(peer: Peer) -> None:
    """`flush` writes at once, the stop before all else."""
    async with driving(peer.port, SLOW) as core:
        core.say(run=True, stop=False, power=1000)
        core.link.flush()
        await until(lambda: peer.words(2, 2) == [0, 1000] and peer.words(1, 1) == [1])
        seen = len(peer.accesses)
        core.say(stop=True)
        core.link.flush()
        await until(lambda: any(access.words[:2] == (0, 0) for access in peer.accesses[seen:]))

        written = [access for access in peer.accesses[seen:] if access.words]
        stops = [access.address == 0 and access.words[1] == 0 for access in written]
        first = stops.index(True)
        assert first <= 1, "one may have been on its way"
        assert all(
            access.words[1] == 0 if access.address == 0 else access.words[:2] == (0, 0)
            for access in written[first:]
        )


async def test_running_comes_last(peer: Peer) -> None:
    """Limits and setpoint are there before the command to run."""
    async with driving(peer.port, SLOW) as core:
        core.say(run=True, stop=False, power=1000, charge_current=10)
        core.link.flush()
        await until(lambda: any(access.words[1:2] == (1,) for access in peer.accesses))

        written = [access for access in peer.accesses if access.words]
        running = [access.address == 0 and access.words[1] == 1 for access in written]
        before = written[running.index(True) - 1]
        assert (before.address, before.words[:6]) == (2, (0, 1000, 0, 0, 0, 100))
