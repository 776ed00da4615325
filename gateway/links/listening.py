"""Why nobody can be served at an address, and what to do about it."""

import errno
import socket

from gateway.errors import LinkError


def cannot_listen(host: str, port: int, error: OSError | UnicodeError) -> LinkError:
    """What to raise where the system does not let us listen; UnicodeError: what can be no host's name."""
    return LinkError(f"cannot listen at {host}:{port}: {_reason(error, port)}")


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
