"""A frame that trips an interlock is decided on at once, not at the next cycle (DESIGN 6)."""

import asyncio
import contextlib
import dataclasses
from pathlib import Path

import can
import pytest

from gateway.app import Gateway, Runtime
from gateway.canbus.frame import Frame
from gateway.links.modbus_client import register_reader
from gateway.mapping.library import Library
from gateway.mapping.site import load_site

FRAMES = """
protocol: bits
title: Bits
source: made for this test
positive: discharge
messages:
  - id: 0x100
    period: 1
    signals:
      states: {bytes: 0, alarms: [
        {cause: fire, level: trip, bit: 0},
        {cause: fire, level: warning, bit: 1},
        {cause: voltage_imbalance, level: alarm, bit: 2},
        {cause: insulation, level: alarm, bit: 3}]}
"""
SITE = """
site: at-once
buses: {can0: {interface: virtual, channel: at-once}}
containers:
  - name: C1
    topology: {racks: 1}
    sources: [{frames: bits, bus: can0}]
    CONTROL
faces: [{map: native, listen: '127.0.0.1:5020', unit: 1}]
"""
CONTROL = "control: {rating: {charge: 1000, discharge: 1000}, pcs: {path: polls_us}}"
FIRE, FIRE_WARNING, IMBALANCE, INSULATION_ALARM = 1, 2, 4, 8


def gateway_at(folder: Path, control: str) -> Gateway:
    """A lone rack that tells alarms alone; cycles come too rarely for a real site."""
    (folder / "bits.yaml").write_text(FRAMES)
    (folder / "site.yaml").write_text(SITE.replace("CONTROL", control))
    site = load_site(Library([folder]), str(folder / "site.yaml"))
    return Gateway(dataclasses.replace(site, cycle=10.0))


@pytest.mark.parametrize(
    ("bits", "calls"),
    [
        ([FIRE], 1),
        ([0, FIRE, FIRE], 1),
        ([FIRE, 0, FIRE], 2),
        ([INSULATION_ALARM, INSULATION_ALARM | FIRE], 2),
        ([FIRE | INSULATION_ALARM, FIRE], 1),
        ([FIRE_WARNING, IMBALANCE, 0], 0),
    ],
)
def test_an_alarm_that_acts_calls_for_a_cycle_when_it_comes(
    tmp_path: Path, bits: list[int], calls: int
) -> None:
    """Each time that it comes, not while it stays; warnings and rows without effects do not."""
    gateway, called = gateway_at(tmp_path, CONTROL), list[int]()
    gateway.tripped = lambda: called.append(1)
    for byte in bits:
        gateway.receive("can0", Frame(0.0, 0x100, bytes([byte])))
    assert len(called) == calls


def test_without_control_nothing_is_in_a_hurry(tmp_path: Path) -> None:
    """A container that is only read has its cycles and no others."""
    gateway, called = gateway_at(tmp_path, ""), list[int]()
    gateway.tripped = lambda: called.append(1)
    gateway.receive("can0", Frame(0.0, 0x100, bytes([FIRE])))
    assert not called


@pytest.mark.parametrize("name", ["asyncio", "uvloop"])
def test_each_period_has_one_cycle(tmp_path: Path, name: str) -> None:
    """However exact the loop's timers are: uvloop's end up to half a millisecond early."""
    loop = pytest.importorskip(name).new_event_loop()
    gateway = gateway_at(tmp_path, "")
    gateway.site = dataclasses.replace(gateway.site, cycle=0.02)

    async def cycles() -> tuple[float, float]:
        runtime = Runtime(gateway, ("127.0.0.1", 0))
        await runtime.start()
        begin = asyncio.get_running_loop().time()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(runtime.live(), 1.5)
        took = asyncio.get_running_loop().time() - begin
        await runtime.stop()
        return gateway.containers["C1"].snapshot["image_counter"].item(), took

    with contextlib.closing(loop):
        counted, took = loop.run_until_complete(cycles())

    assert 2 <= counted <= took / gateway.site.cycle + 2


async def test_a_trip_shows_long_before_the_next_cycle(tmp_path: Path) -> None:
    """Cycles come every 10 s here; the first-out of a frame is read by a master within half of that."""
    runtime = Runtime(gateway_at(tmp_path, CONTROL), ("127.0.0.1", 0))
    await runtime.start()
    live = asyncio.create_task(runtime.live())
    port = int(runtime.endpoints[0].rpartition(":")[2])

    def first_out() -> int:
        with register_reader("127.0.0.1", port, 1) as reader:
            return reader.read(8, 1)[0]

    with can.Bus(interface="virtual", channel="at-once") as bus:
        async with asyncio.timeout(60):
            while not (runtime.links and runtime.links[0].state.up):
                await asyncio.sleep(0.01)
        fire = can.Message(arbitration_id=0x100, is_extended_id=False, data=[FIRE])
        async with asyncio.timeout(5):
            await asyncio.to_thread(bus.send, fire)
            while await asyncio.to_thread(first_out) != 22:
                await asyncio.sleep(0.01)
    live.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await live
    await runtime.stop()
