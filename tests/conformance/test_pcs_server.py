"""The simulated PCS on Modbus TCP: read and written by pymodbus and by mbpoll."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException

from conformance.sim.pcs import Pcs, State
from conformance.sim.pcs_server import PcsServer, measured, settings, write
from gateway.errors import LinkError


@pytest.fixture
async def server() -> AsyncIterator[PcsServer]:
    """A PCS that stands by, at a free port."""
    pcs = Pcs()
    pcs.dc_voltage = 1400.0
    pcs.step(0.05)
    made = PcsServer(pcs)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def client(server: PcsServer) -> AsyncIterator[AsyncModbusTcpClient]:
    """pymodbus, connected."""
    made = AsyncModbusTcpClient("127.0.0.1", port=server.port, timeout=0.5, retries=0)
    assert await made.connect()
    yield made
    made.close()


async def test_a_master_drives_it(server: PcsServer, client: AsyncModbusTcpClient) -> None:
    """Setpoints and limits in one write, the command in another; then the measured block."""
    limits = [0, 5000, 0, 8000]
    done = await client.write_registers(2, [0xFFF8, 0x5EE0, 0, 1000, *limits], device_id=1)
    assert not done.isError()
    assert (await client.write_register(1, 1, device_id=1)).registers == [1]
    pcs = server.pcs
    assert (pcs.setting.power, pcs.setting.reactive, pcs.setting.run) == (-500_000, 1000, True)
    assert (pcs.setting.charge_current, pcs.setting.discharge_current) == (500, 800)
    for _ in range(20):
        pcs.step(0.05)
    read = (await client.read_holding_registers(100, count=12, device_id=1)).registers

    amperes = round(-500_000 * 0.975 / 1400 * 10) & 0xFFFFFFFF
    assert read[:6] == [2, 0, 0xFFF8, 0x5EE0, 0, 1000]
    assert read[6:9] == [14000, amperes >> 16, amperes & 0xFFFF]
    assert read[9:] == [1, 38, 9632]
    again = (await client.read_holding_registers(0, count=12, device_id=1)).registers
    assert again == [0, 1, 0xFFF8, 0x5EE0, 0, 1000, *limits, 5, 0]


async def test_what_is_measured_and_what_is_not_there_is_refused(
    client: AsyncModbusTcpClient,
) -> None:
    """Exception 2."""
    for answer in (
        await client.write_register(100, 2, device_id=1),
        await client.read_holding_registers(12, count=1, device_id=1),
        await client.read_holding_registers(112, count=1, device_id=1),
    ):
        assert answer.isError()
        assert answer.exception_code == 2


async def test_every_access_begins_the_watchdog_anew(
    server: PcsServer, client: AsyncModbusTcpClient
) -> None:
    """Reads keep it from tripping; without them it trips; a reset and a command bring it back."""
    pcs = server.pcs
    await client.write_registers(0, [1, 1], device_id=1)
    for _ in range(4):
        for _ in range(80):
            pcs.step(0.05)
        state = (await client.read_holding_registers(100, count=1, device_id=1)).registers
        assert state == [State.RUNNING]
    for _ in range(110):
        pcs.step(0.05)
    read = await client.read_holding_registers(100, count=2, device_id=1)
    assert read.registers == [State.FAULT, 1]
    assert (await client.write_register(11, 1, device_id=1)).registers == [1]
    await client.write_register(1, 1, device_id=1)
    pcs.step(0.05)
    read = await client.read_holding_registers(100, count=2, device_id=1)

    assert read.registers == [State.RUNNING, 0]


async def test_a_mute_pcs_answers_nothing_and_takes_nothing(
    server: PcsServer, client: AsyncModbusTcpClient
) -> None:
    """The connection stays; after the fault it answers again."""
    server.pcs.faults.add("pcs_mute")
    for request in (
        client.read_holding_registers(100, count=1, device_id=1),
        client.write_register(1, 1, device_id=1),
    ):
        with pytest.raises(ModbusIOException):
            await request
    server.pcs.faults.clear()
    read = await client.read_holding_registers(1, count=1, device_id=1)

    assert read.registers == [0]


async def test_a_taken_port_is_told(server: PcsServer) -> None:
    """LinkError, not a traceback."""
    with pytest.raises(LinkError, match=f"the PCS cannot listen at 127.0.0.1:{server.port}"):
        await PcsServer(Pcs(), port=server.port).start()


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("mbpoll") is None, reason="needs mbpoll")
async def test_mbpoll_reads_and_writes_it(server: PcsServer) -> None:
    """By libmodbus a 32-bit setpoint is read where it was written, and the rating."""
    server.pcs.setting.power = -123_456

    async def mbpoll(*words: object) -> str:
        at = ("mbpoll", "-m", "tcp", "-p", server.port, "-a", 1, "-0", "-B", "-1")
        done = await asyncio.to_thread(
            subprocess.run,
            [str(word) for word in (*at, *words)],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def shown(text: str) -> dict[int, int]:
        return {int(at): int(value) for at, value in re.findall(r"\[(\d+)\]:\s+(-?\d+)", text)}

    read = await mbpoll("-t", "4:int", "-r", 2, "-c", 1, "127.0.0.1")
    rating = await mbpoll("-t", "4:int", "-r", 110, "-c", 1, "127.0.0.1")
    await mbpoll("-t", "4:int", "-r", 2, "127.0.0.1", 765_432)
    await mbpoll("-t", "4", "-r", 11, "127.0.0.1", 1)

    assert (shown(read), shown(rating)) == ({2: -123_456}, {110: 2_500_000})
    assert server.pcs.setting.power == 765_432


def test_half_of_a_pair_keeps_the_other_half() -> None:
    """A master that writes words one by one ends up with what it meant."""
    pcs = Pcs()
    write(pcs, 2, [0x000F])
    write(pcs, 3, [0x4240])

    assert pcs.setting.power == 1_000_000
    assert settings(pcs)[2:4] == [0x000F, 0x4240]
    assert measured(pcs)[10:] == [38, 9632]
