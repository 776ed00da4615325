"""`essgw` as a user runs it."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE = 60  # s, for anything that ought to come at once


def in_time() -> dict[str, str]:
    """The environment of a process that keeps time: coverage slows it to a third, so it is not traced."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return {**kept, "PYTHONFAULTHANDLER": "1"}


def ended(process: subprocess.Popen[str]) -> int:
    """The status of a process that was told to end; one that does not is aborted, and says where it was."""
    try:
        return process.wait(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        return process.wait()


class Program:
    """Runs `essgw` in a folder."""

    def __init__(self, folder: Path, how: tuple[str, ...] = ("-m", "gateway")) -> None:
        """`how` is what Python is told, to run it."""
        self.folder, self._command = folder, (sys.executable, *how)

    def __call__(self, *arguments: object, status: int = 0) -> subprocess.CompletedProcess[str]:
        """Run to the end and check the exit status; nothing may end in a traceback."""
        done = subprocess.run(
            [*self._command, *map(str, arguments)],
            cwd=self.folder, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == status, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    @contextmanager
    def serving(self, *arguments: object) -> Iterator["Served"]:
        """Run a verb that serves until it is stopped; Ctrl-C must end it with status 0."""
        with subprocess.Popen(
            [*self._command, *map(str, arguments)], cwd=self.folder, env=in_time(), text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process:  # fmt: skip
            served = Served(process)
            try:
                yield served
            finally:
                process.send_signal(signal.SIGINT)
                status = ended(process)
        assert "Traceback" not in served.text, served.text
        assert status == 0, served.text


class Served:
    """A serving `essgw`: what it printed, where it listens."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.text = ""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.text += line

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until it has printed something."""
        end = time.monotonic() + _PATIENCE
        while (found := re.search(pattern, self.text)) is None:
            assert self.process.poll() is None, f"ended: {self.text}"
            assert time.monotonic() < end, f"never said {pattern}: {self.text}"
            time.sleep(0.02)
        return found

    @property
    def port(self) -> int:
        """The port it listens at."""
        return int(self.wait_for(r"127\.0\.0\.1:(\d+)")[1])

    def say(self, line: str) -> None:
        """Type a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
