"""`essgw run` and `demo` in troubled environments."""

import socket

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
    """A mistake in the site is no trouble of the plant: status 4 and a line."""
    (essgw.folder / "here.yaml").write_text(_LOCAL.replace(":0'", ":5998'") % "nonsense")
    done = essgw("run", "here.yaml", "--listen", "127.0.0.1:0", status=4)

    assert (
        "essgw: bus can0: interface 'nonsense': CAN interface 'nonsense' not supported"
        in done.stderr
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--listen", "nowhere"), "'nowhere' is not HOST:PORT, like 127.0.0.1:5020"),
        (("--listen", "203.0.113.7:5020"), "this machine has no such address"),
        (("--silence", "three"), "--silence is RACK or RACK@SECONDS, like 3@20; not 'three'"),
    ],
)
def test_wrong_options_of_the_demo_are_told(
    essgw: Program, arguments: tuple[str, ...], told: str
) -> None:
    """A line and status 4."""
    assert told in essgw("demo", *arguments, status=4).stderr


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
