"""`essgw apply`: what a changed site file would mean, and its installation; it never acts by itself (R18)."""

import json
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.changes import NEEDS, Change, Class, Version, changes, version
from gateway.cli.screen import JsonOption, PathOption, library, out
from gateway.cli.tables import Line, print_table
from gateway.errors import GatewayError, MappingError, Problem, UsageError
from gateway.links.can_link import INTERFACES
from gateway.links.clock import clock_is_synchronised
from gateway.links.journal import Journal
from gateway.mapping.site import JournalPlace, load_site
from gateway.model.event import KINDS, Event

NewArgument = Annotated[str, typer.Argument(metavar="NEW", help="The site file as it shall be.")]
RunningOption = Annotated[
    Path,
    typer.Option("--running", metavar="OLD", help="The site file that the gateway runs with."),
]
InstallOption = Annotated[
    bool, typer.Option("--install", help="Put NEW in the place of OLD; OLD is kept beside it.")
]
_STYLES = {Class.TOPOLOGY: "bold red", Class.THRESHOLDS: "yellow", Class.COSMETIC: ""}


def apply(
    new: NewArgument,
    running: RunningOption,
    *,
    install: InstallOption = False,
    path: PathOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a new site file and tell what it would change; changing the file never acts by itself."""
    before, place = _version(running, path)
    file = library(path).need(new, "sites", "site")
    after, later = _version(file, path)
    found = changes(before, after)
    kept = None
    if install and found:
        if file.resolve() == running.resolve():
            raise UsageError("NEW and OLD are the same file")
        _check_in_place(file, running, path)
        kept = _install(before, after, found, place or _beside(later, file, running))
    if as_json:
        typer.echo(json.dumps(_as_row(before, after, found, kept)))
        return
    _show(before, after, found)
    if kept is not None:
        out.print(f"installed as {running}; the old one is {kept}", markup=False)
        out.print("the gateway runs with it from its next start", markup=False)


def _version(file: Path, path: list[Path] | None) -> tuple[Version, JournalPlace | None]:
    """A site file, checked with all that it names."""
    search = library(path)
    site = load_site(search, str(file), INTERFACES)
    return version(site.file, search), site.journal


def _beside(place: JournalPlace | None, new: Path, running: Path) -> JournalPlace | None:
    """The journal of a new file, as it will be found from the running one's place."""
    if place is None or not place.file.is_relative_to(new.parent):
        return place
    file = running.parent / place.file.relative_to(new.parent)
    return JournalPlace(file, place.rows, place.recordings)


def _show(before: Version, after: Version, found: Sequence[Change]) -> None:
    if not found:
        out.print(f"{after.file} says the same as {before.file}", markup=False)
        return
    lines = [
        Line((change.reach.name.lower(), change.key, change.old or "-", change.new or "-"),
             _STYLES[change.reach])
        for change in found
    ]  # fmt: skip
    print_table(("class", "key", "running", "new"), lines)
    reach = found[0].reach
    out.print(f"{reach.name.lower()}: needs {NEEDS[reach]}", style="bold", markup=False)


def _as_row(
    before: Version, after: Version, found: Sequence[Change], kept: Path | None
) -> dict[str, object]:
    reach = found[0].reach if found else None
    return {
        "running": {"file": str(before.file), "sha256": before.digest},
        "new": {"file": str(after.file), "sha256": after.digest},
        "class": reach.name.lower() if reach else None,
        "needs": NEEDS[reach] if reach else None,
        "changes": [
            {"key": change.key, "old": change.old or None, "new": change.new or None,
             "class": change.reach.name.lower()}
            for change in found
        ],
        "kept": None if kept is None else str(kept),
    }  # fmt: skip


def _check_in_place(new: Path, running: Path, path: list[Path] | None) -> None:
    """MappingError if the new file would not be right where the old one is: it names files beside it."""
    trial = running.with_name(f".{running.name}.trial")
    try:
        shutil.copyfile(new, trial)
        load_site(library(path), str(trial), INTERFACES)
    except MappingError as error:
        problems = [
            Problem(str(new), f"{item.text} once it is installed", item.line, item.column, item.remedy)
            if item.file == str(trial)
            else item
            for item in error.problems
        ]  # fmt: skip
        raise MappingError(problems) from None
    except OSError as error:
        raise _unwritten(running, error) from None
    finally:
        trial.unlink(missing_ok=True)


def _install(
    before: Version, after: Version, found: Sequence[Change], place: JournalPlace | None
) -> Path:
    """Journal the change, then put the new file in the place of the old one; gives where that is kept."""
    file = before.file
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    kept, part = file.with_name(f"{file.name}.{stamp}"), file.with_name(f".{file.name}.part")
    try:
        shutil.copy2(file, kept)
        with part.open("w", encoding="utf-8") as target:
            target.write(after.text)
            target.flush()
            os.fsync(target.fileno())
        shutil.copymode(file, part)
        if place is not None:
            _record(before, after, found, place)
        part.replace(file)
    except (OSError, GatewayError) as error:
        for left in (kept, part):
            left.unlink(missing_ok=True)
        raise _unwritten(file, error) if isinstance(error, OSError) else error from None
    return kept


def _unwritten(file: Path, error: OSError) -> MappingError:
    text = f"cannot be replaced: {error.strerror}"
    return MappingError([Problem(str(file), text, remedy="check the rights of its folder")])


def _record(before: Version, after: Version, found: Sequence[Change], place: JournalPlace) -> None:
    """Have it on disk before anything changes (R41): who, from what to what."""
    author, now = os.environ.get("USER") or f"user {os.getuid()}", time.monotonic()
    head = f"of {before.file}, sha256 {before.digest} -> {after.digest}, by {author}"
    details = [head, *map(str, found)]
    events = [
        Event(KINDS["settings"], now, origin=author, row="site", detail=detail)
        for detail in details
    ]  # fmt: skip
    journal = Journal(
        place.file, rows=place.rows, utc=time.time, synchronised=clock_is_synchronised
    )
    with closing(journal):
        journal.write(events)
    if journal.failed:
        text = f"the change cannot be journalled: {journal.failed}"
        raise MappingError([Problem(str(place.file), text, remedy="nothing was installed")])
