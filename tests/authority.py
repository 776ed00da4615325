"""An authority for tests: what it signs, rightly and wrongly, as files."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.cli import pki
from gateway.errors import Problem
from gateway.mapping.certificates import Named, Tls

ROLE = "1.3.6.1.4.1.50316.802.1"
OTHER = "1.3.6.1.4.1.50316.802.9"
_CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
NOWHERE = Problem("site.yaml", "", 1, 1)


@dataclass(frozen=True)
class Files:
    """A certificate and its key."""

    certificate: Path
    key: Path

    def context(
        self, root: Path, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    ) -> ssl.SSLContext:
        """A client that shows it, and trusts one root."""
        context = ssl.create_default_context(cafile=root)
        context.minimum_version = context.maximum_version = version
        context.load_cert_chain(self.certificate, self.key)
        return context


class Authority:
    """A root in a folder."""

    def __init__(self, folder: Path, name: str = "root", *, is_rsa: bool = False) -> None:
        self.folder, self.name = folder, name
        self.pair = pki.new_root(name, is_rsa=is_rsa)
        self.root = self._written(name, self.pair).certificate
        self.server = self._written(
            f"{name}-server", pki.signed(self.pair, "gateway", pki.for_server(["127.0.0.1"]))
        )

    def client(
        self, role: str | bytes | None, name: str = "client", valid: tuple[int, int] = (-1, 30)
    ) -> Files:
        """A client's; a role of bytes is what the extension holds, without one there is none."""
        extensions: list[x509.ExtensionType] = [_CLIENT]
        if isinstance(role, str):
            extensions = pki.for_client(role)
        elif role is not None:
            extensions.append(x509.UnrecognizedExtension(x509.ObjectIdentifier(ROLE), role))
        return self._written(name, pki.signed(self.pair, name, extensions, valid))

    def client_of_two_roles(self, *roles: bytes) -> Files:
        """What no library makes: the same extension twice."""
        extensions = [
            _CLIENT,
            *(
                x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), role)
                for oid, role in zip((ROLE, OTHER), roles, strict=True)
            ),
        ]
        pair = pki.signed(self.pair, "two", extensions)
        body, key = pair.certificate.tbs_certificate_bytes, self.pair.key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        body = body.replace(_oid(OTHER), _oid(ROLE))
        signature = key.sign(body, ec.ECDSA(hashes.SHA256()))
        kind = bytes.fromhex("300A 0608 2A8648CE3D040302")  # ecdsa-with-SHA256
        der = _sequence(body + kind + b"\x03" + _sized(b"\0" + signature))
        files = self._written("two", pair)
        files.certificate.write_text(ssl.DER_cert_to_PEM_cert(der))
        return files

    def tls(self, *clients: Path, server: Files | None = None) -> Tls:
        """What a site says of its listener."""
        own = server or self.server
        roots = tuple(Named(path, NOWHERE) for path in clients or (self.root,))
        return Tls(NOWHERE, Named(own.certificate, NOWHERE), Named(own.key, NOWHERE), roots)

    @property
    def itself(self) -> Files:
        """The root, shown as if it were somebody's."""
        return Files(self.root, self.folder / f"{self.name}.key")

    def signs(
        self, name: str, extensions: Sequence[x509.ExtensionType], valid: tuple[int, int] = (-1, 30)
    ) -> Files:
        """Something else."""
        return self._written(name, pki.signed(self.pair, name, extensions, valid))

    def _written(self, name: str, pair: pki.Pair) -> Files:
        files = Files(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        files.certificate.write_bytes(pair.pem)
        files.key.write_bytes(pair.key_pem)
        return files


def _sized(data: bytes) -> bytes:
    """Length and content in DER, below 64 KiB."""
    if len(data) < 0x80:
        return bytes((len(data),)) + data
    size = len(data).to_bytes(2, "big").lstrip(b"\0")
    return bytes((0x80 | len(size),)) + size + data


def _sequence(data: bytes) -> bytes:
    return b"\x30" + _sized(data)


def _oid(text: str) -> bytes:
    """The last arcs of an object identifier, as it stands in a certificate: 50316.802.x."""
    return bytes.fromhex("83890C 8622") + bytes((int(text.rpartition(".")[2]),))
