"""Nothing acknowledged is lost, however the gateway ends (R15, R41)."""

import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from links import chronicler

from gateway.links.journal import Journal

_PATIENCE = 30  # s


@contextmanager
def child(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process that writes a journal; it is killed at the end, if it was not before."""
    with subprocess.Popen(
        [sys.executable, chronicler.__file__, *map(str, arguments)], text=True, stdout=subprocess.PIPE
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def told_until_killed(path: Path, seconds: float) -> list[int]:
    """The batches that a process called settled before it was killed at that moment."""
    with child(path) as process:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass  # to the instant: the moment is the point
        process.send_signal(signal.SIGKILL)
        text, _ = process.communicate(timeout=_PATIENCE)
    return [int(line) for line in text.splitlines() if line.isdigit()]


def test_what_was_settled_is_there_after_kill_9(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Killed 20 times (1,000 in the long run) at any instant: all told rows, no gap, no repeat.

    A batch is there wholly or not at all, and what is kept is of the newest batch there.
    """
    chance = random.Random(0)
    is_long = request.config.getoption("hypothesis_profile", None) == "long"
    told = 0
    for kill in range(1000 if is_long else 20):
        path = tmp_path / f"journal{kill // 50}.db"
        settled = told_until_killed(path, chance.uniform(0, 0.1))
        told += len(settled)
        with closing(Journal(path, utc=time.time, synchronised=lambda: True)) as journal:
            newest = int(journal.restored().get("batch", 0))
            assert journal.set_aside == ""
        assert newest >= max(settled, default=0)
        with closing(sqlite3.connect(path)) as database:
            rows = database.execute("SELECT seq, row FROM events ORDER BY seq").fetchall()
        assert [seq for seq, _ in rows] == list(range(1, len(rows) + 1))
        wanted = [
            event.row for number in range(1, newest + 1) for event in chronicler.batch(number)
        ]
        assert [row for _, row in rows] == wanted
    assert told > 20


def told_until(process: subprocess.Popen[str], start: str) -> list[str]:
    """What a process says, up to the first line that starts so."""
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith(start):
        lines.append(process.stdout.readline().strip())
        assert lines[-1], f"ended without saying {start}: {lines}"
    return lines


def test_a_disk_that_takes_no_more_is_told_and_loses_nothing(tmp_path: Path) -> None:
    """No file may grow for a while (RLIMIT_FSIZE): told, then all is written that was held."""
    path = tmp_path / "journal.db"
    with child(path, 300_000) as process:
        lines = told_until(process, "failed")
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        lines += told_until(process, "fine")
        while (line := told_until(process, "")[-1]) == lines[-1]:
            pass
        lines.append(line)
    settled = [int(line) for line in lines if line.isdigit()]

    assert "failed: disk I/O error" in lines
    with closing(sqlite3.connect(path)) as database:
        rows = [row for (row,) in database.execute("SELECT row FROM events ORDER BY seq")]
    wanted = [ev.row for number in range(1, settled[-1] + 1) for ev in chronicler.batch(number)]
    assert rows[: len(wanted)] == wanted
