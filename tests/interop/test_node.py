"""modbus-serial and jsmodbus, two clients of Node.js: their whole function sets, and what they make of refusals."""

import contextlib
import random
from collections.abc import Iterator

import pytest
from interop.clients import PyModbus, alike
from interop.node_peers import NodePeer, node_peer

import gateway

pytestmark = pytest.mark.interop

SERIAL, JS = "modbus-serial", "jsmodbus"
WRITES = {
    SERIAL: ("writeCoil", "writeCoils", "writeRegister", "writeRegisters"),
    JS: ("writeSingleCoil", "writeMultipleCoils", "writeSingleRegister", "writeMultipleRegisters"),
}
"What each calls functions 5, 15, 6 and 16."


@pytest.fixture
def serial(storage: int) -> Iterator[NodePeer]:
    """modbus-serial, connected."""
    with node_peer(SERIAL, storage) as peer:
        yield peer


@pytest.fixture(params=WRITES)
def both(request: pytest.FixtureRequest, storage: int) -> Iterator[tuple[NodePeer, tuple[str, ...]]]:  # fmt: skip
    """Each client in turn, and its words for writes."""
    with node_peer(request.param, storage) as peer:
        yield peer, WRITES[request.param]


def test_bits(both: tuple[NodePeer, tuple[str, ...]]) -> None:
    """Functions 1, 2, 5 and 15, up to their largest counts."""
    peer, (coil, coils, *_) = both
    pattern = [random.random() < 0.5 for _ in range(1968)]
    answers = [
        peer(coils, 3000, pattern), peer(coil, 4968, True), peer(coil, 4999, True), peer(coil, 4999, False)  # noqa: FBT003 - its own form
    ]  # fmt: skip
    expected = [*pattern, True, *[False] * 31]

    assert [answer.text for answer in answers] == [""] * 4
    assert peer("readCoils", 3000, 2000).values(2000) == expected
    assert peer("readDiscreteInputs", 196, 2000).values(2000) == expected, "the same mailbox"
    assert peer("readDiscreteInputs", 99, 1).values(1) == [1]


def test_registers(both: tuple[NodePeer, tuple[str, ...]]) -> None:
    """Functions 3, 4, 6 and 16, up to their largest counts (jsmodbus: 120 written), and at the last address."""
    peer, (_, _, register, registers) = both
    values = random.sample(range(0x10000), 123)
    for answer in (
        peer(registers, 100, values[:120]), peer(registers, 220, values[120:]), peer(register, 223, 0xFFFF), peer(register, 65535, 3)
    ):  # fmt: skip
        assert answer.text == ""

    for read in ("readHoldingRegisters", "readInputRegisters"):
        assert peer(read, 99, 125).values(125) == [17, *values, 0xFFFF]
        assert peer(read, 65535, 1).values(1) == [3]


def test_the_longest_write(serial: NodePeer) -> None:
    """modbus-serial's 123 registers."""
    values = random.sample(range(0x10000), 123)

    assert serial("writeRegisters", 600, values).rest == {"address": 600, "length": 123}
    assert serial("readHoldingRegisters", 600, 123).values(123) == values


def test_masks(serial: NodePeer) -> None:
    """modbus-serial's function 22."""
    serial("writeRegister", 300, 0x12)
    answer = serial("maskWriteRegister", 300, 0xF2, 0x25)

    assert answer.rest == {"address": 300, "andMask": 0xF2, "orMask": 0x25}
    assert serial("readHoldingRegisters", 300, 1).values(1) == [0x17]


def test_write_and_read(serial: NodePeer) -> None:
    """modbus-serial's function 23, with the most that it carries: the write comes first."""
    values = random.sample(range(0x10000), 121)

    told = serial("readWriteRegisters", 400, 125, 402, 121, values).values(125)
    assert told == [17, 17, *values, 17, 17]


def test_who_answers(serial: NodePeer) -> None:
    """modbus-serial's function 43: a level, one object, one that is not there."""
    basic = {"0": "ess-gateway", "1": "essgw", "2": gateway.__version__}
    answer = serial("readDeviceIdentification", 1, 0)

    assert (answer.data, answer.rest) == (basic, {"conformityLevel": 0x82})
    regular = serial("readDeviceIdentification", 2, 0).data
    assert isinstance(regular, dict)
    assert list(regular) == ["0", "1", "2", "4", "5", "6"]
    assert serial("readDeviceIdentification", 4, 6).data == {"6": "storage C1"}
    assert serial("readDeviceIdentification", 4, 7).code == 2


