"""`essgw write` against the demo, looked at with a foreign client; and against foreign maps and servers."""

import json
import re
import socket
from collections.abc import Iterator

import pytest
from operated import BLOCK, held, operated, registers, shown

from program import Program

OWN = """
map: own
version: 1.0.0
sign: charge
registers:
  - {at: 10, command: power_setpoint, type: f32, word_order: little}
  - {at: 12, command: lease, type: u16}
  - {at: 13, command: rack_disable, type: u16, stride: {rack: 1}}
  - {at: 40, point: voltage, type: u16}
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One demo for all that changes nothing."""
    with operated(Program(tmp_path_factory.mktemp("demo"))) as server:
        yield server


def test_a_battery_is_connected_run_and_stopped(essgw: Program) -> None:
    """R2, R3: select comes by itself and is said; each result is waited for and told; the plant follows."""
    with operated(essgw) as server, held(essgw, server):
        essgw("write", server, "charge_enable=1", "discharge_enable=yes")
        connected = essgw("write", server, "connect").stdout
        ran = essgw("write", server, "mode_request=run").stdout
        power = essgw("write", server, "power_setpoint=200000").stdout
        applied = registers(server, 80, 2)
        again = essgw("write", server, "connect", status=4)
        opened = essgw("write", server, "disconnect").stdout
        closed = shown(essgw, server, "racks_connected")

    assert re.search(r"^61101 +select 2000$", connected, re.MULTILINE)
    assert re.search(r"^61103 +connect \d+$", connected, re.MULTILINE)
    assert re.search(r"^ +connect: ok \(command \d+\)$", connected, re.MULTILINE)
    assert "mode run" in ran
    assert re.search(r"power_applied 200000 W\n +power_limited_by nothing", power)
    assert applied == [200000 >> 16, 200000 & 0xFFFF]
    assert re.search(
        r"connect: refused.* \(exception 4\): 5 position reached: it is so", again.stderr
    )
    assert "disconnect: ok" in opened
    assert closed == {"racks_connected": 0}


def test_adjacent_cyclic_rows_are_one_write(essgw: Program) -> None:
    """R4: a heartbeat with enables and a setpoint is one function 16, in the order of registers."""
    with operated(essgw) as server:
        block = [
            "power_setpoint=-5000",
            "ems_heartbeat=77",
            "discharge_enable=1",
            "charge_enable=0",
        ]
        done = essgw("write", server, *block, "discharge_current_cap=none", "--json", status=4)
        told = done.stdout
        words = registers(server, BLOCK, 5)
    writes = json.loads(told)["writes"]

    assert [[step["address"] for step in one["written"]] for one in writes] == [[61000]]
    assert "held, 20 no authority" in done.stderr
    assert words == [77, 0, 1, 0xFFFF, 0x10000 - 5000]
    assert writes[0]["shown"]["power_limited_by"]["text"] == "no_lease"
    assert [asked["value"] for asked in writes[0]["asked"]] == [77, 0, 1, -5000]


def test_a_refusal_says_who_stands_against_it(essgw: Program) -> None:
    """Exit status 4; the reason with its number, the interlocks by name, the first-out, what to do."""
    with operated(essgw) as server, held(essgw, server):
        tripped = essgw("write", server, "trip").stdout
        refused = essgw("write", server, "connect", status=4)
        told = json.loads(essgw("write", server, "connect", "--json", status=4).stdout)
        stuck = essgw("write", server, "alarm_reset", status=4).stderr
        essgw("write", server, "trip_release")
        reset = essgw("write", server, "alarm_reset").stdout

    assert "trip: ok" in tripped
    assert re.search(
        r"connect: refused by control \(exception 4\): \d+ blocked by \w+:", refused.stderr
    )
    assert "(trip)" in refused.stderr
    assert "first_out trip" in refused.stdout
    assert "Let the same master release it, then reset." in refused.stdout
    assert told["writes"][-1]["result"]["stage"] == "refused"
    assert [row["interlock"] for row in told["writes"][-1]["against"]] == ["trip"]
    assert told["writes"][-1]["failure"]
    assert "10 blocked by interlocking" in stuck
    assert "alarm_reset: ok" in reset


