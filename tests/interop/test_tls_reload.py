"""Certificates that change while the gateway runs: SIGHUP, and who is connected does not notice."""

import shutil
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from interop.secured import Gateway, gateway
from modbus.adu import adu, read
from modbus.service import response
from pymodbus.client import ModbusTcpClient

from gateway.cli import pki

from program import Program

pytestmark = pytest.mark.interop

VIEWER = "ReadOnlySunSpec"
SAYS = adu("03 02 1234")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway, and other certificates beside its own."""
    Program(tmp_path)("cert", "new")
    with gateway(tmp_path) as found:
        yield found


def connected(running: Gateway, name: str, root: str = "root") -> ssl.SSLSocket:
    """A master by the standard library."""
    link = socket.create_connection(("127.0.0.1", running.tls), timeout=60)
    return running.context(name, root).wrap_socket(link)


def says(link: socket.socket) -> bytes:
    """What a read is answered."""
    link.sendall(read(60200, 1))
    return response(link)


def hang_up(running: Gateway, tells: str) -> str:
    """Tell the gateway, and wait for what it tells."""
    running.served.process.send_signal(signal.SIGHUP)
    return running.served.wait_for(tells)[0]


def test_new_certificates_serve_the_next_handshakes(running: Gateway) -> None:
    """Old and new masters, plain and secured ones: nobody is dropped, and only the new ones get in from then on."""
    with ModbusTcpClient("127.0.0.1", port=running.plain, timeout=10) as plain, connected(running, VIEWER) as old:  # fmt: skip
        assert says(old) == SAYS
        for name in ("root.pem", "server.pem", "server.key"):
            shutil.copy(running.folder / "new" / name, running.folder / "pki" / name)
        told = hang_up(running, r'"detail": .*"event": "certificates"')
        assert f"127.0.0.1:{running.tls}" in told
        for name in (f"{VIEWER}.pem", f"{VIEWER}.key"):
            shutil.copy(running.folder / "pki" / name, running.folder / "pki" / f"old-{name}")
            shutil.copy(running.folder / "new" / name, running.folder / "pki" / name)
        with connected(running, VIEWER) as new:
            assert says(new) == SAYS
        with pytest.raises(ssl.SSLError), connected(running, f"old-{VIEWER}") as late:
            late.recv(1)

        assert says(old) == SAYS
        assert plain.read_holding_registers(60200, count=1, device_id=1).registers == [0x1234]


def test_certificates_that_are_wrong_are_told(running: Gateway) -> None:
    """With file, line and column; those that were there go on, and a site file beside them is read all the same."""
    shutil.copy(running.folder / "new" / "server.key", running.folder / "pki" / "server.key")
    told = hang_up(running, r'"detail": .*"event": "certificates_refused"')

    assert "site.yaml:16:45: " in told
    assert "server.key is not the key of" in told
    with connected(running, VIEWER) as link:
        assert says(link) == SAYS


def test_certificates_that_end_soon_are_told(running: Gateway) -> None:
    """Thirty days before; whoever comes until then is served."""
    root = pki.Pair(
        x509.load_pem_x509_certificate((running.folder / "pki" / "root.pem").read_bytes()),
        cast("pki.Key", load_pem_private_key((running.folder / "pki" / "root.key").read_bytes(), None)),
    )  # fmt: skip
    assert "certificate_ends" not in running.served.text, "what `essgw cert` makes lasts longer"
    own = pki.signed(root, "ESS gateway", pki.for_server(["127.0.0.1"]), (-1, 29))
    (running.folder / "pki" / "server.pem").write_bytes(own.pem)
    (running.folder / "pki" / "server.key").write_bytes(own.key_pem)
    told = hang_up(running, r'"detail": .*"event": "certificate_ends"')

    assert (
        f"server.pem expires on {own.certificate.not_valid_after_utc:%Y-%m-%d}; have it renewed"
        in told
    )
    with connected(running, VIEWER) as link:
        assert says(link) == SAYS
