"""A foxBMS 2 pack driven by `essgw run`: its frames and its reading of our request are cantools' and python-can's.

The database is as foxBMS publishes it; the pack obeys the request, and is without current.
"""

import contextlib
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import can
import cantools
import pytest
from cantools.database.can import Database
from interop.bmu import PERIOD, beside
from operated import held, shown, wait_until

from program import Program

pytestmark = [pytest.mark.interop, pytest.mark.corpus]

SITE = """
site: fox
buses: {{can0: {{interface: virtual}}}}
containers:
  - name: C1
    topology: {{racks: 1}}
    sources: [{{frames: foxbms2, bus: can0}}]
    control: {{rating: {{charge: 100000, discharge: 100000}}, pcs: {{path: ems_relays}}}}
masters: [{{name: ems, from: 127.0.0.1, role: operator}}]
faces: [{{map: native, listen: '127.0.0.1:{port}', unit: 1, read_only: [power_*, reactive_*]}}]
"""
REQUEST = 0x210
STANDBY, DISCHARGE = 0, 1
"Modes that are asked for."
STANDS_BY, DISCHARGES = 5, 7
"States of the BMS."
PATIENCE = 60.0  # s


@dataclass
class Pack:
    """The BMS of one pack: it closes and opens its string as it is asked."""

    database: Database
    modes: list[int] = field(default_factory=list)
    "That were asked for, frame by frame."
    at: list[float] = field(default_factory=list)
    "When, in s."

    def hears(self, message: can.Message) -> None:
        """Do as the request says."""
        if message.arbitration_id != REQUEST:
            return
        self.at.append(time.monotonic())
        told = self.database.decode_message(REQUEST, bytes(message.data), decode_choices=False)
        assert isinstance(told, dict)
        self.modes.append(int(str(told["RequestBmsMode"])))

    def tells(self) -> Iterator[can.Message]:
        """Its state, limits and values."""
        for name, values in self._values().items():
            message = self.database.get_message_by_name(name)
            absent = dict.fromkeys((signal.name for signal in message.signals), 0.0)
            data = message.encode(absent | values, strict=False)
            yield can.Message(arbitration_id=message.frame_id, data=data, is_extended_id=False)

    def asks(self, mode: int) -> None:
        """Wait until that is what the request says."""
        end = time.monotonic() + PATIENCE
        while not self.modes or self.modes[-1] != mode:
            assert time.monotonic() < end, f"{self.modes[-3:]}, never {mode}"
            time.sleep(0.01)

    def _values(self) -> dict[str, dict[str, float]]:
        closed = bool(self.modes) and self.modes[-1] != STANDBY
        return {
            "f_BmsState": {
                "BmsState": DISCHARGES if closed else STANDS_BY, "NumberOfConnectedStrings": closed,
            },
            "f_PackLimits": {
                "MaximumChargeCurrent": 100, "MaximumDischargeCurrent": 120,
                "MaximumChargePower": 70, "MaximumDischargePower": 80,  # kW
            },
            "f_PackValuesP0": {
                "BatteryVoltage": 700, "BusVoltage": 700 if closed else 0, "Current": 0,
            },
            "f_PackStateEstimation": {"MinimumSoc": 50, "Soh": 100},
        }  # fmt: skip


@contextlib.contextmanager
def driven(folder: Path, corpus: Path) -> Iterator[tuple[Pack, str, Program]]:
    """The pack, the address at which the gateway beside it serves, and the program."""
    published = corpus / "dbc" / "foxbms"
    database = cantools.database.load_file(published / "foxbms.dbc")
    assert isinstance(database, Database)
    pack = Pack(database)
    with beside(pack, folder, SITE, "--path", published) as port:
        yield pack, f"127.0.0.1:{port}", Program(folder)


def test_a_pack_is_connected_and_disconnected(corpus: Path, tmp_path: Path) -> None:
    """R33: its request comes all the time, standby until a master connects it; what it tells is read."""
    with driven(tmp_path, corpus) as (pack, server, essgw):
        wait_until(essgw, server, "mode", "standby")
        pack.asks(STANDBY)
        assert set(pack.modes) == {STANDBY}
        with held(essgw, server):
            essgw("write", server, "connect")
            wait_until(essgw, server, "mode", "ready")
            pack.asks(DISCHARGE)
            told = shown(essgw, server, "voltage", "soc", "rack_state", "charge_current_limit")
            begin = len(pack.at)
            time.sleep(3)
            spans = [
                (later - at) * 1e3
                for at, later in zip(pack.at[begin:-1], pack.at[begin + 1 :], strict=True)
            ]
            essgw("write", server, "disconnect")
            wait_until(essgw, server, "mode", "standby")
            pack.asks(STANDBY)

    off = max(abs(span - PERIOD * 1e3) for span in spans)
    sys.stdout.write(
        f"request: {len(spans)} periods, mean {statistics.mean(spans):.2f} ms, "
        f"worst {off:.2f} ms off, by a thread of Python behind TCP\n"
    )
    assert told == {
        "voltage": 700, "soc": 50, "rack_state": "connected", "charge_current_limit": 100,
    }  # fmt: skip
    assert len(spans) >= 3
