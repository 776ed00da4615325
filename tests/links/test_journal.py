"""The journal in one process: tickets, what is kept, bounds, files that are none, disks that fail."""

import asyncio
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from gateway.errors import LinkError
from gateway.links.journal import Journal
from gateway.model.event import KINDS, Event

_PATIENCE = 30  # s


def opened(path: Path, rows: int = 200_000) -> Journal:
    """A journal with the machine's clock, said to be synchronised."""
    return Journal(path, rows=rows, utc=time.time, synchronised=lambda: True)


def events(count: int, row: str = "connect") -> list[Event]:
    """Some events."""
    return [Event(KINDS["command"], 12.5, "C", 2, row, 1.0, "ems", "ok") for _ in range(count)]


def rows_of(path: Path, columns: str = "seq, row") -> list[tuple[object, ...]]:
    """Some columns of all events in a file."""
    with closing(sqlite3.connect(path)) as database:
        return database.execute(f"SELECT {columns} FROM events ORDER BY seq").fetchall()  # noqa: S608 - ours


async def settle(journal: Journal, ticket: int) -> bool:
    """Wait until a batch is settled or the journal has failed."""
    done = asyncio.Event()
    journal.when_settled(ticket, done.set)
    async with asyncio.timeout(_PATIENCE):
        await done.wait()
    return journal.settled(ticket)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a state."""
    async with asyncio.timeout(_PATIENCE):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no rights to mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(file: Path) -> None:
    """Write until the disk takes no more."""
    with suppress(OSError), file.open("wb", 0) as out:
        while out.write(bytes(4096)):
            pass


def remount(folder: Path, how: str) -> None:
    """Let a disk be written to (rw) or not (ro)."""
    subprocess.run(["mount", "-o", f"remount,{how}", folder], check=True)


async def test_a_settled_batch_can_be_read_by_anybody(tmp_path: Path) -> None:
    """All fields are in the file, the text too; NaN is null; the clock's state and boot stand beside."""
    path = tmp_path / "deep" / "journal.db"
    with closing(opened(path)) as journal:
        lost = Event(KINDS["bus_lost"], 13.0, detail="can0\udc80")
        before = time.time()
        ticket = journal.write([*events(1), lost])

        assert await settle(journal, ticket)
        rows = rows_of(path, "*")
        assert before - 1e-3 <= float(str(rows[0][1])) <= time.time()
        assert rows[0][2:] == (
            1, journal.boot, 12.5, 11, "command", 2, "C", 2, "connect", 1.0, "ems", "ok",
            "rack 2: ems: connect 1: ok",
        )  # fmt: skip
        assert rows[1][8:] == ("", 0, "", None, "", "can0?", "bus can0? is lost")


def test_a_batch_is_synced_when_it_is_done(tmp_path: Path) -> None:
    """Write-ahead log with synchronous=FULL: what is settled outlives a loss of power too."""
    with closing(opened(tmp_path / "journal.db")) as journal:
        assert journal._file is not None
        ask = journal._file._db.execute

        assert ask("PRAGMA journal_mode").fetchone() == ("wal",)
        assert ask("PRAGMA synchronous").fetchone() == (2,)


async def test_what_is_kept_and_the_numbers_survive(tmp_path: Path) -> None:
    """The last value of each key comes back; sequence numbers go on; boots differ (R15)."""
    path = tmp_path / "journal.db"
    with closing(opened(path)) as first:
        assert first.restored() == {}
        first.write(events(3), {"latches": '["trip"]', "sequence": "7"})
        first.write([], {"sequence": "8"})
    with closing(opened(path)) as second:
        assert second.restored() == {"latches": '["trip"]', "sequence": "8"}
        second.write(events(2))

    assert [seq for seq, _ in rows_of(path)] == [1, 2, 3, 4, 5]
    assert first.boot != second.boot


async def test_old_rows_go_in_small_steps_and_the_file_stops_growing(tmp_path: Path) -> None:
    """5,000 rows in a journal of 500: 500 are left, and the file is as large as it was full."""
    path, sizes = tmp_path / "journal.db", []
    with closing(opened(path, rows=500)) as journal:
        for _ in range(10):
            for _ in range(10):
                ticket = journal.write(events(50))
            assert await settle(journal, ticket)
            sizes.append(path.stat().st_size)
    numbers = [seq for seq, _ in rows_of(path)]

    assert numbers == list(range(4501, 5001))
    assert path.stat().st_size < 200_000
    with closing(opened(path, rows=100)) as journal:
        assert await settle(journal, journal.write(events(10)))
    assert len(rows_of(path)) == 300, "210 rows too many go, 10 + 200 a batch"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"site: here\n" * 100, "is no journal and no database"),
        ("CREATE TABLE a (b)", "is a database of another program"),
        ("PRAGMA user_version = 99", "was written by a newer gateway (schema 99, here 1)"),
    ],
)
def test_a_file_that_is_no_journal_is_refused_and_stays(
    tmp_path: Path, content: bytes | str, told: str
) -> None:
    """What it is and what to do is told, and nothing in it changes."""
    path = tmp_path / "journal.db"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with closing(sqlite3.connect(path)) as database:
            database.execute(content)
    was = path.read_bytes()

    with pytest.raises(LinkError) as refusal:
        opened(path)
    assert told in str(refusal.value)
    assert "; " in str(refusal.value) or "name another file" in str(refusal.value)
    assert path.read_bytes() == was


