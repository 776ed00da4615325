"""A frame file together with the database that it is bound to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import MissingDatabase
from gateway.mapping.database import Database, load_database
from gateway.mapping.library import Library
from gateway.mapping.schema import FrameFile, load
from gateway.mapping.source import Source, parse, read_text


@dataclass(frozen=True, slots=True)
class Protocol:
    """A frame file with its database."""

    source: Source
    rows: FrameFile
    database: Database | None


def load_protocol(library: Library, name: str, beside: Sequence[Path] = ()) -> Protocol:
    """Read a frame file and its database; MappingError or MissingDatabase if either is not right."""
    path = library.need(name, "frames", "frame file", beside)
    source = parse(read_text(path), str(path))
    rows = load(source, FrameFile)
    if rows.database is None:
        return Protocol(source, rows, None)
    wanted = rows.database
    found = library.find(wanted.file, "frames", (path.parent, *beside))
    if found is None:
        origin = f"get it from {wanted.source} and " if wanted.source else ""
        digest = f" (sha256 {wanted.sha256})" if wanted.sha256 else ""
        problem = source.problem(
            ("database", "file"),
            f"the database {wanted.file} is not here",
            f"{origin}name its folder with --path or ESSGW_PATH{digest}",
        )
        raise MissingDatabase([problem])
    return Protocol(source, rows, load_database(found, wanted.sha256))
