"""What a change of a site file means (R18): the difference of two files key by key, and the class of each key."""

import dataclasses
import fnmatch
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from gateway.control.settings import Settings
from gateway.mapping.library import Library
from gateway.mapping.schema import SiteFile, load
from gateway.mapping.source import parse


class Class(IntEnum):
    """How far a change reaches; the farthest decides."""

    COSMETIC = 1
    THRESHOLDS = 2
    TOPOLOGY = 3


NEEDS: Mapping[Class, str] = {
    Class.COSMETIC: "nothing: names and places of records",
    Class.THRESHOLDS: "the engineer's role, a select, and zero power",
    Class.TOPOLOGY: "all contactors open: topology, protocol, sign or who is where",
}
"What each class needs before it may take effect (R18)."

CLASSES: Sequence[tuple[str, Class]] = (
    ("title", Class.COSMETIC),
    ("containers/*/title", Class.COSMETIC),
    ("journal/*", Class.COSMETIC),
    ("metrics", Class.COSMETIC),
    ("cycle", Class.THRESHOLDS),
    ("stall_after", Class.THRESHOLDS),
    ("masters/*", Class.THRESHOLDS),
    ("listeners/*", Class.THRESHOLDS),
    ("faces/*/beyond_rating", Class.THRESHOLDS),
    ("containers/*/control/pcs/efficiency", Class.THRESHOLDS),
    ("containers/*/control/pcs/auxiliaries", Class.THRESHOLDS),
    ("containers/*/control/pcs/timeout", Class.THRESHOLDS),
    ("containers/*/control/pcs/*", Class.TOPOLOGY),
    ("containers/*/control/contactors", Class.TOPOLOGY),
    ("containers/*/control/*", Class.THRESHOLDS),
    ("*", Class.TOPOLOGY),
)
"Class of each key, the first pattern that fits; what is named nowhere reaches farthest."
_NAMED_BY = {
    "containers": ("name",),
    "masters": ("name",),
    "thresholds": ("row",),
    "alarms": ("alarm",),
    "faces": ("listen", "unit"),
    "listeners": ("at",),
}
"What tells the rows of a list apart; those of others by their place."
_DEFAULTS: Mapping[str, object] = {
    field.name: field.default
    for field in dataclasses.fields(Settings)
    if field.default is not dataclasses.MISSING
}
_CALLED = {"timeout": "pcs_timeout"}
"Keys whose setting has another name."
_DIGEST = 12
"Digits of a hash that are shown."


@dataclass(frozen=True, slots=True)
class Change:
    """One key that is not as it was."""

    key: str
    old: str
    new: str
    reach: Class

    def __str__(self) -> str:
        return f"{self.key}: {self.old or 'none'} -> {self.new or 'none'}"


@dataclass(frozen=True, slots=True)
class Version:
    """A site file with all that it names, as it is now."""

    file: Path
    text: str
    values: Mapping[str, str]
    "By key; defaults filled in."
    digests: Mapping[str, str]
    "sha256 of each file that it names, by the name it is called by."

    @property
    def digest(self) -> str:
        """sha256 of the file itself."""
        return digest_of(self.text)


def digest_of(text: str) -> str:
    """sha256 of a site file, as it is read."""
    return _sha256(text.encode())


def version(file: Path, library: Library, text: str) -> Version:
    """A text of a site file that `load_site` has read with this library; MappingError if it is none."""
    rows = load(parse(text, str(file)), SiteFile)
    found = {name: place for name, place in library.found.items() if place != file}
    digests = {name: _sha256(place.read_bytes()) for name, place in found.items()}
    return Version(file, text, dict(_flat("", rows.model_dump(by_alias=True))), digests)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _flat(key: str, value: object) -> Iterator[tuple[str, str]]:
    """Every value below a key."""
    name = key.rpartition("/")[2]
    if isinstance(value, dict):
        for inner, item in value.items():
            yield from _flat(f"{key}/{inner}".strip("/"), item)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for place, item in enumerate(value, 1):
            told = " ".join(str(item[part]) for part in _NAMED_BY.get(name, ())) or str(place)
            yield from _flat(f"{key}/{told}", item)
            if name == "masters":
                yield f"{key}/{told}/number", str(place)
    else:
        yield key, _spoken(name, value)


def _spoken(name: str, value: object) -> str:
    """A value as it is shown; one that is not given is the default."""
    if value is None:
        value = _DEFAULTS.get(_CALLED.get(name, name))
    value = getattr(value, "value", value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:.15g}"
    return "" if value is None or value in ([], ()) else str(value)


def reach(key: str) -> Class:
    """The class of a key."""
    return next(found for pattern, found in CLASSES if fnmatch.fnmatchcase(key, pattern))


def changes(old: Version, new: Version) -> list[Change]:
    """Everything that is not as it was, what reaches farthest first."""
    keys = dict.fromkeys((*old.values, *new.values))
    found = [
        Change(key, before, after, reach(key))
        for key in keys
        if (before := old.values.get(key, "")) != (after := new.values.get(key, ""))
    ]
    found += [
        Change(f"file {name}", before[:_DIGEST], after[:_DIGEST], Class.TOPOLOGY)
        for name, before in old.digests.items()
        if (after := new.digests.get(name, before)) != before
    ]
    return sorted(found, key=lambda change: -change.reach)
