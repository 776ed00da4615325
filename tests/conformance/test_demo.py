"""The demo: gateway, BMUs, PCS and EMS in a loop, seen from outside."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.sim.demo import registers
from conformance.sim.ems import ENABLES, NEEDED
from conformance.sim.master import Register
from gateway.mapping.library import Library
from gateway.mapping.site import load_site

from program import Program, Served

_PATIENCE = 60.0
_SHOWN = ("mode", "current", "power_applied", "racks_connected", "first_out")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Served]:
    """`essgw demo` at a free port."""
    with Program(tmp_path).serving("demo", "--listen", "127.0.0.1:0") as served:
        yield served


def test_commands_are_found_in_the_map() -> None:
    """All that the EMS writes, with type and scale; racks' commands are not among them."""
    found = registers(load_site(Library([]), "demo").faces[0])

    assert found.keys() >= {*NEEDED, *ENABLES}
    assert found["power_setpoint"] == Register(61003, 2, signed=True)
    assert found["charge_current_cap"] == Register(61007, 2, signed=False, scale=0.1)
    assert "rack_connect" not in found


def test_the_loop_is_closed(demo: Served, tmp_path: Path) -> None:
    """The EMS's power goes through the gateway to the PCS and comes back as current; a fault ends it."""
    essgw = Program(tmp_path)
    port = demo.port

    def until(holds: Callable[[dict[str, float]], bool]) -> dict[str, float]:
        """Read until it is so."""
        end = time.monotonic() + _PATIENCE
        while True:
            told = essgw("read", f"127.0.0.1:{port}", *_SHOWN, "--json").stdout
            seen = {row["point"]: row["value"] for row in json.loads(told)["points"]}
            if holds(seen):
                return seen
            assert time.monotonic() < end, seen

    until(lambda seen: seen["mode"] == 4 and abs(seen["power_applied"] or 0) > 1e5)
    moving = until(lambda seen: abs(seen["current"] or 0) > 50)
    assert moving["racks_connected"] == 12
    demo.say("fault hvil 3")
    demo.wait_for(r"  first out: bmu_trip_interlock, 1\n")
    demo.wait_for(r"  bmu_trip_interlock acts until it is reset: 1\n")
    demo.wait_for(r"  mode is fault\n")
    ended = until(lambda seen: seen["racks_connected"] == 0)

    assert ended["mode"] == 5
    assert ended["power_applied"] == 0
    assert ended["first_out"]
