"""`essgw events`: the journal of a gateway, also while it is written."""

import json
import math
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from gateway.cli.screen import library, out
from gateway.cli.tables import Line, print_table
from gateway.errors import MappingError, Problem, UsageError
from gateway.links.journal_file import Row, connect_to_read, foreign, rows_after, strange
from gateway.mapping.site import load_site
from gateway.mapping.source import did_you_mean
from gateway.model.event import Severity

FileArgument = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="Journal of a gateway, or the site file that names it."),
]
FollowOption = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")
]
SinceOption = Annotated[
    int | None, typer.Option("--since", metavar="SEQ", min=0, help="From this number on.")
]
SeverityOption = Annotated[
    str, typer.Option("--severity", metavar="NAME", help="At least: notice, warning, alarm, trip.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]

_POLL = 0.25  # s
_TAIL = 20
"Events shown before those that come, unless --since says otherwise."
_HEAD = ("seq", "time (UTC)", "severity", "container", "event", "text")
_STYLES = {Severity.WARNING: "yellow", Severity.ALARM: "red", Severity.TRIP: "bold red"}


def events(
    file: FileArgument,
    since: SinceOption = None,
    severity: SeverityOption = "info",
    *,
    follow: FollowOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print the events of a journal; a ? behind a time says that the clock was not synchronised."""
    view = _View(_journal(file), _level(severity), as_json)
    with suppress(KeyboardInterrupt):
        last = view.first(since, tail=follow and since is None)
        while follow:
            time.sleep(_POLL)
            last = view.next(last)


def _journal(file: Path) -> Path:
    """The journal that is meant: the file, or what the site file says."""
    if file.suffix not in {".yaml", ".yml"}:
        return file
    site = load_site(library(None), str(file))
    if site.journal is None:
        raise UsageError(f"the site {site.name} keeps no journal; give it journal: {{file: ...}}")
    return site.journal.file


class _View(NamedTuple):
    """What of a journal is shown, and how."""

    file: Path
    severity: int
    as_json: bool

    def first(self, since: int | None, *, tail: bool) -> int:
        """Show what is there; gives the last number looked at."""
        found, last = self._after((since or 0) - 1)
        found = found[-_TAIL:] if tail else found
        if self.as_json:
            _print_json(found)
        else:
            print_table(_HEAD, [_line(row) for row in found], {"seq"})
        return last

    def next(self, last: int) -> int:
        """Show what has come since; gives the last number looked at."""
        if not self.file.exists():
            return last  # it is being set aside
        found, last = self._after(last)
        if self.as_json:
            _print_json(found)
            return last
        for cells, style in (_line(row) for row in found):
            out.print("  ".join(cells), style=style or None, markup=False)
        return last

    def _after(self, seq: int) -> tuple[Sequence[Row], int]:
        rows = list(_rows(self.file, seq))
        last = rows[-1].seq if rows else seq
        return [row for row in rows if row.severity >= self.severity], last


def _rows(file: Path, seq: int) -> Iterator[Row]:
    """Open the journal anew each time: it may have been set aside since."""
    if not file.exists():
        remedy = "the site's `journal` says where it is"
        raise MappingError([Problem(str(file), "is not there", remedy=remedy)])
    try:
        if refusal := foreign(file):
            raise _wrong(file, refusal)
        with closing(connect_to_read(file)) as database:
            if refusal := strange(database, file):
                raise _wrong(file, refusal)
            yield from rows_after(database, seq)
    except sqlite3.Error as error:
        text = f"cannot be read as a journal: {error}"
        remedy = "a gateway sets a damaged journal aside when it starts"
        raise MappingError([Problem(str(file), text, remedy=remedy)]) from None
    except OSError as error:
        raise MappingError([Problem(str(file), f"cannot be read: {error.strerror}")]) from None


def _wrong(file: Path, refusal: str) -> MappingError:
    return MappingError([Problem(str(file), refusal.removeprefix(f"{file}: "))])


def _level(name: str) -> Severity:
    known = {severity.name.lower(): severity for severity in Severity}
    if name.lower() not in known:
        raise UsageError(f"there is no severity '{name}'; {did_you_mean(name, known)}")
    return known[name.lower()]


def _line(row: Row) -> Line:
    moment = datetime.fromtimestamp(row.utc, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    severity = Severity(row.severity)
    cells = (
        str(row.seq),
        moment + (" " if row.synchronised else "?"),
        severity.name.lower(),
        row.container,
        row.name,
        row.text,
    )
    return Line(cells, _STYLES.get(severity, ""))


def _print_json(rows: Sequence[Row]) -> None:
    for row in rows:
        told: dict[str, object] = row._asdict()
        told["utc"] = datetime.fromtimestamp(row.utc, UTC).isoformat(timespec="microseconds")
        told["severity"] = Severity(row.severity).name.lower()
        told["synchronised"] = None if row.synchronised is None else bool(row.synchronised)
        told["value"] = row.value if row.value is None or math.isfinite(row.value) else None
        typer.echo(json.dumps(told))
