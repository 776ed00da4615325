"""Masters of the simulated plant: the PCS that polls, the EMS that commands; against a foreign server."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from conformance.sim.ems import ENABLES, NEEDED, Ems, Plan
from conformance.sim.master import Master, NoAnswer, Register
from conformance.sim.pcs import Pcs
from conformance.sim.pcs_client import Asked, Follower, PcsClient, Told
from conformance.sim.profile import steady

ASKED = Asked(
    Register(0), Register(1, 2, signed=True), Register(3, 2, scale=0.1), Register(5, 2, scale=0.1),
    Register(7),
)  # fmt: skip
PLACES = {
    name: Register(20 + 2 * place, 2, signed=True)
    if name == "power_setpoint"
    else Register(20 + 2 * place)
    for place, name in enumerate((*NEEDED, *ENABLES))
}


class Gateway:
    """A server of 40 registers that keeps what is written, in order, and may refuse."""

    def __init__(self) -> None:
        self.registers = [0] * 41
        self.writes: list[tuple[int, list[int]]] = []
        self.refuses: set[int] = set()
        self.port = 0

    async def access(
        self,
        _function: int,
        _start: int,
        address: int,
        _count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Serve and keep."""
        if values is None:
            registers[:] = self.registers
        elif address in self.refuses:
            return ExcCodes.DEVICE_FAILURE
        else:
            self.writes.append((address, [int(value) for value in values]))
            self.registers[address : address + len(values)] = self.writes[-1][1]
        return None

    def written(self, name: str) -> list[float]:
        """All that was written to a command."""
        place = PLACES[name]
        return [place.decode(words) for address, words in self.writes if address == place.address]


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """One at a free port."""
    made = Gateway()
    device = SimDevice(1, SimData(0, count=40, datatype=DataType.REGISTERS), action=made.access)
    server = ModbusTcpServer(device, address=("127.0.0.1", 0))
    assert await server.listen()
    assert isinstance(server.transport, asyncio.Server)
    made.port = server.transport.sockets[0].getsockname()[1]
    yield made
    await server.shutdown()  # type: ignore[no-untyped-call] # pymodbus leaves it open


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a state."""
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.02)


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task and see it end."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("register", "value", "words"),
    [
        (Register(0), 65535, [0xFFFF]),
        (Register(0, 2, signed=True), -2, [0xFFFF, 0xFFFE]),
        (Register(0, 2, scale=0.1), 12345.6, [1, 57920]),
        (Register(0, 1, signed=True, scale=0.01), -1.23, [0xFF85]),
    ],
)
def test_registers_are_numbers(register: Register, value: float, words: list[int]) -> None:
    """Big-endian, two's complement, scaled."""
    assert register.encode(value) == words
    assert register.decode(words) == pytest.approx(value)


async def test_a_polling_pcs_obeys(gateway: Gateway) -> None:
    """Permission, power and limits as they are read; nobody there means zero and stop."""
    pcs = Pcs()
    client = PcsClient(pcs, Master("127.0.0.1", gateway.port, timeout=0.5), ASKED)
    gateway.registers[:8] = [1, 0xFFFE, 0x7960, 0, 1000, 0, 2000, 5]
    task = asyncio.create_task(client.run())
    await until(lambda: pcs.setting.run)
    setting = pcs.setting
    assert (setting.power, setting.charge_current, setting.discharge_current) == (-1e5, 100, 200)
    gateway.registers[0] = 0
    await until(lambda: not pcs.setting.run)
    assert pcs.setting.power == 0
    await ended(task)


async def test_a_polling_pcs_stops_when_nobody_answers() -> None:
    """A port where nothing listens."""
    pcs = Pcs()
    pcs.setting.run, pcs.setting.power = True, 1e6
    client = PcsClient(pcs, Master("127.0.0.1", 1, timeout=0.5), ASKED)
    task = asyncio.create_task(client.run())
    await until(lambda: client.misses > 0)
    await ended(task)

    assert (pcs.setting.run, pcs.setting.power) == (False, 0)


