"""`essgw`, also as `python -m gateway`: whatever the terminal does to it, no traceback.

Imports take a second; they come after the streams are in order, where Ctrl-C ends them cleanly too.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import TextIO

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with its status."""
    _open_streams()
    try:
        with _ending_at_once():
            from gateway.cli import run_verb  # noqa: PLC0415 - see above

        status = run_verb()
        sys.stdout.flush()
    except KeyboardInterrupt:
        status = _INTERRUPTED
    except OSError as error:  # of standard output: what else fails is told by who opened it
        status = 1
        with contextlib.suppress(OSError):
            print(f"essgw: cannot write: {error.strerror or error}", file=sys.stderr)  # noqa: T201
    _exit(status)


@contextlib.contextmanager
def _ending_at_once() -> Iterator[None]:
    """Ctrl-C ends the program where it is: libraries that are being imported may swallow a KeyboardInterrupt."""
    given = signal.getsignal(signal.SIGINT)
    if given is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    yield
    signal.signal(signal.SIGINT, given)


def _open_streams() -> None:
    """Standard streams that are closed lead nowhere; characters that one cannot say become `?`."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
    sys.stdin = sys.stdin or _nowhere("r")
    sys.stdout = sys.stdout or _nowhere("w")
    sys.stderr = sys.stderr or _nowhere("w")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _nowhere(mode: str) -> TextIO:
    return open(os.devnull, mode, encoding="utf-8")  # type: ignore[return-value] # noqa: PTH123 - lives as long as the program


def _exit(status: int) -> None:
    """Leave; what could not be written is not tried again."""
    try:
        sys.stdout.flush()
    except OSError:
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    main()
