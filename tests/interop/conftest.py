"""Gateways that tests share: the simulated container, stopped as a service manager stops it; a site of mailboxes."""

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop.clients import PyModbus
from interop.storage import stored
from pymodbus.exceptions import ModbusIOException

from program import Program, Served

PATIENCE = 60.0
"Seconds after which something that should happen is said not to."
CELLS_VALID, SENSORS_VALID = 34, 36
ALL = 12 * 8 * 52


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Served]:
    """`essgw demo` at a free port, once all its cells are there; SIGTERM must end it with status 0."""
    with Program(folder).serving("demo", "--listen", "127.0.0.1:0") as served:
        end, seen = time.monotonic() + PATIENCE, list[int]()
        while seen[0::2] != [ALL, ALL]:
            assert time.monotonic() < end, f"cells and sensors seen: {seen}"
            # a cycle that takes a second, on a machine that does much else, leaves requests without an answer
            with contextlib.suppress(ModbusIOException), contextlib.closing(PyModbus(served.port)) as master:  # fmt: skip
                seen = master.read(CELLS_VALID, 3)
        yield served
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(PATIENCE) == 0


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a demo in which nothing is wrong; for tests that only read."""
    with running(tmp_path_factory.mktemp("demo")) as served:
        yield served.port


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A demo to stop racks of."""
    with running(tmp_path_factory.mktemp("troubled")) as served:
        yield served


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a gateway of mailboxes; each test of a file has addresses of its own."""
    with stored(tmp_path_factory.mktemp("storage")) as served:
        yield served.port