def test_a_heartbeat_that_stands_still_stops_it() -> None:
    """After 2 s; when it moves again, the PCS obeys again."""
    pcs = Pcs()
    follower = Follower(pcs)

    def runs(heartbeat: int, now: float) -> bool:
        follower.take(Told(1, 1000, 10, 10, heartbeat), now)
        return pcs.setting.run

    assert [runs(1, 0), runs(1, 1.9), runs(1, 2.0), runs(1, 9), runs(2, 9.2)] == [
        True, True, False, False, True,
    ]  # fmt: skip


async def test_an_ems_takes_the_plant_into_service(gateway: Gateway) -> None:
    """Lease, select, connect, run; then its setpoint each second, and a heartbeat that counts."""
    plan = Plan(steady(-250_000))
    ems = Ems(Master("127.0.0.1", gateway.port), PLACES, plan)
    task = asyncio.create_task(ems.run())
    await until(lambda: len(gateway.written("power_setpoint")) > 4)
    await ended(task)

    order = [address for address, words in gateway.writes if any(words)]
    places = [PLACES[name].address for name in ("lease", "select", "connect", "mode_request")]
    assert [address for address in order if address in places] == places
    assert (gateway.written("select")[-1], gateway.written("mode_request")[-1]) == (2000, 4)
    assert gateway.written("lease") == [60]
    beats = gateway.written("ems_heartbeat")
    assert beats == list(range(1, len(beats) + 1))
    assert gateway.written("power_setpoint")[-1] == -250_000
    assert ems.is_dispatching
    assert gateway.written("charge_enable")[-1] == gateway.written("discharge_enable")[-1] == 1


async def test_an_ems_tries_again_what_is_refused(gateway: Gateway) -> None:
    """It counts refusals, keeps beating at zero power, and goes on when it may."""
    gateway.refuses = {PLACES["connect"].address}
    ems = Ems(Master("127.0.0.1", gateway.port), PLACES, Plan(steady(1000)))
    task = asyncio.create_task(ems.run())
    await until(lambda: ems.refused["connect", 4] > 1)
    assert set(gateway.written("power_setpoint")) == {0}
    assert gateway.written("mode_request") == []
    gateway.refuses = set()
    await until(lambda: ems.is_dispatching)
    await ended(task)

    assert gateway.written("connect")[-2:] == [0, 1]


async def test_a_hanging_ems_writes_nothing(gateway: Gateway) -> None:
    """And keeps its connection; afterwards it goes on."""
    faults = {"ems_hang"}
    ems = Ems(Master("127.0.0.1", gateway.port), PLACES, Plan(connect=False), faults)
    task = asyncio.create_task(ems.run())
    faults.clear()
    await until(lambda: len(gateway.written("ems_heartbeat")) == 1)
    faults.add("ems_hang")
    seen = len(gateway.writes)
    loop = asyncio.get_running_loop()
    start = loop.time()
    await until(lambda: loop.time() - start > 1.5)
    assert len(gateway.writes) <= seen + len(PLACES)
    quiet = len(gateway.writes)
    faults.clear()
    await until(lambda: len(gateway.writes) > quiet)
    await ended(task)

    assert gateway.written("connect") == []


async def test_a_master_tells_a_refusal_from_silence(gateway: Gateway) -> None:
    """A refused write is its code; a refused read and a lost server are no answer."""
    master = Master("127.0.0.1", gateway.port, timeout=0.5)
    gateway.refuses = {3}
    assert (await master.write(Register(3), 1), await master.write(Register(4), 1)) == (4, 0)
    with pytest.raises(NoAnswer, match="registers 50 are refused"):
        await master.read(Register(50))
    master.close()
    with pytest.raises(NoAnswer, match="nothing listens at"):
        await Master("127.0.0.1", 1, timeout=0.5).read(Register(0))
