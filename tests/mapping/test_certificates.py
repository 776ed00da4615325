"""Certificates of a listener: what a site is refused for, at line and column, with the remedy."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from mapping.spoken import lines

from gateway.cli import pki
from gateway.errors import MappingError
from gateway.links.tls import context_of
from gateway.mapping.library import Library
from gateway.mapping.site import Site, load_site

from authority import Authority

SITE = """\
site: secured
buses: {can0: {interface: virtual}}
containers:
  - name: C1
    topology: {racks: 1, modules: 8, cells: 52}
    sources: [{frames: demo-bmu, bus: can0}]
faces: [{map: native, listen: '127.0.0.1:802'}]
listeners:
  - at: '127.0.0.1:802'
    tls:
      certificate: pki/root-server.pem
      key: pki/root-server.key
      clients: [pki/root.pem]
"""
PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
NONE = serialization.NoEncryption()
SHORT = rsa.generate_private_key(65537, 1024)  # noqa: S505 - what must be refused
UNREADABLE = "name a PEM file that the gateway may read; `essgw cert` makes some for tests"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Its files are in `pki`."""
    (tmp_path / "pki").mkdir()
    return Authority(tmp_path / "pki")


def site(authority: Authority, *, text: str = SITE) -> Site:
    """The site beside them."""
    file = authority.folder.parent / "site.yaml"
    file.write_text(text)
    return load_site(Library(), str(file))


def refused(authority: Authority, *, text: str = SITE) -> list[str]:
    """What it is refused for, paths as the site names them."""
    with pytest.raises(MappingError) as refusal:
        site(authority, text=text)
    return [line.replace(f"{authority.folder}", "pki") for line in lines(refusal.value)]


def test_the_files_of_a_listener(authority: Authority) -> None:
    """Beside the site file; ten roots and more."""
    for number in range(12):
        shutil.copy(authority.root, authority.folder / f"{number}.pem")
    roots = ", ".join(f"pki/{number}.pem" for number in range(12))
    loaded = site(authority, text=SITE.replace("pki/root.pem", roots))
    tls = loaded.listeners["127.0.0.1", 802].tls

    assert tls is not None
    assert tls.key.path == authority.folder / "root-server.key"
    assert len(tls.clients) == 12
    assert loaded.outdated(time.time()) == []
    context_of(tls)


def test_files_that_are_not_there(authority: Authority) -> None:
    """All of them are told, each where it is named."""
    shutil.rmtree(authority.folder)
    assert refused(authority) == [
        f"site.yaml:11:20: pki/root-server.pem cannot be read: No such file or directory; {UNREADABLE}",
        f"site.yaml:12:12: pki/root-server.key cannot be read: No such file or directory; {UNREADABLE}",
        f"site.yaml:13:17: pki/root.pem cannot be read: No such file or directory; {UNREADABLE}",
    ]


def test_files_that_hold_something_else(authority: Authority) -> None:
    """A key for a certificate, a certificate for a key, anything for a root."""
    text = SITE.replace("server.pem", "server.KEY").replace("server.key", "server.pem")
    (authority.folder / "root.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END")
    assert refused(authority, text=text.replace("KEY", "key")) == [
        "site.yaml:11:20: pki/root-server.key holds no certificate that can be read; give one in PEM form",
        "site.yaml:12:12: pki/root-server.pem holds no private key that can be read; give one in PEM form",
        "site.yaml:13:17: pki/root.pem holds no certificate that can be read; give one in PEM form",
    ]


def test_a_key_of_another_certificate(authority: Authority) -> None:
    """The two were not made for each other."""
    shutil.copy(authority.client("any").key, authority.server.key)
    assert refused(authority) == [
        "site.yaml:12:12: pki/root-server.key is not the key of pki/root-server.pem; name two that were made for each other"
    ]


@pytest.mark.parametrize(
    ("key", "locked", "complaint"),
    [
        (None, True, "asks for a passphrase, and nobody is there to say it; remove that from it"),
        (ed25519.Ed25519PrivateKey.generate(), False, "is neither an EC key nor an RSA key of 2048 bits; make one that is"),
        (SHORT, False, "is neither an EC key nor an RSA key of 2048 bits; make one that is"),
    ],
)  # fmt: skip
def test_a_key_that_cannot_serve(
    authority: Authority,
    key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | None,
    complaint: str,
    *,
    locked: bool,
) -> None:
    """One that is locked, one that the standard does not know, one that is too short."""
    form = serialization.BestAvailableEncryption(b"secret") if locked else NONE
    made = key or pki.new_key(is_rsa=False)
    authority.server.key.write_bytes(made.private_bytes(PEM, PKCS8, form))
    assert refused(authority) == [f"site.yaml:12:12: pki/root-server.key {complaint}"]


def test_a_root_that_ends_no_chain(authority: Authority) -> None:
    """A certificate that somebody else has signed, and that signs nothing."""
    text = SITE.replace("pki/root.pem", "pki/root-server.pem")
    assert refused(authority, text=text) == [
        "site.yaml:13:17: pki/root-server.pem is neither an authority's certificate nor signed by itself; name the root that signed the masters' certificates"
    ]


@pytest.mark.parametrize(
    ("valid", "complaint"),
    [((-9, -2), "expired on 20"), ((2, 9), "is not valid before 20")],
)
def test_a_certificate_out_of_its_time(
    authority: Authority, valid: tuple[int, int], complaint: str
) -> None:
    """Told, and no reason not to run: a site's clock may be what is wrong."""
    files = authority.signs("late", pki.for_server(["localhost"]), valid)
    shutil.copy(files.certificate, authority.server.certificate)
    shutil.copy(files.key, authority.server.key)
    (problem,) = site(authority).outdated(time.time())

    assert str(problem).startswith(f"{authority.folder.parent}/site.yaml:11:20: ")
    assert complaint in problem.text
    assert problem.remedy


def test_keys_that_are_not_known(authority: Authority) -> None:
    """And those that are missing."""
    text = SITE.replace("key:", "keys:")
    assert refused(authority, text=text) == [
        "site.yaml:11:7: 'key' is missing",
        "site.yaml:12:7: 'keys' is not known here; did you mean 'key'?",
    ]


def test_a_serial_line_has_none(authority: Authority) -> None:
    """TLS is of connections."""
    text = SITE.replace("'127.0.0.1:802'", "/dev/ttyS9")
    assert "site.yaml:11:7: a serial line has no connections; remove it" in refused(
        authority, text=text
    )


@pytest.mark.parametrize("secured", [True, False])
def test_without_cryptography(authority: Authority, *, secured: bool) -> None:
    """A plain site needs it not at all; one with certificates says what to install."""
    plain = SITE.partition("listeners:")[0]
    (authority.folder.parent / "site.yaml").write_text(SITE if secured else plain)
    code = (
        "import sys; sys.modules['cryptography'] = None; from gateway.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "check", "site.yaml"],
        cwd=authority.folder.parent, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert "Traceback" not in done.stderr
    if secured:
        told = "site.yaml:10:5: TLS needs the package cryptography; pip install 'ess-gateway[tls]'"
        assert (done.returncode, told in done.stderr) == (1, True), done.stderr
    else:
        assert (done.returncode, "is right" in done.stdout) == (0, True), done.stderr
