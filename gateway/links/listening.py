"""Addresses of sockets: as people write them, and why nobody can be served at one."""

import errno
import socket

from gateway.errors import LinkError


def written(address: object) -> str:
    """A socket's address as people write it; empty for one that has gone."""
    if not isinstance(address, tuple):
        return ""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def cannot_listen(host: str, port: int, error: OSError | UnicodeError) -> LinkError:
    """What to raise where the system does not let us listen; UnicodeError: what can be no host's name."""
    return LinkError(f"cannot listen at {written((host, port))}: {_reason(error, port)}")


def _reason(error: OSError | UnicodeError, port: int) -> str:
    elsewhere = "this machine has no such address; use one of its own, or 0.0.0.0 for all"
    if isinstance(error, UnicodeError | socket.gaierror) or error.errno is None:
        return elsewhere
    reasons = {
        errno.EADDRINUSE: "another program uses it; choose another port",
        errno.EACCES: f"port {port} needs more rights; use one above 1023 or grant CAP_NET_BIND_SERVICE",
        errno.EADDRNOTAVAIL: elsewhere,
    }
    return reasons.get(error.errno, error.strerror or str(error))
