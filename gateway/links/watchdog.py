"""The service watchdog: systemd hears of completed control cycles, and restarts a gateway that has none (R44).

The protocol is that of sd_notify(3): datagrams to the socket that the environment names.
"""

import math
import os
import socket
from collections.abc import Mapping
from contextlib import suppress

_SHARE = 3
"Signs of life in an interval: systemd's own advice is two or more."
_LATE = 1.0
"A control cycle that comes more seconds after the one before is late, and no sign of life (R8)."


class ServiceWatchdog:
    """What the service manager is told; nothing where there is none. Never raises."""

    def __init__(self, address: str = "", interval: float = math.inf) -> None:
        """`address` is a path, or a name behind @; `interval` in seconds, infinite: not watched."""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.interval = interval
        self._socket: socket.socket | None = None
        "Opened once: a process without free descriptors must not fall silent."
        if address and hasattr(socket, "AF_UNIX"):
            with suppress(OSError):
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.settimeout(0)
        self._last_cycle = self._fed = -math.inf

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "ServiceWatchdog":
        """As NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID say."""
        address = environ.get("NOTIFY_SOCKET", "")
        is_ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        interval = math.inf
        with suppress(ValueError):
            interval = int(environ.get("WATCHDOG_USEC", "")) / 1e6
        return cls(
            address if address[:1] in {"/", "@"} else "",
            interval if is_ours and interval > 0 else math.inf,
        )

    def ready(self) -> None:
        """The gateway serves."""
        self._send("READY=1")

    def cycle(self, now: float) -> None:
        """A control cycle is complete: tell it, three times an interval, unless it came late."""
        if math.isinf(self.interval):
            return
        is_timely = now - self._last_cycle <= min(_LATE, self.interval)
        self._last_cycle = now
        if is_timely and now - self._fed >= self.interval / _SHARE:
            self._fed = now
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The gateway ends because it was told to."""
        self._send("STOPPING=1")

    def close(self) -> None:
        """Let go."""
        if self._socket is not None:
            self._socket.close()

    def _send(self, text: str) -> None:
        if self._socket is not None:
            # A full queue, a manager that is gone: the next sign may get there.
            with suppress(OSError, ValueError):
                self._socket.sendto(text.encode(), self._address)
