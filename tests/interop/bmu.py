"""A BMU beside `essgw run`: python-can at one end of the bus, the program at the other."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import can

from hub import Hub
from program import Program

PERIOD = 0.1
"Seconds between what it tells."


class Bmu(Protocol):
    """What a BMU does."""

    def hears(self, message: can.Message) -> None:
        """A frame has come."""

    def tells(self) -> Iterator[can.Message]:
        """Its frames of a period."""


def _lives(bmu: Bmu, port: int, ends: threading.Event) -> None:
    with can.Bus(interface="socketcand", channel="can0", host="127.0.0.1", port=port) as bus:
        due = time.monotonic()
        while not ends.is_set():
            message = bus.recv(max(0.0, due - time.monotonic()))
            if message is not None:
                bmu.hears(message)
            if time.monotonic() >= due:
                due += PERIOD
                for told in bmu.tells():
                    bus.send(told)


@contextlib.contextmanager
def beside(bmu: Bmu, folder: Path, site: str, *options: object) -> Iterator[int]:
    """The port at which the program serves while the BMU lives; `site` has it as `{port}`."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
    (folder / "site.yaml").write_text(site.format(port=port))
    hub, ends = Hub(), threading.Event()
    thread = threading.Thread(target=_lives, args=(bmu, hub.port, ends))
    thread.start()
    bus = ("--bus", f"can0={hub.place}", *options)
    with contextlib.closing(hub):
        try:
            with Program(folder).serving("run", "site.yaml", *bus) as served:
                served.wait_for(f"127.0.0.1:{port}")
                yield port
        finally:
            ends.set()
            thread.join()
