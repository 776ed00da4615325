"""What can be wrong with a PCS map."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence

from gateway.mapping.notation import numbers
from gateway.mapping.pcs import FACTS, MEASURES, Read, Write
from gateway.mapping.schema import PcsFile
from gateway.mapping.schema.pcs import PlacedRow, ReadRow, WriteRow
from gateway.mapping.source import Location, Source, did_you_mean
from gateway.mapping.words import TYPES

Flaw = tuple[Location, str, str]
"Where, what is wrong, what to do about it."

TURNED = {"power", "dc_current"}
"What `sign` turns round."
_SIGNED = {"power", "dc_current", "reactive"}
_LIMITS = {"charge_current", "discharge_current"}
_CODES = ("run", "stop", "standby")
_SCALED = {*MEASURES, *_LIMITS}
_ONLY: Mapping[str, Collection[str]] = {
    "when": FACTS, "timeout": {"heartbeat"}, "codes": {"run"}, "wrap": {"heartbeat"},
    "max": _SCALED, "sign": TURNED, "scale": _SCALED, "offset": _SCALED,
}  # fmt: skip
"Which rows may have a key."
_NEEDED = (("reads", "power"), ("reads", "running"), ("writes", "power"), ("writes", "run"))
_REGISTERS = 65536
_BETWEEN = 1e-6  # counts


def words_of(row: Read | Write) -> int:
    """How many registers a row has."""
    return row.coding.kind.words


def flaws(file: PcsFile, source: Source) -> Iterator[Flaw]:
    """Everything that is wrong with a file."""
    parts: Mapping[str, Sequence[ReadRow | WriteRow]] = {"reads": file.reads, "writes": file.writes}
    for part, rows in parts.items():
        for index, row in enumerate(rows):
            for key, text, remedy in _row(row):
                yield (part, index, *key), text, remedy
        yield from _twice(part, rows, source)
    yield from _overlaps(file.writes, source)
    for part, what in _NEEDED:
        if all(row.what != what for row in parts[part]):
            yield (part,), f"no row has what: {what}", "a PCS cannot be driven without it"
    if file.poll > file.watchdog.seconds / 2:
        text = f"a poll of {file.poll:g} s does not keep a watchdog of {file.watchdog.seconds:g} s"
        yield ("poll",), text, "poll at least twice in its time (R16)"


def _row(row: ReadRow | WriteRow) -> Iterator[Flaw]:
    """What is wrong with a row."""
    for key, owners in _ONLY.items():
        if key in row.model_fields_set and row.what not in owners:
            yield (key,), f"only {', '.join(sorted(owners))} may have {key}:", "remove it"
    yield from _placed(row, row.what)
    yield from _read(row) if isinstance(row, ReadRow) else _write(row)


def _read(row: ReadRow) -> Iterator[Flaw]:
    """What is wrong with a row that is read."""
    if (row.what is None) == (row.expect is None):
        yield (), "a row that is read has one of what: and expect:", ""
    if row.expect is not None and not _fits(row, row.expect):
        yield ("expect",), f"{row.type} never reads {row.expect}", "correct one of them"
    if row.what in FACTS:
        yield from _when(row)


def _when(row: ReadRow) -> Iterator[Flaw]:
    """What is wrong with the values and bits of a state."""
    when = row.when
    if when is None or (when.values is None and when.bits is None):
        yield (), f"'{row.what}' needs when:", "say when: {values: 2}, or when: {bits: 0}"
        return
    bits = 16 * TYPES[row.type].words
    for key, given in (("values", when.values), ("bits", when.bits)):
        try:
            meant = numbers(given) if given is not None else ()
        except ValueError as error:
            yield ("when", key), str(error), ""
            continue
        for number in meant:
            if key == "bits" and not 0 <= number < bits:
                yield ("when", key), f"{row.type} has no bit {number}", "bits count from 0"
            elif key == "values" and not _fits(row, number):
                yield ("when", key), f"{row.type} never reads {number}", "correct one of them"


def _write(row: WriteRow) -> Iterator[Flaw]:
    """What is wrong with a row that is written."""
    if (row.what is None) == (row.const is None):
        yield (), "a row that is written has one of what: and const:", ""
    if row.const is not None and not _fits(row, row.const):
        yield ("const",), f"{row.const} does not fit into {row.type}", "choose a wider type"
    if row.what == "run":
        yield from _codes(row)
    if row.wrap is not None and not _fits(row, row.wrap - 1):
        yield ("wrap",), f"{row.type} does not count to {row.wrap - 1}", "choose a wider type"
    if row.what in _LIMITS and not _reach(row)[1] > 0:
        yield ("type",), f"a limit above 0 cannot be said in {row.type} so", "change the scale"


def _codes(row: WriteRow) -> Iterator[Flaw]:
    """What is wrong with the codes of `run`."""
    for name, code in row.codes.items():
        if name not in _CODES:
            near = did_you_mean(name, _CODES)
            yield ("codes", name), f"'{name}' is nothing that a PCS is told", near
        if not _fits(row, code):
            yield ("codes", name), f"{code} does not fit into {row.type}", "choose a wider type"
    for name in ("run", "stop"):
        if name not in row.codes:
            yield ("codes",), f"there is no code for '{name}'", "say codes: {run: 1, stop: 0}"
    if "run" in row.codes and list(row.codes.values()).count(row.codes["run"]) > 1:
        yield ("codes", "run"), "run has the code of something else", "correct one of them"


def _placed(row: PlacedRow, what: str | None) -> Iterator[Flaw]:
    """What is wrong with a row's place, type and scaling."""
    kind = TYPES[row.type]
    if row.at + kind.words > _REGISTERS:
        yield ("at",), f"reaches register {row.at + kind.words - 1}; the last is 65535", ""
    if what in _SCALED:
        yield from _scaled(row, str(what))
    elif kind.is_float:
        yield ("type",), f"{row.type} is no whole number", "choose a whole type"


