"""Register maps as files: what they compile to, and what is said about wrong ones."""

from pathlib import Path

import pytest
from mapping.written import SMALL, compiled, picture, problems, text_of, words, written

from gateway.errors import MappingError
from gateway.mapping.library import Library
from gateway.mapping.placing import compile_map
from gateway.mapping.registers import entries, load_map
from gateway.model.pack import Layout, Topology

GOOD = "at: 0, point: voltage, type: u16"


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("at: 0, point: ~voltag, type: u16", "no point is named 'voltag'; did you mean 'voltage'?"),
        ("at: 0, identity: ~vendo, type: string, words: 4", "the gateway does not know its 'vendo'; did you mean 'vendor'?"),
        ("at: 0, type: u16", "a row shows exactly one of point, command, identity, const, mailbox and hold"),
        ("at: 0, point: voltage, const: 1, type: u16", "a row shows exactly one of point, command, identity, const, mailbox and hold"),
        ("at: 0, identity: vendor, type: ~string", "a string shows identity, const or a mailbox and has words:"),
        ("at: 0, point: voltage, type: ~string, words: 4", "a string shows identity, const or a mailbox and has words:"),
        ("at: 0, point: alarms, type: bitfield, words: ~3", "a bit field has 1, 2 or 4 words"),
        ("at: 0, point: voltage, type: u16, words: ~2", "the type u16 has 1, always; remove words:"),
        ("at: 0, point: voltage, type: u16, scale: ~0", "a scale of 0 makes no value; give what one count is worth"),
        ("at: 0, point: voltage, type: u16, scale: ~.nan", "a scale of nan makes no value; give what one count is worth"),
        ("at: 0, point: voltage, type: u16, offset: ~.inf", "an offset of inf makes no value; give a number"),
        ("at: 0, point: soc, type: u16, stride: {rack: ~5}", "soc has no rack to step through; remove it"),
        ("at: 0, point: rack_soc, type: u16, stride: {cell: ~5}", "rack_soc has no cell to step through; it has rack"),
        ("at: 0, point: cell_temperature, type: u16, stride: {cell: ~5}", "cell_temperature has no cell to step through; it has rack and module and sensor"),
        ("at: 0, point: soc, type: u16, missing: ~{constant: 65536}", "65536 does not fit into u16"),
        ("at: 0, point: soc, type: i16, missing: ~{constant: -32769}", "-32769 does not fit into i16"),
        ("at: 0, point: soc, type: ~u17", "'type' must be 'u16', 'i16', 'u32', 'i32', 'u64', 'f32', 'f64', 'string', 'bitfield', 'enum', 'bits' or 'bit'"),
        ("at: ~-1, point: soc, type: u16", "'at' must be at least 0"),
        ("at: ~65536, point: soc, type: u16", "'at' must be at most 65535"),
        ("at: 0, ~piont: soc, type: u16", "'piont' is not known here; did you mean 'point'?"),
        ("at: 0, point: soc", "'type' is missing"),
        ("at: ~'0', point: soc, type: u16", "'at' must be a whole number"),
        ("at: 65535, point: power, type: i32", "reaches register 65536; the last is 65535"),
        ("at: 50000, point: rack_soc, type: u16, stride: {rack: 10000}", "reaches register 70000; the last is 65535"),
        ("at: 150, point: rack_soc, type: u16, stride: {rack: -100}", "reaches register -50; the last is 65535"),
        ("at: 10, point: rack_power, type: i32, stride: {rack: 1}", "its own values meet in register 11; make the stride wider"),
        ("at: 10, point: cell_voltage, type: u16, stride: {rack: 9}", "its own values meet in register 19; make the stride wider"),
        ("at: 10, point: rack_soc, type: u16, stride: {rack: 0}", "its own values meet in register 10; make the stride wider"),
        ("at: 10, point: cell_balancing, type: bits, stride: {rack: 0}", "its own values meet in register 10; make the stride wider"),
        ("at: 0, const: 65536, type: u16", "65536 does not fit into u16"),
        ("at: 0, const: 1.5, type: u16", "1.5 does not fit into u16"),
        ("at: 0, const: .nan, type: u16", "nan does not fit into u16"),
        ("at: 0, const: 18446744073709551616, type: u64", "18446744073709551616 does not fit into u64"),
        ("at: 0, const: 1, type: bitfield, scale: ~2", "bitfield has neither scale nor offset; remove them"),
        ("at: 0, point: voltage, type: u16, missing: ~{constant: 99999999}", "99999999 does not fit into u16"),
        (f"at: 0, point: voltage, type: f32, missing: ~{{constant: 1{'0' * 400}}}", "this number does not fit into f32"),
        ("at: 0, point: cell_balancing, type: bits, missing: ~{constant: 1}", "a bit that is missing reads 0, always; remove it"),
        ("at: 0, point: voltage, type: ~bits", "voltage is more than a bit; choose a type that holds a number"),
        ("at: 0, point: voltage, type: ~enum", "voltage is no state; choose a type that holds a number"),
        ("at: 0, point: rack_soc, type: u16, stride: {rack: ~100000000000000000000}", "'rack' must be at most 65535"),
        ("at: 0, const: AB, type: string, words: 1, word_order: ~little", "the words of a string come in the order of reading; remove it"),
        ("at: 0, const: 7000, type: u16, scale: 0.1", "7000 does not fit into u16"),
        ("at: 0, const: -1, type: u32", "-1 does not fit into u32"),
        ("at: 0, const: one, type: ~u16", "'one' is text; type: string, words:"),
        ("at: 0, identity: vendor, type: ~u16", "'ess-gateway' is text; type: string, words:"),
    ],
)  # fmt: skip
def test_a_wrong_row(tmp_path: Path, row: str, complaint: str) -> None:
    """A row that cannot be right is named by line and column (here ~, else its start), with the remedy."""
    column = 6 + row.index("~") if "~" in row else 5

    assert problems(tmp_path, text_of(row.replace("~", ""))) == [f"4:{column}: {complaint}"]


