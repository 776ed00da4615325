"""The native map: what is published stays where it is.

`PYTHONPATH=tests python tests/mapping/test_native_map.py` writes the golden file anew. Lines may be added to
it; one that changes breaks every client that reads it (G5).
"""

import csv
import io
import struct
from collections import Counter
from collections.abc import Iterator

import pytest
from mapping.written import picture, words

from gateway.control.panel import PANEL
from gateway.mapping.library import Library, installed
from gateway.mapping.placing import compile_map
from gateway.mapping.registers import Entry, MapRows, entries, load_map
from gateway.mapping.schema.registers import ConstantRow
from gateway.mapping.shown import SHOWN, point_of
from gateway.mapping.words import TYPES, Arrangement, from_words, text_from_words
from gateway.model.command import INSTRUCTIONS
from gateway.model.pack import Layout, Topology
from gateway.model.point import POINTS, Kind, Scope

GOLDEN = installed() / "registers" / "native.golden.csv"
COLUMNS = (
    "address", "words", "type", "scale", "offset", "sign", "word_order", "byte_order", "missing",
    "quality_at", "age_at", "shows", "access", "rack", "module", "cell", "bit",
)  # fmt: skip
DEMO = Topology(12, 8, 52, 52)
PLANT = 100
"Registers of the plant block."
OTHERS = [
    Topology(1), Topology(16, 32, 15, 15), Topology(40, 8, 52, 52), Topology(3, 5, 100, 4),
]  # fmt: skip
CONSTANTS = {
    60200: ("u16", 0x1234),
    60201: ("i16", -12345),
    60202: ("u32", 0x12345678),
    60204: ("i32", -123456789),
    60206: ("u64", 0x000123456789ABCD),
    60210: ("f32", 1234.5),
    60212: ("f64", -9876.54321),
}
CODES = {"u16": "H", "i16": "h", "u32": "I", "i32": "i", "u64": "Q", "f32": "f", "f64": "d"}


def native() -> MapRows:
    """The map as it is installed."""
    return load_map(Library(), "native")


def lines(rows: MapRows) -> Iterator[tuple[str, ...]]:
    """Published places: everything but racks 2 to 11, inner modules, and inner cells and sensors."""
    for entry in entries(rows, Layout(DEMO)):
        point = point_of(entry.row)
        if point is not None and point.scope in {Scope.INTERLOCK, Scope.RESULT, Scope.MASTER}:
            yield _line(rows, entry)
            continue
        corners = zip(entry.indices, (DEMO.racks, DEMO.modules, DEMO.cells), strict=False)
        if all(index in {1, last} for index, last in corners):
            yield _line(rows, entry)


def _line(rows: MapRows, entry: Entry) -> tuple[str, ...]:
    row = entry.row
    missing, order, mirrors = rows.missing(row), rows.arrangement(row), rows.rows.mirrors
    assert mirrors is not None
    shown = missing.constant if isinstance(missing, ConstantRow) else missing
    point, mirrored = point_of(row), rows.is_mirrored(row, entry.address)
    cells = (
        entry.address, entry.words, row.type, f"{row.scale:g}", f"{row.offset:g}",
        (row.sign or rows.rows.sign) if point and point.signed else "",
        order.word_order, order.byte_order, shown if point else "",
        entry.address + mirrors.quality if mirrored else "",
        entry.address + mirrors.age if mirrored else "",
        row.shows or row.identity or row.const, "write" if row.command else "", *entry.indices, *[""] * (3 - len(entry.indices)),
        "" if entry.bit is None else entry.bit,
    )  # fmt: skip
    return tuple(str(cell) for cell in cells)


