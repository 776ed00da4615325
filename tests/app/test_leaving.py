"""Before a stop: whose racks are opened, who is waited for, and when settings may change (R16, R18, R30)."""

import asyncio
from pathlib import Path

import pytest

from gateway.app.leaving import left

from closed import EMS, Closed

LEASE, SELECT, CONNECT = 61100, 61101, 61103
SELECT_CONNECT = 2000
RELAYED = {"pcs": "{path: ems_relays}", "face": ", read_only: [power_*, reactive_*]"}


async def retired(closed: Closed, seconds: float = 60.0) -> tuple[bool, list[str]]:
    """What comes of a stop, while the plant goes on; and what was told."""
    cycled, told = asyncio.Event(), list[str]()
    task = asyncio.get_running_loop().create_task(left(closed.gateway, cycled, told.append))
    end = closed.now + seconds
    while not task.done() and closed.now < end:
        await asyncio.sleep(0)
        closed.cycle()
        cycled.set()
        await asyncio.sleep(0)
    return await asyncio.wait_for(task, 60), told


@pytest.fixture
def connected(tmp_path: Path) -> Closed:
    """Two closed racks at rest."""
    return Closed(tmp_path, closed=True).run(3)


async def test_r16_racks_open_at_rest(connected: Closed) -> None:
    """No current: both are told to disconnect, and the gateway may end."""
    assert await retired(connected) == (True, [])
    assert connected.read(31) == [0]


async def test_r16_a_weld_does_not_end_the_wait_for_the_other(connected: Closed) -> None:
    """Rack 1 stays closed whatever it is told; rack 2 is waited for and is open when the gateway ends."""
    connected.plant.faults.add("welded", 1)
    stopped, _ = await retired(connected)
    assert stopped
    assert connected.read(1025) == [1]
    assert connected.read(1125) == [0]


async def test_r16_a_rack_that_waits_for_its_turn_is_taken_back(tmp_path: Path) -> None:
    """A connect on its way when the stop comes: nothing closes afterwards."""
    closed = Closed(tmp_path).run(3)
    closed.write(LEASE, 3600)
    closed.write(SELECT, SELECT_CONNECT)
    assert closed.write(CONNECT, 1) == 0
    closed.run(0.1)
    since = closed.now + 0.1
    assert await retired(closed) == (True, [])
    closed.run(5, EMS)
    assert 2 not in closed.requests(1, since) + closed.requests(2, since)


async def test_r1_a_disconnect_during_adoption_is_not_lost(tmp_path: Path) -> None:
    """Rack 2 is silent, so adoption lasts; rack 1, told to open meanwhile, opens when it is over."""
    closed = Closed(tmp_path, closed=True)
    closed.plant.faults.add("silent", 2)
    closed.run(1)
    assert closed.read(3) == [1]
    assert closed.write(61104, 1) == 0
    closed.run(15)
    assert closed.read(1025) == [0]
    assert closed.requests(1)[-1] == 1


def test_r18_settings_change_at_no_current_alone(tmp_path: Path) -> None:
    """Whoever commands the power: a site that only publishes limits is not at rest while its racks carry current."""
    closed = Closed(tmp_path, closed=True, **RELAYED).run(3)
    assert closed.gateway.is_at_rest
    setting = closed.plant.pcs.setting
    setting.power, setting.run, setting.discharge_current = 100e3, True, 1000.0
    closed.run(10)
    assert not closed.gateway.is_at_rest