def test_rows_that_overlap(tmp_path: Path) -> None:
    """Every row that falls on an earlier one is named, with the line of that one."""
    rows = (
        "at: 10, point: power, type: i32",
        "at: 11, point: voltage, type: u16",
        "at: 9, const: 1.5, type: f32",
        "at: 12, point: soc, type: u16",
        "at: 0, point: rack_soc, type: u16, stride: {rack: 6}",
    )

    assert problems(tmp_path, text_of(*rows)) == [
        "5:5: register 11 is already taken by line 4; move one of the rows",
        "6:5: register 10 is already taken by line 4; move one of the rows",
        "8:5: register 12 is already taken by line 7; move one of the rows",
    ]


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    """All rows are checked, each for all that can be wrong with it, in the order of the file."""
    rows = (
        "at: 0, point: voltag, type: u16, words: 3, scale: 0",
        GOOD,
        "at: 1, identity: versio, type: string",
    )

    assert problems(tmp_path, text_of(*rows)) == [
        "4:20: no point is named 'voltag'; did you mean 'voltage'?",
        "4:46: the type u16 has 1, always; remove words:",
        "4:56: a scale of 0 makes no value; give what one count is worth",
        "6:23: the gateway does not know its 'versio'; did you mean 'version'?",
        "6:37: a string shows identity, const or a mailbox and has words:",
    ]


@pytest.mark.parametrize(
    ("mirrors", "row"),
    [
        ("{quality: 0, age: 100}", GOOD),
        ("{quality: 100, age: 100}", GOOD),
        ("{quality: 5, age: 100}", "at: 0, point: cell_voltage, type: u16"),
        ("{quality: 65000, age: 100}", "at: 1000, point: voltage, type: u16"),
        ("{quality: 100, age: -1}", GOOD),
    ],
)
def test_mirrors_that_fall_on_something(tmp_path: Path, mirrors: str, row: str) -> None:
    """A mirror may not lie on values, on the other mirror, or outside the address space."""
    assert problems(tmp_path, text_of(row, mirrors=mirrors)) == [
        "3:10: a mirror falls on other registers; choose another distance"
    ]


def test_a_mirror_on_a_constant(tmp_path: Path) -> None:
    """Constants are registers too."""
    text = text_of(GOOD, "at: 100, const: 1, type: u16", mirrors="{quality: 100, age: 200}")

    assert len(problems(tmp_path, text)) == 1


def test_a_wrong_version(tmp_path: Path) -> None:
    """A map's version has three numbers."""
    text = text_of(GOOD).replace("1.2.3", "1.2.x")

    assert problems(tmp_path, text) == [
        "2:10: 'version' must be a version of three numbers, like 1.0.0"
    ]


def test_a_map_that_is_not_there() -> None:
    """A name that is not found comes with what was meant."""
    with pytest.raises(
        MappingError, match=r"^nativ: no such register map; did you mean 'native'\?$"
    ):
        load_map(Library(), "nativ")


def test_racks_that_a_container_does_not_have(tmp_path: Path) -> None:
    """A map is checked for the racks that there are: the same one fits a smaller container."""
    row = "at: 0, point: rack_soc, type: u16, stride: {rack: 32768}"

    assert len(problems(tmp_path, text_of(row))) == 1
    assert compiled(tmp_path, row, layout=Layout(Topology(racks=2))).pack.columns


def test_constants(tmp_path: Path) -> None:
    """Constants show in their type, scale and order without any picture of a pack."""
    registers = compiled(
        tmp_path,
        "at: 0, const: 0x12345678, type: u32",
        "at: 2, const: 0x12345678, type: u32, word_order: little",
        "at: 4, const: 0x1234, type: u16, byte_order: little",
        "at: 5, const: -12.5, type: i16, scale: 0.1",
        "at: 6, const: 20, type: i16, scale: 0.5, offset: -40",
        "at: 7, const: AB, type: string, words: 2",
        "at: 9, const: 65534, type: u16",
    )

    assert words(registers.encode(picture({})), 0, 11) == [
        0x1234, 0x5678, 0x5678, 0x1234, 0x3412, 0x10000 - 125, 120, 0x4142, 0, 65534, 0xFFFF,
    ]  # fmt: skip


