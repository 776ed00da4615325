"""A demo to be operated from the terminal: no EMS, its racks open, every state brought about by commands."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pymodbus.client import ModbusTcpClient

from program import Program

_PATIENCE = 60  # s
BLOCK = 61000
"Where the native map begins to be written."


@contextmanager
def operated(essgw: Program, *options: str, mode: str = "standby") -> Iterator[str]:
    """The demo's HOST:PORT, once it is out of adopt."""
    with essgw.serving("demo", "--open", "--no-ems", "--listen", "127.0.0.1:0", *options) as served:
        served.wait_for("Ctrl-C ends")
        server = f"127.0.0.1:{served.port}"
        wait_until(essgw, server, "mode", mode)
        yield server


@contextmanager
def held(essgw: Program, server: str) -> Iterator[None]:
    """The lease, with a heartbeat, as `essgw lease --hold` keeps it."""
    with essgw.serving("lease", server, "--hold") as holder:
        holder.wait_for("holds the lease")
        yield


def shown(essgw: Program, server: str, *points: str) -> dict[str, object]:
    """Points of the container, in words where they have any."""
    rows = json.loads(essgw("read", server, *points, "--json").stdout)["points"]
    return {
        row["point"]: row["value"] if row["text"] is None else row["text"]
        for row in rows
        if row["rack"] in {None, 1}
    }


def wait_until(essgw: Program, server: str, point: str, wanted: object) -> None:
    """Wait for a state."""
    end = time.monotonic() + _PATIENCE
    while (found := shown(essgw, server, point)[point]) != wanted:
        assert time.monotonic() < end, f"{point} stays {found}: {essgw('why', server).stdout}"


def registers(server: str, address: int, count: int) -> list[int]:
    """What a foreign client reads."""
    host, _, port = server.rpartition(":")
    client = ModbusTcpClient(host, port=int(port))
    try:
        assert client.connect()  # type: ignore[no-untyped-call] # pymodbus leaves it open
        return list(client.read_holding_registers(address, count=count, device_id=1).registers)
    finally:
        client.close()  # type: ignore[no-untyped-call] # as above
