"""`essgw read` against a server that no one here wrote, and what a gateway shows of data that are not live."""

import json
import re
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pyModbusTCP.server import DataBank, ModbusServer  # type: ignore[import-untyped] # it has no types

from gateway.control.interlock import INTERLOCKS

from program import Program

pytestmark = pytest.mark.interop

HOLE = range(30, 32)
OWN = """
map: own
version: 1.0.0
registers:
  - {at: 0, point: voltage, type: u16, scale: 0.1}
  - {at: 1, point: current, type: i16, scale: 0.1, sign: charge, missing: {constant: 32767}}
  - {at: 2, point: power, type: i32, sign: charge, word_order: little}
  - {at: 4, point: soc, type: u16, scale: 0.5, offset: -5}
  - {at: 5, point: soh, type: u16, missing: {constant: 1}}
  - {at: 6, point: cell_voltage_max, type: f32, byte_order: little}
  - {at: 8, point: rack_voltage, type: u16, scale: 0.1, stride: {rack: 10}}
  - {at: 30, point: cell_voltage_min, type: u32, missing: exception}
  - {at: 32, point: cells_valid, type: f32}
"""


class Holed(DataBank):  # type: ignore[misc] # as above
    """Holding registers with a hole, which is refused with exception 2."""

    def get_holding_registers(
        self, address: int, number: int = 1, srv_info: object = None
    ) -> object:
        """None for whatever touches the hole."""
        if any(place in HOLE for place in range(address, address + number)):
            return None
        return super().get_holding_registers(address, number, srv_info)


@pytest.fixture
def foreign() -> Iterator[tuple[str, DataBank]]:
    """A pyModbusTCP server full of zeros, but for the hole."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    bank = Holed(h_regs_size=65536)
    server = ModbusServer("127.0.0.1", port, no_block=True, data_bank=bank)
    server.start()
    yield f"127.0.0.1:{port}", bank
    server.stop()


def values(essgw: Program, server: str, *options: str) -> dict[str, object]:
    """What a read of the map `own` gives, by point and rack."""
    told = essgw("read", server, "--map", "own.yaml", "--json", *options)
    rows = json.loads(told.stdout)["points"]
    return {f"{row['point']} {row['rack'] or ''}".strip(): row["value"] for row in rows}


def test_a_foreign_server_is_read_by_a_map(essgw: Program, foreign: tuple[str, DataBank]) -> None:
    """Scale, offset, sign, orders; what the map says is missing; and what is refused costs no other row."""
    server, bank = foreign
    (essgw.folder / "own.yaml").write_text(OWN)
    bank.set_holding_registers(0, [7001, 145, 0xFFFE, 0xFFFF, 133, 1, 0x7040, 0x0000, 6999])
    bank.set_holding_registers(32, [0x7F80, 0])
    read = values(essgw, server, "--topology", "2x0x0x0")

    assert read == {
        "voltage": 700.1, "current": -14.5, "power": 2, "soc": 61.5, "soh": None,
        "cell_voltage_max": 3.75, "rack_voltage 1": 699.9, "rack_voltage 2": 0,
        "cell_voltage_min": None, "cells_valid": None,
    }  # fmt: skip
    bank.set_holding_registers(1, [32767])
    assert values(essgw, server, "--topology", "2x0x0x0")["current"] is None
    shown = essgw("read", server, "--map", "own.yaml", "--topology", "2x0x0x0").stdout
    assert re.search(r"^ +30 +cell_voltage_min +- +V$", shown, re.MULTILINE)
    assert re.search(r"^ +0 +voltage +700\.1 +V$", shown, re.MULTILINE)


AXES = """
map: axes
version: 1.0.0
registers:
  - {at: 0, point: cell_temperature, type: i16, stride: {rack: 20, module: 5, sensor: 1}}
  - {at: 100, point: interlock_rack, type: u16, stride: {interlock: 1}}
  - {at: 300, point: result_sequence, type: u16, stride: {result: 1}}
  - {at: 400, mailbox: box, type: u16, count: 2}
