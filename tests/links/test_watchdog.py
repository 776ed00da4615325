"""What the service manager is told (R44), and how the machine's clock is watched (R40)."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.links.clock import ClockWatch, clock_is_synchronised
from gateway.links.watchdog import ServiceWatchdog

_CHECKOUT = Path(__file__).parent.parent.parent


class Manager:
    """Systemd's side: a datagram socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.settimeout(0)

    def heard(self) -> list[str]:
        """What has come in: unix datagrams are there once they are sent."""
        told = []
        while True:
            try:
                told.append(self._socket.recv(1000).decode())
            except BlockingIOError:
                return told

    def close(self) -> None:
        """End."""
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    """A manager at a path, or at an abstract address."""
    side = Manager(str(tmp_path / "notify") if request.param == "path" else f"@{tmp_path}")
    yield side
    side.close()


def test_ready_stopping_and_signs_of_life(manager: Manager) -> None:
    """Ready and stopping are told; of 20 ms cycles as many as a third of the interval apart."""
    environ = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "3000000"}
    with closing(ServiceWatchdog.from_environment(environ)) as watchdog:
        watchdog.ready()
        for cycle in range(301):
            watchdog.cycle(100 + cycle * 0.02)
        watchdog.stopping()

        assert manager.heard() == ["READY=1", *["WATCHDOG=1"] * 6, "STOPPING=1"]


def test_late_cycles_are_no_sign_of_life(manager: Manager) -> None:
    """Cycles more than a second apart feed nothing; the first in time does (R8)."""
    environ = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "3000000"}
    with closing(ServiceWatchdog.from_environment(environ)) as watchdog:
        for cycle in range(20):
            watchdog.cycle(cycle * 1.5)

        assert manager.heard() == []
        watchdog.cycle(19 * 1.5 + 0.02)
        assert manager.heard() == ["WATCHDOG=1"]


@pytest.mark.parametrize(
    "environ",
    [
        {"WATCHDOG_USEC": ""},
        {"WATCHDOG_USEC": "many"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"},
        {},
    ],
)
def test_who_is_not_watched_feeds_nobody(manager: Manager, environ: dict[str, str]) -> None:
    """No interval, a wrong one, or that of another process: ready is told all the same."""
    with closing(
        ServiceWatchdog.from_environment({"NOTIFY_SOCKET": manager.address, **environ})
    ) as watchdog:
        watchdog.ready()
        watchdog.cycle(1.0)
        watchdog.cycle(1.02)

        assert manager.heard() == ["READY=1"]


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "vsock:2:1234", "relative", "/" * 300])
def test_nobody_there_is_no_error(address: str) -> None:
    """Without a manager, or with one that is gone, nothing is raised."""
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000"}
    with closing(ServiceWatchdog.from_environment(environ)) as watchdog:
        watchdog.ready()
        watchdog.cycle(1.0)
        watchdog.cycle(1.001)
        watchdog.stopping()


def test_a_manager_that_does_not_read_holds_up_nobody(manager: Manager) -> None:
    """Its queue runs full: what does not fit is lost, and the call returns."""
    with closing(ServiceWatchdog(manager.address)) as watchdog:
        for _ in range(3000):
            watchdog.ready()

        assert 0 < len(manager.heard()) < 3000


def test_the_unit_file_is_one_that_systemd_takes(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say; it runs us as its watchdog needs it."""
    text = (_CHECKOUT / "docs" / "systemd" / "essgw@.service").read_text()
    for line in ("Type=notify", "WatchdogSec=", "Restart=on-failure", "StateDirectory=", "AF_CAN"):
        assert line in text
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    unit = tmp_path / "essgw@.service"
    unit.write_text(text.replace("/opt/essgw/bin/essgw", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_step_of_the_clock_is_told_once_with_its_size() -> None:
    """An hour forward, 0.6 s back; a slow correction of 500 ppm and small jitter are no steps."""
    watch, told = ClockWatch(), []
    for cycle in range(200_000):
        mono = 50 + cycle * 0.02
        utc = 1.7e9 + mono * (1 + 4e-4) + (cycle % 3) * 1e-3
        utc += 3600 if cycle >= 100_000 else 0
        utc -= 0.6 if cycle >= 150_000 else 0
        if (step := watch.stepped(mono, utc)) is not None:
            told.append((cycle, round(step, 2)))

    assert told == [(100_000, 3600.0), (150_000, -0.6)]


def test_this_machine_says_whether_its_clock_is_synchronised() -> None:
    """Yes, no, or that it cannot tell; what the kernel says is what `adjtimex -p` would."""
    assert clock_is_synchronised() in {True, False, None}
    if sys.platform == "linux":
        assert clock_is_synchronised() is not None
