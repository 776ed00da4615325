"""The site file that was taken over last, as the journal keeps it: what a start runs with (R18).

A file that was edited and not applied does not act at a start, not even if it is wrong. The kept text does, with
the names in it found beside the site file. Its text alone is kept: what it names is read as it is now.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gateway.cli.changes import Change, Class, Version, changes, digest_of, version
from gateway.errors import MappingError
from gateway.links.journal_file import left_in
from gateway.mapping.library import Library
from gateway.mapping.site import JournalPlace, Site
from gateway.mapping.source import Source, parse, read_text

_KEY = "site"
"Under which the journal keeps it."
_ROWS = 200_000
"Events of a journal that the kept text does not name."
_JOURNAL = re.compile(r"^journal:.*(?:\n(?:[ \t#].*)?)*", re.MULTILINE)
"The part of a site file that says where the journal is."
Read = Callable[[Source], tuple[Site, Library]]


class Kept(NamedTuple):
    """What was taken over last."""

    text: str
    files: Mapping[str, str]
    "sha256 of each file that it named, by name."

    @classmethod
    def of(cls, taken: Version) -> "Kept":
        """What is kept of a version."""
        return cls(taken.text, dict(taken.digests))

    @property
    def row(self) -> Mapping[str, str]:
        """As the journal keeps it."""
        return {_KEY: json.dumps(self._asdict())}


@dataclass(frozen=True, slots=True)
class Start:
    """What a gateway starts with."""

    site: Site
    version: Version
    kept: Kept | None
    "What had been taken over before."
    digest: str
    "sha256 of the file as it is."
    taken: Sequence[Change] = ()
    "What is not as it was when it ran last."
    unlike: str = ""
    "Why the file is not what runs; '' if it is."
    lost: str = ""
    "Why what was kept cannot be used; '' if it can."


def kept_in(rows: Mapping[str, str]) -> Kept | None:
    """What was taken over last, among all that a journal keeps."""
    try:
        known = json.loads(rows.get(_KEY, "null"))
    except ValueError:
        return None  # written by nobody who knows how
    match known:
        case {"text": str(text), "files": dict(files)}:
            return Kept(text, {str(name): str(digest) for name, digest in files.items()})
    return None


def journal_named(file: Path, text: str) -> Path | None:
    """The journal that a site file names, also if the file is wrong elsewhere; None if there is none."""
    for part in (text, *_JOURNAL.findall(text)):
        with suppress(MappingError):
            match parse(part, str(file)).data:
                case {"journal": {"file": str(name)}}:
                    return file.parent / name
    return None


def kept_of(file: Path, text: str) -> tuple[Path | None, Kept | None]:
    """The journal that a site file names, and what that keeps of the file."""
    journal = journal_named(file, text)
    return journal, None if journal is None else kept_in(left_in(journal)[1])


def loaded(file: Path, read: Read, text: str | None = None) -> tuple[Site, Version]:
    """A site and the version it was read from; `text` is what the file says, if that is known."""
    text = read_text(file) if text is None else text
    site, library = read(parse(text, str(file)))
    return site, version(file, library, text)


def recalled(file: Path, read: Read, kept: Kept, journal: Path) -> tuple[Site, Version]:
    """The same from what is kept: its journal is where it was found."""
    site, library = read(parse(kept.text, f"{file} as it was taken over last"))
    place = site.journal or JournalPlace(journal, _ROWS, None)
    site = dataclasses.replace(site, journal=dataclasses.replace(place, file=journal))
    return site, version(file, library, kept.text)


def begin(file: Path, read: Read) -> Start:
    """What a start runs with: what ran last, unless the file differs from it in words alone.

    If what ran last cannot be used any more the file is taken: without a gateway nobody keeps BMUs and PCS alive.
    """
    text, lost = read_text(file), list[MappingError]()
    journal, kept = kept_of(file, text)
    unlike = "" if kept is None else differs(file, text, kept)
    if journal is not None and kept is not None and unlike:
        try:
            site, runs = recalled(file, read, kept, journal)
            return Start(site, runs, kept, digest_of(text), _since(file, kept, runs), unlike)
        except MappingError as error:
            lost.append(error)
    try:
        site, runs = loaded(file, read, text)
    except MappingError as error:
        if not lost:
            raise
        raise MappingError([*error.problems, *lost[0].problems]) from None
    told = "".join(str(error.problems[0]) for error in lost)
    return Start(site, runs, kept, runs.digest, _since(file, kept, runs), lost=told)


def remedy_for(file: Path) -> str:
    """What brings the file to act."""
    return f"`essgw apply {file} --install`"


def differs(file: Path, text: str, kept: Kept) -> str:
    """Why a file must not act by itself; '' if it says the same in all that acts."""
    if text == kept.text:
        return ""
    try:
        found = version(file, Library(), text)
    except MappingError as error:
        return str(error.problems[0])
    try:
        ran = version(file, Library(), kept.text)
    except MappingError:
        return "what ran last cannot be read any more"
    acting = [change for change in changes(ran, found) if change.reach > Class.COSMETIC]
    more = f", and {len(acting) - 1} more" if acting[1:] else ""
    return "".join(f"{change.reach.name.lower()}: {change}" for change in acting[:1]) + more


def as_taken(runs: Version, kept: Kept) -> Version:
    """A version of the kept text with the files as they were when it was taken over."""
    return dataclasses.replace(runs, digests=kept.files)


def _since(file: Path, kept: Kept | None, runs: Version) -> Sequence[Change]:
    """What has changed from what was taken over last to what runs; nothing if that cannot be told."""
    with suppress(MappingError):
        if kept is not None:
            return changes(as_taken(version(file, Library(), kept.text), kept), runs)
    return ()
