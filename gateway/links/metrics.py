"""The page of metrics that Prometheus reads: http://HOST:PORT/metrics, made by prometheus-client (the extra `[metrics]`).

It is served by a thread of its own, one request after the other, so that no reader takes the loop's time for longer than
the interpreter lets a thread run. Nobody waits for that thread: it ends with the process, whatever a reader does.
"""

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import structlog

from gateway.links.listening import cannot_listen, written

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_PATIENCE = 5.0
"Seconds that a reader may take in all."
_LOOK = 0.5
"Seconds after which a page that is served no more is noticed."
_SLICE = 0.0005
"Seconds that a thread may run while another waits; the interpreter's own 5 ms would hold up cycles."

log = structlog.get_logger()


class Family(NamedTuple):
    """What is measured of several things in the same way."""

    name: str
    text: str
    labels: Sequence[str]
    samples: Sequence[tuple[Sequence[str], float]]
    "The labels' values, and what was measured."
    is_counter: bool = False
    "Whether it only grows, but for restarts."


class MetricsPage:
    """The page; it shows what `families` gives, called in its thread whenever somebody reads."""

    def __init__(self, families: Callable[[], Iterable[Family]]) -> None:
        self._families = families
        self._server: _Server | None = None
        self._is_over = False

    def start(self, host: str, port: int) -> str:
        """Serve from now on, and say where; LinkError if that is not possible."""
        from prometheus_client import CollectorRegistry, make_wsgi_app  # noqa: PLC0415 - an extra

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        kind = _Server6 if ":" in host else _Server
        try:
            server = kind((host, port), _Handler)
        except (OSError, UnicodeError) as error:
            raise cannot_listen(host, port, error) from None
        server.set_app(make_wsgi_app(registry))
        sys.setswitchinterval(_SLICE)
        self._server = server
        threading.Thread(target=self._serve, args=(server,), name="metrics", daemon=True).start()
        return f"http://{written((host, server.server_port))}/metrics"

    def _serve(self, server: "_Server") -> None:
        server.timeout = _LOOK
        with contextlib.suppress(OSError, ValueError):  # closed meanwhile
            while not self._is_over:
                server.handle_request()

    def collect(self) -> Iterator["Metric"]:
        """What prometheus-client asks for."""
        from prometheus_client.core import (  # noqa: PLC0415 - an extra
            CounterMetricFamily,
            GaugeMetricFamily,
        )

        for family in self._told():
            kind = CounterMetricFamily if family.is_counter else GaugeMetricFamily
            metric = kind(family.name, family.text, labels=family.labels)
            for labels, value in family.samples:
                metric.add_metric(labels, value)
            yield metric

    def _told(self) -> list[Family]:
        """The families; a page without any where they cannot be put together."""
        try:
            return list(self._families())
        except Exception:  # told; a page that fails must not tell it in the thread's own way
            log.exception("metrics_failed")
            return []

    def stop(self) -> None:
        """Serve nobody any more; at once, whoever is reading."""
        self._is_over = True
        if self._server is not None:
            self._server.server_close()


class _Server(WSGIServer):
    """wsgiref's, which does not ask a name server who it is."""

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment] # IPv6 has four
        self.setup_environ()

    def handle_error(self, *_: object) -> None:
        """A reader that breaks off is nothing to tell."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    def setup(self) -> None:
        """A reader is cut off when its time is over, however little it says at a time."""
        super().setup()
        self._limit = threading.Timer(_PATIENCE, self._cut)
        self._limit.daemon = True
        self._limit.start()

    def _cut(self) -> None:
        with contextlib.suppress(OSError):  # it has left already
            self.connection.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        """It has been served."""
        self._limit.cancel()
        super().finish()

    def log_message(self, *_: object) -> None:
        """Who reads is not told: it would be a line every few seconds."""
