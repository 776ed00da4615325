"""`essgw read`, `write`, `why` and `lease` by TLS: with the certificates of `essgw cert`, and what is told where it fails."""

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop.secured import Gateway, free, gateway

from program import Program

pytestmark = pytest.mark.interop

VIEWER, OPERATOR = "ReadOnlySunSpec.pem", "NetworkAdministratorSunSpec.pem"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway, and an authority that it does not know."""
    folder = tmp_path_factory.mktemp("tools")
    Program(folder)("cert", "other")
    with gateway(folder) as found:
        yield found


def test_registers_are_read(running: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """As over a plain connection; where the environment names the certificate, too."""
    essgw, server = Program(running.folder), f"127.0.0.1:{running.tls}"
    by_tls = essgw("read", server, "racks_configured", "--json", "--tls", f"pki/{VIEWER}").stdout
    plain = essgw("read", f"127.0.0.1:{running.plain}", "racks_configured", "--json").stdout
    monkeypatch.setenv("ESSGW_TLS", str(running.folder / "pki" / OPERATOR))
    why = json.loads(essgw("why", server, "--json").stdout)

    counts = json.loads(essgw("read", server, "connections_*", "master_*", "--json", "--tls", f"pki/{VIEWER}").stdout)  # fmt: skip
    open_now = sum(
        row["value"] or 0 for row in counts["points"] if row["point"] == "master_connections"
    )
    assert open_now <= 1, "a connection each, not one a request"
    assert running.served.text.count('"tls": "TLSv1.3", "cipher"') <= 3
    points = [json.loads(told)["points"] for told in (by_tls, plain)]
    assert points[0][0]["value"] == 1
    assert [{**point, "age": 0} for point in points[0]] == [{**point, "age": 0} for point in points[1]]  # fmt: skip
    assert why["server"] == server


def test_who_may_write_is_said_by_the_certificate(running: Gateway) -> None:
    """An operator takes the lease, and a viewer is told what it lacks."""
    essgw, server = Program(running.folder), f"127.0.0.1:{running.tls}"
    refused = essgw("write", server, "lease=5", "--tls", f"pki/{VIEWER}", status=4)
    essgw("lease", server, "5", "--tls", f"pki/{OPERATOR}")
    essgw("lease", server, "release", "--tls", f"pki/{OPERATOR}")

    assert "it needs the role dispatcher" in refused.stderr
    assert "operator has the lease for 5 s" in running.served.text


@pytest.mark.parametrize(
    ("port", "options", "told"),
    [
        ("tls", ["--tls", "other/" + VIEWER], "its certificate is refused: self-signed certificate in certificate chain"),
        ("tls", ["--tls", "mixed/" + VIEWER], "it does not trust our certificate: unknown authority"),
        ("plain", ["--tls", "pki/" + VIEWER], "no TLS with"),
        ("tls", [], "it closed the connection"),
        ("tls", ["--tls", "pki/nobody.pem"], "pki/nobody.pem is not there; a certificate NAME.pem needs NAME.key and root.pem beside it"),
        ("tls", ["--tls", "lone/" + VIEWER], "ReadOnlySunSpec.key is not there"),
        ("tls", ["--tls", "wrong/" + VIEWER], "key values mismatch"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(
    running: Gateway, port: str, options: list[str], told: str, tmp_path: Path
) -> None:
    """In one line, without a traceback; nothing is read."""
    folder = running.folder
    for name, files in (("mixed", "other"), ("lone", "pki"), ("wrong", "pki")):
        shutil.copytree(folder / files, tmp_path / name)
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(tmp_path / name)
    shutil.copy(folder / "pki" / "root.pem", tmp_path / "mixed" / "root.pem")
    (tmp_path / "lone" / VIEWER).with_suffix(".key").unlink()
    shutil.copy(folder / "pki" / "root.key", (tmp_path / "wrong" / VIEWER).with_suffix(".key"))
    place = f"127.0.0.1:{getattr(running, port)}"
    done = Program(folder)("read", place, "voltage", *options, status=4)

    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not done.stdout


def listens(port: int) -> None:
    """Wait until somebody does."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)


def test_a_server_that_is_another_is_not_believed(running: Gateway) -> None:
    """OpenSSL's own server with a certificate of the right authority, but of a master, not of this host."""
    port, pki = free(), running.folder / "pki"
    own = pki / OPERATOR
    command: list[str | Path] = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", own, "-key", own.with_suffix(".key"), "-quiet"]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:  # fmt: skip
        try:
            listens(port)
            done = Program(running.folder)("read", f"127.0.0.1:{port}", "voltage", "--tls", own, status=4)  # fmt: skip
        finally:
            server.kill()
    assert "its certificate is refused: " in done.stderr
