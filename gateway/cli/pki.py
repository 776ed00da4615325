"""Certificates for tests: a root, and what it signs."""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.modbus.credential import ROLE, UTF8_STRING, length_of

DAYS = 730
"For which they are valid; from the day before, so that clocks may differ."
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        """The certificate as a file."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key as a file, without a passphrase."""
        form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, form, none)


def new_key(*, is_rsa: bool) -> Key:
    """RSA of 2048 bits, or EC on P-256 (MB-TCP-Security v36, R-61)."""
    if is_rsa:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def new_root(name: str, *, is_rsa: bool) -> Pair:
    """An authority of its own."""
    key = new_key(is_rsa=is_rsa)
    builder = (
        _begun(name, name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs_others=True), critical=True)
    )
    return Pair(builder.sign(key, hashes.SHA256()), key)


def signed(
    root: Pair,
    name: str,
    extensions: Sequence[x509.ExtensionType],
    valid: tuple[int, int] = (-1, DAYS),
) -> Pair:
    """A certificate of what an authority vouches for; `valid` in days from now."""
    key = new_key(is_rsa=isinstance(root.key, rsa.RSAPrivateKey))
    builder = (
        _begun(name, _name_of(root), key, valid)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_others=False), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key()),
            critical=False,
        )
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return Pair(builder.sign(root.key, hashes.SHA256()), key)


def for_server(hosts: Sequence[str]) -> list[x509.ExtensionType]:
    """What tells a client that a server is there where it is."""
    return [
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        x509.SubjectAlternativeName([_host(host) for host in hosts]),
    ]


def for_client(role: str) -> list[x509.ExtensionType]:
    """What tells a server who is there (R-21, R-22, R-65)."""
    text = role.encode()
    der = bytes((UTF8_STRING, *length_of(len(text)))) + text
    return [
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),
        x509.UnrecognizedExtension(x509.ObjectIdentifier(ROLE), der),
    ]


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name_of(root: Pair) -> str:
    return str(root.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _begun(
    name: str, by: str, key: Key, valid: tuple[int, int] = (-1, DAYS)
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    begins, ends = (now + dt.timedelta(days=days) for days in valid)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_others: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_others, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=signs_others,
        crl_sign=signs_others, encipher_only=False, decipher_only=False,
    )  # fmt: skip
