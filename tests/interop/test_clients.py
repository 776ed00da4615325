"""The demo as other people's clients see it."""

import json
import time
from collections.abc import Iterator

import pytest
from interop.clients import CLIENTS, Client, MbPoll
from pymodbus.client import ModbusTcpClient
from pymodbus.client.mixin import ModbusClientMixin

import gateway

from program import Program

pytestmark = pytest.mark.interop

RACKS = range(12)
CELLS = 8 * 52
VOLTAGE, CURRENT, SOC = 0, 1, 4
"Registers of a rack's block, which begins at 1000 + 100 x rack."
TYPES = ModbusClientMixin.DATATYPE


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest, demo: int) -> Iterator[Client]:
    """Each client in turn, connected to the demo."""
    connected = CLIENTS[request.param](demo)
    yield connected
    connected.close()


def signed(register: int) -> int:
    """A register as an i16."""
    return register - (register >> 15 << 16)


def test_every_rack_reads(client: Client) -> None:
    """Voltage, current and state of charge of all racks are there and plausible."""
    racks = [client.read(1000 + 100 * rack, 36) for rack in RACKS]

    assert all(2.5 * CELLS < rack[VOLTAGE] / 10 < 3.65 * CELLS for rack in racks)
    assert all(abs(signed(rack[CURRENT])) / 10 <= 200 for rack in racks)
    assert all(40 < rack[SOC] / 10 < 70 for rack in racks)
    assert len({rack[SOC] for rack in racks}) > 1


def test_every_cell_reads(client: Client) -> None:
    """416 cells of 12 racks lie between 2.5 and 3.65 V, and their mirrors say good and fresh."""
    for rack in RACKS:
        first = 4000 + 1000 * rack
        cells = [cell for at in range(0, CELLS, 104) for cell in client.read(first + at, 104)]
        assert len(cells) == CELLS
        assert all(2500 <= cell <= 3650 for cell in cells)
        assert client.read(first + 20000, 104) == [0] * 104
        assert max(client.read(first + 40000, 104)) < 500


def test_the_plant_block_is_one_read(client: Client) -> None:
    """One read of 100 registers shows a whole plant that adds up."""
    plant = client.read(0, 100)

    assert plant[2] == 2
    assert plant[30:37] == [12, 12, 12, 4992, 4992, 4992, 4992]
    assert 2.5 * CELLS < plant[10] / 10 < 3.65 * CELLS
    assert 2500 <= plant[18] <= plant[17] <= 3650
    assert 1 <= plant[40] <= 12
    assert 1 <= plant[41] <= 8
    assert 1 <= plant[42] <= 52
    assert plant[60:72] == [0] * 12


def test_values_move(client: Client) -> None:
    """Between two reads the heartbeat counts, images follow each other and the voltage changes."""
    first, end = client.read(0, 16), time.monotonic() + 60
    while True:
        now = client.read(0, 16)
        if all(now[at] != first[at] for at in (0, 1, 10)):
            break
        assert time.monotonic() < end, (first, now)

    assert now[0] > first[0]


def test_functions_3_and_4_read_the_same(client: Client) -> None:
    """Identity and constants are the same as holding and as input registers."""
    for first, count in ((60000, 97), (60200, 24), (30, 4)):
        assert client.read(first, count, 3) == client.read(first, count, 4)


def test_what_is_refused(client: Client) -> None:
    """An unknown unit and a write are exceptions that the client knows; it reads on after them."""
    assert client.refused(9) == 10
    assert client.refused_write(10) == 2
    assert client.read(60200, 1) == [0x1234]


