"""Modbus/TCP Security as other people's programs see it: OpenSSL and pymodbus, against `essgw run`."""

import re
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop.secured import Gateway, gateway, pymodbus
from pymodbus.client import ModbusTcpClient

from program import Program

pytestmark = pytest.mark.interop

HEARTBEAT, POWER, LEASE, CONNECT, CLOCK = 61000, 61003, 61100, 61103, 61110
RESULT_ORIGIN, RESULT_REASON = 223, 225
LOCKED_BY_OTHER = 27
VIEWER, DISPATCHER, OPERATOR, ENGINEER = (
    f"{name}SunSpec"
    for name in ("ReadOnly", "GridService", "NetworkAdministrator", "SuperAdministrator")
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with the certificates of `essgw cert`; for tests that leave nothing behind."""
    with gateway(tmp_path_factory.mktemp("secured")) as found:
        yield found


def openssl(running: Gateway, *options: str, name: str = DISPATCHER) -> str:
    """What `openssl s_client` tells of a connection."""
    pki = running.folder / "pki"
    shown = ["-cert", f"{pki}/{name}.pem", "-key", f"{pki}/{name}.key"] if name else []
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{running.tls}", "-CAfile", pki / "root.pem",
         "-verify_return_error", "-verify_hostname", "localhost", *shown, *options],
        input="", capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("options", "protocol", "cipher"),
    [
        (["-tls1_2"], "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"], "TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM8"], "TLSv1.2", "ECDHE-ECDSA-AES128-CCM8"),
        (["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256"], "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (["-tls1_2", "-groups", "P-256"], "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"], "TLSv1.3", "TLS_AES_128_GCM_SHA256"),
        (["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"], "TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256"),
    ],
)  # fmt: skip
def test_openssl_agrees_on_a_cipher(
    running: Gateway, options: list[str], protocol: str, cipher: str
) -> None:
    """Ours comes first of what both know; the chain is sent whole; no compression (R-14, R-46, R-54, R-62)."""
    if "CCM8" in cipher and ssl.OPENSSL_VERSION_INFO >= (3, 1):
        pytest.skip("an OpenSSL above 3.0 may not take CCM8")
    told = openssl(running, *options)

    assert f"New, {protocol}, Cipher is {cipher}" in told, told
    assert "Verification: OK" in told
    assert "Compression: NONE" in told
    assert len(re.findall(r"^ *\d s:", told, re.MULTILINE)) == 2


@pytest.mark.parametrize(
    ("options", "alert"),
    [
        (["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], "alert protocol version"),
        (["-tls1_2", "-cipher", "NULL:eNULL@SECLEVEL=0"], "alert handshake failure"),
        (["-tls1_2", "-cipher", "AES128-GCM-SHA256"], "alert handshake failure"),
    ],
)
def test_openssl_is_refused(running: Gateway, options: list[str], alert: str) -> None:
    """Old versions, nothing unencrypted, no key exchange without forward secrecy."""
    assert alert in openssl(running, *options)


def test_openssl_renegotiates_nothing(running: Gateway) -> None:
    """It knows how, safely (R-60), and is told no."""
    pki = running.folder / "pki"
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{running.tls}", "-tls1_2",
         "-CAfile", pki / "root.pem", "-cert", pki / f"{VIEWER}.pem", "-key", pki / f"{VIEWER}.key"],
        input="R\n", capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "Secure Renegotiation IS supported" in done.stdout
    assert "no renegotiation" in done.stderr


@pytest.mark.parametrize(
    ("name", "may"),
    [(VIEWER, 0), (DISPATCHER, 1), (OPERATOR, 2), (ENGINEER, 3)],
)
def test_rights_of_the_roles(running: Gateway, name: str, may: int) -> None:
    """Each reads; what needs a higher role is exception 1, and nothing has changed; what does not is not 1."""
    with running.master(name) as master:
        assert master.read_holding_registers(60200, count=1, device_id=1).registers == [0x1234]
        before = master.read_holding_registers(HEARTBEAT, count=5, device_id=1).registers
        words = [before[0] ^ 1, 1, 1, 0, 5000 + may]
        answers = [
            master.write_registers(HEARTBEAT, words, device_id=1),
            master.write_register(CONNECT, 0, device_id=1),
            master.write_registers(CLOCK, [0, 1], device_id=1),
        ]
        after = master.read_holding_registers(HEARTBEAT, count=5, device_id=1).registers

    for role, answer in enumerate(answers, 1):
        assert (answer.isError() and answer.exception_code == 1) == (role > may)
    assert not answers[0].isError() or may == 0
    assert after == (words if may else before)


def test_a_plain_listener_is_what_it_was(running: Gateway) -> None:
    """Rows of certificates give nobody rights there: it reads, and writes nothing."""
    with ModbusTcpClient("127.0.0.1", port=running.plain, timeout=10) as master:
        assert master.read_holding_registers(60200, count=1, device_id=1).registers == [0x1234]
        assert master.write_register(LEASE, 60, device_id=1).exception_code == 1


def test_without_a_certificate_there_is_no_connection(running: Gateway) -> None:
    """Not even one that may read (R-08, R-10)."""
    assert "alert handshake failure" in openssl(running, "-tls1_2", name="")


def test_cmd_14_a_viewer_writes_nothing(running: Gateway) -> None:
    """Exception 1 to every command, and nothing has changed."""
    with running.master(VIEWER) as master:
        for register in (HEARTBEAT, POWER, LEASE, CONNECT):
            before = master.read_holding_registers(register, count=2, device_id=1).registers
            assert master.write_registers(register, [1, 1], device_id=1).exception_code == 1
            after = master.read_holding_registers(register, count=2, device_id=1).registers
            assert after == before


def test_cmd_03_two_names_fight_for_the_lease(tmp_path: Path) -> None:
    """One role, two certificates: the second is told who has it; it survives a reconnect, and is given back (R6)."""
    rows = (
        "name: first, certificate_role: GridServiceSunSpec, certificate_name: test GridServiceSunSpec, role: dispatcher",
        "name: second, certificate_role: Other, certificate_name: test Other, role: dispatcher",
        "name: other, certificate_role: Other, role: viewer",
    )
    Program(tmp_path)("cert", "pki", "--role", DISPATCHER, "--role", "Other")
    files = {"certificate": "pki/server.pem", "key": "pki/server.key", "clients": "pki/root.pem"}
    with gateway(tmp_path, rows, **files) as running:
        with running.master(DISPATCHER) as first:
            assert not first.write_register(LEASE, 60, device_id=1).isError()
        with running.master("Other") as second:
            assert second.write_register(LEASE, 60, device_id=1).exception_code == 4
            told = second.read_holding_registers(220, count=6, device_id=1).registers
            assert (told[RESULT_ORIGIN - 220], told[RESULT_REASON - 220]) == (2, LOCKED_BY_OTHER)
            with running.master(DISPATCHER) as first:
                assert not first.write_register(LEASE, 60, device_id=1).isError()
                assert not first.write_register(LEASE, 0, device_id=1).isError()
            assert not second.write_register(LEASE, 60, device_id=1).isError()


def test_rsa(tmp_path: Path) -> None:
    """Certificates with RSA keys are served too (R-39)."""
    Program(tmp_path)("cert", "pki", "--rsa", "--role", VIEWER)
    rows = [f"name: v, certificate_role: {VIEWER}, role: viewer"]
    with gateway(tmp_path, rows, certificate="pki/server.pem") as running:
        assert "Cipher is ECDHE-RSA-AES128-GCM-SHA256" in openssl(running, "-tls1_2", name=VIEWER)
        with pymodbus(running.tls, running.context(VIEWER)) as master:
            assert master.read_holding_registers(60200, count=1, device_id=1).registers == [0x1234]
