"""A site file of nothing but mailboxes stands in for a test server: pymodbus's and mbpoll's whole function sets on it."""

import socket
import struct
import subprocess
from collections.abc import Iterator

import pytest
from modbus.adu import adu
from modbus.service import response
from pymodbus.client import ModbusTcpClient

pytestmark = pytest.mark.interop


@pytest.fixture
def client(storage: int) -> Iterator[ModbusTcpClient]:
    """A connected pymodbus client."""
    with ModbusTcpClient("127.0.0.1", port=storage, timeout=10) as client:
        yield client


def test_bits(client: ModbusTcpClient) -> None:
    """Functions 1, 2, 5 and 15, up to their largest counts."""
    assert not any(client.read_coils(0, count=2000, device_id=1).bits)
    assert all(client.read_discrete_inputs(0, count=100, device_id=1).bits[:100])
    assert not client.write_coil(7, value=True, device_id=1).isError()
    pattern = [place % 3 == 0 for place in range(1968)]
    assert not client.write_coils(20, pattern, device_id=1).isError()
    told = client.read_coils(0, count=2000, device_id=1).bits
    assert told[:20] == [place == 7 for place in range(20)]
    assert told[20:1988] == pattern
    assert not any(told[1988:2000])


def test_registers(client: ModbusTcpClient) -> None:
    """Functions 3, 4, 6, 16, 22 and 23; what is written shows in both tables, and in the other unit."""
    assert client.read_holding_registers(0, count=125, device_id=1).registers == [17] * 125
    assert not client.write_register(3, 0xFFFF, device_id=1).isError()
    values = list(range(1000, 1123))
    assert not client.write_registers(10, values, device_id=1).isError()
    assert client.read_input_registers(10, count=123, device_id=2).registers == values
    assert client.read_holding_registers(3, count=1, device_id=2).registers == [0xFFFF]
    client.write_register(4, 0x12, device_id=1)
    assert not client.mask_write_register(address=4, and_mask=0xF2, or_mask=0x25, device_id=1).isError()  # fmt: skip
    assert client.read_holding_registers(4, count=1, device_id=1).registers == [0x17]
    both = client.readwrite_registers(read_address=3, read_count=6, write_address=5, values=[0xFF, 0xFF, 0xFF], device_id=1)  # fmt: skip
    assert both.registers == [0xFFFF, 0x17, 0xFF, 0xFF, 0xFF, 17], "the write comes first"


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        ("01 07D0 0001", 2), ("01 07CF 0002", 2), ("01 0000 0000", 3), ("01 0000 07D1", 3), ("02 0063 0002", 2),
        ("03 03E8 0001", 2), ("03 03E7 0002", 2), ("03 0000 0000", 3), ("03 0000 007E", 3), ("04 FFFF 0002", 2),
        ("05 0000 1234", 3), ("05 07D0 FF00", 2), ("06 03E8 0001", 2), ("0F 0000 0000 00", 3), ("0F 0000 0009 01 FF", 3),
        ("0F 07CF 0002 01 03", 2), ("10 0000 0000 00", 3), ("10 0000 0002 02 0001", 3), ("10 03E7 0002 04 0001 0001", 2),
        ("16 03E8 0000 0000", 2), ("17 0000 007E 0000 0001 02 0001", 3), ("17 0000 0001 03E8 0001 02 0001", 2),
        ("17 03E8 0001 0000 0001 02 0001", 2), ("07", 1), ("18 0000", 1),
        ("06 07D0 0001", 1), ("10 07D0 0002 04 3FC0 0000", 1),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(storage: int, pdu: str, code: int) -> None:
    """Illegal functions, addresses, counts and owners; nothing of it is stored."""
    function = int(pdu[:2], 16)
    with socket.create_connection(("127.0.0.1", storage), timeout=10) as link:
        link.sendall(adu(pdu) + adu("03 0000 0001") + adu("01 07CF 0001"))
        assert response(link) == adu(bytes((function | 0x80, code)))
        assert response(link) == adu("03 02 0011")
        assert response(link) == adu("01 01 00")


def test_an_owner_writes_what_others_read(storage: int) -> None:
    """By the role of its address; half of a value, too: it is storage."""
    with socket.create_connection(("127.0.0.1", storage), timeout=10, source_address=("127.0.0.2", 0)) as link:  # fmt: skip
        link.sendall(adu("10 07D0 0002 04" + struct.pack(">f", -2.25).hex()) + adu("06 07D1 0001"))
        assert response(link) == adu("10 07D0 0002")
        assert response(link) == adu("06 07D1 0001")
    with socket.create_connection(("127.0.0.1", storage), timeout=10) as link:
        link.sendall(adu("03 07D0 0002", unit=2))
        assert response(link) == adu("03 04 C010 0001", unit=2)


def test_mbpoll_passes_a_value_on(storage: int) -> None:
    """Written at one unit, read at the other."""
    command = ["mbpoll", "-m", "tcp", "-p", str(storage), "-0", "-1", "-q", "-r", "300"]
    write = subprocess.run([*command, "-a", "1", "127.0.0.1", "4711"], capture_output=True, text=True, check=False, timeout=60)  # fmt: skip
    assert write.returncode == 0, write.stdout + write.stderr
    read = subprocess.run([*command, "-a", "2", "-c", "1", "127.0.0.1"], capture_output=True, text=True, check=False, timeout=60)  # fmt: skip
    assert "4711" in read.stdout, read.stdout + read.stderr


def test_a_face_that_leaves_mailboxes_read_only(storage: int) -> None:
    """Exception 2 to what its patterns mean, `*` everything; it reads what others write, and may hold a picture."""
    with socket.create_connection(("127.0.0.1", storage), timeout=10) as link:
        for pdu, unit, answer in (
            ("06 0320 0001", 1, "06 0320 0001"), ("05 003C FF00", 1, "05 003C FF00"),
            ("06 0320 0002", 13, "86 02"), ("05 003C 0000", 13, "85 02"), ("10 0320 0001 02 0002", 13, "90 02"),
            ("06 0320 0002", 14, "86 02"), ("05 003D FF00", 14, "05 003D FF00"),
            ("03 0320 0001", 13, "03 02 0001"), ("01 003C 0002", 13, "01 01 03"), ("06 07DA 0001", 13, "06 07DA 0001"),
        ):  # fmt: skip
            link.sendall(adu(pdu, unit=unit))
            assert response(link) == adu(answer, unit=unit), (pdu, unit)
