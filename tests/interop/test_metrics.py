"""The page of metrics of a running gateway, read as a monitoring system does and by its own parser."""

import contextlib
import re
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from interop.world import PATIENCE, World, adopted
from prometheus_client.parser import text_string_to_metric_families

from program import Program

pytestmark = pytest.mark.interop

Labels = frozenset[tuple[str, str]]


def scraped(page: str) -> Mapping[tuple[str, Labels], float]:
    """Every sample of a page."""
    with urllib.request.urlopen(page, timeout=PATIENCE) as answer:  # noqa: S310 - ours
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        families = list(text_string_to_metric_families(answer.read().decode()))
    assert all(family.documentation for family in families)
    assert len({family.name for family in families}) == len(families), "a family comes once"
    samples = [sample for family in families for sample in family.samples]
    told = {(one.name, frozenset(one.labels.items())): float(one.value) for one in samples}
    assert len(told) == len(samples), "a sample comes once"
    return told


class Watched:
    """A plant whose gateway serves metrics."""

    def __init__(self, world: World) -> None:
        self.world = world
        log = world.folder / "run.log"
        world.until(lambda: '"event": "metrics"' in log.read_text(), "metrics served")
        found = re.search(r'"at": "(http://127\.0\.0\.1:\d+/metrics)"', log.read_text())
        assert found is not None
        self.page = found[1]

    def say(self, word: str) -> None:
        """Tell the simulated plant something."""
        keyboard = self.world.plant.process.stdin
        assert keyboard is not None
        keyboard.write(f"{word}\n")
        keyboard.flush()

    def value(self, name: str, **labels: str) -> float | None:
        """One sample of a page read now."""
        return scraped(self.page).get((f"essgw_{name}", frozenset(labels.items())))

    def until(self, name: str, value: float | None, **labels: str) -> None:
        """Wait until a sample is that: pictures are taken once a second."""
        end = time.monotonic() + PATIENCE
        while (seen := self.value(name, **labels)) != value:
            assert time.monotonic() < end, f"{name} {labels}: {seen}, not {value}"
            time.sleep(0.1)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """The plant at work."""
    essgw = Program(tmp_path)
    with adopted(tmp_path, essgw, closed=True, more="metrics: '127.0.0.1:0'\n") as world:
        yield Watched(world)


def test_what_registers_show_is_on_the_page(watched: Watched) -> None:
    """Points of the pack and of control; of a rack that falls silent nothing more is told but that."""
    watched.until("racks_connected", 2, container="C1")
    watched.until("mode", 3, container="C1")
    watched.until("rack_connected", 1, container="C1", rack="2")
    (soc,) = watched.world.read(15)
    told = watched.value("soc", container="C1")
    assert told is not None
    assert abs(told - soc / 10) < 1
    watched.until("interlock_tripped", 0, container="C1", interlock="software_stop")
    watched.until("bus_up", 1, bus="can0")
    assert (watched.value("bus_frames_total", bus="can0") or 0) > 100
    assert (watched.value("cycles_total") or 0) > 10
    assert 0 < (watched.value("cycle_longest_seconds") or 0) < PATIENCE

    watched.say("stop 2")
    watched.until("rack_voltage", None, container="C1", rack="2")
    assert watched.value("rack_voltage", container="C1", rack="1") is not None
    watched.until("racks_valid", 1, container="C1")
    watched.say("start 2")  # a gateway leaves no closed rack that it does not hear
    watched.until("racks_valid", 2, container="C1")


def test_who_asks_is_on_the_page(watched: Watched) -> None:
    """By master for good, and by connection as long as it is open."""
    with watched.world.master() as client:
        for _ in range(7):
            assert not client.read_holding_registers(0, count=2, device_id=1).isError()
        assert client.write_register(3, 1, device_id=1).isError()
        assert client.socket is not None
        host, port = client.socket.getsockname()
        own = {"master": "ems", "peer": f"{host}:{port}", "listener": f"127.0.0.1:{watched.world.port}"}  # fmt: skip
        watched.until("connection_requests_total", 8, **own)
        watched.until("connection_writes_total", 1, **own)
        watched.until("connection_exceptions_total", 1, **own)
        assert (watched.value("master_requests_total", master="ems") or 0) >= 8
        assert (watched.value("master_connections", master="ems") or 0) >= 1
    watched.until("connection_requests_total", None, **own)
    assert (watched.value("master_requests_total", master="ems") or 0) >= 8


def test_a_reader_that_says_nothing_holds_up_nobody_for_long(watched: Watched) -> None:
    """It is left after some seconds; registers are served all the while."""
    place = urlsplit(watched.page)
    with contextlib.closing(socket.create_connection((place.hostname, place.port))):
        assert watched.world.read(3) == [3]
        assert watched.value("mode", container="C1") == 3


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("5020", "24:10: 'metrics' must be HOST:PORT, like"),
        ("127.0.0.1:99999", "24:10: 99999 is no TCP port"),
        ("127.0.0.1:{port}", "faces listen at 127.0.0.1:{port}"),
    ],
)
def test_addresses_that_cannot_be(tmp_path: Path, address: str, problem: str) -> None:
    """Told where the site file names them."""
    site = (Path(__file__).parents[2] / "mappings/sites/demo.yaml").read_text()
    (tmp_path / "site.yaml").write_text(f"{site}metrics: '{address.format(port=5020)}'\n")
    done = Program(tmp_path)("check", "site.yaml", status=1)
    assert problem.format(port=5020) in done.stdout + done.stderr


def test_an_address_that_is_taken(tmp_path: Path) -> None:
    """The gateway says so, works, and serves the page once it can."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        site = (Path(__file__).parents[2] / "mappings/sites/demo.yaml").read_text()
        (tmp_path / "site.yaml").write_text(f"{site}metrics: '127.0.0.1:{port}'\n")
        with Program(tmp_path).serving("run", "site.yaml", "--listen", "127.0.0.1:0") as served:
            served.wait_for("Ctrl-C stops")
            told = served.wait_for('"reason": ".*"event": "metrics_missing"')[0]
            other.close()
            served.wait_for('"event": "metrics",')
            assert scraped(f"http://127.0.0.1:{port}/metrics")
    assert f"cannot listen at 127.0.0.1:{port}: another program uses it" in told


def test_a_reader_that_never_ends_does_not_keep_the_gateway(tmp_path: Path) -> None:
    """Byte by byte, for ever: the gateway ends all the same, at once."""
    site = (Path(__file__).parents[2] / "mappings/sites/demo.yaml").read_text()
    (tmp_path / "site.yaml").write_text(f"{site}metrics: '127.0.0.1:0'\n")
    ends = threading.Event()
    with Program(tmp_path).serving("run", "site.yaml", "--listen", "127.0.0.1:0") as served:
        page = served.wait_for('"at": "(http://.*/metrics)"')[1]
        slow = threading.Thread(target=_drips, args=(page, ends))
        slow.start()
        served.wait_for("Ctrl-C stops")
        begin = time.monotonic()
    assert time.monotonic() - begin < PATIENCE / 2
    ends.set()
    slow.join()


def _drips(page: str, ends: threading.Event) -> None:
    place = urlsplit(page)
    with socket.create_connection((place.hostname, place.port)) as link, contextlib.suppress(OSError):  # fmt: skip
        while not ends.wait(0.5):
            link.sendall(b"G")
