"""The files of a TLS listener: certificate, key and roots, and what is wrong with them, told where the site names them.

They are read with `cryptography`, the extra `[tls]`; a site without `tls:` never needs it.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gateway.errors import MappingError, Problem
from gateway.mapping.schema.site import TlsRow
from gateway.mapping.source import Location, Source

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_RSA_BITS = 2048
"What OpenSSL takes at least, as Debian sets it up."


@dataclass(frozen=True, slots=True)
class Named:
    """A PEM file that a site names."""

    path: Path
    place: Problem
    "Where; what is wrong with it is filled in."

    def problem(self, text: str, remedy: str) -> Problem:
        """Something that is wrong with it."""
        return dataclasses.replace(self.place, text=f"{self.path} {text}", remedy=remedy)


@dataclass(frozen=True, slots=True)
class Tls:
    """What a listener shows, and whom it trusts."""

    place: Problem
    certificate: Named
    key: Named
    clients: tuple[Named, ...]

    @property
    def digest(self) -> str:
        """Of all files as they are now; one that cannot be read counts as empty."""
        found = hashlib.sha256()
        for named in (self.certificate, self.key, *self.clients):
            data = named.path.read_bytes() if named.path.is_file() else b""
            found.update(hashlib.sha256(data).digest())
        return found.hexdigest()


def tls_of(source: Source, at: Location, row: TlsRow, folder: Path) -> Tls:
    """The files that a listener's row names."""

    def named(name: str, *where: str | int) -> Named:
        return Named(folder / name, source.problem((*at, *where), ""))

    roots = [named(name, "clients", number) for number, name in enumerate(row.clients)]
    return Tls(
        source.problem(at, "", key=True), named(row.certificate, "certificate"),
        named(row.key, "key"), tuple(roots),
    )  # fmt: skip


def wrong_with(tls: Tls) -> list[Problem]:
    """What is wrong with the files, whatever the time is."""
    try:
        import cryptography  # noqa: F401, PLC0415 - an extra
    except ImportError:
        text, remedy = "TLS needs the package cryptography", "pip install 'ess-gateway[tls]'"
        return [dataclasses.replace(tls.place, text=text, remedy=remedy)]
    found = [*_wrong_pair(tls)]
    for root in tls.clients:
        try:
            found += [
                root.problem(
                    "is neither an authority's certificate nor signed by itself",
                    "name the root that signed the masters' certificates",
                )
                for item in _certificates(root)
                if not _can_be_root(item)
            ]
        except MappingError as error:
            found += error.problems
    return found


def _wrong_pair(tls: Tls) -> Iterator[Problem]:
    """What is wrong with certificate and key, each and together."""
    own = key = None
    try:
        own = _certificates(tls.certificate)[0].public_key()
    except MappingError as error:
        yield from error.problems
    try:
        key = _public(tls.key)
    except MappingError as error:
        yield from error.problems
    if own is not None and key is not None and own != key:
        text = f"is not the key of {tls.certificate.path}"
        yield tls.key.problem(text, "name two that were made for each other")


class Term(NamedTuple):
    """When a certificate of a file is valid: in seconds since 1970-01-01 UTC, and as dates."""

    named: Named
    begins: float
    begins_on: str
    ends: float
    ends_on: str


def terms(tls: Tls) -> list[Term]:
    """Of all certificates as they are on disk now; MappingError where one cannot be read."""
    return [
        Term(named, begins.timestamp(), f"{begins:%Y-%m-%d}", ends.timestamp(), f"{ends:%Y-%m-%d}")
        for named in (tls.certificate, *tls.clients)
        for item in _certificates(named)
        for begins, ends in [(item.not_valid_before_utc, item.not_valid_after_utc)]
    ]


def outdated(found: Iterable[Term], now: float, ahead: float = 0.0) -> list[Problem]:
    """Those that are not valid at a time, in seconds since 1970-01-01 UTC, or not any more so much later."""
    problems = []
    for term in found:
        if now + ahead > term.ends:
            word = "expired" if now > term.ends else "expires"
            problems.append(term.named.problem(f"{word} on {term.ends_on}", "have it renewed"))
        elif now < term.begins:
            text = f"is not valid before {term.begins_on}"
            problems.append(term.named.problem(text, "set the machine's clock, if that is wrong"))
    return problems


def _data(named: Named) -> bytes:
    try:
        return named.path.read_bytes()
    except OSError as error:
        remedy = "name a PEM file that the gateway may read; `essgw cert` makes some for tests"
        text = f"cannot be read: {error.strerror}"
        raise MappingError([named.problem(text, remedy)]) from None


def _certificates(named: Named) -> list["Certificate"]:
    """What a PEM file holds, at least one."""
    from cryptography import x509  # noqa: PLC0415 - an extra

    try:
        return x509.load_pem_x509_certificates(_data(named))
    except (ValueError, x509.InvalidVersion):
        problem = named.problem("holds no certificate that can be read", "give one in PEM form")
        raise MappingError([problem]) from None


def _public(named: Named) -> object:
    """The public half of a private key."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415 - an extra

    text, remedy = "holds no private key that can be read", "give one in PEM form"
    try:
        key = serialization.load_pem_private_key(_data(named), None)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.public_key()
        if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _RSA_BITS:
            return key.public_key()
        text, remedy = "is neither an EC key nor an RSA key of 2048 bits", "make one that is"
    except TypeError:
        text, remedy = "asks for a passphrase, and nobody is there to say it", "remove that from it"
    except (ValueError, UnsupportedAlgorithm):
        pass
    raise MappingError([named.problem(text, remedy)])


def _can_be_root(certificate: "Certificate") -> bool:
    """Whether OpenSSL can end a chain with it: an authority, or one that is trusted by itself."""
    from cryptography import x509  # noqa: PLC0415 - an extra

    if certificate.subject == certificate.issuer:
        return True
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False
    return found.value.ca
