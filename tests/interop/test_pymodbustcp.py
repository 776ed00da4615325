"""pyModbusTCP's whole function set: all tables, the largest counts, what it makes of refusals."""

import contextlib
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from interop.clients import HOST, PyModbus, alike

import gateway

pytestmark = pytest.mark.interop

if TYPE_CHECKING:
    from pyModbusTCP.client import ModbusClient  # type: ignore[import-untyped] # it has no types
else:
    ModbusClient = pytest.importorskip("pyModbusTCP.client").ModbusClient
MODBUS_EXCEPTION = 7  # its own number for "the server answered with an exception"


@pytest.fixture
def client(storage: int) -> Iterator[ModbusClient]:
    """A connected client."""
    client = ModbusClient(HOST, storage, unit_id=1, timeout=10.0)
    assert client.open()
    yield client
    client.close()


def test_bits(client: ModbusClient) -> None:
    """Functions 1, 2, 5 and 15, up to their largest counts."""
    pattern = [random.random() < 0.5 for _ in range(1968)]
    assert client.write_multiple_coils(3000, pattern)
    assert client.write_single_coil(4968, bit_value=True)
    assert client.write_single_coil(4969, bit_value=False)
    expected = [*pattern, True, *[False] * 31]

    assert client.read_coils(3000, 2000) == expected
    assert client.read_discrete_inputs(196, 2000) == expected, "the same mailbox"
    assert client.read_discrete_inputs(99, 1) == [True]


def test_registers(client: ModbusClient) -> None:
    """Functions 3, 4, 6, 16 and 23, up to their largest counts."""
    values = random.sample(range(0x10000), 123)
    assert client.write_multiple_registers(100, values)
    assert client.write_single_register(223, 0xFFFF)
    assert client.read_holding_registers(99, 125) == [17, *values, 0xFFFF]
    assert client.read_input_registers(99, 125) == [17, *values, 0xFFFF]
    both = client.write_read_multiple_registers(102, values[:121], 100, 125)

    assert both == [*values[:2], *values[:121], 0xFFFF, 17], "the write comes first"


def test_the_last_addresses(client: ModbusClient) -> None:
    """Up to 65535 in each table."""
    assert client.write_multiple_registers(65533, [1, 2, 3])
    assert client.write_multiple_coils(65533, [True, False, True])

    assert client.read_holding_registers(65411, 125)[-3:] == [1, 2, 3]
    assert client.read_input_registers(65535) == [3]
    assert client.read_coils(63536, 2000)[-3:] == [True, False, True]
    assert client.read_discrete_inputs(65533, 3) == [True, False, True]


def test_who_answers(client: ModbusClient) -> None:
    """Function 43: basic and regular objects as streams, one by its number; how a missing one is told."""
    basic, regular = (client.read_device_identification(read_code=code) for code in (1, 2))
    one = client.read_device_identification(read_code=4, object_id=6)
    nothing = client.read_device_identification(read_code=4, object_id=7)

    assert (basic.vendor_name, basic.product_code) == (b"ess-gateway", b"essgw")
    assert basic.major_minor_revision == gateway.__version__.encode()
    assert (basic.conformity_level, basic.more_follows) == (0x82, 0)
    assert list(regular.objects_by_id) == [0, 1, 2, 4, 5, 6]
    assert one.user_application_name == b"storage C1"
    assert nothing is None
    assert client.last_except == 2


@pytest.mark.parametrize(
    ("call", "arguments", "code"),
    [
        ("read_coils", (2000, 1), 2), ("read_coils", (1999, 2), 2), ("read_discrete_inputs", (99, 2), 2),
        ("read_holding_registers", (1000, 1), 2), ("read_holding_registers", (65410, 2), 2),
        ("read_input_registers", (2000, 2), 2), ("write_single_coil", (2000, True), 2),
        ("write_single_register", (1000, 1), 2), ("write_multiple_coils", (1999, [True, True]), 2),
        ("write_multiple_registers", (999, [1, 1]), 2), ("write_multiple_registers", (2000, [1, 1]), 1),
        ("write_read_multiple_registers", (999, [1, 1], 0, 1), 2),
        ("write_read_multiple_registers", (0, [1], 999, 2), 2),
    ],
)  # fmt: skip
def test_refusals(client: ModbusClient, call: str, arguments: tuple[int, ...], code: int) -> None:
    """Nothing comes back, the code is told, nothing is stored; the connection stays and is served on."""
    assert not getattr(client, call)(*arguments)

    assert (client.last_error, client.last_except) == (MODBUS_EXCEPTION, code)
    assert client.is_open
    assert client.read_holding_registers(0) == [17]
    assert client.read_holding_registers(999) == [17]
    assert client.read_coils(1999) == [False]


@pytest.mark.parametrize(
    ("pdu", "answered"),
    [
        ("03 0000 007E", "8303"), ("01 0000 07D1", "8103"), ("05 0000 1234", "8503"), ("2B 0E 05 00", "ab03"),
        ("08 0000 A537", "080000a537"), ("07", "8701"), ("11", "9101"),
    ],
)  # fmt: skip
def test_what_it_would_not_ask_by_itself(client: ModbusClient, pdu: str, answered: str) -> None:
    """Requests that its own checks keep back, and other functions, through its way for any PDU."""
    response = client.custom_request(bytes.fromhex(pdu))

    if client.last_error == MODBUS_EXCEPTION:
        assert response is None
        assert bytes((int(pdu[:2], 16) | 0x80, client.last_except)).hex() == answered
    else:
        assert response.hex() == answered


def test_unknown_units(client: ModbusClient) -> None:
    """The device itself as 0 and 255; exception 0A of nobody."""
    for unit, code in ((0, 0), (255, 0), (2, 0), (9, 10)):
        client.unit_id = unit
        assert (client.read_holding_registers(0) is None) == bool(code)
        assert client.last_except == code


def test_it_sees_the_native_map_as_pymodbus_does(demo: int) -> None:
    """Counts, mirrors of quality, identity, constants."""
    client = ModbusClient(HOST, demo, unit_id=1, timeout=10.0)
    reads = {3: client.read_holding_registers, 4: client.read_input_registers}
    with contextlib.closing(client), contextlib.closing(PyModbus(demo)) as other:
        alike(other, lambda first, count, function: reads[function](first, count))
