"""`essgw why` and `essgw demo --coils`: what a rack waits for on its way, in volts (R28)."""

import re
import time

import pytest
from operated import held, operated

from gateway.cli.findings import missing
from gateway.control.state import Wait

from program import Program

PRECHARGING = {"rack_wait": float(Wait.PRECHARGE), "rack_voltage": 1363.4, "rack_bus_voltage": 1351.2}  # fmt: skip


def test_what_is_missing_is_told_in_volts() -> None:
    """While it is precharged, and while both voltages are known."""
    assert missing(PRECHARGING) == "12 V of 1363 V missing"


@pytest.mark.parametrize("without", PRECHARGING)
def test_nothing_is_told_that_is_not_known(without: str) -> None:
    """Nor of a rack that waits for something else."""
    rest = {name: value for name, value in PRECHARGING.items() if name != without}

    assert missing(rest) == ""
    assert missing({**PRECHARGING, "rack_wait": float(Wait.TURN)}) == ""


def test_a_rack_that_cannot_be_precharged_says_so(essgw: Program) -> None:
    """Open resistors in the demo: `why` names the step and the volts, the terminal the event."""
    with operated(essgw, "--coils", "--fault", "no_precharge") as server, held(essgw, server):
        essgw("write", server, "connect", "--wait", "0")
        end = time.monotonic() + 60
        while "missing" not in (told := essgw("why", server).stdout):
            assert time.monotonic() < end, told

    words = " ".join(line.strip("│├└─ ") for line in told.splitlines())
    assert re.search(r"closing, waits for precharge, 13\d\d V of 13\d\d V missing, tries \d", words)
