"""CAN databases (DBC, KCD and whatever else cantools reads) as our own signal tables.

cantools reads at load and is not used afterwards. DBC files come in UTF-8 and in Windows' code page; both
are tried. What cantools refuses, or what holds no message, is a problem with a place and a remedy.
"""

import collections
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cantools.database
import cantools.errors
from cantools.database.can import Message as DatabaseMessage
from cantools.database.can import Signal as DatabaseSignal

from gateway.canbus.frame import key_of
from gateway.canbus.signal import Coding, Order, Signal
from gateway.errors import MappingError, Problem

_LONGEST = 1785
"Bytes of a message by J1939's transport protocol (SAE J1939-21)."


@dataclass(frozen=True, slots=True)
class Described:
    """A message as a database describes it."""

    name: str
    key: int
    length: int
    signals: Mapping[str, Signal]


@dataclass(frozen=True, slots=True)
class Database:
    """The messages of a database by name."""

    path: Path
    messages: Mapping[str, Described]
    shared: Mapping[int, tuple[str, ...]]
    "Keys that several messages claim, with their names."
    doubled: frozenset[str]
    "Names that several messages have."


def load_database(path: Path, sha256: str | None = None) -> Database:
    """Read a database; MappingError if it is not the file meant, is refused, or is empty."""
    file = str(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MappingError([Problem(file, f"cannot be read: {error.strerror}")]) from None
    digest = hashlib.sha256(content).hexdigest()
    if sha256 is not None and digest != sha256:
        raise MappingError(
            [Problem(file, f"is not the file that was meant (its sha256 is {digest})",
                     remedy="get that file, or check this one and change sha256")]
        )  # fmt: skip
    database = _parsed(path, content)
    if not database.messages:
        remedy = "a database needs BO_ lines" if path.suffix.lower() == ".dbc" else ""
        raise MappingError([Problem(file, "describes no message", remedy=remedy)])
    described = [_described(message) for message in database.messages]
    claims = collections.defaultdict(list)
    for message in described:
        claims[message.key].append(message.name)
    shared = {key: tuple(names) for key, names in claims.items() if len(names) > 1}
    names = collections.Counter(message.name for message in described)
    doubled = frozenset(name for name, count in names.items() if count > 1)
    return Database(path, {message.name: message for message in described}, shared, doubled)


def _parsed(path: Path, content: bytes) -> cantools.database.can.Database:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    _check_lengths(str(path), text)
    try:
        database = cantools.database.load_string(text, _format(path, text))
    except cantools.errors.Error as error:
        raise MappingError([_refusal(str(path), str(error))]) from None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        # cantools lets these out on files that are damaged rather than wrong
        raise MappingError([_refusal(str(path), f"{type(error).__name__}: {error}")]) from None
    if not isinstance(database, cantools.database.can.Database):
        raise MappingError([_refusal(str(path), "it describes no CAN bus")])
    return database


def _check_lengths(file: str, text: str) -> None:
    """Refuse messages longer than anything on a CAN bus: cantools would think about them for minutes."""
    for found in re.finditer(r"^BO_ +\d+ +\w+ *: *(\d+)", text, re.MULTILINE):
        if int(found[1]) > _LONGEST:
            line = text.count("\n", 0, found.start()) + 1
            told = f"a message of {found[1]} bytes; J1939's longest has {_LONGEST}"
            raise MappingError([Problem(file, told, line, 1, "mend the database, then try again")])


def _format(path: Path, text: str) -> str | None:
    """The format by suffix, or by content where the suffix says nothing."""
    known = {".dbc": "dbc", ".kcd": "kcd", ".sym": "sym", ".arxml": "arxml"}
    return known.get(path.suffix.lower()) or ("dbc" if "BO_ " in text else None)


def _refusal(file: str, reason: str) -> Problem:
    place = re.search(r"line (\d+), column (\d+)", reason)
    line, column = (int(place[1]), int(place[2])) if place else (0, 0)
    reason = " ".join(reason.split())
    return Problem(file, f"is refused: {reason}", line, column, "mend the database, then try again")


def _described(message: DatabaseMessage) -> Described:
    key = key_of(message.frame_id, extended=message.is_extended_frame)
    return Described(
        message.name, key, message.length, {part.name: _signal(part) for part in message.signals}
    )


def _signal(part: DatabaseSignal) -> Signal:
    if part.conversion.is_float:
        coding = Coding.FLOAT
    else:
        coding = Coding.SIGNED if part.is_signed else Coding.UNSIGNED
    when: dict[str, tuple[int, ...]] = {}
    if part.multiplexer_signal is not None:
        when[part.multiplexer_signal] = tuple(part.multiplexer_ids or ())
    return Signal(
        part.name,
        part.start,
        part.length,
        Order.BIG if part.byte_order == "big_endian" else Order.LITTLE,
        coding,
        part.scale,
        part.offset,
        part.unit or "",
        {int(raw): str(text) for raw, text in (part.choices or {}).items()},
        when,
    )