def test_identity(tmp_path: Path) -> None:
    """What the gateway knows of itself shows: name, version and hash of the map, topology, unit."""
    rows = written(
        tmp_path,
        text_of(
            "at: 0, identity: map, type: string, words: 4",
            "at: 4, identity: map_major, type: u16",
            "at: 5, identity: map_minor, type: u16",
            "at: 6, identity: map_patch, type: u16",
            "at: 7, identity: map_hash, type: u64",
            "at: 11, identity: site, type: string, words: 2",
            "at: 13, identity: container, type: string, words: 2",
            *(
                f"at: {at}, identity: {name}, type: u16"
                for at, name in enumerate(
                    ("racks", "modules", "cells", "sensors", "first_rack"), 15
                )
            ),
            racks="2",
        ),
    )
    image = compile_map(rows, SMALL, 1, "Isle", "C1").holding.encode(picture({}))

    assert words(image, 0, 7) == [0x7465, 0x7374, 0, 0, 1, 2, 3]
    assert "".join(f"{word:04x}" for word in words(image, 7, 4)) == f"{rows.digest[:12]:0>16}"
    assert words(image, 11, 4) == [0x4973, 0x6C65, 0x4331, 0]
    assert words(image, 15, 5) == [3, 2, 5, 2, 3]


def test_the_hash_of_a_map(tmp_path: Path) -> None:
    """Titles and texts do not change it; a place, a type, a scale or the version does."""
    hashes = [
        written(tmp_path, text).digest
        for text in (
            text_of(GOOD),
            text_of(f"{GOOD}, text: more", title="Another"),
            text_of(f"{GOOD}, scale: 0.1"),
            text_of(GOOD.replace("at: 0", "at: 1")),
            text_of(GOOD.replace("u16", "i16")),
            text_of(GOOD).replace("1.2.3", "1.2.4"),
        )
    ]

    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 5


@pytest.mark.parametrize(("gaps", "holes"), [("refuse", 65535), ("fill", 0)])
def test_gaps(tmp_path: Path, gaps: str, holes: int) -> None:
    """Between rows there is nothing, or registers that read as not implemented."""
    registers = compiled(tmp_path, GOOD, gaps=gaps)

    assert registers.holes.count(1) == holes
    assert registers.holes[0] == 0
    assert words(registers.encode(picture({})), 1, 2) == [0xFFFF, 0xFFFF]


def test_mirrors_are_no_gaps(tmp_path: Path) -> None:
    """Mirror registers exist for each word of a value, and for nothing else."""
    registers = compiled(
        tmp_path, "at: 10, point: power, type: i32", mirrors="{quality: 100, age: 200}"
    )

    exist = [address for address, hole in enumerate(registers.holes) if not hole]
    assert exist == [10, 11, 110, 111, 210, 211]


def test_the_values_of_a_map(tmp_path: Path) -> None:
    """Clients are told each value's register, width, indices and bit, for the racks of a unit."""
    rows = written(
        tmp_path,
        text_of(
            "at: 0, point: power, type: i32",
            "at: 10, point: rack_soc, type: u16, stride: {rack: 5}",
            "at: 90, point: rack_connected, type: bits",
            "at: 99, const: 1, type: f64",
            racks="2",
        ),
    )
    told = [
        [
            (entry.address, entry.words, entry.indices, entry.bit)
            for entry in entries(rows, SMALL, unit)
        ]
        for unit in (0, 1)
    ]

    fixed = (99, 4, (), None)
    assert told == [
        [(0, 2, (), None), (10, 1, (1,), None), (15, 1, (2,), None), (90, 1, (1,), 0), (90, 1, (2,), 1), fixed],
        [(0, 2, (), None), (10, 1, (3,), None), (90, 1, (3,), 0), fixed],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ("const: 65535, type: u16", [0xFFFF]),
        ("const: -32768, type: i16", [0x8000]),
        ("const: 65280, type: bitfield", [0xFF00]),
        ("const: 18446744073709551615, type: u64", [0xFFFF] * 4),
        ("const: 9007199254740993, type: u64", [0x20, 0, 0, 1]),
        ("const: 12.3, type: u16, scale: 0.1", [123]),
        ("const: ABCD, type: string, words: 2, byte_order: little", [0x4241, 0x4443]),
        ("const: .nan, type: f32", [0x7FC0, 0]),
    ],
)
def test_a_constant_may_use_every_bit_of_its_type(
    tmp_path: Path, row: str, shown: list[int]
) -> None:
    """Also the pattern that a value would show for missing, and numbers that a float cannot hold."""
    image = compiled(tmp_path, f"at: 0, {row}").encode(picture({}))

    assert words(image, 0, len(shown)) == shown
