"""Capture files: which format a file has, told by its content, and its frames in file order.

candump (all shapes) and GVRET/SavvyCAN csv are read here; ASC, BLF and TRC by python-can. A line that
makes no sense is counted and left out; a file of which no line makes sense is refused.
"""

import math
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import can
from can.io.blf import BLFParseError

from gateway.canbus.frame import ERROR, EXTENDED, IDENTIFIER, REMOTE, STANDARD_IDENTIFIER
from gateway.errors import MappingError, Problem
from gateway.links.message import message_key

_HEAD = 8192
"Bytes looked at to tell a format."


class Captured(NamedTuple):
    """A frame of a capture."""

    time: float
    "Seconds as the file counts them."
    channel: str
    key: int
    data: bytes


@dataclass(slots=True)
class Capture:
    """An open capture file."""

    path: Path
    format: str
    size: int
    "Bytes."
    unreadable: int = 0
    "Lines that made no sense so far."
    first_unreadable: int = 0
    "Number of the first of them; 0 if there is none."
    has_times: bool = True
    missing: int = 0
    "Bytes that the file's head speaks of and that are not there."

    def frames(self) -> Iterator[Captured]:
        """All frames in file order; MappingError if the file turns out to hold none."""
        count = 0
        try:
            for frame in _READERS[self.format](self):
                count += 1
                yield frame
        except _DAMAGED as error:
            text = f"breaks after {count} frames: {error}"
            raise MappingError(
                [Problem(str(self.path), text, remedy="cut the file there")]
            ) from None
        if not count:
            raise MappingError(
                [Problem(str(self.path), f"holds no frame that reads as {self.format}")]
            )

    def remarks(self) -> Iterator[str]:
        """What a reader of the frames should know, once they have been read."""
        if self.unreadable:
            place = f"first in line {self.first_unreadable}"
            yield f"{self.path}: {self.unreadable} lines make no sense, {place}"
        if self.missing:
            yield f"{self.path}: is cut off, {self.missing} bytes before its end"
        if not self.has_times:
            yield f"{self.path}: has no time stamps, all frames count as 0 s"

    def skip(self, line: int) -> None:
        """Count a line that makes no sense."""
        self.unreadable += 1
        self.first_unreadable = self.first_unreadable or line


