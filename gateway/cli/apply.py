"""`essgw apply`: what a changed site file would mean, and its installation; it never acts by itself (R18)."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.changes import NEEDS, Change, Class, Version, changes
from gateway.cli.installing import install_file
from gateway.cli.kept import Read, as_taken, kept_of, loaded, recalled
from gateway.cli.screen import JsonOption, PathOption, complain, err, library, out
from gateway.cli.tables import Line, print_table
from gateway.errors import MappingError, UsageError
from gateway.links.can_link import INTERFACES
from gateway.mapping.site import JournalPlace, load_site
from gateway.mapping.source import read_text

NewArgument = Annotated[
    str,
    typer.Argument(metavar="NEW", help="The site file as it shall be; it may have been edited."),
]
RunningOption = Annotated[
    Path | None,
    typer.Option("--running", metavar="OLD", help="The site file to be replaced; NEW if left out."),
]
InstallOption = Annotated[
    bool, typer.Option("--install", help="Have it taken over; what was there is kept beside it.")
]
_STYLES = {Class.TOPOLOGY: "bold red", Class.THRESHOLDS: "yellow", Class.COSMETIC: ""}


def apply(
    new: NewArgument,
    running: RunningOption = None,
    *,
    install: InstallOption = False,
    path: PathOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a new site file and tell what it would change; changing the file never acts by itself.

    It is compared with what the gateway took over last, where OLD has a journal that keeps it.
    """
    file = library(path).need(new, "sites", "site")
    old = file if running is None else running
    before, place = _running(old, path, is_needed=file.resolve() != old.resolve())
    after, later = _version(file, path)
    found, kept = changes(before, after), None
    if install and found:
        taken = after if file.resolve() == old.resolve() else _in_place(file, old, path)
        places = _places(place, _beside(later, file, old))
        kept = install_file(before, taken, found, places)
    if as_json:
        typer.echo(json.dumps(_as_row(before, after, found, kept)))
        return
    _show(before, after, found)
    if kept is not None:
        out.print(f"installed as {old}; the old one is {kept}", markup=False)
        out.print("the gateway runs with it from its next start", markup=False)


def _reader(file: Path, path: list[Path] | None) -> Read:
    """Reads a site file with all that it names."""
    search = library(path)
    return lambda source: (load_site(search, str(file), INTERFACES, source), search)


def _version(file: Path, path: list[Path] | None) -> tuple[Version, JournalPlace | None]:
    """A site file, checked with all that it names."""
    site, found = loaded(file, _reader(file, path))
    return found, site.journal


def _running(
    old: Path, path: list[Path] | None, *, is_needed: bool
) -> tuple[Version, JournalPlace | None]:
    """What the gateway runs with: what was taken over last, else the old file where that is another one."""
    journal, kept = kept_of(old, read_text(old))
    if journal is not None and kept is not None:
        try:
            site, runs = recalled(old, _reader(old, path), kept, journal)
            return as_taken(runs, kept), site.journal
        except MappingError as error:
            complain(error)
            text = "what was taken over last cannot be used any more: the next start takes the file"
            err.print(text, style="bold red", markup=False)
    elif not is_needed:
        text = f"no journal tells what runs of {old}; name the file that does by --running"
        raise UsageError(text)
    return _version(old, path)


def _beside(place: JournalPlace | None, new: Path, running: Path) -> JournalPlace | None:
    """The journal of a new file, as it will be found from the running one's place."""
    if place is None or not place.file.is_relative_to(new.parent):
        return place
    file = running.parent / place.file.relative_to(new.parent)
    return JournalPlace(file, place.rows, place.recordings)


def _places(before: JournalPlace | None, after: JournalPlace | None) -> Sequence[JournalPlace]:
    """The journals that are to know, the old one last; a new one only if it is there, or the only one."""
    if before is None or after is None:
        return [place for place in (before, after) if place is not None]
    is_other = after.file.resolve() != before.file.resolve() and after.file.exists()
    return [after, before] if is_other else [before]


def _show(before: Version, after: Version, found: Sequence[Change]) -> None:
    if not found:
        runs = "what runs" if after.file == before.file else str(before.file)
        out.print(f"{after.file} says the same as {runs}", markup=False)
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


def _in_place(new: Path, running: Path, path: list[Path] | None) -> Version:
    """The new file where the old one is; MappingError if it would not be right there: it names files beside it."""
    try:
        return loaded(running, _reader(running, path), read_text(new))[1]
    except MappingError as error:
        problems = [
            dataclasses.replace(item, file=str(new), text=f"{item.text} once it is installed")
            if item.file == str(running)
            else item
            for item in error.problems
        ]
        raise MappingError(problems) from None
