"""`essgw write` with maps that have commands as coils; what it has done is looked at with pymodbus."""

import json
import re
import socket
from collections.abc import Iterator

import pytest
from pymodbus.client import ModbusTcpClient

from program import Program

ROWS = """
version: 1.0.0
registers:
  - {at: 0, table: coil, command: charge_enable, type: bit}
  - {at: 1, table: coil, command: discharge_enable, type: bit}
  - {at: 2, table: coil, command: software_stop, type: bit}
  - {at: 3, table: coil, command: disconnect, type: bit}
  - {at: 10, table: coil, command: rack_disable, type: bit}
  - {at: 20, table: discrete, command: trip, type: bit}
  - {at: 2, table: holding, command: lease, type: u16}
  - {at: 3, table: holding, command: disconnect, type: u16}
"""
RESULTS = "".join(
    f"  - {{at: {30 + place}, table: input, point: result_{name}, type: u32, stride: {{result: 20}}}}\n"
    for place, name in zip(
        range(0, 14, 2),
        ("sequence", "command", "rack", "origin", "stage", "reason", "age"),
        strict=True,
    )
)
SITE = """
site: here
buses: {can0: {interface: virtual, channel: essgw-bits}}
containers:
  - name: C
    topology: {racks: 2, modules: 8, cells: 52}
    sources: [{frames: demo-bmu, bus: can0}]
    control: {rating: {charge: 1000, discharge: 1000}, pcs: {path: ems_relays}}
faces:
  - {map: bits.yaml, listen: 'HERE', unit: 1}
  - {map: told.yaml, listen: 'HERE', unit: 2}
  - {map: bits.yaml, listen: 'HERE', unit: 3, read_only: [software_stop]}
masters: [{name: ems, from: 127.0.0.1, role: operator}]
"""
BITS = ("--map", "bits.yaml")
TOLD = ("--map", "told.yaml", "--unit", "2")
AT_ONCE = (*TOLD, "--wait", "0")
"There are no BMUs that would ever obey."


@pytest.fixture
def server(essgw: Program) -> Iterator[str]:
    """Where both maps are served: one that tells no results, one that does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        here = f"127.0.0.1:{free.getsockname()[1]}"
    (essgw.folder / "bits.yaml").write_text("map: bits" + ROWS)
    (essgw.folder / "told.yaml").write_text("map: told" + ROWS + RESULTS)
    (essgw.folder / "site.yaml").write_text(SITE.replace("HERE", here))
    with essgw.serving("run", "site.yaml") as served:
        served.wait_for("Ctrl-C stops")
        yield here


def coils(server: str, address: int, count: int) -> list[bool]:
    """What a foreign client reads."""
    host, _, port = server.rpartition(":")
    with ModbusTcpClient(host, port=int(port), timeout=10) as master:
        return list(master.read_coils(address, count=count, device_id=1).bits[:count])


def steps(text: str) -> list[list[tuple[str, int, str]]]:
    """What was written, write by write, of an answer in JSON."""
    writes = json.loads(text)["writes"]
    return [
        [(step["table"], step["address"], step["text"]) for step in one["written"]]
        for one in writes
    ]


def test_adjacent_coils_are_one_write(essgw: Program, server: str) -> None:
    """Yes and no as text or number; a register beside them is a write of its own."""
    told = essgw(
        "write", server, "lease=60", "discharge_enable=1", "charge_enable=yes", *BITS, "--json"
    ).stdout
    assert steps(told) == [
        [("holding", 2, "lease 60 s")],
        [("coil", 0, "charge_enable yes, discharge_enable yes")],
    ]
    assert coils(server, 0, 3) == [True, True, False]

    off = essgw("write", server, "charge_enable=no", *BITS).stdout
    assert re.search(r"^coil 0  charge_enable no\n +taken$", off, re.MULTILINE)
    assert coils(server, 0, 3) == [False, True, False]


@pytest.mark.parametrize("text", ["software_stop", "software_stop=1"])
def test_a_stop_by_a_coil_acts_each_time(essgw: Program, server: str, text: str) -> None:
    """R3: a coil that is 1 already changes only by way of 0; each time there is a result, whoever tells it."""
    blind = [essgw("write", server, text, *BITS, "--json").stdout for _ in range(2)]
    before = shown_at(essgw, server)
    seen = [essgw("write", server, text, *AT_ONCE).stdout for _ in range(2)]

    assert [steps(one) for one in blind] == [
        [[("coil", 2, "software_stop 0"), ("coil", 2, "software_stop 1")]]
    ] * 2
    assert before == 2
    assert coils(server, 2, 1) == [True]
    numbers = [re.search(r"software_stop: \w+ \(command (\d+)\)", one) for one in seen]
    assert [found and int(found[1]) for found in numbers] == [3, 4]


def shown_at(essgw: Program, server: str) -> object:
    """The number of the latest result."""
    told = essgw("read", server, "result_sequence", *TOLD, "--topology", "2x8x52x52", "--json")
    return json.loads(told.stdout)["points"][0]["value"]


def test_racks_have_coils(essgw: Program, server: str) -> None:
    """One for each; the others stay."""
    told = essgw("write", server, "rack_disable", "--rack", "2", *AT_ONCE).stdout

    assert re.search(r"^coil 11  rack_disable 1\n +rack_disable of rack 2: ", told)
    assert coils(server, 10, 2) == [False, True]


def test_registers_come_first(essgw: Program, server: str) -> None:
    """A command that has both is written as a register; one that only shows in discrete inputs is not taken."""
    told = essgw("write", server, "disconnect=7", *AT_ONCE).stdout
    trip = essgw("write", server, "trip", *BITS, status=1).stderr

    assert re.search(r"^ +3  disconnect 7$", told, re.MULTILINE)
    assert coils(server, 3, 1) == [True]
    assert "takes no 'trip'" in trip


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("software_stop=2", *BITS), 2, "software_stop holds 0 to 1 here; not 2"),
        (("software_stop", *BITS, "--unit", "3"), 4, "it cannot be written there (exception 2)"),
    ],
)
def test_what_a_coil_does_not_take(
    essgw: Program, server: str, arguments: tuple[str, ...], status: int, told: str
) -> None:
    """More than a bit; one that is read only at a face."""
    assert told in essgw("write", server, *arguments, status=status).stderr
