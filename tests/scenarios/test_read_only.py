"""A face that leaves commands out (R11): what is answered to writes of them, and what they read."""

from pathlib import Path

from closed import Closed

HEARTBEAT, POWER, REACTIVE, LEASE = 61000, 61003, 61005, 61100
TAKEN, ADDRESS = 0, 2


def test_power_that_a_face_does_not_take(tmp_path: Path) -> None:
    """Exception 2, as for any register that is none, also in a block; the others are taken, and all read as ever."""
    closed = Closed(tmp_path, face=", read_only: [power_setpoint]").run(3)
    assert closed.write(LEASE, 3600) == TAKEN

    assert closed.write_i32(POWER, 1000) == ADDRESS
    assert closed.write(HEARTBEAT, 1, 1, 1, 0, 1000) == ADDRESS
    assert closed.write(HEARTBEAT, 1, 1, 1) == TAKEN
    assert closed.write_i32(REACTIVE, 1000) == TAKEN
    assert closed.read(HEARTBEAT, 7) == [1, 1, 1, 0x8000, 0, 0, 1000]
