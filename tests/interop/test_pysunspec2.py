"""pysunspec2's Modbus client: its functions 3, 4, 6 and 16, and its scan of a chain of models that stands in mailboxes."""

import contextlib
import random
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from interop.clients import HOST, PyModbus, alike

pytestmark = pytest.mark.interop

if TYPE_CHECKING:
    from sunspec2.modbus.client import (  # type: ignore[import-untyped] # it has no types
        SunSpecModbusClientDeviceTCP,
        SunSpecModbusClientError,
    )
    from sunspec2.modbus.modbus import (  # type: ignore[import-untyped] # it has no types
        FUNC_READ_INPUT,
        ModbusClientException,
        ModbusClientTCP,
    )
else:
    client_module = pytest.importorskip("sunspec2.modbus.client")
    modbus_module = pytest.importorskip("sunspec2.modbus.modbus")
    SunSpecModbusClientDeviceTCP = client_module.SunSpecModbusClientDeviceTCP
    SunSpecModbusClientError = client_module.SunSpecModbusClientError
    FUNC_READ_INPUT = modbus_module.FUNC_READ_INPUT
    ModbusClientException = modbus_module.ModbusClientException
    ModbusClientTCP = modbus_module.ModbusClientTCP

BASE = 40000
MAKER, MODEL, OPTIONS, VERSION, SERIAL = "Somebody", "Container", "none", "1.2.3", "SN-0815"
COMMON = struct.pack(
    ">4sHH32s32s16s16s32sHHHH", b"SunS", 1, 66, MAKER.encode(), MODEL.encode(), OPTIONS.encode(),
    VERSION.encode(), SERIAL.encode(), 7, 0x8000, 0xFFFF, 0,
)  # fmt: skip
"A chain of the common model alone (SunSpec Device Information Model Specification): marker, id, length, points, end."


def words(data: bytes) -> list[int]:
    """Registers."""
    return list(struct.unpack(f">{len(data) // 2}H", data))


@pytest.fixture
def client(storage: int) -> Iterator[ModbusClientTCP]:
    """A connected client."""
    client = ModbusClientTCP(1, HOST, storage, timeout=10)
    client.connect()
    yield client
    client.disconnect()


def test_registers(client: ModbusClientTCP, storage: int) -> None:
    """One register goes by function 6, more by 16; reads by 3 and 4; more than a request holds goes in several."""
    values = random.sample(range(0x10000), 300)
    data = struct.pack(">300H", *values)
    client.write(100, data)
    client.write(400, b"\xff\xff")
    with contextlib.closing(PyModbus(storage)) as other:
        seen = [word for first in (100, 200, 300) for word in other.read(first, 100)]

    assert seen == values
    assert client.read(99, 303) == b"\0\x11" + data + b"\xff\xff\0\x11"
    assert client.read(99, 303, op=FUNC_READ_INPUT) == b"\0\x11" + data + b"\xff\xff\0\x11"


def test_the_last_addresses(client: ModbusClientTCP) -> None:
    """Up to 65535."""
    client.write(65534, b"\0\1\0\2")
    client.write(65535, b"\0\3")

    assert client.read(65534, 2) == b"\0\1\0\3"


@pytest.mark.parametrize(
    ("unit", "address", "count", "told"),
    [
        (1, 1000, 1, "Modbus exception 2: addr: 1000 count: 1"), (1, 999, 2, "Modbus exception 2: addr: 999 count: 2"),
        (1, 65535, 2, "Modbus exception 2: addr: 65535 count: 2"), (1, 0, 126, "Modbus exception 3: addr: 0 count: 126"),
        (9, 0, 1, "Modbus exception 10: addr: 0 count: 1"),
    ],
)  # fmt: skip
def test_refused_reads(storage: int, unit: int, address: int, count: int, told: str) -> None:
    """It says the exception's number and what it had asked; the connection stays and is served on."""
    client = ModbusClientTCP(unit, HOST, storage, timeout=10, max_count=200)
    with contextlib.closing(client):
        client.connect()
        for _ in range(2):
            with pytest.raises(ModbusClientException, match=f"^{told}$"):
                client.read(address, count)
        client.slave_id = 1
        assert client.read(999, 1) == b"\0\x11"


@pytest.mark.parametrize(
    ("address", "size", "code"), [(1000, 1, 2), (999, 2, 2), (2000, 2, 1), (2000, 1, 1), (3000, 1, 2)]
)  # fmt: skip
def test_refused_writes(client: ModbusClientTCP, address: int, size: int, code: int) -> None:
    """By functions 6 and 16: where there is nothing, or not for it; nothing is stored."""
    with pytest.raises(ModbusClientException, match=f"^Modbus exception: {code}$"):
        client.write(address, b"\0\1" * size)

    assert client.read(999, 1) == b"\0\x11"
    assert client.read(2000, 2) == struct.pack(">f", 1.5)


def test_a_chain_of_models(storage: int) -> None:
    """It finds the marker at 40000, walks to the end, reads a model's points by name, and writes one."""
    with contextlib.closing(PyModbus(storage)) as other:
        other.write(BASE, words(COMMON))
        device = SunSpecModbusClientDeviceTCP(1, HOST, storage, timeout=10)
        device.scan()
        (model,) = device.common
        told = [model.points[name].value for name in ("Mn", "Md", "Opt", "Vr", "SN", "DA")]
        model.DA.value = 9
        model.write()
        model.read()

        assert device.base_addr == BASE
        assert told == [MAKER, MODEL, OPTIONS, VERSION, SERIAL, 7]
        assert model.DA.value == 9
        assert other.read(BASE + 68, 1) == [9]


def test_no_chain_of_models(demo: int) -> None:
    """Of the native map it says that there is none, at each of the places where it looks."""
    device = SunSpecModbusClientDeviceTCP(1, HOST, demo, timeout=10)
    with contextlib.closing(device.client), pytest.raises(SunSpecModbusClientError) as told:
        device.scan()

    for base in (0, BASE, 50000):
        assert f"Base address {base} error = Device responded - not SunSpec register map" in str(told.value)  # fmt: skip


def test_it_sees_the_native_map_as_pymodbus_does(demo: int) -> None:
    """Counts, mirrors of quality, identity, constants."""
    client = ModbusClientTCP(1, HOST, demo, timeout=10)
    with contextlib.closing(client), contextlib.closing(PyModbus(demo)) as other:
        client.connect()
        alike(other, lambda first, count, function: words(client.read(first, count, op=function)))
