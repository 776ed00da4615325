"""On a real SocketCAN kernel: frames of other programs, real sockets, an interface that goes down.

Runs in User-Mode Linux (`.ci/run`); skipped by name where there is no vcan0.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.socketcan
_ESSGW = [sys.executable, "-m", "gateway"]
_PATIENCE = 120  # s; a guest on a loaded machine is slow
_START = 150  # frames: the capture's first three seconds

Read = Callable[..., dict[str, dict[str, object]]]


@contextmanager
def running(*command: str, ends: int = 0) -> Iterator[subprocess.Popen[str]]:
    """A program that is told to stop at the end, and must then end with that status."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as program:
        try:
            yield program
        finally:
            program.terminate()
            program.communicate(timeout=60)
    assert program.returncode == ends


@contextmanager
def gateway_for(site: str, *options: str) -> Iterator[Read]:
    """The gateway on vcan0; gives a function that reads points."""
    port = "5040"
    command = [
        *_ESSGW,
        "run",
        site,
        "--bus",
        "can0=socketcan:vcan0",
        "--listen",
        f"127.0.0.1:{port}",
    ]
    with running(*command, *options):

        def read(*points: str) -> dict[str, dict[str, object]]:
            arguments = [*_ESSGW, "read", f"127.0.0.1:{port}", *points, "--json"]
            done = subprocess.run(arguments, capture_output=True, text=True, check=False)
            told = json.loads(done.stdout)["points"] if not done.returncode else []
            return {f"{row['point']} {row['rack'] or ''}".strip(): row for row in told}

        until(lambda: bool(read("heartbeat")))
        yield read


def until(holds: Callable[[], bool]) -> None:
    """Wait for a state."""
    end = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < end, "the state never came"
        time.sleep(0.2)


def test_simulated_racks_are_read_from_a_real_can_socket() -> None:
    """Two simulated racks on vcan0 become valid; after `ip link down` they go old, then come back."""
    sim = [*_ESSGW, "sim", "--bus", "can0=socketcan:vcan0", "--racks", "2"]
    with gateway_for("demo") as read, running(*sim):
        until(lambda: read("racks_valid")["racks_valid"]["value"] == 2)
        volts = read("rack_voltage")
        assert 1000 < float(str(volts["rack_voltage 1"]["value"])) < 1500
        assert volts["rack_voltage 3"]["value"] is None

        subprocess.run(["ip", "link", "set", "vcan0", "down"], check=True)
        until(lambda: read("racks_valid")["racks_valid"]["value"] == 0)
        assert read("rack_voltage")["rack_voltage 1"]["quality"] == "questionable, old data"

        subprocess.run(["ip", "link", "set", "vcan0", "up"], check=True)
        until(lambda: read("racks_valid")["racks_valid"]["value"] == 2)


@pytest.mark.corpus
def test_a_real_capture_played_by_can_utils_reads_as_published(
    corpus: Path, tmp_path: Path
) -> None:
    """Canplayer repeats the 700 V pack's first seconds on vcan0; the registers show their values."""
    player = shutil.which("canplayer")
    if player is None:
        pytest.skip("canplayer (can-utils) is not installed")
    whole = corpus / "can-logs" / "redpesk-bms" / "bms-dump.log"
    start = tmp_path / "start.log"  # while it repeats, its values hold, however slow the guest is
    start.write_text("".join(whole.read_text().splitlines(keepends=True)[:_START]))
    path = str(corpus / "dbc" / "redpesk-bms")
    with (
        gateway_for("redpesk", "--path", path) as read,
        running(player, "-l", "i", "-I", str(start), "vcan0=elmcan", ends=-15),
    ):
        until(lambda: read("rack_capacity")["rack_capacity 1"]["value"] is not None)
        told = read("rack_*")

        expected = {
            "rack_voltage 1": 671, "rack_current 1": 0.5, "rack_soc 1": 1,
            "rack_cell_voltage_max 1": 3.0, "rack_capacity 1": 31.2, "rack_breaker 1": 1,
        }  # fmt: skip
        assert {name: told[name]["value"] for name in expected} == expected
