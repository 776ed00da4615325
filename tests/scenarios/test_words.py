"""Commands by the functions that few masters use: mask write, and write and read in one request (22, 23)."""

import struct
from pathlib import Path

import pytest

from closed import EMS, STRANGER, Closed

HEARTBEAT, CHARGE, POWER, LEASE = 61000, 61001, 61003, 61100
RESULT, STOP = 220, 61108
SOFTWARE_STOP = 33
READY = 3


@pytest.fixture
def closed(tmp_path: Path) -> Closed:
    """An adopted plant with closed racks; the EMS has the lease."""
    plant = Closed(tmp_path, closed=True).run(3)
    plant.write(LEASE, 60)
    assert plant.read(3) == [READY]
    return plant


def test_a_block_is_written_and_results_are_read(closed: Closed) -> None:
    """Heartbeat, enables and power in one request, whose answer already shows them (R4)."""
    block = struct.pack(">HHHi", 7, 1, 1, 50_000)
    pdu = struct.pack(">BHHHHB", 23, HEARTBEAT, 5, HEARTBEAT, 5, len(block)) + block

    assert closed.ask(pdu) == bytes((23, 10)) + block
    assert closed.read(HEARTBEAT, 5) == [7, 1, 1, 0, 50_000]


def test_a_stop_by_function_23_has_its_result_in_the_answer(closed: Closed) -> None:
    """What is safe acts first: its sequence number is one higher in what is read at once (R41)."""
    before = closed.read(RESULT)
    pdu = struct.pack(">BHHHHBH", 23, RESULT, 2, STOP, 1, 2, 1)

    assert struct.unpack(">BBHH", closed.ask(pdu)) == (23, 4, before[0] + 1, SOFTWARE_STOP)


def test_bits_of_an_enable_are_masked(closed: Closed) -> None:
    """1 by its lowest bit, and 0 again; a bit that makes no value is exception 3 and changes nothing."""
    assert closed.write(CHARGE, 0) == 0
    for kept, put, value in ((0xFFFE, 1, 1), (0xFFFF, 0, 1), (0xFFFE, 0, 0)):
        pdu = struct.pack(">BHHH", 22, CHARGE, kept, put)
        assert closed.ask(pdu) == pdu
        assert closed.read(CHARGE) == [value]
    assert closed.ask(struct.pack(">BHHH", 22, CHARGE, 0xFFFF ^ 1 << 8, 1 << 8)) == b"\x96\x03"
    assert closed.read(CHARGE) == [0]


def test_half_of_a_value_is_never_masked(closed: Closed) -> None:
    """A setpoint has two registers (R4); and who has no role masks nothing (CMD-14)."""
    for address in (POWER, POWER + 1):
        assert closed.ask(struct.pack(">BHHH", 22, address, 0, 1)) == b"\x96\x02"
    assert closed.ask(struct.pack(">BHHH", 22, CHARGE, 0, 1), STRANGER) == b"\x96\x01"
    assert closed.ask(struct.pack(">BHHH", 22, CHARGE, 0, 1), EMS) == struct.pack(">BHHH", 22, CHARGE, 0, 1)  # fmt: skip
