"""Roles in certificates: one extension with one text, or none at all (MB-TCP-Security v36, R-21 to R-23, R-65)."""

import ssl
from pathlib import Path

import pytest

from gateway.mapping.masters import Credential
from gateway.modbus.credential import credential_of, utf8_string

from authority import Authority, Files

READ_ONLY = bytes.fromhex("0C0F") + b"ReadOnlySunSpec"


def shown(files: Files) -> Credential:
    """What a certificate says, read from its file."""
    return credential_of(ssl.PEM_cert_to_DER_cert(files.certificate.read_text()))


@pytest.mark.parametrize(
    ("der", "text"),
    [
        (READ_ONLY, "ReadOnlySunSpec"),
        (bytes.fromhex("0C02 C3A9"), "é"),
        (bytes.fromhex("0C8180") + b"a" * 128, "a" * 128),
        (bytes.fromhex("0C820100") + b"a" * 256, "a" * 256),
        (bytes.fromhex("160F") + b"ReadOnlySunSpec", ""),  # IA5String
        (bytes.fromhex("130F") + b"ReadOnlySunSpec", ""),  # PrintableString
        (b"ReadOnlySunSpec", ""),
        (READ_ONLY + b"\0", ""),
        (READ_ONLY[:-1], ""),
        (bytes.fromhex("0C810F") + b"ReadOnlySunSpec", ""),  # not the shortest length: BER
        (bytes.fromhex("0C80") + b"a\0\0", ""),  # no length
        (bytes.fromhex("0C02 C328"), ""),  # no UTF-8
        (bytes.fromhex("0C00"), ""),
        (bytes.fromhex("0C"), ""),
        (bytes.fromhex("0C84FFFFFFFF"), ""),
        (b"", ""),
    ],
)
def test_a_text_in_der(der: bytes, text: str) -> None:
    """To the last byte, in its one form; anything else is no text."""
    assert utf8_string(der) == text


def test_role_and_name(tmp_path: Path) -> None:
    """As the certificate has them."""
    assert shown(Authority(tmp_path).client("Grid", "EMS 1")) == Credential("Grid", "EMS 1")


@pytest.mark.parametrize("role", [None, bytes.fromhex("160F") + b"ReadOnlySunSpec", READ_ONLY * 2])
def test_no_role(tmp_path: Path, role: bytes | None) -> None:
    """No extension, text of another type, two texts in one: no role, still a name."""
    assert shown(Authority(tmp_path).client(role)) == Credential("", "client")


@pytest.mark.parametrize("second", [READ_ONLY, bytes.fromhex("1601") + b"x"])
def test_two_roles_are_none(tmp_path: Path, second: bytes) -> None:
    """Whatever the second one is."""
    files = Authority(tmp_path).client_of_two_roles(READ_ONLY, second)
    assert files.certificate.read_text().startswith("-----BEGIN")
    assert shown(files).role == ""


def test_what_is_no_certificate_says_nothing() -> None:
    """It is not served either: OpenSSL has refused it before."""
    assert credential_of(b"\x30\x00") == Credential()