def golden(rows: MapRows) -> str:
    """The golden file of a map."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    told: list[tuple[str, ...]] = list(lines(rows))
    told.sort(key=lambda line: (int(line[0]), line[-1]))
    writer.writerows([COLUMNS, *told])
    return text.getvalue()


def test_nothing_published_has_moved() -> None:
    """The map and its golden file say the same; the first lines here tell how to write it anew."""
    assert golden(native()).splitlines() == GOLDEN.read_text().splitlines()


def test_the_plant_block_is_one_read() -> None:
    """All values of the container, alarms included, lie in the first 100 registers."""
    plant = [
        entry for entry in entries(native(), Layout(DEMO))
        if entry.row.shows in POINTS and POINTS[entry.row.shows].scope is Scope.CONTAINER
    ]  # fmt: skip

    assert max(entry.address + entry.words for entry in plant) <= PLANT
    assert {entry.row.point for entry in plant} == {
        name for name, point in POINTS.items() if point.scope is Scope.CONTAINER
    }


def test_every_point_is_shown_once() -> None:
    """No point has two places in the map; racks, modules and cells are all there."""
    rows = native().rows.registers
    shown = [row.point for row in rows if row.point]
    commands = [row.command for row in rows if row.command]

    assert len(set(shown)) == len(shown)
    assert {SHOWN[name].scope for name in shown} == set(Scope)
    assert sorted(commands) == sorted(INSTRUCTIONS)
    assert set(PANEL) <= {*shown, *commands}


@pytest.mark.parametrize("topology", OTHERS, ids=str)
def test_addresses_do_not_depend_on_the_site(topology: Topology) -> None:
    """A value has the same registers whatever there is beside it; cells count through the whole rack."""
    first, other = places(Layout(DEMO)), places(Layout(topology))
    both = first.keys() & other.keys()

    assert len(both) > 90
    assert {key: first[key] for key in both} == {key: other[key] for key in both}


def places(layout: Layout) -> dict[tuple[object, ...], tuple[int, int | None]]:
    """Register and bit of each value, by what it shows, its rack and its number in the rack."""
    numbers: Counter[tuple[object, ...]] = Counter()
    found: dict[tuple[object, ...], tuple[int, int | None]] = {}
    for entry in entries(native(), layout):
        key = (entry.row.shows or entry.row.at, *entry.indices[:1])
        found[*key, numbers[key]] = entry.address, entry.bit
        numbers[key] += 1
    return found


@pytest.mark.parametrize("topology", [DEMO, *OTHERS], ids=str)
def test_the_map_fits(topology: Topology) -> None:
    """Rows and mirrors fit for every topology up to 16 racks of 500 cells a unit."""
    rows, layout = native(), Layout(topology)

    for unit in range(-(-topology.racks // rows.racks_per_unit)):
        assert compile_map(rows, layout, unit).holding.pack.mirrors is not None


def test_a_container_of_forty_racks_takes_three_units() -> None:
    """Racks 1 to 16, 17 to 32 and 33 to 40 lie at the same registers of three unit ids."""
    layout = Layout(Topology(40, 8, 52, 52))
    snapshot = picture({"rack_soc": [float(rack) for rack in range(1, 41)]}, layout=layout)
    images = [compile_map(native(), layout, unit).holding.encode(snapshot) for unit in range(3)]

    assert [words(image, 1004)[0] for image in images] == [10, 170, 330]
    assert [words(image, 1004 + 1500)[0] for image in images] == [160, 320, 0xFFFF]
    assert [words(image, 60096)[0] for image in images] == [1, 17, 33]


def test_the_constants_for_clients() -> None:
    """Each type has a constant of its own, big-endian and highest word first, for anyone to compare."""
    image = compile_map(native(), Layout(DEMO)).holding.encode(picture({}, layout=Layout(DEMO)))

    for address, (kind, value) in CONSTANTS.items():
        shown = words(image, address, TYPES[kind].words)
        packed = b"".join(word.to_bytes(2, "big") for word in shown)
        assert packed == struct.pack(f">{CODES[kind]}", value)
        assert from_words(TYPES[kind], shown, native().arrangement(native().rows.registers[0]))
    assert text_from_words(words(image, 60216, 8), Arrangement()) == "ESSGW word order"


def test_limits_that_are_unknown_read_0() -> None:
    """A limit that nobody told lets nothing through, on every rack and for the container."""
    layout = Layout(DEMO)
    image = compile_map(native(), layout).holding.encode(picture({}, layout=layout))
    limits = [
        entry for entry in entries(native(), layout)
        if (point := point_of(entry.row)) is not None and point.kind is Kind.LIMIT
    ]  # fmt: skip

    assert len(limits) == 4 + 4 + 4 * DEMO.racks
    assert all(not any(words(image, entry.address, entry.words)) for entry in limits)


def test_the_golden_file_belongs_to_the_map() -> None:
    """It has a line for each kind of row that the map has."""
    with GOLDEN.open(newline="") as file:
        shown = {line["shows"] for line in csv.DictReader(file)}

    assert shown == {str(row.shows or row.identity or row.const) for row in native().rows.registers}


if __name__ == "__main__":
    GOLDEN.write_text(golden(native()))