def open_capture(path: Path) -> Capture:
    """Tell a file's format by its content; MappingError if it has none that is read."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        size = path.stat().st_size
    except OSError as error:
        raise MappingError([Problem(str(path), f"cannot be read: {error.strerror}")]) from None
    if name := next((name for name, fits in _FORMATS.items() if fits(head)), ""):
        return Capture(path, name, size)
    other = next(
        (name for start, name in _OTHERS.items() if head.startswith(start)), "no known capture"
    )
    text = f"is {other}, which is not read here"
    remedy = "export it as candump log, GVRET csv, ASC, BLF or TRC"
    raise MappingError([Problem(str(path), "is empty" if not head else text, remedy=remedy)])


_DAMAGED = (
    ValueError, LookupError, ArithmeticError, TypeError, AttributeError, EOFError, OSError,
    struct.error, zlib.error, BLFParseError, can.CanError,
)  # fmt: skip
"What python-can's readers let out on damaged files."
_HEX = r"[0-9A-Fa-f]"
_TIME = r"(?:\((?P<time>\d+\.\d+)\)\s+)?"
_COMPACT = re.compile(
    rf"^\s*{_TIME}(?P<channel>\S+)\s+(?P<id>{_HEX}{{8}}|{_HEX}{{3}})"
    rf"(?:##(?P<fd>{_HEX})|#)(?P<data>R\d?|(?:{_HEX}{{2}}\.?)*)(?:\s+[RT])?\s*$"
)
_SPACED = re.compile(
    rf"^\s*{_TIME}(?P<channel>\S+)\s+(?:[RT]X\s+)?(?:[-BE]+\s+)*(?P<id>{_HEX}{{8}}|{_HEX}{{3}})"
    rf"\s+\[(?P<size>\d+)\]\s*(?P<data>remote request|(?:{_HEX}{{2}}\s*)*)(?:'.*')?\s*$"
)
_BRACKETED = re.compile(
    rf"^\s*{_TIME}<0x(?P<id>{_HEX}{{8}}|{_HEX}{{3}})>\s+\[(?P<size>\d+)\]\s*(?P<data>(?:{_HEX}{{2}}\s*)*)$"
)
_SHAPES = (_COMPACT, _SPACED, _BRACKETED)


def _candump(capture: Capture) -> Iterator[Captured]:
    shapes = list(_SHAPES)
    channel = ""
    with capture.path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            if found := re.match(r"^interface = (\w+),", line):
                channel = found[1]
                continue
            for shape in shapes:
                if found := shape.match(line):
                    break
            else:
                capture.skip(number)
                continue
            if shape is not shapes[0]:
                shapes.remove(shape)
                shapes.insert(0, shape)
            frame = _from_candump(found, channel)
            if frame is None:
                capture.skip(number)
                continue
            capture.has_times = found["time"] is not None
            yield frame


def _from_candump(found: re.Match[str], channel: str) -> Captured | None:
    parts = found.groupdict()
    if not math.isfinite(float(parts["time"] or 0)):
        return None
    identifier = parts["id"]
    key = int(identifier, 16)
    if len(identifier) > 3:  # noqa: PLR2004 - candump writes 3 digits or 8
        key = key if key & ERROR else key | EXTENDED
    elif key > 0x7FF:  # noqa: PLR2004 - 11 bits
        return None
    text = parts["data"]
    if text.startswith(("R", "remote")):
        return Captured(
            float(parts["time"] or 0), parts.get("channel") or channel, key | REMOTE, b""
        )
    data = bytes.fromhex(text.replace(".", ""))
    if parts.get("size") is not None and len(data) != int(parts["size"]):
        return None
    return Captured(float(parts["time"] or 0), parts.get("channel") or channel, key, data)


_YES_OR_NO = {"true": True, "1": True, "false": False, "0": False}


def _gvret(capture: Capture) -> Iterator[Captured]:
    with capture.path.open(encoding="utf-8", errors="replace", newline="") as lines:
        bus = 4 if ",Dir," in next(lines) else 3
        for number, line in enumerate(lines, 2):
            if not line.strip():
                continue
            row = line.split(",")
            try:
                size = int(row[bus + 1])
                data = bytes(int(digits, 16) for digits in row[bus + 2 : bus + 2 + size])
                key = int(row[1], 16)
                extended = _YES_OR_NO[row[2].strip().lower()]
                time = int(row[0]) / 1e6
            except (ValueError, LookupError, OverflowError):
                capture.skip(number)
                continue
            widest = IDENTIFIER if extended else STANDARD_IDENTIFIER
            if len(data) != size or not 0 <= key <= widest:
                capture.skip(number)
                continue
            yield Captured(time, row[bus].strip(), key | EXTENDED if extended else key, data)


def _python_can(
    reader: Callable[[Capture], Iterator[can.Message]],
) -> Callable[[Capture], Iterator[Captured]]:
    def frames(capture: Capture) -> Iterator[Captured]:
        for message in reader(capture):
            key = message_key(message)
            yield Captured(message.timestamp, str(message.channel), key, bytes(message.data))

    return frames


def _asc(capture: Capture) -> Iterator[can.Message]:
    with capture.path.open(encoding="utf-8", errors="replace") as file:
        yield from can.ASCReader(file)


def _blf(capture: Capture) -> Iterator[can.Message]:
    with capture.path.open("rb") as file:
        reader = can.BLFReader(file)
        capture.missing = max(0, reader.file_size - capture.size)
        yield from reader


def _trc(capture: Capture) -> Iterator[can.Message]:
    with capture.path.open(encoding="utf-8", errors="replace") as file:
        yield from can.TRCReader(file)


def _looks_like_candump(head: bytes) -> bool:
    lines = head.decode("utf-8", "replace").splitlines()
    whole = len(head) < _HEAD
    lines = lines if whole or not lines[1:] else lines[:-1]  # the last one may be cut
    told = [line for line in lines if line.strip() and not line.startswith(("#", "interface ="))]
    fitting = sum(any(shape.match(line) for shape in _SHAPES) for line in told)
    only_remarks = not told and not whole and head.startswith(b"#")
    return fitting * 2 > len(told) or only_remarks


def _looks_like_asc(head: bytes) -> bool:
    return bool(re.search(rb"^base\s+(hex|dec)\b", head[:_HEAD], re.MULTILINE | re.IGNORECASE))


_FORMATS: Mapping[str, Callable[[bytes], bool]] = {
    "BLF": lambda head: head.startswith(b"LOGG"),
    "TRC": lambda head: bool(re.match(rb"\s*;\s*(\$FILEVERSION|##)", head)),
    "ASC": _looks_like_asc,
    "GVRET csv": lambda head: head.lstrip(b"\xef\xbb\xbf").startswith(
        (b"Time Stamp,ID,Extended,Bus,LEN", b"Time Stamp,ID,Extended,Dir,Bus,LEN")
    ),
    "candump": _looks_like_candump,
}
_READERS: Mapping[str, Callable[[Capture], Iterator[Captured]]] = {
    "BLF": _python_can(_blf),
    "TRC": _python_can(_trc),
    "ASC": _python_can(_asc),
    "GVRET csv": _gvret,
    "candump": _candump,
}
_OTHERS = {
    b"MDF ": "an ASAM MF4 file",
    b"UnFinMF": "an ASAM MF4 file",
    b"\xd4\xc3\xb2\xa1": "a pcap file",
    b"\xa1\xb2\xc3\xd4": "a pcap file",
    b"\x0a\x0d\x0d\x0a": "a pcapng file",
    b"***BUSMASTER": "a BusMaster log",
    b"ID,Data Bytes": "a csv of identifiers without times",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
}
