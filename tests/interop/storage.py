"""A running gateway whose site is nothing but mailboxes in all four tables, down to their last addresses.

It answers also where this machine is so busy that control stalls: there are no limits to show.
"""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from program import Program, Served

MAP = """
map: storage
version: 1.0.0
registers:
  - {at: 0, mailbox: coils, type: bit, table: coil, count: 2000, owner: viewer}
  - {at: 0, mailbox: inputs, type: bit, table: discrete, count: 100, initial: 1}
  - {at: 0, mailbox: holding, type: u16, table: holding, count: 1000, initial: 17, owner: viewer}
  - {at: 0, mailbox: holding, type: u16, table: input, count: 1000, initial: 17, owner: viewer}
  - {at: 2000, mailbox: guarded, type: f32, table: holding, initial: 1.5, owner: operator}
  - {at: 2010, hold: 2, type: u16}
  - {at: 3000, mailbox: shown, type: bit, table: coil, count: 2000, owner: viewer}
  - {at: 196, mailbox: shown, type: bit, table: discrete, count: 2000, owner: viewer}
  - {at: 40000, mailbox: models, type: u16, table: holding, count: 200, owner: viewer}
  - {at: 63536, mailbox: last_bits, type: bit, table: coil, count: 2000, owner: viewer}
  - {at: 63536, mailbox: last_bits, type: bit, table: discrete, count: 2000, owner: viewer}
  - {at: 65411, mailbox: last, type: u16, table: holding, count: 125, owner: viewer}
  - {at: 65411, mailbox: last, type: u16, table: input, count: 125, owner: viewer}
"""
SITE = """
site: storage
buses: {{can0: {{interface: virtual}}}}
containers:
  - name: C1
    topology: {{racks: 1, modules: 8, cells: 52}}
    sources: [{{frames: demo-bmu, bus: can0}}]
faces:
  - {{map: storage.yaml, listen: '127.0.0.1:{port}', unit: 1, on_stall: zero_limits}}
  - {{map: storage.yaml, listen: '127.0.0.1:{port}', unit: 2, on_stall: zero_limits}}
  - {{map: storage.yaml, listen: '127.0.0.1:{port}', unit: 13, on_stall: zero_limits, read_only: ['*']}}
  - {{map: storage.yaml, listen: '127.0.0.1:{port}', unit: 14, on_stall: zero_limits, read_only: [hold*]}}
masters: [{{name: hmi, from: 127.0.0.2, role: operator}}]
"""


@contextlib.contextmanager
def stored(folder: Path, site: str = SITE, registers: str = MAP) -> Iterator[Served]:
    """The gateway at a free port, which serves the mailboxes as units 1 and 2, where anybody may write most of them; 13 and 14 are read only."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as probe:
        free: int = probe.getsockname()[1]
    (folder / "storage.yaml").write_text(registers)
    (folder / "site.yaml").write_text(site.format(port=free))
    with Program(folder).serving("run", "site.yaml") as served:
        served.wait_for("Ctrl-C stops")
        yield served