def test_pymodbus_uses_the_other_functions(demo: int) -> None:
    """It is told who answers, gets its echo, and learns that what it may read it may not mask or write."""
    with ModbusTcpClient("127.0.0.1", port=demo, timeout=10) as master:
        basic = master.read_device_information(read_code=1, object_id=0, device_id=1).information
        regular = master.read_device_information(read_code=2, object_id=0, device_id=1).information
        echo = master.diag_query_data(b"\x12\x34", device_id=1)
        mask = master.mask_write_register(address=10, and_mask=0, or_mask=7, device_id=1)
        both = master.readwrite_registers(
            read_address=60200, read_count=1, write_address=10, values=[7], device_id=1
        )

    assert basic == {0: b"ess-gateway", 1: b"essgw", 2: gateway.__version__.encode()}
    assert list(regular) == [0, 1, 2, 4, 5, 6]
    assert regular[5].startswith(b"native ")
    assert regular[6] == b"demo C1"
    assert echo.message == b"\x12\x34"
    assert (mask.exception_code, both.exception_code) == (2, 2)


@pytest.mark.parametrize(
    ("address", "kind", "value"),
    [
        (60200, TYPES.UINT16, 0x1234),
        (60201, TYPES.INT16, -12345),
        (60202, TYPES.UINT32, 0x12345678),
        (60204, TYPES.INT32, -123456789),
        (60206, TYPES.UINT64, 0x000123456789ABCD),
        (60210, TYPES.FLOAT32, 1234.5),
        (60212, TYPES.FLOAT64, -9876.54321),
        (60216, TYPES.STRING, "ESSGW word order"),
    ],
)
def test_the_self_test_constants(demo: int, address: int, kind: TYPES, value: object) -> None:
    """Pymodbus's own decoder, with the highest word first, reads each constant as it was meant."""
    words = kind.value[1] or 8
    with ModbusTcpClient("127.0.0.1", port=demo, timeout=10) as master:
        registers = master.read_holding_registers(address, count=words, device_id=1).registers

    assert master.convert_from_registers(registers, kind, word_order="big") == value


def test_mbpoll_reads_wide_values(demo: int) -> None:
    """Libmodbus's own decoders read the constants, and power as the product of its parts."""
    poll = MbPoll(demo)

    assert poll.shown(60202, 2, "4:int") == ["305419896", "-123456789"]
    assert poll.shown(60210, 1, "4:float") == ["1234.5"]


def test_essgw_read_agrees_with_mbpoll(demo: int, essgw: Program) -> None:
    """Our client tells the same numbers as libmodbus, with unit, quality and age."""
    poll = MbPoll(demo)
    names = ("rack_soh", "rack_capacity", "rack_insulation_resistance", "rack_breaker")
    told = json.loads(essgw("read", f"127.0.0.1:{demo}", *names, "--json").stdout)
    points = {(point["point"], point["rack"]): point for point in told["points"]}

    assert len(points) == 4 * len(RACKS)
    for rack in RACKS:
        block = poll.read(1000 + 100 * rack, 36)
        shown = [points[name, rack + 1] for name in names]
        assert [point["value"] for point in shown] == [
            block[5] / 10, block[6] / 10, block[18] << 16 | block[19], block[23],
        ]  # fmt: skip
        assert {point["quality"] for point in shown} == {"good"}
        assert all(0 <= point["age"] < 5 for point in shown)
        assert [point["unit"] for point in shown] == ["%", "Ah", "Ohm", ""]
        assert shown[3]["text"] == "closed"


def test_essgw_read_and_mbpoll_see_the_same_movement(demo: int, essgw: Program) -> None:
    """Values that move are close in time and in number."""
    poll = MbPoll(demo)
    before = poll.read(1000, 5)
    told = json.loads(
        essgw("read", f"127.0.0.1:{demo}", "rack_voltage", "rack_soc", "--json").stdout
    )
    after = poll.read(1000, 5)
    voltage, soc = (
        next(
            point["value"]
            for point in told["points"]
            if (point["point"], point["rack"]) == (name, 1)
        )
        for name in ("rack_voltage", "rack_soc")
    )

    low, high = sorted((before[VOLTAGE] / 10, after[VOLTAGE] / 10))
    assert low - 20 <= voltage <= high + 20
    assert soc == pytest.approx(before[SOC] / 10, abs=0.3)
