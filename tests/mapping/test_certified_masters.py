"""Masters that are known by certificates: who is meant, who is nobody, and which rows fit nobody (R6, R-24 to R-29)."""

from pathlib import Path

import pytest
from mapping.spoken import lines

from gateway.errors import MappingError
from gateway.mapping.library import Library
from gateway.mapping.masters import Credential, Masters
from gateway.mapping.site import load_site
from gateway.model.command import NOBODY, Role

from authority import Authority

SITE = """\
site: secured
buses: {can0: {interface: virtual}}
containers:
  - name: C1
    topology: {racks: 1, modules: 8, cells: 52}
    sources: [{frames: demo-bmu, bus: can0}]
faces:
  - {map: native, listen: '127.0.0.1:802'}
  - {map: native, listen: '127.0.0.1:803'}
  - {map: native, listen: '127.0.0.1:502'}
listeners:
  - {at: '127.0.0.1:802', tls: {certificate: root-server.pem, key: root-server.key, clients: [root.pem]}}
  - {at: '127.0.0.1:803', tls: {certificate: root-server.pem, key: root-server.key, clients: [root.pem]}}
masters:
"""
TLS, ALSO_TLS, PLAIN = (("127.0.0.1", port) for port in (802, 803, 502))


def masters(folder: Path, *rows: str, text: str = SITE) -> Masters:
    """Those of a site with such rows."""
    Authority(folder)
    file = folder / "site.yaml"
    file.write_text(text + "".join(f"  - {{{row}}}\n" for row in rows))
    return load_site(Library(), str(file)).masters


def test_a_role_is_compared_as_a_whole(tmp_path: Path) -> None:
    """Any case, part or space more is another role, and another role is nobody."""
    known = masters(tmp_path, "name: a, certificate_role: Grid, role: dispatcher")
    found = known.shown("10.0.0.1", TLS, Credential("Grid", "x"))

    assert found is not None
    assert (found.name, found.role) == ("a", Role.DISPATCHER)
    for role in ("", "grid", "Gri", "Grid ", " Grid", "Grid\0", "GridService"):
        assert known.shown("10.0.0.1", TLS, Credential(role, "x")) is None


def test_rows_are_of_certificates_or_of_addresses(tmp_path: Path) -> None:
    """A row without a role gives nobody rights at a TLS listener, nor one with a role at a plain one."""
    known = masters(
        tmp_path, "name: a, certificate_role: Grid, role: dispatcher",
        "name: b, from: 10.0.0.1, role: operator",
    )  # fmt: skip
    assert known.shown("10.0.0.1", TLS, Credential("Grid")) == known.origins[0]
    assert known.shown("10.0.0.1", TLS, Credential("")) is None
    assert known.at("10.0.0.1", PLAIN) == known.origins[1]
    assert known.at("10.0.0.2", PLAIN) is NOBODY


def test_the_narrowest_row_is_meant(tmp_path: Path) -> None:
    """A name before a listener before an address; what does not fit is passed over."""
    known = masters(
        tmp_path, "name: any, certificate_role: Grid, role: viewer",
        "name: net, certificate_role: Grid, from: 10.0.0.0/8, role: viewer",
        "name: here, certificate_role: Grid, at: '127.0.0.1:803', role: viewer",
        "name: ems, certificate_role: Grid, certificate_name: EMS 1, role: dispatcher",
        "name: both, certificate_role: Grid, certificate_name: EMS 1, from: 10.0.0.5, role: operator",
        "name: other, certificate_role: Admin, certificate_name: EMS 1, role: engineer",
    )  # fmt: skip

    def meant(peer: str, place: tuple[str, int], role: str, name: str) -> str:
        found = known.shown(peer, place, Credential(role, name))
        return "" if found is None else found.name

    assert meant("192.0.2.1", TLS, "Grid", "x") == "any"
    assert meant("10.0.0.1", TLS, "Grid", "x") == "net"
    assert meant("10.0.0.1", ALSO_TLS, "Grid", "x") == "here"
    assert meant("10.0.0.1", ALSO_TLS, "Grid", "EMS 1") == "ems"
    assert meant("10.0.0.5", TLS, "Grid", "EMS 1") == "both"
    assert meant("10.0.0.5", TLS, "Grid", "EMS 10") == "net"
    assert meant("10.0.0.5", TLS, "Admin", "EMS 1") == "other"
    assert meant("10.0.0.5", TLS, "Admin", "") == ""


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (
            ["name: a, certificate_role: G, role: viewer", "name: b, certificate_role: G, role: operator"],
            "site.yaml:16:5: cannot be told apart from 'a' (R6); give each a certificate_name of its own",
        ),
        (
            ["name: a, certificate_name: x, role: viewer"],
            "site.yaml:15:33: a name is not enough: the role says what a certificate is for; give certificate_role: too",
        ),
        (
            ["name: a, at: '127.0.0.1:802', role: viewer"],
            "site.yaml:15:19: masters at 127.0.0.1:802 are known by certificates; give certificate_role:",
        ),
        (
            ["name: a, certificate_role: G, at: '127.0.0.1:502', role: viewer"],
            "site.yaml:15:33: nobody shows a certificate there; give the listener certificates, tls:, or remove this",
        ),
        (["name: a, certificate_role: '', role: viewer"], "site.yaml:15:33: 'certificate_role': string should have at least 1 character"),
    ],
)  # fmt: skip
def test_a_mistake(tmp_path: Path, rows: list[str], complaint: str) -> None:
    """Each is told with its place and the remedy."""
    with pytest.raises(MappingError) as refusal:
        masters(tmp_path, *rows)
    assert lines(refusal.value) == [complaint]


def test_a_role_without_a_listener_for_it(tmp_path: Path) -> None:
    """No certificate is ever shown."""
    plain = SITE.partition("listeners:")[0] + "masters:\n"
    with pytest.raises(MappingError) as refusal:
        masters(tmp_path, "name: a, certificate_role: G, role: viewer", text=plain)
    assert lines(refusal.value) == [
        "site.yaml:12:33: no listener has tls:; give the listener certificates, tls:, or remove this"
    ]
