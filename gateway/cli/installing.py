"""A site file put in the place of another, with its trace: all of it or nothing (R18, R41)."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from gateway.cli.changes import Change, Version
from gateway.cli.kept import Kept
from gateway.errors import GatewayError, MappingError, Problem
from gateway.links.clock import clock_is_synchronised
from gateway.links.journal import Journal
from gateway.mapping.site import JournalPlace
from gateway.model.event import KINDS, Event


def install_file(
    before: Version, after: Version, found: Sequence[Change], places: Sequence[JournalPlace]
) -> Path:
    """Replace the file, then have it taken over; gives where the old one is kept.

    What is in a journal acts, the file does not: if this ends between the two, what ran goes on.
    """
    with ExitStack() as stack:
        journals = [stack.enter_context(closing(_opened(place))) for place in places]
        kept = stack.enter_context(_replaced(before, after))
        for place, journal in zip(places, journals, strict=True):
            _record(before, after, found, journal)
            if not journal.close() or journal.failed:
                text = (
                    f"the change cannot be journalled: {journal.failed or 'the disk is too slow'}"
                )
                raise MappingError([Problem(str(place.file), text, remedy="nothing was installed")])
    return kept


def _opened(place: JournalPlace) -> Journal:
    """A journal to write to; LinkError while a gateway does."""
    return Journal(place.file, rows=place.rows, utc=time.time, synchronised=clock_is_synchronised)


@contextmanager
def _replaced(before: Version, after: Version) -> Iterator[Path]:
    """Put the new text in place, and the old one back if anything goes wrong; gives where that is kept."""
    file = before.file
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    kept, part = file.with_name(f"{file.name}.{stamp}"), file.with_name(f".{file.name}.part")
    is_in_place = file.read_text(encoding="utf-8") == after.text
    try:
        if is_in_place:
            _write(kept, before.text)
        else:
            shutil.copy2(file, kept)
            _write(part, after.text)
            shutil.copymode(file, part)
            part.replace(file)
    except OSError as error:
        for left in (kept, part):
            left.unlink(missing_ok=True)
        raise _unwritten(file, error) from None
    try:
        yield kept
    except GatewayError:
        if is_in_place:
            kept.unlink()
        else:
            kept.replace(file)
        raise


def _write(file: Path, text: str) -> None:
    with file.open("w", encoding="utf-8") as target:
        target.write(text)
        target.flush()
        os.fsync(target.fileno())


def _unwritten(file: Path, error: OSError) -> MappingError:
    text = f"cannot be replaced: {error.strerror}"
    return MappingError([Problem(str(file), text, remedy="check the rights of its folder")])


def _record(before: Version, after: Version, found: Sequence[Change], journal: Journal) -> None:
    """Who, from what to what, and the new text, at once on disk."""
    author, now = os.environ.get("USER") or f"user {os.getuid()}", time.monotonic()
    head = f"of {before.file}, sha256 {before.digest} -> {after.digest}, by {author}"
    details = [head, *map(str, found)]
    events = [
        Event(KINDS["settings"], now, origin=author, row="site", detail=detail)
        for detail in details
    ]  # fmt: skip
    journal.write(events, Kept.of(after).row)
