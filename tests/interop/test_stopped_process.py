"""A gateway whose process stands still for a while: pymodbus is shown no old picture as a new one (R8)."""

import signal
import threading
import time
from pathlib import Path

import pytest
from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from program import Program

pytestmark = pytest.mark.interop

HEARTBEAT = 0
"The register of the seconds that cycles have counted."


ASYNCIO = "import sys; sys.modules['uvloop'] = None; from gateway.__main__ import main; main()"
"Without the extra: asyncio's own loop looks at sockets before timers."


@pytest.mark.parametrize("how", [("-m", "gateway"), ("-c", ASYNCIO)], ids=["fast", "asyncio"])
def test_nothing_old_is_answered_after_a_standstill(tmp_path: Path, how: tuple[str, ...]) -> None:
    """Stopped for 1.5 s, with a request on its way at the end: silence or a later second, never the one before."""
    with (
        Program(tmp_path, how).serving("demo", "--listen", "127.0.0.1:0") as demo,
        ModbusTcpClient("127.0.0.1", port=demo.port, timeout=3, retries=0) as client,
    ):
        while not (before := client.read_holding_registers(HEARTBEAT, device_id=1).registers[0]):
            time.sleep(0.05)  # before the first second is over a later one may be the first
        demo.process.send_signal(signal.SIGSTOP)
        time.sleep(1.5)
        awake = threading.Timer(0.2, demo.process.send_signal, [signal.SIGCONT])
        awake.start()
        try:
            answered = client.read_holding_registers(HEARTBEAT, device_id=1).registers[0]
        except ModbusException:
            answered = None
        awake.join()

        assert answered is None or answered > before
        with ModbusTcpClient("127.0.0.1", port=demo.port, timeout=10) as again:
            assert again.read_holding_registers(HEARTBEAT, device_id=1).registers[0] > before
