"""The whole gateway in one process: real frames on a bus, real masters on TCP, several containers."""

import asyncio
import contextlib
from pathlib import Path

import can
import pytest

from conformance.sim.battery import Battery, Ratings
from conformance.sim.emitter import Emitter
from gateway.app import Gateway, Runtime
from gateway.canbus.frame import ERROR, EXTENDED, REMOTE, Frame
from gateway.errors import LinkError
from gateway.links.modbus_client import register_reader
from gateway.mapping.image import Table
from gateway.mapping.library import Library
from gateway.mapping.site import Site, load_site

SITE = """
site: two
buses:
  can0: {interface: virtual, channel: test-two-0}
  can1: {interface: virtual, channel: test-two-1}
containers:
  - name: north
    topology: {racks: 2, modules: 8, cells: 52}
    sources: [{frames: demo-bmu, bus: can0}]
  - name: south
    topology: {racks: 3, modules: 8, cells: 52}
    sources: [{frames: demo-bmu, bus: can1, racks: 2-3, address: 1}]
faces:
  - {map: native, container: north, listen: '127.0.0.1:5020', unit: 1}
  - {map: native, container: south, listen: '127.0.0.1:5020', unit: 2}
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Two containers, a bus and a unit id each."""
    file = tmp_path / "two.yaml"
    file.write_text(SITE)
    return load_site(Library(), str(file))


def frames(racks: int, seconds: float, seed: int) -> list[Frame]:
    """What the BMUs of some racks send in a while."""
    emitter = Emitter(Battery(Ratings(racks=racks), seed=seed))
    return [Frame(0.0, sent.identifier | EXTENDED, sent.data) for sent in emitter.due(seconds)]


def test_containers_share_a_gateway_and_nothing_else(site: Site) -> None:
    """Frames of one bus reach one container; each has its own registers, counts and racks."""
    gateway = Gateway(site)
    for frame in frames(2, 6.0, seed=1):
        gateway.receive("can0", frame)
    gateway.cycle(0.3)
    north, south = (gateway.containers[name].snapshot for name in ("north", "south"))

    assert [float(part["racks_valid"]) for part in (north, south)] == [2, 0]
    for frame in frames(2, 6.0, seed=2):
        gateway.receive("can1", frame)
    gateway.cycle(0.4)
    south = gateway.containers["south"].snapshot
    assert south["racks_valid"] == 2
    assert south["rack_voltage"][0] != south["rack_voltage"][0]
    (banks,) = gateway.faces.listeners().values()
    volts = [
        int.from_bytes(banks[unit].read(Table.HOLDING, 1100, 1), "big") / 10 for unit in (1, 2)
    ]
    assert volts == [
        pytest.approx(float(north["rack_voltage"][1])),
        pytest.approx(float(south["rack_voltage"][1])),
    ]


def test_strange_frames_are_counted_and_harm_nobody(site: Site) -> None:
    """Unknown, error and remote frames, and frames of every wrong length."""
    gateway = Gateway(site)
    measure = 0x180110F4 | EXTENDED
    for key in (0x123, 0x123 | ERROR, measure | REMOTE, 0x180110F4 & 0x7FF):
        gateway.receive("can0", Frame(0.0, key, b"\1" * 8))
    for length in range(65):
        gateway.receive("can0", Frame(0.0, measure, bytes((length,)) * length))
    gateway.cycle(0.1)

    assert gateway.buses["can0"].strange == {"unknown": 2, "error": 1, "remote": 1}
    name, tally = gateway.tallies["can0"][measure]
    assert name == "Rack_Measure"
    assert (tally.short, tally.long) == (8, 56)


async def test_frames_on_a_bus_become_registers_on_tcp(site: Site) -> None:
    """python-can's virtual bus in, pymodbus's client out; the heartbeat counts cycles' seconds."""
    gateway = Gateway(site)
    runtime = Runtime(gateway, ("127.0.0.1", 0))
    await runtime.start()
    live = asyncio.create_task(runtime.live())
    port = int(runtime.endpoints[0].rpartition(":")[2])
    with can.Bus(interface="virtual", channel="test-two-0") as bus:
        sender = asyncio.create_task(Emitter(Battery(Ratings(racks=2))).run(bus))
        async with asyncio.timeout(60):
            while gateway.containers["north"].snapshot["racks_valid"] != 2:
                await asyncio.sleep(0.02)

        def read() -> list[list[int]]:
            with register_reader("127.0.0.1", port, 1) as reader:
                return [reader.read(0, 2), reader.read(30, 3), reader.read(1000, 1)]

        first = await asyncio.to_thread(read)
        async with asyncio.timeout(60):
            while (second := await asyncio.to_thread(read))[0][0] == first[0][0]:
                await asyncio.sleep(0.05)
        for task in (sender, live):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    await runtime.stop()

    assert first[1] == [2, 2, 2]
    assert 12000 < first[2][0] < 15000
    assert second[0][1] > first[0][1]


async def test_a_taken_port_and_a_lost_driver_are_told(site: Site) -> None:
    """LinkError with a remedy; nothing is left running."""
    gateway = Gateway(site)
    first = Runtime(gateway, ("127.0.0.1", 0))
    await first.start()
    port = int(first.endpoints[0].rpartition(":")[2])
    with pytest.raises(
        LinkError, match=f"cannot listen at 127.0.0.1:{port}: another program uses it"
    ):
        await Runtime(gateway, ("127.0.0.1", port)).start()
    await first.stop()


@pytest.mark.parametrize(
    ("data_source", "host", "allowed"),
    [("live", "0.0.0.0", True), ("simulation", "127.0.0.1", True), ("replay", "0.0.0.0", False)],  # noqa: S104
)
def test_r35_data_that_are_not_live_let_no_power_through_elsewhere(
    site: Site, data_source: str, host: str, *, allowed: bool
) -> None:
    """R35: replayed or simulated limits read 0 on any face beyond this machine; values still show."""
    gateway = Gateway(site, data_source)
    gateway.shown_at(host)
    for frame in frames(2, 6.0, seed=1):
        gateway.receive("can0", frame)
    gateway.cycle(0.3)
    (banks,) = gateway.faces.listeners().values()
    limits = banks[1].read(Table.HOLDING, 21, 8) + banks[1].read(Table.HOLDING, 1012, 6)

    assert (limits == bytes(len(limits))) is not allowed
    assert int.from_bytes(banks[1].read(Table.HOLDING, 10, 1), "big") > 10000
    source = {"live": 0, "replay": 1, "simulation": 2}[data_source]
    assert int.from_bytes(banks[1].read(Table.HOLDING, 2, 1), "big") == source


def test_counters_never_show_the_pattern_of_no_value(site: Site) -> None:
    """Heartbeat and image counter run from 0 to 65534: 65535 is what a missing u16 reads."""
    state = Gateway(site).containers["north"]

    assert float(state.freeze(0.0, 65534)["heartbeat"]) == 65534
    assert float(state.freeze(0.0, 65535)["heartbeat"]) == 0
