"""Payloads that are sent, against cantools' decoder and an independent CRC."""

import math

import cantools
import crccheck.crc  # type: ignore[import-untyped] # it has no types
import pytest
from cantools.database.can import Database
from hypothesis import given
from hypothesis import strategies as st

from gateway.canbus.checksum import CHECKSUMS
from gateway.canbus.frame import IDENTIFIER
from gateway.canbus.payload import Part
from gateway.canbus.send import Send, encoded
from gateway.canbus.signal import Coding, Order, Signal
from gateway.mapping.library import Library, installed
from gateway.mapping.site import load_site
from gateway.model.order import Orders

CALM = {"rack_connect": (2.0,) * 12, "operation": (0.0,), "heartbeat": (7.0,)}


def orders(**values: float | tuple[float, ...]) -> Orders:
    """Orders as of second 0."""
    rows = {name: of if isinstance(of, tuple) else (of,) for name, of in values.items()}
    return Orders(0.0, rows)


@pytest.fixture(scope="module")
def database() -> Database:
    """The demo protocol's database, by cantools."""
    loaded = cantools.database.load_file(installed() / "frames" / "demo-bmu.dbc")
    assert isinstance(loaded, Database)
    return loaded


@pytest.fixture(scope="module")
def sends() -> dict[str, Send]:
    """What the demo site sends, by name and rack."""
    container = load_site(Library(), "demo").containers[0]
    return {f"{send.name} {send.rack}": send for send in container.sends["can0"]}


@pytest.mark.parametrize(("connect", "request_said"), [(math.nan, 0), (0, 1), (1, 2)])
@pytest.mark.parametrize("operation", [0, 1, 2])
def test_cantools_reads_the_orders_in_the_demo_request(
    database: Database, sends: dict[str, Send], connect: float, request_said: int, operation: int
) -> None:
    """Rack 1's request: order, reset, stop, operation, heartbeat and counter; its CRC is right."""
    connects = (connect, *(1.0,) * 11)
    given_orders = orders(
        rack_connect=connects, operation=operation, heartbeat=300, stop=1, alarm_reset=0
    )
    data = encoded(sends["Rack_Request 1"], given_orders, 33)
    assert data is not None
    told = database.decode_message("Rack_Request", data, decode_choices=False)

    assert told == {
        "Request": request_said, "AlarmReset": 0, "Stop": 1, "Operation": operation,
        "Heartbeat": 300 % 256, "Request_Counter": 33 % 16,
        "Request_CRC": crccheck.crc.Crc8SaeJ1850.calc(data[:7]),
    }  # fmt: skip
    assert data[3:6] == bytes(3)


def test_each_rack_has_its_id_and_its_order(sends: dict[str, Send]) -> None:
    """0x190r01A0 carries the order of rack r; the clock goes to all."""
    own = orders(rack_connect=tuple(float(rack == 7) for rack in range(1, 13)), heartbeat=0)
    for rack in range(1, 13):
        send = sends[f"Rack_Request {rack}"]
        data = encoded(send, own, 0)

        assert send.key & IDENTIFIER == 0x190001A0 | rack << 16
        assert data is not None
        assert data[0] & 3 == (2 if rack == 7 else 1)
        assert (send.period, send.timeout) == (0.1, 5)
    assert sends["Clock 0"].key & IDENTIFIER == 0x190001A2


def test_the_clock_is_seconds_in_little_endian(database: Database, sends: dict[str, Send]) -> None:
    """1,700,000,000 seconds, as cantools reads them."""
    data = encoded(sends["Clock 0"], orders(clock=1_700_000_000), 0)

    assert data is not None
    assert database.decode_message("Clock", data) == {"Seconds": 1_700_000_000}
    assert data[:4] == (1_700_000_000).to_bytes(4, "little")


def test_without_a_heartbeat_there_is_no_request(sends: dict[str, Send]) -> None:
    """An order that is NaN, and has no raw value for that, keeps the frame back (R8)."""
    assert encoded(sends["Rack_Request 1"], orders(rack_connect=(1.0,)), 0) is None
    assert encoded(sends["Rack_Request 1"], orders(heartbeat=math.nan), 0) is None


@given(st.binary(max_size=64))
def test_checksums_are_those_of_another_implementation(data: bytes) -> None:
    """The CRCs of crccheck, SAE J1850's and AUTOSAR's; sums and exclusive ors by hand."""
    assert CHECKSUMS["crc8_sae_j1850"](data) == crccheck.crc.Crc8SaeJ1850.calc(data)
    assert CHECKSUMS["crc8_autosar"](data) == crccheck.crc.Crc8Autosar.calc(data)
    assert CHECKSUMS["sum"](data) == sum(data) % 256
    whole = 0
    for byte in data:
        whole ^= byte
    assert CHECKSUMS["xor"](data) == whole


def test_check_values_of_the_catalogue() -> None:
    """CRCs of the digits 1 to 9, as published."""
    assert CHECKSUMS["crc8_sae_j1850"](b"123456789") == 0x4B
    assert CHECKSUMS["crc8_autosar"](b"123456789") == 0xDF


def _payload(signal: Signal, value: float, wrap: int = 0) -> bytes | None:
    part = Part(signal, "clock", wrap=wrap)
    return encoded(Send(1, "test", "can0", 8, 1.0, (part,)), orders(clock=value), 0)


@pytest.mark.parametrize(
    ("signal", "value", "data"),
    [
        (Signal("x", 7, 16, Order.BIG), 0x1234, "1234000000000000"),
        (Signal("x", 0, 16, Order.LITTLE), 0x1234, "3412000000000000"),
        (Signal("x", 7, 16, Order.BIG, Coding.SIGNED), -2, "fffe000000000000"),
        (Signal("x", 0, 16, Order.LITTLE, scale=0.1, offset=-40), 25, "8a02000000000000"),
        (Signal("x", 32, 32, Order.LITTLE, Coding.FLOAT), 1.5, "000000000000c03f"),
        (Signal("x", 3, 4, Order.BIG), 9, "0900000000000000"),
    ],
)
def test_values_come_to_their_places(signal: Signal, value: float, data: str) -> None:
    """Both byte orders, signs, scales, floats, parts of bytes."""
    assert _payload(signal, value) == bytes.fromhex(data)


@pytest.mark.parametrize("value", [-1, 256, math.inf, math.nan])
def test_what_bits_cannot_hold_is_not_sent(value: float) -> None:
    """Neither wrapped nor clamped: there is no frame."""
    assert _payload(Signal("x", 0, 8, Order.LITTLE), value) is None
    assert _payload(Signal("x", 0, 8, Order.LITTLE), 255) == b"\xff" + bytes(7)


def test_a_modulo_is_taken_where_it_is_asked_for() -> None:
    """256 is 0 with wrap: 256."""
    assert _payload(Signal("x", 0, 8, Order.LITTLE), 257, wrap=256) == b"\1" + bytes(7)


@pytest.mark.parametrize(("connect", "data"), [(0.0, 3), (1.0, 2), (math.nan, None)])
def test_an_order_may_depend_on_another(connect: float, data: int | None) -> None:
    """While it is 0 something else is said; while it is unknown, nothing."""
    part = Part(
        Signal("x", 0, 8, Order.LITTLE), "operation",
        states={0: 0, 1: 1, 2: 2}, given=("rack_connect", 2), otherwise=3,
    )  # fmt: skip
    told = encoded(
        Send(1, "test", "can0", 1, 1.0, (part,)),
        orders(operation=2, rack_connect=(math.nan, connect)), 0,
    )  # fmt: skip

    assert told == (None if data is None else bytes((data,)))
