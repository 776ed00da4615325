"""The SunSpec client pysunspec2 by TLS, with the certificates of its own tests, which no one here made."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Protocol

import pytest
from interop.secured import Gateway, gateway

pytestmark = pytest.mark.interop

VARIABLE = "ESSGW_SUNSPEC_TLS"
POWER = 61003
ILLEGAL_FUNCTION = r"(?i)exception:? 1\b"


class Client(Protocol):
    """What this uses of it."""

    def read(self, address: int, count: int) -> bytes:
        """Registers."""

    def write(self, address: int, data: bytes) -> None:
        """The same."""


@pytest.fixture(scope="module")
def sunspec() -> ModuleType:
    """Its Modbus client."""
    package: ModuleType = pytest.importorskip(
        "sunspec2.modbus.modbus", reason="pysunspec2 is not installed"
    )
    return package


@pytest.fixture(scope="module")
def pki(sunspec: ModuleType) -> Path:
    """The certificates of its own tests: as installed, or of an unpacked source distribution."""
    folder = Path(os.environ.get(VARIABLE, sunspec.TLS_DATA_DIR))
    if not (folder / "ca" / "client_ca_chain.crt").is_file():
        pytest.skip(
            f"no certificates of pysunspec2 here ({VARIABLE}: sunspec2/tests/tls_data of its source)"
        )
    return folder


@pytest.fixture(scope="module", params=["tls1_2", "tls1_3"])
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pki: Path
) -> Iterator[Gateway]:
    """A gateway with a server's certificate of that PKI, which trusts its clients' chain."""
    server = pki / "server" / request.param / "server_valid"
    chain = pki / "ca" / "client_ca_chain.crt"
    folder = tmp_path_factory.mktemp("sunspec")
    with gateway(folder, certificate=f"{server}.crt", key=f"{server}.key", clients=chain) as found:
        yield found


@contextlib.contextmanager
def client(sunspec: ModuleType, pki: Path, running: Gateway, name: str) -> Iterator[Client]:
    """The client with a certificate, connected."""
    made = sunspec.ModbusClientTCP(
        1, "127.0.0.1", running.tls, 10, tls=True, cafile=f"{pki}/ca/server_ca_chain.crt",
        certfile=f"{pki}/client/{name}.crt", keyfile=f"{pki}/client/{name}.key",
    )  # fmt: skip
    try:
        made.connect()
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
@pytest.mark.parametrize(
    ("role", "writes"),
    [("readonly", False), ("gridservice", True), ("netadmin", True), ("superadmin", True)],
)
def test_sec_11_roles_read_and_write(
    sunspec: ModuleType, pki: Path, running: Gateway, version: str, role: str, *, writes: bool
) -> None:
    """All four read; a set-point is written by those who may, and shows; else exception 1, and nothing changes."""
    with client(sunspec, pki, running, f"{version}/client_{role}") as master:
        assert master.read(60200, 1) == b"\x12\x34"
        before = master.read(POWER, 2)
        wanted = (int.from_bytes(before, "big") % 1000 + 1).to_bytes(4, "big")
        if writes:
            master.write(POWER, wanted)
        else:
            with pytest.raises(sunspec.ModbusClientException, match=ILLEGAL_FUNCTION):
                master.write(POWER, wanted)
        after = master.read(POWER, 2)

    assert after == (wanted if writes else before)


@pytest.mark.parametrize("name", ["no_role", "malformed_role"])
def test_sec_12_without_a_role_nothing_is_read(
    sunspec: ModuleType, pki: Path, running: Gateway, name: str
) -> None:
    """Its handshake succeeds, and every request is exception 1 (SunSpecTCP-32, -40, -41)."""
    with client(sunspec, pki, running, f"invalid/client_{name}") as master:
        with pytest.raises(sunspec.ModbusClientException, match=ILLEGAL_FUNCTION):
            master.read(60200, 1)
        with pytest.raises(sunspec.ModbusClientException, match=ILLEGAL_FUNCTION):
            master.write(POWER, b"\0\0\0\1")


@pytest.mark.parametrize("name", ["expired", "foreign_ca", "self_signed"])
def test_sec_13_certificates_that_are_not_valid(
    sunspec: ModuleType, pki: Path, running: Gateway, name: str
) -> None:
    """They get no connection, or one that ends at the first read (TLS 1.3); the next master is served."""
    refused = (sunspec.ModbusClientError, OSError)
    with pytest.raises(refused), client(sunspec, pki, running, f"invalid/client_{name}") as master:
        master.read(60200, 1)
    with client(sunspec, pki, running, "tls1_2/client_readonly") as master:
        assert master.read(60200, 1) == b"\x12\x34"
