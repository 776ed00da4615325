"""`essgw why`: what stands against closing and power, said in the words of the tables."""

import dataclasses
import json
import re
from io import StringIO

import pytest
from operated import held, operated
from rich.console import Console

from gateway.cli.findings import find
from gateway.cli.served import served
from gateway.cli.standing import Stands
from gateway.cli.why import tree
from gateway.control.interlock import BY_NAME

from program import Program


def test_a_quiet_plant_has_nothing_against_it(essgw: Program) -> None:
    """Standby: closing is free; ready and enabled: both directions are, and a setpoint is applied."""
    with operated(essgw) as server, held(essgw, server):
        before = essgw("why", server).stdout
        essgw(
            "write", server, "charge_enable=1", "discharge_enable=1", "connect", "mode_request=run"
        )
        essgw("write", server, "power_setpoint=50000")
        after = essgw("why", server).stdout

    assert "mode: standby" in before
    assert "closing: nothing stands against it" in before
    assert "interlocks: none stands" in before
    assert "rack 1-12: open" in before
    assert re.search(r"charge: permitted, \d+ W, \d+ A; bound by", after)
    assert "power: asked 50000 W, applied 50000 W; nothing limits it, dies in" in after
    assert re.search(r"lease: master 2, \d+ s left; heartbeat changed", after)
    assert re.search(r"mode_request: ok, by master 2, .* ago", after)


def test_what_stands_is_named_with_its_remedy(essgw: Program) -> None:
    """R24: a trip is the first-out; its effects and remedy are the table's; a refused command follows."""
    row = BY_NAME["trip"]
    with operated(essgw) as server, held(essgw, server):
        essgw("write", server, "trip")
        essgw("write", server, "connect", status=4)
        told = essgw("why", server).stdout
        rows = json.loads(essgw("why", server, "--json").stdout)
        essgw("write", server, "trip_release")
        gone = essgw("why", server).stdout

    assert "closing: not now" in told
    assert f"trip: {row.text}" in told
    assert "first out: trip" in told
    assert "does: zero, stop pcs, block close, open, latch" in told
    assert f"remedy: {row.remedy}" in told
    assert re.search(r"connect: refused, \d+ blocked by", told)
    trip = next(item for item in rows["interlocks"] if item["interlock"] == "trip")
    assert (trip["tripped"], trip["cause"], trip["rack"]) == (True, True, None)
    assert rows["points"]["first_out"]["text"] == "trip"
    assert "trip, container: cause gone, waits for reset" in gone


def test_racks_that_fail_are_named(essgw: Program) -> None:
    """Racks whose BMUs report a fault are told with the interlock, whether it is their own or the container's."""
    faults = ("hvil:3", "hvil:4", "overtemperature:7", "overtemperature:9")
    asked = [word for fault in faults for word in ("--fault", fault)]
    with operated(essgw, *asked, mode="fault") as server:
        told = essgw("why", server).stdout
        rows = json.loads(essgw("why", server, "--json").stdout)["interlocks"]

    assert "not in mode fault" in told
    assert "bmu_trip_interlock, container, told by rack 3-4: tripped" in told
    assert "bmu_trip_overtemperature, rack 7, 9: tripped" in told
    assert {row["interlock"]: row["told_by"] for row in rows} == {
        "bmu_trip_interlock": [3, 4], "bmu_trip_overtemperature": [7, 9],
        "bmu_alarm_overtemperature": [7, 9],
    }  # fmt: skip
    assert BY_NAME["bmu_trip_interlock"].remedy in told


def test_a_rack_that_waits_for_its_reset_is_named_beside_those_that_report() -> None:
    """The row stands at rack 3, whose cause is gone, and rack 7 reports it."""
    row = BY_NAME["bmu_trip_overtemperature"]
    stands = Stands(row, tripped=True, cause=True, rack=3, value=1, threshold=None, age=1.0)

    assert stands.where == "rack 3"
    assert dataclasses.replace(stands, told_by=(7, 8)).where == "rack 3, 7-8"


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_cut_in_a_narrow_terminal(essgw: Program, width: int) -> None:
    """Lines are folded, never lost."""
    with operated(essgw) as server:
        essgw("write", server, "alarm_reset", status=4)
        with served(server, "native", 1, None) as gateway:
            found = find(gateway)
    screen = StringIO()
    Console(file=screen, width=width).print(tree(server, found))
    lines = screen.getvalue().splitlines()
    words = " ".join(" ".join(line.strip("│├└─ ") for line in lines).split())

    assert max(map(len, lines)) <= width
    assert "\u2026" not in words
    assert "alarm_reset: refused, 20 no authority, by master 2" in words
    assert "nobody has it, and closing, run and reset need it; no heartbeat yet" in words