def test_a_journal_has_one_writer(tmp_path: Path) -> None:
    """A second gateway on the same file is refused; a folder is no journal."""
    with (
        closing(opened(tmp_path / "journal.db")),
        pytest.raises(LinkError, match="another gateway"),
    ):
        opened(tmp_path / "journal.db")
    with pytest.raises(LinkError, match="is a folder"):
        opened(tmp_path)


@pytest.mark.parametrize("spoilt", ["zeros", "middle"])
def test_a_damaged_file_is_set_aside_and_told(tmp_path: Path, spoilt: str) -> None:
    """A new one begins with an event that says so, and numbers that were never used."""
    path = tmp_path / "journal.db"
    with closing(opened(path)) as journal:
        journal.write(events(2000), {"latches": "[1]"})
    whole = path.read_bytes()
    path.write_bytes(
        bytes(len(whole))
        if spoilt == "zeros"
        else whole[:20_000] + b"\x55" * 60_000 + whole[80_000:]
    )
    was = path.read_bytes()
    with closing(opened(path)) as journal:
        assert journal.set_aside.startswith(f"{path}.damaged-")
        assert Path(journal.set_aside).read_bytes() == was
        assert journal.restored() == ({} if spoilt == "zeros" else {"latches": "[1]"})
    rows = rows_of(path, "seq, name, detail")

    assert len(rows) == 1
    assert rows[0][1:] == (
        "journal_damaged", f"{journal.set_aside}, {len(journal.restored())} kept values saved"
    )  # fmt: skip
    assert abs(float(str(rows[0][0])) - time.time()) < 60
    with closing(opened(path)) as journal:
        assert journal.set_aside == ""


async def test_a_full_disk_is_told_and_all_is_written_once_there_is_room(small_disk: Path) -> None:
    """Failed within a second, callers are not kept waiting; then nothing is missing (R41)."""
    path, filler = small_disk / "journal.db", small_disk / "filler"
    states: list[str] = []
    with closing(opened(path)) as journal:
        journal.on_state = states.append
        assert await settle(journal, journal.write(events(5)))
        fill(filler)
        tickets = [journal.write(events(50), {"n": str(n)}) for n in range(20)]
        assert not await settle(journal, tickets[-1])
        assert journal.failed == "the disk is full"
        assert not await settle(journal, journal.write(events(1)))
        filler.unlink()
        await until(lambda: states == ["the disk is full", ""])
        assert journal.settled(tickets[-1])
        assert [seq for seq, _ in rows_of(path)] == list(range(1, 5 + 1000 + 1 + 1))
    with closing(opened(path)) as journal:
        assert journal.restored() == {"n": "19"}


async def test_a_gateway_starts_with_a_journal_that_it_can_only_read(small_disk: Path) -> None:
    """What was kept is there, the journal has failed; written again once it can be (R41)."""
    path = small_disk / "journal.db"
    with closing(opened(path)) as journal:
        journal.write(events(2), {"latches": "[1]"})
    remount(small_disk, "ro")
    with closing(opened(path)) as journal:
        assert journal.restored() == {"latches": "[1]"}
        assert journal.failed
        assert not await settle(journal, journal.write(events(1)))
        remount(small_disk, "rw")
        await until(lambda: not journal.failed)
    assert [seq for seq, _ in rows_of(path)] == [1, 2, 3]


@pytest.mark.parametrize(("count", "batches"), [(1000, 11), (0, 10_500)], ids=["events", "kept"])
async def test_memory_is_bounded_and_what_is_dropped_is_never_called_settled(
    tmp_path: Path, count: int, batches: int
) -> None:
    """The newest 10,000 events, or batches without any, are held while the file is gone; the last of what is kept stays."""
    path, away = tmp_path / "journal.db", tmp_path / "away"
    with closing(opened(path)) as journal:
        assert await settle(journal, journal.write(events(1)))
        path.rename(away)
        path.mkdir()
        first = journal.write(events(100), {"old": "1"})
        await until(lambda: journal.failed == "the file was taken away")
        tickets = [journal.write(events(count), {"new": str(n)}) for n in range(batches)]
        path.rmdir()
        away.rename(path)
        await until(lambda: journal.settled(tickets[-1]))

        assert not journal.failed
        lost = [ticket for ticket in (first, *tickets) if not journal.settled(ticket)]
        assert len(lost) == 1 + batches - 10_000 // max(1, count)
        assert lost[0] == first
    kept = range(102 + count, 102 + count * batches)
    assert [seq for seq, _ in rows_of(path)] == [1, *kept]
    with closing(opened(path)) as journal:
        assert journal.restored() == {"old": "1", "new": str(batches - 1)}


async def test_a_program_that_holds_the_lock_is_told(tmp_path: Path) -> None:
    """The journal fails after a second and says why; it goes on when the lock is free."""
    path = tmp_path / "journal.db"
    with closing(opened(path)) as journal, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        ticket = journal.write(events(1))
        assert not await settle(journal, ticket)
        assert journal.failed == "another program holds its lock"
        other.rollback()
        await until(lambda: journal.settled(ticket))


async def test_closing_writes_what_waits(tmp_path: Path) -> None:
    """And says that it did; where the disk fails it says that it did not, and does not hang."""
    journal = opened(tmp_path / "journal.db")
    journal.write(events(5000))
    assert journal.close()
    assert len(rows_of(tmp_path / "journal.db")) == 5000
    journal = opened(tmp_path / "journal.db")
    (tmp_path / "journal.db").rename(tmp_path / "away")
    (tmp_path / "journal.db").mkdir()
    journal.write(events(1))
    assert not journal.close()
