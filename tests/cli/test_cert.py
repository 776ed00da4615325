"""`essgw cert`: certificates for tests, and what it refuses."""

import stat
import subprocess
from pathlib import Path

import pytest
from interop.secured import free

from program import Program

PLAIN = """
site: own
buses: {can0: {interface: virtual}}
containers:
  - name: C1
    topology: {racks: 1, modules: 8, cells: 52}
    sources: [{frames: demo-bmu, bus: can0}]
faces: [{map: native, listen: '0.0.0.0:802'}]
"""


def text_of(file: Path) -> str:
    """What OpenSSL reads in a certificate."""
    return subprocess.run(
        ["openssl", "x509", "-in", file, "-noout", "-text"], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip


@pytest.mark.parametrize("folder", ["pki", "a folder's"])
def test_what_it_prints_makes_a_site(essgw: Program, folder: str) -> None:
    """Added to a site file it is right, wherever that is."""
    told = essgw("cert", folder)
    (essgw.folder / "elsewhere").mkdir()
    (essgw.folder / "elsewhere" / "site.yaml").write_text(PLAIN + told.stdout)
    essgw("check", "elsewhere/site.yaml")

    assert "for tests alone" in told.stderr
    assert "certificate_role: GridServiceSunSpec, role: dispatcher" in told.stdout


def test_the_manual_s_example_is_right(essgw: Program) -> None:
    """As docs/modbus.md shows it, with certificates of this program."""
    page = (Path(__file__).parents[2] / "docs" / "modbus.md").read_text()
    block = page.partition("## Modbus/TCP Security")[2].partition("```yaml")[2].partition("```")[0]
    essgw("cert", "tls")
    (essgw.folder / "site.yaml").write_text(PLAIN.partition("faces:")[0] + block)
    essgw("check", "site.yaml")


@pytest.mark.parametrize(
    ("options", "kind"), [((), "ASN1 OID: prime256v1"), (("--rsa",), "Public-Key: (2048 bit)")]
)
def test_what_is_in_them(essgw: Program, options: tuple[str, ...], kind: str) -> None:
    """Names of the server, a role as UTF8String, keys that nobody else may read; OpenSSL follows the chain."""
    essgw(
        "cert", "pki", "--role", "Grid", "--role", "Grid", "--host", "gw.plant", "--host", "10.0.0.9",
        "--host", "fd00::1", *options,
    )  # fmt: skip
    pki = essgw.folder / "pki"
    names = {path.name for path in pki.iterdir()}
    server, client = text_of(pki / "server.pem"), text_of(pki / "Grid.pem")
    verified = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-CAfile", "root.pem", "server.pem", "Grid.pem"],
        cwd=pki, capture_output=True, text=True, check=False,
    )  # fmt: skip
    role = subprocess.run(
        ["openssl", "asn1parse", "-in", pki / "Grid.pem"], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip

    assert names == {f"{name}.{end}" for name in ("root", "server", "Grid") for end in ("pem", "key")}  # fmt: skip
    assert kind in server
    assert kind in client
    wanted = "DNS:localhost, IP Address:127.0.0.1, DNS:gw.plant, IP Address:10.0.0.9, IP Address:FD00:0:0:0:0:0:0:1"  # fmt: skip
    assert wanted in server
    assert ":1.3.6.1.4.1.50316.802.1\n" in role
    assert "[HEX DUMP]:0C0447726964" in role
    assert verified.returncode == 0, verified.stderr
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in pki.glob("*.key")}
    assert set(modes.values()) == {0o600}


def test_nothing_is_overwritten(essgw: Program) -> None:
    """Not one file, if one is there; another folder's files of other names may be there."""
    folder = essgw.folder / "pki"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / "server.key").write_text("mine")
    told = essgw("cert", "pki", status=2)

    assert "pki/server.key is there already; nothing was written" in told.stderr
    assert {path.name for path in folder.iterdir()} == {"notes.txt", "server.key"}
    assert (folder / "server.key").read_text() == "mine"
    (folder / "server.key").unlink()
    essgw("cert", "pki")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--role", "a/b"), "'a/b' cannot name a file"),
        (("--role", ""), "'' cannot name a file"),
        (("--role", "root"), "'root' cannot name a file"),
        (("--role", ".."), "'..' cannot name a file"),
        (("--host", "no host"), "'no host' is no name or address of a host"),
        (("--host", "naïve"), "'naïve' is no name or address of a host"),
    ],
)
def test_what_cannot_be(essgw: Program, options: tuple[str, ...], told: str) -> None:
    """Names that are none."""
    assert told in essgw("cert", "pki", *options, status=2).stderr
    assert not (essgw.folder / "pki").exists()


def test_a_folder_that_cannot_be_written(essgw: Program) -> None:
    """A file is in its place."""
    (essgw.folder / "pki").write_text("")
    assert "cannot write to pki/sub: " in essgw("cert", "pki/sub", status=4).stderr


def test_without_cryptography(essgw: Program) -> None:
    """It says what to install."""
    code = (
        "import sys; sys.modules['cryptography'] = None; from gateway.__main__ import main; main()"
    )
    bare = Program(essgw.folder, ("-c", code))
    assert "pip install 'ess-gateway[tls]'" in bare("cert", "pki", status=2).stderr
    assert "serves" not in bare("check", "demo").stderr


def test_a_certificate_out_of_its_time(essgw: Program) -> None:
    """`check` says no; `run` says so and runs: the clock may be what is wrong."""
    told = essgw("cert", "pki").stdout
    site = (PLAIN + told).replace("0.0.0.0:802", f"127.0.0.1:{free()}")
    (essgw.folder / "site.yaml").write_text(site)
    code = "import sys, time; time.time = lambda now=time.time: now() + 1e8; from gateway.__main__ import main; main()"
    later = Program(essgw.folder, ("-c", code))
    refused = later("check", "site.yaml", status=1)
    with later.serving("run", "site.yaml") as served:
        served.wait_for("Ctrl-C stops")
        served.wait_for('expired on 20.*"event": "certificate_ends"')

    assert refused.stderr.count("expired on 20") == 3, "the server's, the root beside it, the root"
    assert "site.yaml:12:20: " in refused.stderr
    assert served.text.partition("Ctrl-C stops")[0].count("expired on 20") == 3
