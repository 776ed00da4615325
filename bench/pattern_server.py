"""A Modbus server whose register i holds i, for `mbload --pattern`: `python -m bench.pattern_server KIND LOOP PORT [PKI]`.

KIND is `ours` (the gateway's listener over one image), `secured` (the same by TLS, with what `essgw cert` has put into PKI) or `pymodbus` (that package's own server); LOOP is
`asyncio` or `uvloop`. `pymodbustcp` is that package's server, with a thread a connection, whatever LOOP is.
"""

import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import structlog
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from pyModbusTCP.server import DataBank  # type: ignore[import-untyped] # it has no types
from pyModbusTCP.server import ModbusServer as PyModbusTcpServer

from gateway.cli.serving import fast_loop
from gateway.errors import Problem
from gateway.links.modbus_tcp import ModbusServer
from gateway.links.service import Service
from gateway.mapping.certificates import Named, Tls
from gateway.mapping.image import REGISTERS, Image, Table
from gateway.mapping.listeners import Listening
from gateway.mapping.writable import Writable
from gateway.modbus.bank import Bank, Space

HOST = "127.0.0.1"
_PYMODBUS_REGISTERS = 16384


def pattern() -> Bank:
    """Holding registers whose numbers are their addresses."""
    image = Image(np.arange(REGISTERS).astype(">u2").tobytes(), None)
    there = Space(bytes(REGISTERS), Writable({}))
    return Bank({Table.HOLDING: there}, {Table.HOLDING: image})


async def ours(port: int) -> None:
    """Serve an image as the gateway does."""
    await ModbusServer(Service({1: pattern()})).start(HOST, port)
    await asyncio.Event().wait()


async def secured(port: int, pki: Path) -> None:
    """Serve an image by TLS."""
    place = Problem("", "")
    own, key, root = (Named(pki / name, place) for name in ("server.pem", "server.key", "root.pem"))
    rules = Listening(tls=Tls(place, own, key, (root,)))
    await ModbusServer(Service({1: pattern()}, rules=rules)).start(HOST, port)
    await asyncio.Event().wait()


async def pymodbus(port: int) -> None:
    """Serve with pymodbus, as its documentation does."""
    values = list(range(_PYMODBUS_REGISTERS))
    device = SimDevice(1, SimData(0, values=values, datatype=DataType.REGISTERS))
    await ModbusTcpServer(device, address=(HOST, port)).serve_forever()


async def pymodbustcp(port: int) -> None:
    """Serve with pyModbusTCP, as its documentation does."""
    bank = DataBank()
    bank.set_holding_registers(0, range(REGISTERS))
    PyModbusTcpServer(HOST, port, no_block=True, data_bank=bank).start()
    await asyncio.Event().wait()


def loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop of that name."""
    return fast_loop() if name == "uvloop" else None


if __name__ == "__main__":
    kind, loop_name, at, *pki = sys.argv[1:]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with asyncio.Runner(loop_factory=loop_factory(loop_name)) as runner:
        if kind == "secured":
            runner.run(secured(int(at), Path(pki[0])))
        else:
            serve = {"ours": ours, "pymodbus": pymodbus, "pymodbustcp": pymodbustcp}[kind]
            runner.run(serve(int(at)))