def _scaled(row: PlacedRow, what: str) -> Iterator[Flaw]:
    """Numbers that make no value, and values that cannot be said."""
    if row.scale == 0 or not math.isfinite(row.scale):
        yield ("scale",), f"a scale of {row.scale:g} makes no value", "give what one count is worth"
        return
    if not math.isfinite(row.offset):
        yield ("offset",), f"an offset of {row.offset:g} makes no value", "give a number"
        return
    kind, zero = TYPES[row.type], -row.offset / row.scale
    between = not kind.is_float and abs(zero - round(zero)) > _BETWEEN
    if isinstance(row, WriteRow) and (between or not kind.low <= zero <= kind.high):
        yield (), f"zero {what} cannot be said in {row.type} with this scale and offset", ""
    elif what in _SIGNED and not _reach(row)[0] < 0 < _reach(row)[1]:
        text = f"{what} has two directions, and {row.type} says one"
        yield ("type",), text, "choose a signed type, or give an offset"


def _reach(row: PlacedRow) -> tuple[float, float]:
    """The least and greatest value that a row can say."""
    kind = TYPES[row.type]
    ends = [bound * row.scale + row.offset for bound in (kind.low, kind.high)]
    return min(ends), max(ends)


def _fits(row: PlacedRow, number: int) -> bool:
    low, high = TYPES[row.type].bounds
    return low <= number <= high


def _twice(part: str, rows: Sequence[ReadRow | WriteRow], source: Source) -> Iterator[Flaw]:
    """Rows that say the same thing again; states may have several, which count together."""
    first: dict[str, int] = {}
    for index, row in enumerate(rows):
        if row.what is None or row.what in FACTS:
            continue
        if row.what in first:
            line = source.values[part, first[row.what]][0]
            yield (part, index, "what"), f"{row.what} is already in line {line}", "remove one"
        first.setdefault(row.what, index)


def _overlaps(rows: Sequence[WriteRow], source: Source) -> Iterator[Flaw]:
    """Registers that two rows would write."""
    owner: dict[int, int] = {}
    for index, row in enumerate(rows):
        places = range(row.at, row.at + TYPES[row.type].words)
        taken: Mapping[int, int] = {place: owner[place] for place in places if place in owner}
        for place, other in list(taken.items())[:1]:
            line = source.values["writes", other][0]
            text = f"register {place} is already written by line {line}"
            yield ("writes", index), text, "move one of the rows"
        owner.update(dict.fromkeys(places, index))
