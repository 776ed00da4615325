"""PCS maps: from a YAML file to something that reads and writes whole requests."""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from gateway.mapping.library import Library
from gateway.mapping.notation import numbers
from gateway.mapping.pcs import Coding, PcsMap, Read, ReadSpan, Write
from gateway.mapping.pcs_rows import TURNED, flaws, words_of
from gateway.mapping.schema import PcsFile, load
from gateway.mapping.schema.pcs import PlacedRow, ReadRow, WriteRow
from gateway.mapping.source import Source, parse, read_text
from gateway.mapping.words import TYPES, Arrangement

_MOST_READ, _MOST_WRITTEN = 125, 123
"Registers of one request (APP V1.1b3 clause 6)."
_STILL = 5.0
"Seconds for which a PCS's heartbeat may stand still, unless its row says otherwise."
_RANKS = {
    "": 0, "reset": 0, "charge_current": 1, "discharge_current": 1, "reactive": 2, "power": 3,
    "heartbeat": 4, "run": 5,
}  # fmt: skip
"What goes out first on the way to running: what narrows before what widens, the permission last."
_LAST = {"heartbeat", "run"}


def load_pcs(library: Library, name: str, beside: Sequence[Path] = ()) -> PcsMap:
    """Read a PCS map by path or name; MappingError with every problem."""
    path = library.need(name, "pcs", "PCS map", beside)
    return pcs_map(parse(read_text(path), str(path)))


def pcs_map(source: Source) -> PcsMap:
    """A PCS map of a parsed file; MappingError with every problem."""
    file = load(source, PcsFile)
    for at, text, remedy in flaws(file, source):
        source.report(at, text, remedy)
    source.stop()
    reads = tuple(_read(file, row) for row in file.reads)
    return PcsMap(
        file.pcs, file.unit, file.poll, file.watchdog.seconds, file.watchdog.reads_count,
        file.unverified, reads, tuple(_read_spans(reads, file.bridge)),
        _write_spans([_write(file, row) for row in file.writes]),
    )  # fmt: skip


def _coding(file: PcsFile, row: PlacedRow, what: str | None) -> Coding:
    turned = what in TURNED and (row.sign or file.sign) == "charge"
    factor = -1.0 if turned else 1.0
    order = Arrangement(row.word_order or file.word_order, row.byte_order or file.byte_order)
    return Coding(TYPES[row.type], order, row.scale * factor, row.offset * factor)


def _read(file: PcsFile, row: ReadRow) -> Read:
    values = numbers(row.when.values) if row.when and row.when.values is not None else ()
    bits = numbers(row.when.bits) if row.when and row.when.bits is not None else ()
    return Read(
        row.what or "", row.table, row.at, _coding(file, row, row.what), frozenset(values),
        sum(1 << bit for bit in set(bits)), row.expect, row.timeout or _STILL,
    )  # fmt: skip


def _write(file: PcsFile, row: WriteRow) -> Write:
    coding = _coding(file, row, row.what)
    if row.max is not None:
        coding = dataclasses.replace(coding, most=row.max)
    wrap = row.wrap or int(coding.kind.bounds[1]) + 1 if row.what == "heartbeat" else 1
    codes = row.codes if row.what == "run" else None
    return Write(row.what or "", row.at, coding, row.const or 0, codes, wrap)


def _read_spans(rows: Iterable[Read], bridge: int) -> list[ReadSpan]:
    """Requests that read all rows, none of them in parts."""
    spans: list[ReadSpan] = []
    for table, first, words in sorted({(row.table, row.at, words_of(row)) for row in rows}):
        last = spans[-1] if spans else ReadSpan("", 0, 0)
        quantity = first + words - last.first
        near = table == last.table and first - last.first - last.quantity <= bridge
        if near and quantity <= _MOST_READ:
            spans[-1] = ReadSpan(table, last.first, max(last.quantity, quantity))
        else:
            spans.append(ReadSpan(table, first, words))
    return spans


def _write_spans(rows: Iterable[Write]) -> tuple[tuple[Write, ...], ...]:
    """Requests that write all rows and nothing else, in the order of the way to running."""
    spans: list[list[Write]] = []
    for row in sorted(rows, key=lambda row: (row.what in _LAST, row.at)):
        span = spans[-1] if spans else []
        joins = (
            span
            and (row.what in _LAST) == (span[-1].what in _LAST)
            and row.at == span[-1].at + words_of(span[-1])
            and row.at + words_of(row) - span[0].at <= _MOST_WRITTEN
        )
        if joins:
            span.append(row)
        else:
            spans.append([row])
    spans.sort(key=lambda span: max(_RANKS[row.what] for row in span))
    return tuple(tuple(span) for span in spans)
