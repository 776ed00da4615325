"""A real capture served live and read by mbpoll, a client that no one here wrote."""

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from program import Program

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("mbpoll") is None, reason="mbpoll is not installed"),
]


def polled(port: int, first: int, count: int) -> list[int]:
    """Holding registers as mbpoll prints them."""
    command = [
        "mbpoll",
        "-m",
        "tcp",
        "-p",
        str(port),
        "-a",
        "1",
        "-0",
        "-r",
        str(first),
        "-c",
        str(count),
        "-1",
        "-q",
        "-t",
        "4:hex",
        "127.0.0.1",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [int(digits, 16) for digits in re.findall(r"\]:\s*0x([0-9A-F]+)", done.stdout)]


MOMENTS = {
    0.05: ([6710, 5], [3000, 2976], [0, 0, 0, 1]),
    61.25: ([6710, 5], [3000, 2974], [1, 1, 0, 1]),
    244.97: ([7000, 0x10000 - 145], [3688, 3017], [1, 1, 0, 1]),
    261.1: ([7070, 0x10000 - 145], [4130, 3020], [0, 0, 0, 0]),
}
"Voltage and current, highest and lowest cell, contactors and breaker."


@pytest.mark.parametrize("until", MOMENTS)
def test_the_capture_at_50_times_speed_reads_the_same(
    essgw: Program, corpus: Path, until: float
) -> None:
    """Held at a moment, the registers show what the snapshot of that moment shows."""
    log = corpus / "can-logs" / "redpesk-bms" / "bms-dump.log"
    with essgw.serving(
        "replay", "redpesk", "--log", f"can0={log}", "--path", corpus / "dbc" / "redpesk-bms",
        "--serve", "--speed", 50, "--until", until, "--listen", "127.0.0.1:0",
    ) as served:  # fmt: skip
        port = served.port
        served.wait_for("holding the picture")
        rack, source = polled(port, 1000, 26), polled(port, 2, 1)

    assert (rack[0:2], rack[7:9], rack[20:24]) == MOMENTS[until]
    assert source == [1]


def test_values_pass_by_at_50_times_speed(essgw: Program, corpus: Path) -> None:
    """While it runs, a master sees the state of charge rise and the image counter move."""
    log = corpus / "can-logs" / "redpesk-bms" / "bms-dump.log"
    with essgw.serving(
        "replay", "redpesk", "--log", f"can0={log}", "--path", corpus / "dbc" / "redpesk-bms",
        "--serve", "--speed", 50, "--listen", "127.0.0.1:0",
    ) as served:  # fmt: skip
        seen: list[tuple[int, int]] = []
        port, end = served.port, time.monotonic() + 60
        while not (seen and seen[-1][1] == 30):
            assert time.monotonic() < end
            image, charge = polled(port, 1, 1)[0], polled(port, 1004, 1)[0]
            seen.append((image, charge))

    charges = [charge for _, charge in seen if charge != 0xFFFF]
    assert charges == sorted(charges)
    assert {10, 20, 30} <= set(charges)
    assert seen[-1][0] > seen[0][0]
