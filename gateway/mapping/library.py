"""Where files are looked for by name: sites, register maps, frame files, PCS maps, databases.

As a path, beside the file that names it, in the folders of the search path, in the installed mappings;
never below them. The first hit wins and is kept in `found`, for the log.
"""

import importlib.resources
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import MappingError, Problem
from gateway.mapping.source import did_you_mean


@dataclass(slots=True)
class Library:
    """A search path, and what was found along it."""

    folders: Sequence[Path] = ()
    found: dict[str, Path] = field(default_factory=dict)

    def find(self, name: str, kind: str, beside: Sequence[Path] = ()) -> Path | None:
        """The first file of that name; `kind` is a folder of the installed mappings. None if there is none.

        A name without `.yaml` also finds the file with it.
        """
        names = [name] if Path(name).suffix in {".yaml", ".yml"} else [name, f"{name}.yaml"]
        bare = [part for part in names if Path(part).name == part]
        candidates = [Path(part) for part in names]
        candidates += [folder / part for folder in beside for part in names]
        for folder in (*self.folders, installed() / kind):
            candidates += [folder / part for part in bare]
        for candidate in candidates:
            if _is_file(candidate):
                self.found[name] = candidate
                return candidate
        return None

    def need(self, name: str, kind: str, what: str, beside: Sequence[Path] = ()) -> Path:
        """The same, or a MappingError that says what there is."""
        path = self.find(name, kind, beside)
        if path is None:
            near = did_you_mean(name, self.known(kind, beside))
            raise MappingError([Problem(name, f"no such {what}", remedy=near)])
        return path

    def known(self, kind: str, beside: Sequence[Path] = ()) -> set[str]:
        """The names that `find` would find."""
        folders = (*beside, *self.folders, installed() / kind)
        return {item.stem for folder in folders for item in folder.glob("*.yaml")}


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system, or a folder that may not be entered
        return False


def installed() -> Path:
    """The folder of the mappings that come with the gateway."""
    return Path(str(importlib.resources.files("mappings")))
