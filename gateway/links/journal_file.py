"""The journal's database file: opened or refused, written a batch at a time, set aside when damaged.

A batch is one transaction, synced when it returns. Pages of rows that are removed are used again, so the
file stops growing once it is full.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from gateway.errors import LinkError

SCHEMA = 1
"Raised with every change of the tables."
_APPLICATION = 0x45534757
"SQLite's application id of our files: ESGW."
_MAGIC = b"SQLite format 3\0"
_BUSY = 1.0
"Seconds that a batch waits for somebody else's lock."
_STEP = 200
"Rows removed with a batch, beyond as many as it brings."
_WAL_KEPT = 4 << 20
"Bytes that the write-ahead log may keep after a checkpoint."


class Row(NamedTuple):
    """An event as the file has it; the columns of the table are these fields."""

    seq: int
    "Rises by one with each event, over restarts too; never used twice."
    utc: float
    "Seconds since 1970-01-01."
    synchronised: bool | None
    "Whether the machine's clock was; None where that cannot be told."
    boot: int
    monotonic: float
    number: int
    name: str
    severity: int
    container: str
    rack: int
    row: str
    value: float | None
    origin: str
    detail: str
    text: str


_TABLES = (
    """CREATE TABLE events (
        seq INTEGER PRIMARY KEY, utc REAL NOT NULL, synchronised INTEGER, boot INTEGER NOT NULL,
        monotonic REAL, number INTEGER NOT NULL, name TEXT NOT NULL, severity INTEGER NOT NULL,
        container TEXT NOT NULL, rack INTEGER NOT NULL, row TEXT NOT NULL, value REAL,
        origin TEXT NOT NULL, detail TEXT NOT NULL, text TEXT NOT NULL)""",
    "CREATE TABLE kept (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {SCHEMA}",
)
_ROW = f"INSERT INTO events VALUES ({', '.join('?' * len(Row._fields))})"  # noqa: S608 - our own names
_KEEP = "INSERT OR REPLACE INTO kept VALUES (?, ?)"
_TRIM = "DELETE FROM events WHERE seq IN (SELECT seq FROM events ORDER BY seq LIMIT ?)"


class JournalFile:
    """An open journal, as its one writer has it; errors are sqlite3.Error, OSError and LinkError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        refusal = foreign(path)
        if refusal:
            raise LinkError(refusal)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _connect(path.with_name(path.name + "-lock"))
        self._db = _connect(path)
        try:
            _lock(self._lock, path)
            self._prepare()
            self._rows = int(self._db.execute("SELECT count(*) FROM events").fetchone()[0])
            self._inode = path.stat().st_ino
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        run = self._db.execute
        refusal = strange(self._db, self.path)
        if refusal:
            raise LinkError(refusal)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            run(f"PRAGMA {pragma}")
        run(f"PRAGMA journal_size_limit = {_WAL_KEPT}")
        if not run("PRAGMA user_version").fetchone()[0]:
            run("BEGIN IMMEDIATE")
            for statement in _TABLES:
                run(statement)
            run("COMMIT")
        elif (found := run("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            error = sqlite3.DatabaseError(found)
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error

    def last(self) -> int:
        """The greatest sequence number in the file; 0 if it is empty."""
        return int(self._db.execute("SELECT ifnull(max(seq), 0) FROM events").fetchone()[0])

    def kept(self) -> dict[str, str]:
        """What was kept."""
        return _kept(self._db)

    def commit(self, rows: Sequence[Row], kept: Mapping[str, str], limit: int) -> None:
        """Write a batch, all of it or nothing; it is on disk when this returns."""
        if self.path.stat().st_ino != self._inode:
            raise FileNotFoundError(2, "the file was taken away")
        run = self._db.execute
        run("BEGIN IMMEDIATE")
        try:
            self._db.executemany(_ROW, rows)
            self._db.executemany(_KEEP, list(kept.items()))
            if not rows and not kept:
                run(f"PRAGMA user_version = {SCHEMA}")  # something has to reach the disk
            spare = min(self._rows + len(rows) - limit, len(rows) + _STEP)
            removed = run(_TRIM, (spare,)).rowcount if spare > 0 else 0
            run("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                run("ROLLBACK")
            raise
        self._rows += len(rows) - removed

    def close(self) -> None:
        """Let go of the file."""
        for database in (self._db, self._lock):
            with suppress(sqlite3.Error):
                database.close()


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)


def _lock(database: sqlite3.Connection, path: Path) -> None:
    """Hold a lock until the process ends, in whatever way: a journal has one writer."""
    try:
        database.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        text = f"{path}: another gateway writes to this journal; stop it, or name another file"
        raise LinkError(text) from None


def foreign(path: Path) -> str:
    """Why a file can be no journal, told by its first bytes; '' if it can, or is not there."""
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except FileNotFoundError:
        return ""
    except IsADirectoryError:
        return f"{path}: is a folder; name a file"
    if not head.strip(b"\0") or head == _MAGIC:
        return ""
    return f"{path}: is no journal and no database; name another file, or move this one away"


def strange(database: sqlite3.Connection, path: Path) -> str:
    """Why an open database is no journal of ours; '' if it is, or is empty."""
    application = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    filled = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if filled and application != _APPLICATION:
        return f"{path}: is a database of another program; name another file"
    if version > SCHEMA:
        return (
            f"{path}: was written by a newer gateway (schema {version}, here {SCHEMA}); "
            "use that one, or name another file"
        )
    return ""


def _kept(database: sqlite3.Connection) -> dict[str, str]:
    """The kept values that are JSON, as all are that we wrote."""
    found: dict[str, str] = {}
    for key, value in database.execute("SELECT key, value FROM kept"):
        with suppress(ValueError, TypeError):
            json.loads(value)
            found[str(key)] = value
    return found


def is_damage(error: Exception) -> bool:
    """Whether an error says that the file itself is broken."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A journal to read, also while it is written; a file without a log is read where nothing may be."""
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    database = sqlite3.connect(address, uri=True, timeout=_BUSY, isolation_level=None)
    try:
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        database.close()
        log = path.with_name(path.name + "-wal")
        if is_damage(error) or (log.exists() and log.stat().st_size):
            raise
        database = sqlite3.connect(address + "&immutable=1", uri=True, isolation_level=None)
    return database


def rows_after(database: sqlite3.Connection, seq: int, severity: int = 0) -> Iterator[Row]:
    """The events after a sequence number that are at least so severe, oldest first."""
    query = "SELECT * FROM events WHERE seq > ? AND severity >= ? ORDER BY seq"
    return (Row(*fields) for fields in database.execute(query, (seq, severity)))


def left_in(path: Path) -> tuple[int, dict[str, str]]:
    """What can still be read of a file that cannot be written: the last sequence number, the kept values."""
    last, kept = 0, dict[str, str]()
    with suppress(sqlite3.Error, OSError), closing(connect_to_read(path)) as database:
        with suppress(sqlite3.Error):
            kept = _kept(database)
        last = int(database.execute("SELECT ifnull(max(seq), 0) FROM events").fetchone()[0])
    return last, kept


def set_aside(path: Path, utc: float) -> Path:
    """Rename a damaged journal and its log, for whoever wants to look into it; gives its new name."""
    stamp = datetime.fromtimestamp(utc, UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (f"{path.name}.damaged-{stamp}" + (f"-{n}" if n else "") for n in range(1000))
    target = next(place for name in names if not (place := path.with_name(name)).exists())
    path.rename(target)
    for end in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + end).rename(f"{target}{end}")
    return target