@pytest.mark.parametrize(
    ("call", "arguments"),
    [("reportServerID", (0, 0)), ("readFileRecords", (1, 1)), ("customFunction", (65, [1, 2])), ("customFunction", (7, []))],
)  # fmt: skip
def test_functions_that_are_not_served(
    serial: NodePeer, call: str, arguments: tuple[object, ...]
) -> None:
    """modbus-serial has more functions: exception 1."""
    answer = serial(call, *arguments)

    assert answer.code == 1
    assert answer.text.startswith("Modbus exception 1: Illegal function")
    assert serial("readHoldingRegisters", 0, 1).values(1) == [17]


@pytest.mark.parametrize(
    ("call", "arguments", "code"),
    [
        ("readCoils", (2000, 1), 2), ("readCoils", (1999, 2), 2), ("readDiscreteInputs", (99, 2), 2),
        ("readHoldingRegisters", (1000, 1), 2), ("readHoldingRegisters", (65535, 2), 2), ("readInputRegisters", (2000, 2), 2),
        ("readHoldingRegisters", (0, 0), 3), ("readHoldingRegisters", (0, 126), 3), ("readInputRegisters", (0, 126), 3),
        (0, (2000, True), 2), (1, (1999, [True, True]), 2), (1, (0, [True] * 1969), 3), (2, (1000, 1), 2), (3, (999, [1, 1]), 2),
        (3, (2000, [1, 1]), 1),
    ],
)  # fmt: skip
def test_refusals(
    both: tuple[NodePeer, tuple[str, ...]], call: str | int, arguments: tuple[object, ...], code: int
) -> None:  # fmt: skip
    """The exception's number is told, nothing is stored, the connection is served on; `call` 0 to 3 are its writes."""
    peer, writes = both
    answer = peer(writes[call] if isinstance(call, int) else call, *arguments)

    assert (answer.code, answer.data) == (code, None)
    assert peer("readHoldingRegisters", 0, 1).values(1) == [17]
    assert peer("readHoldingRegisters", 999, 1).values(1) == [17]
    assert peer("readCoils", 1999, 1).values(1) == [0]
    assert peer("readCoils", 0, 100).values(100) == [0] * 100


@pytest.mark.parametrize(("unit", "code"), [(0, None), (255, None), (2, None), (9, 10)])
@pytest.mark.parametrize("name", WRITES)
def test_unit_ids(storage: int, name: str, unit: int, code: int | None) -> None:
    """The device itself as 0 and 255; exception 0A of nobody."""
    with node_peer(name, storage, unit) as peer:
        answer = peer("readHoldingRegisters", 0, 1)

    assert (answer.code, answer.data) == (code, None if code else [17])


def test_where_jsmodbus_errs(storage: int) -> None:
    """It cuts writes of more than 120 registers short (exception 3, nothing is stored), and calls each single coil off."""
    with node_peer(JS, storage) as peer:
        for count in (121, 122, 123):
            assert peer("writeMultipleRegisters", 0, [1] * count).code == 3
        assert peer("readHoldingRegisters", 0, 99).values(99) == [17] * 99
        assert peer("writeSingleCoil", 1500, True).rest == {"value": False}  # noqa: FBT003 - its own form
        assert peer("readCoils", 1500, 1).values(1) == [1]


def test_requests_that_are_not_sent(storage: int) -> None:
    """Jsmodbus counts by itself what the gateway would refuse."""
    with node_peer(JS, storage) as peer:
        assert peer("readCoils", 0, 2001).text.endswith("InvalidQuantity")
        assert peer("writeMultipleRegisters", 0, [1] * 124).text.endswith("InvalidArraySize")
        assert peer("readHoldingRegisters", 0, 1).values(1) == [17]


@pytest.mark.parametrize("name", WRITES)
def test_they_see_the_native_map_as_pymodbus_does(name: str, demo: int) -> None:
    """Counts, mirrors of quality, identity, constants."""
    names = {3: "readHoldingRegisters", 4: "readInputRegisters"}
    with node_peer(name, demo) as peer, contextlib.closing(PyModbus(demo)) as other:
        alike(other, lambda first, count, function: peer(names[function], first, count).values(count))  # fmt: skip