def test_without_lease_or_select_it_says_how_to_get_them(essgw: Program) -> None:
    """R2: nobody has the lease; --lease takes it; --no-select is refused with its reason."""
    with operated(essgw) as server:
        nobody = essgw("write", server, "alarm_reset", status=4).stderr
        unarmed = essgw("write", server, "connect", "--no-select", "--lease", "20", status=4)
        disabled = essgw("write", server, "rack_disable", "--rack", "3").stdout
        wanted = shown(essgw, server, "lease_owner")

    assert "20 no authority" in nobody
    assert "--lease SECONDS" in nobody
    assert re.search(r"^61100 +lease 20 s$", unarmed.stdout, re.MULTILINE)
    assert "18 not selected" in unarmed.stderr
    assert re.search(r"^61223 +rack_disable \d+\n +rack_disable of rack 3: ok", disabled)
    assert wanted == {"lease_owner": 2}


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("conect",), 1, "takes no 'conect'; did you mean 'connect'?"),
        (("voltage=3",), 1, "'voltage' is shown, and cannot be written"),
        (("mode_request",), 2, "mode_request needs a value: 2 standby, 3 ready, 4 run"),
        (("mode_request=rnu",), 2, "'rnu' is no value of mode_request; did you mean 'run'?"),
        (("rack_connect",), 2, "rack_connect is a rack's: give --rack N"),
        (("rack_connect", "--rack", "13"), 2, "there is no rack 13 here: 1 to 12"),
        (("connect", "--rack", "3"), 2, "--rack has no meaning here"),
        (("trip", "trip=4"), 2, "trip is given twice"),
        (("charge_current_cap=0.05",), 2, "charge_current_cap counts by 0.1 A; not 0.05"),
        (("power_setpoint=1e12",), 2, "power_setpoint holds -2147483647 to 2147483647 here"),
        (("power_setpoint=nan",), 2, "'nan' is no value of power_setpoint"),
        (("lease=9000",), 4, "lease: value out of range (exception 3): it takes 0 to 3600 s"),
    ],
)
def test_what_cannot_be_meant_is_told(
    essgw: Program, demo: str, arguments: tuple[str, ...], status: int, told: str
) -> None:
    """Names, values, racks; what the gateway would refuse without reason in its registers."""
    assert told in essgw("write", demo, *arguments, status=status).stderr


def free_server() -> str:
    """A HOST:PORT where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def test_roles_and_maps_of_others(essgw: Program) -> None:
    """Exception 1 names the role; a map that is not ours, with another sign and word order, works the same."""
    native, own = free_server(), free_server()
    (essgw.folder / "here.yaml").write_text(SITE.replace("NATIVE", native).replace("OWN", own))
    (essgw.folder / "own.yaml").write_text(OWN)
    options = ("--map", "own.yaml")
    with essgw.serving("run", "here.yaml") as served:
        served.wait_for("Ctrl-C stops")
        stranger = essgw("write", native, "trip", status=4).stderr
        taken = essgw("write", own, "lease=20", "power_setpoint=40.5", *options).stdout
        words = registers(own, 10, 3)
        rack = essgw("write", own, "rack_disable=7", "--rack", "2", *options).stdout
        wrong = essgw("write", own, "trip", "--unit", "3", status=4).stderr
        why = essgw("why", own, *options, status=2).stderr

    assert "trip: this master may not write it (exception 1)" in stranger
    assert "it needs the role dispatcher" in stranger
    assert "power_setpoint 40.5 W" in taken
    assert words == [0x0000, 0xC222, 20]  # -40.5, lowest word first
    assert re.search(r"^ +14 +rack_disable 7$", rack, re.MULTILINE)
    assert "it has no such unit id" in wrong
    assert "the map own does not show control" in why


SITE = """
site: here
buses: {can0: {interface: virtual, channel: essgw-write}}
containers:
  - name: C
    topology: {racks: 2, modules: 8, cells: 52}
    sources: [{frames: demo-bmu, bus: can0}]
    control: {rating: {charge: 1000, discharge: 1000}, pcs: {path: polls_us}}
faces:
  - {map: native, listen: 'NATIVE'}
  - {map: own.yaml, listen: 'OWN'}
masters:
  - {name: looks, at: 'NATIVE', role: viewer}
  - {name: acts, at: 'OWN', role: operator}
"""