"""


def test_each_value_says_what_it_is_of(essgw: Program, foreign: tuple[str, DataBank]) -> None:
    """By the names of its axes; a rack, module and cell are always named, without one as null."""
    (essgw.folder / "axes.yaml").write_text(AXES)
    wanted = ("cell_temperature", "interlock_rack", "result_sequence", "box")
    options = ("--map", "axes.yaml", "--topology", "1x1x1x2", "--json")
    rows = json.loads(essgw("read", foreign[0], *wanted, *options).stdout)["points"]
    axes = ("rack", "module", "cell", "sensor", "interlock", "result", "place")
    last = {row["point"]: {axis: row[axis] for axis in axes if row.get(axis)} for row in rows}

    assert last == {
        "cell_temperature": {"rack": 1, "module": 1, "sensor": 2},
        "interlock_rack": {"interlock": len(INTERLOCKS)},
        "result_sequence": {"result": 4},
        "box": {"place": 2},
    }
    assert all({"rack", "module", "cell"} <= row.keys() for row in rows)


def test_a_server_of_another_map_is_not_taken_for_ours(
    essgw: Program, foreign: tuple[str, DataBank]
) -> None:
    """Zeros are no container; a container without the map's hash is doubted aloud."""
    server, bank = foreign
    told = essgw("read", server, status=4).stderr
    assert "the server tells of no container that can be (0 racks); is it the map native" in told

    bank.set_holding_registers(60092, [2, 0, 0, 0, 1])
    doubted = essgw("read", server, "voltage")
    assert "the server's map is not that of" in doubted.stderr
    bank.set_holding_registers(60092, [5000] * 5)
    assert "no container that can be (5000 racks)" in essgw("read", server, status=4).stderr


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (("--topology", "999999999x9x9x9"), 2, "at most 64x64x256x256; not '999999999x9x9x9'"),
        (("--topology", "-1x2x3"), 2, "--topology is RxMxCxS"),
        (("--topology", "0x0x0x0"), 2, "--topology is RxMxCxS"),
        (("--unit", "300"), 2, "--unit"),
        (("--unit", "-1"), 2, "--unit"),
        (("volage", "--topology", "1"), 1, "shows no 'volage'; did you mean 'voltage'?"),
    ],
)
def test_what_cannot_be_asked_is_told_before_anything_is_read(
    essgw: Program, options: tuple[str, ...], status: int, told: str
) -> None:
    """Bounds of the topology and the unit id; points that the map does not have."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        server = f"127.0.0.1:{nobody.getsockname()[1]}"
        assert told in essgw("read", server, *options, status=status).stderr


def test_all_unknown_points_are_named(essgw: Program, foreign: tuple[str, DataBank]) -> None:
    """Not only the first."""
    told = essgw("read", foreign[0], "foo", "bar", "--topology", "1", status=1).stderr

    assert "shows no 'foo'" in told
    assert "shows no 'bar'" in told


SITE = """
site: here
buses: {{can0: {{interface: virtual}}}}
containers: [{{name: C, topology: {{racks: 1}}, sources: [{{frames: limited, bus: can0}}]}}]
faces: [{{map: native, listen: '0.0.0.0:{port}'}}]
"""
FRAMES = """
protocol: limited
messages:
  - id: 0x100
    period: 10
    signals:
      u: {bytes: 0-1, unit: V, point: rack_voltage}
      i: {bytes: 2-3, unit: A, point: [rack_charge_current_limit, charge_current_limit]}
      closed: {bits: '32|1@1+', point: [rack_contactor_positive, rack_contactor_negative]}
"""


def shown(essgw: Program, server: str) -> Sequence[object]:
    """Voltage and limits of the replayed container."""
    names = ("voltage", "charge_current_limit", "rack_charge_current_limit", "data_source")
    rows = json.loads(essgw("read", server, *names, "--json").stdout)["points"]
    return [row["text"] or row["value"] for row in rows]


def test_r35_a_replay_binds_to_loopback_and_lets_no_power_through_elsewhere(
    essgw: Program, tmp_path: Path
) -> None:
    """R35: the site's own address is not used; where it is told to listen elsewhere, limits read 0."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "here.yaml").write_text(SITE.format(port=port))
    (tmp_path / "limited.yaml").write_text(FRAMES)
    (tmp_path / "some.log").write_text("(1.000000) can0 100#BC023200010000\n")
    replay = ("replay", "here.yaml", "--log", "can0=some.log", "--serve")
    with essgw.serving(*replay) as served:
        served.wait_for(f"serving 127.0.0.1:{port}")
        served.wait_for("holding")
        at_home = shown(essgw, f"127.0.0.1:{port}")
    with essgw.serving(*replay, "--listen", "0.0.0.0:0") as served:
        served.wait_for("holding")
        elsewhere = shown(essgw, f"127.0.0.1:{served.wait_for(r'0[.]0[.]0[.]0:([0-9]{2,})')[1]}")

    assert at_home == ["replay", 700, 50, 50]
    assert elsewhere == ["replay", 700, 0, 0]
