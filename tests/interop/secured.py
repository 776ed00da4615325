"""A gateway with a TLS listener and a plain one, and pymodbus as a master with a certificate."""

import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pymodbus.client import ModbusTlsClient
from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU

from program import Program, Served

SITE = """
site: secured
buses: {{can0: {{interface: virtual}}}}
containers:
  - name: C1
    topology: {{racks: 1, modules: 8, cells: 52}}
    sources: [{{frames: demo-bmu, bus: can0}}]
    control:
      rating: {{charge: 400000, discharge: 400000}}
      pcs: {{path: polls_us}}
faces:
  - {{map: native, listen: '127.0.0.1:{tls}', unit: 1}}
  - {{map: native, listen: '127.0.0.1:{plain}', unit: 1}}
listeners:
  - at: '127.0.0.1:{tls}'
    tls: {{certificate: {certificate}, key: {key}, clients: [{clients}]}}
masters:
{masters}
"""
OWN = {
    "certificate": "pki/server.pem", "key": "pki/server.key", "clients": "pki/root.pem",
}  # fmt: skip
ROLES = (
    "name: viewer, certificate_role: ReadOnlySunSpec, role: viewer",
    "name: dispatcher, certificate_role: GridServiceSunSpec, role: dispatcher",
    "name: operator, certificate_role: NetworkAdministratorSunSpec, role: operator",
    "name: engineer, certificate_role: SuperAdministratorSunSpec, role: engineer",
)
"What docs/modbus.md shows."


@dataclass
class Gateway:
    """A gateway at work."""

    folder: Path
    tls: int
    plain: int
    served: Served

    def context(self, name: str, root: str = "root") -> ssl.SSLContext:
        """What a master of that name shows and trusts; files are those of `essgw cert`."""
        context = ssl.create_default_context(cafile=self.folder / "pki" / f"{root}.pem")
        context.load_cert_chain(
            self.folder / "pki" / f"{name}.pem", self.folder / "pki" / f"{name}.key"
        )
        context.check_hostname = False  # pymodbus names no host
        return context

    @contextlib.contextmanager
    def master(self, name: str) -> Iterator[ModbusTlsClient]:
        """Pymodbus with a certificate.

        Its own framing of TLS leaves the header out, which MB-TCP-Security v36 does not know (R-05).
        """
        with pymodbus(self.tls, self.context(name)) as client:
            yield client


@contextlib.contextmanager
def pymodbus(port: int, context: ssl.SSLContext) -> Iterator[ModbusTlsClient]:
    """Its TLS client, with the header of Modbus TCP."""
    client = ModbusTlsClient("127.0.0.1", port=port, sslctx=context, timeout=10, retries=0)
    client.framer = client.transaction.framer = FramerSocket(DecodePDU(is_server=False))
    with client:
        assert client.connected
        yield client


@contextlib.contextmanager
def gateway(folder: Path, masters: Sequence[str] = ROLES, **files: object) -> Iterator[Gateway]:
    """`essgw run` of a site with certificates; those of `essgw cert` if no others are named."""
    tls, plain = free(), free()
    rows = "\n".join(f"  - {{{row}}}" for row in masters)
    text = SITE.format(tls=tls, plain=plain, masters=rows, **{**OWN, **files})
    (folder / "site.yaml").write_text(text)
    program = Program(folder)
    if not files:
        program("cert", "pki")
    with program.serving("run", "site.yaml") as served:
        served.wait_for("Ctrl-C stops")
        yield Gateway(folder, tls, plain, served)


def free() -> int:
    """A port that nobody has."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
        return port
