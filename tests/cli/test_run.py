"""`essgw run` and `demo` in troubled environments."""

import contextlib
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from program import Program

_LOCAL = "site: here\nbuses:\n  can0: {interface: %s}\ncontainers:\n  - name: C\n    topology: {racks: 1}\n    sources: [{frames: outlander-phev, bus: can0}]\nfaces:\n  - {map: native, listen: '127.0.0.1:0'}\n"


def test_a_site_without_its_can_interface_still_serves(essgw: Program) -> None:
    """The trouble is told; registers are there and say that nothing was ever seen."""
    (essgw.folder / "here.yaml").write_text(
        _LOCAL.replace(":0'", ":5999'") % "socketcan, channel: nocan9"
    )
    with essgw.serving("run", "here.yaml", "--listen", "127.0.0.1:0") as served:
        port = served.port
        served.wait_for("bus_not_opened")
        told = essgw("read", f"127.0.0.1:{port}", "rack_voltage", "racks_valid").stdout

    assert "invalid, never seen" in told


def test_an_interface_that_does_not_exist_ends_the_program(essgw: Program) -> None:
    """A mistake in the site is told at its place before anything is served."""
    (essgw.folder / "here.yaml").write_text(_LOCAL.replace(":0'", ":5998'") % "nonsense")
    told = essgw("run", "here.yaml", "--listen", "127.0.0.1:0", status=1).stderr

    assert "here.yaml:3:21: no interface is named 'nonsense'" in told
    assert "serving" not in told
    assert essgw("check", "here.yaml", status=1).stderr == told


def test_options_that_an_interface_lacks_end_the_program(essgw: Program) -> None:
    """What only the driver can tell is told with status 4, by bus and interface."""
    site = _LOCAL.replace(":0'", ":5998'") % "socketcand, channel: can0"
    (essgw.folder / "here.yaml").write_text(site)
    told = essgw("run", "here.yaml", "--listen", "127.0.0.1:0", status=4).stderr

    assert "essgw: bus can0: interface 'socketcand': " in told


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("--listen", "nowhere"), 2, "'nowhere' is not HOST:PORT, like 127.0.0.1:5020"),
        (("--listen", "127.0.0.1:\N{SUPERSCRIPT TWO}"), 2, "is not HOST:PORT"),
        (("--listen", "[::1:5020"), 2, "is not HOST:PORT"),
        (("--listen", "203.0.113.7:5020"), 4, "this machine has no such address"),
        (("--silence", "three"), 2, "--silence is RACK or RACK@SECONDS, like 3@20; not 'three'"),
        (("--silence", "3@nan"), 2, "--silence is RACK or RACK@SECONDS"),
        (("--silence", "13"), 2, "there is no rack 13: racks go from 1 to 12"),
        (("--for", "nan"), 2, "--for is a time in seconds, above 0; not nan"),
        (("--for", "0"), 2, "--for is a time in seconds, above 0; not 0"),
    ],
)
def test_wrong_options_of_the_demo_are_told(
    essgw: Program, arguments: tuple[str, ...], status: int, told: str
) -> None:
    """In a line."""
    assert told in essgw("demo", *arguments, status=status).stderr


def test_what_is_typed_wrong_at_the_demo_is_told_and_the_next_line_counts(essgw: Program) -> None:
    """A rack that does not exist, a digit that is none, an empty line, nonsense; then a right one."""
    with essgw.serving("demo", "--listen", "127.0.0.1:0") as served:
        for line in ("stop 99", "stop \N{SUPERSCRIPT TWO}", "", "halt", "stop 3"):
            served.say(line)
        served.wait_for("rack 3: stop")

    assert "there is no rack 99: racks go from 1 to 12" in served.text
    assert "'halt' is neither 'stop RACK' nor 'start RACK'" in served.text


@pytest.mark.parametrize("arguments", [("map", "show"), ("--version",), ("check", "demo")])
def test_output_that_cannot_be_written_is_told(arguments: tuple[str, ...]) -> None:
    """A full disk, and a closed output, end in a line at most."""
    command = [sys.executable, "-m", "gateway", *arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    closed = subprocess.run(
        ["sh", "-c", f"exec {shlex.join(command)} <&- >&-"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (1, "essgw: cannot write: No space left on device\n")
    assert closed.returncode == 0
    assert "Traceback" not in closed.stderr


def test_a_demo_without_standard_streams_runs_and_ends(essgw: Program) -> None:
    """As under a supervisor that closes everything."""
    command = shlex.join(
        [sys.executable, "-m", "gateway", "demo", "--for", "1", "--listen", "127.0.0.1:0"]
    )
    done = subprocess.run(
        ["sh", "-c", f"exec {command} <&- >&- 2>&-"], cwd=essgw.folder, check=False
    )

    assert done.returncode == 0


def test_ctrl_c_while_the_program_starts_leaves_no_traceback(essgw: Program) -> None:
    """At whatever moment of the first second after Python itself is up."""
    for moment in (0.15, 0.3, 0.5, 0.8):
        with subprocess.Popen(
            [sys.executable, "-m", "gateway", "demo", "--listen", "127.0.0.1:0"],
            stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=essgw.folder,
        ) as program:  # fmt: skip
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(moment)
            program.send_signal(signal.SIGINT)
            _, told = program.communicate(timeout=60)

        assert "gateway/" not in told, (moment, told)


def test_the_demo_takes_the_next_free_port(essgw: Program) -> None:
    """With 5020 taken it serves at another one, and prints the exact mbpoll line for it."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 5020))
            taken.listen()
        except OSError:
            pass  # somebody else has it: just as good
        with essgw.serving("demo") as served:
            port = served.port
            line = served.wait_for(r"mbpoll .*")[0]

    assert 5020 < port < 5070
    assert line == f"mbpoll -m tcp -p {port} -a 1 -0 -r 0 -c 40 -1 -t 4:hex 127.0.0.1"


def test_reading_where_nobody_listens_is_told(essgw: Program) -> None:
    """A line and status 4."""
    told = essgw("read", "127.0.0.1:1", "voltage", status=4).stderr

    assert told.strip() == "essgw: nothing answers at 127.0.0.1:1; is the gateway running there?"
