"""Who gets in at a TLS listener, and what else is refused with an alert (SEC-01 to SEC-10), on both event loops."""

import contextlib
import socket
import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from links.secured import V12, V13, Secured, asks, secured
from modbus.adu import adu, read
from modbus.service import closes, response

from gateway.links.tls import CIPHERS

from authority import Authority

VERSIONS = pytest.mark.parametrize("version", [V12, V13])
IA5 = bytes.fromhex("1604") + b"Grid"
UTF8 = bytes.fromhex("0C04") + b"Grid"


@pytest.fixture(params=["asyncio", "uvloop"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Secured]:
    """A TLS listener on either loop."""
    with secured(tmp_path, request.param) as found:
        yield found


def alert(link: Secured, context: ssl.SSLContext) -> str:
    """The alert that a master is refused with; with TLS 1.3 it learns that only when it reads."""
    with pytest.raises(ssl.SSLError) as refusal, link.connect(context=context) as tls:
        tls.recv(1)
    return str(refusal.value.reason)


def test_sec_01_old_versions_are_refused(listener: Secured) -> None:
    """TLS 1.1 and 1.0: an alert, and the next master is served (R-01, R-32 to R-35)."""
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context = listener.context(version=V12)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = version
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        assert alert(listener, context) == "TLSV1_ALERT_PROTOCOL_VERSION"
    assert listener.told("handshake_failed") == ["it speaks no TLS above 1.1"], "once a minute"
    with listener.connect() as link:
        assert asks(link)


@VERSIONS
def test_sec_02_no_certificate_is_refused(listener: Secured, version: ssl.TLSVersion) -> None:
    """Authentication is mutual (R-06 to R-10)."""
    context = ssl.create_default_context(cafile=listener.authority.root)
    context.maximum_version = version
    wanted = {V12: "SSLV3_ALERT_HANDSHAKE_FAILURE", V13: "TLSV13_ALERT_CERTIFICATE_REQUIRED"}

    assert alert(listener, context) == wanted[version]
    assert listener.told("handshake_failed") == ["it shows no certificate"]
    with listener.connect(version=version) as link:
        assert asks(link)


@VERSIONS
@pytest.mark.parametrize(
    ("kind", "wanted", "reason"),
    [
        ("expired", "SSLV3_ALERT_CERTIFICATE_EXPIRED", "certificate has expired"),
        ("early", "SSLV3_ALERT_BAD_CERTIFICATE", "certificate is not yet valid"),
        ("foreign", "TLSV1_ALERT_UNKNOWN_CA", "unable to get local issuer certificate"),
        ("pinned", "TLSV1_ALERT_UNKNOWN_CA", "self-signed certificate"),
        ("server", "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", "unsuitable certificate purpose"),
    ],
)
def test_sec_03_certificates_that_are_not_valid(
    listener: Secured, tmp_path: Path, version: ssl.TLSVersion, kind: str, wanted: str, reason: str
) -> None:
    """Expired, not valid yet, of another authority, signed by itself, a server's: an alert that says so (R-10, R-11)."""
    own = listener.authority
    (tmp_path / "elsewhere").mkdir()
    other = Authority(tmp_path / "elsewhere", "other")
    files = {
        "expired": lambda: own.client("Grid", valid=(-9, -2)),
        "early": lambda: own.client("Grid", valid=(2, 9)),
        "foreign": lambda: other.client("Grid"),
        "pinned": lambda: other.itself,
        "server": lambda: own.server,
    }[kind]()

    assert alert(listener, files.context(own.root, version)) == wanted
    (told,) = listener.told("handshake_failed")
    assert told.startswith("its certificate is refused: ")
    assert reason in told
    with listener.connect(version=version) as link:
        assert asks(link)
    assert listener.service.see(listener.service.counts.masters.keys) == {"grid"}


@pytest.mark.parametrize("role", [None, "Other", IA5, (UTF8, UTF8)])
@VERSIONS
def test_sec_04_without_a_known_role_everything_is_refused(
    listener: Secured, version: ssl.TLSVersion, role: str | bytes | tuple[bytes, bytes] | None
) -> None:
    """No role, an unknown one, an IA5String, two: the handshake succeeds, reads and writes are exception 1."""
    own, before = listener.authority, read(5, 1, 3, unit=3)
    files = own.client_of_two_roles(*role) if isinstance(role, tuple) else own.client(role)
    with listener.connect(files, version) as link:
        for pdu in ("03 0005 0001", "06 0005 BEEF", "2B 0E 01 00", "08 0000 1234", "63"):
            for unit in (3, 9):
                link.sendall(adu(pdu, 3, unit))
                assert response(link) == adu(bytes((int(pdu[:2], 16) | 0x80, 1)), 3, unit)
    with listener.connect(version=version) as link:
        link.sendall(before)
        assert response(link) == adu("03 02 0005", 3, 3), "nothing was written"
    assert len(listener.told("master_denied")) == 1


@VERSIONS
def test_sec_05_resumption_keeps_the_role(listener: Secured, version: ssl.TLSVersion) -> None:
    """Of the session, whoever comes with it: known stays known, and nobody stays nobody (R-42)."""
    for role, wanted in (("Grid", "03 02 0007"), (None, "83 01")):
        context = listener.context(listener.authority.client(role), version)
        with listener.connect(context=context) as link:
            link.sendall(read(7, 1))
            response(link)
            session = link.session
        with listener.connect(context=context, session=session) as link:
            link.sendall(read(7, 1))
            assert response(link) == adu(wanted)
            assert link.session_reused


@VERSIONS
def test_sec_06_who_was_refused_resumes_nothing(listener: Secured, version: ssl.TLSVersion) -> None:
    """A session that never came about cannot be taken up again (R-44)."""
    context = listener.context(listener.authority.client("Grid", valid=(-9, -2)), version)
    session = None
    with contextlib.suppress(ssl.SSLError), listener.connect(context=context) as link:
        session = link.session
        link.recv(1)
    with pytest.raises(ssl.SSLError), listener.connect(context=context, session=session) as link:
        link.recv(1)


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("is_rsa", [False, True])
def test_sec_07_each_cipher(tmp_path: Path, cipher: str, *, is_rsa: bool) -> None:
    """Those of our key's kind are taken, one at a time; the others are refused (R-14, R-62)."""
    if "CCM8" in cipher and ssl.OPENSSL_VERSION_INFO >= (3, 1):
        pytest.skip("an OpenSSL above 3.0 may not take CCM8")
    with secured(tmp_path, is_rsa=is_rsa) as listener:
        context = listener.context(version=V12)
        context.set_ciphers(cipher)
        if ("-RSA-" in cipher) == is_rsa:
            with listener.connect(context=context) as link:
                assert asks(link)
                assert link.cipher()[0] == cipher  # type: ignore[index] # there is one
                assert link.compression() is None
        else:
            assert alert(listener, context) == "SSLV3_ALERT_HANDSHAKE_FAILURE"


@pytest.mark.parametrize(
    "cipher",
    ["NULL", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "AES128-SHA", "aNULL"],
)
def test_sec_08_no_other_cipher(listener: Secured, cipher: str) -> None:
    """Nothing unencrypted, no MD5, SHA-1 or CBC, nobody unknown (R-37, R-50 to R-55)."""
    context = listener.context(version=V12)
    context.set_ciphers(f"{cipher}:@SECLEVEL=0")
    assert alert(listener, context) == "SSLV3_ALERT_HANDSHAKE_FAILURE"
    assert listener.told("handshake_failed") == ["it knows none of the ciphers"]


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n\r\n", read(0, 1), b"\x16\x03\x01\xff\xff"])
def test_sec_09_what_is_no_tls(listener: Secured, first: bytes) -> None:
    """A browser, a plain Modbus client, rubbish: closed, and the next master is served."""
    with listener.service.connect() as link:
        link.sendall(first)
        with contextlib.suppress(ConnectionResetError):
            while link.recv(100):
                pass
    assert len(listener.told("handshake_failed")) == 1
    with listener.connect() as tls:
        assert asks(tls)


def test_sec_10_what_was_changed_on_the_way(listener: Secured) -> None:
    """A record that does not check ends the connection; others go on."""
    with listener.connect() as other, listener.connect() as link:
        assert asks(link)
        with socket.socket(fileno=link.detach()) as raw:
            raw.settimeout(20)
            raw.sendall(b"\x17\x03\x03\x00\x20" + b"\x55" * 32)
            with contextlib.suppress(ConnectionResetError):
                while raw.recv(100):
                    pass
        assert asks(other)
    assert listener.told("tls_broken") == ["decryption failed or bad record mac"]


def test_strangers_shake_no_hands(tmp_path: Path) -> None:
    """The allow-list comes first."""
    allowed: list[object] = []
    with secured(tmp_path, allowed=allowed) as listener:
        with listener.service.connect() as link:
            assert closes(link)
        assert listener.told("master_refused") == ["not on the allow-list"]
