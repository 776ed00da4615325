"""`essgw cert`: certificates to try a TLS listener with; a site in service has those of its owner."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.screen import err
from gateway.errors import LinkError, UsageError
from gateway.model.command import Role

if TYPE_CHECKING:
    from gateway.cli.pki import Pair

SUNSPEC: Mapping[str, Role] = {
    "ReadOnlySunSpec": Role.VIEWER,
    "GridServiceSunSpec": Role.DISPATCHER,
    "NetworkAdministratorSunSpec": Role.OPERATOR,
    "SuperAdministratorSunSpec": Role.ENGINEER,
}
"The roles of Secure SunSpec Modbus 1.0 (SunSpecTCP-22), with rights that a site may give them."
_LOCAL = ("localhost", "127.0.0.1")
_ROLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_HOST = re.compile(r"[A-Za-z0-9:._*-]{1,253}")
_OWN = {"root", "server"}

FolderArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder for them; none of the files may be there.")
]
RoleOption = Annotated[
    list[str] | None,
    typer.Option("--role", help="Role of a client; repeatable. The four of SunSpec if left out."),
]
HostOption = Annotated[
    list[str] | None,
    typer.Option("--host", help="Name or address of the server besides localhost; repeatable."),
]
RsaOption = Annotated[bool, typer.Option("--rsa", help="RSA of 2048 bits instead of EC on P-256.")]


def cert(
    folder: FolderArgument,
    role: RoleOption = None,
    host: HostOption = None,
    *,
    rsa: RsaOption = False,
) -> None:
    """Make certificates for tests: a root, a server's and one for each role; never for a plant in service."""
    roles, hosts = list(dict.fromkeys(role or SUNSPEC)), [*_LOCAL, *(host or ())]
    for text in roles:
        if _ROLE.fullmatch(text) is None or text in _OWN:
            raise UsageError(f"'{text}' cannot name a file: letters, digits, dots and dashes do")
    for text in hosts:
        if _HOST.fullmatch(text) is None:
            raise UsageError(f"'{text}' is no name or address of a host")
    try:
        from gateway.cli import pki  # noqa: PLC0415 - it needs an extra
    except ImportError:
        text = "certificates need the package cryptography: pip install 'ess-gateway[tls]'"
        raise UsageError(text) from None
    root = pki.new_root("ESS gateway test root", is_rsa=rsa)
    server = pki.signed(root, "ESS gateway", pki.for_server(list(dict.fromkeys(hosts))))
    clients = {name: pki.signed(root, f"test {name}", pki.for_client(name)) for name in roles}
    _write(folder, root, server, clients)
    err.print(f"for tests alone: who has {folder / 'root.key'} can be anybody", style="yellow",
              markup=False)  # fmt: skip
    typer.echo(_told(folder.resolve(), roles))


def _write(folder: Path, root: "Pair", server: "Pair", clients: Mapping[str, "Pair"]) -> None:
    """All files, or none where one is there already."""
    files = {"root.pem": root.pem, "server.pem": server.pem + root.pem}
    files |= {f"{name}.pem": pair.pem for name, pair in clients.items()}
    keys = {"root.key": root.key_pem, "server.key": server.key_pem}
    keys |= {f"{name}.key": pair.key_pem for name, pair in clients.items()}
    there = [name for name in (*files, *keys) if (folder / name).exists()]
    if there:
        raise UsageError(f"{folder / there[0]} is there already; nothing was written")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in (files | keys).items():
            mode = 0o600 if name in keys else 0o644
            file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(file, "wb") as stream:
                stream.write(data)
    except OSError as error:
        raise LinkError(f"cannot write to {folder}: {error.strerror}") from None


def _told(folder: Path, roles: Sequence[str]) -> str:
    """What to write in a site file."""

    def quoted(name: str) -> str:
        return "'" + str(folder / name).replace("'", "''") + "'"

    lines = [
        "listeners:",
        "  - at: '0.0.0.0:802'          # the listen: of a face",
        "    tls:",
        f"      certificate: {quoted('server.pem')}",
        f"      key: {quoted('server.key')}",
        f"      clients: [{quoted('root.pem')}]",
        "masters:",
    ]
    for role in roles:
        right = SUNSPEC.get(role, Role.VIEWER).name.lower()
        lines.append(f"  - {{name: {role}, certificate_role: {role}, role: {right}}}")
    return "\n".join(lines)
