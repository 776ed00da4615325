"""Where log lines go: names with fields, to standard error; as JSON where a machine reads them."""

import sys
from typing import Any

import structlog


class _StandardError:
    """Standard error as it is at the moment: a progress bar may have put itself in front of it."""

    def __init__(self, *_: Any) -> None:  # noqa: ANN401 - structlog's signature
        pass

    def msg(self, message: str) -> None:
        """Write a line."""
        sys.stderr.write(message + "\n")
        sys.stderr.flush()

    debug = info = warning = error = critical = msg


def configure(*, as_json: bool | None = None, quiet: bool = False) -> None:
    """Set up logging once, at the start of a program; JSON unless a terminal reads it."""
    if as_json is None:
        as_json = not sys.stderr.isatty()
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("warning" if quiet else "info"),
        logger_factory=_StandardError,
        cache_logger_on_first_use=False,
    )
