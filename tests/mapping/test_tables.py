"""Maps that put their rows into coils, discrete inputs, holding and input registers."""

import dataclasses
from pathlib import Path

import pytest
from mapping.written import SMALL, compiled, picture, problems, text_of, words, written

from gateway.mapping.image import Image, RegisterMap, Table
from gateway.mapping.placing import compile_map
from gateway.mapping.registers import entries
from gateway.mapping.writable import Written
from gateway.model.command import NOBODY
from gateway.model.pack import Snapshot
from gateway.model.quality import Detail

COIL, DISCRETE, HOLDING, INPUT = Table.COIL, Table.DISCRETE, Table.HOLDING, Table.INPUT
BIT = "point: rack_connected, type: bit"


def tables(folder: Path, *rows: str, **head: str) -> dict[Table, list[int]]:
    """Which registers or bits each table has."""
    made = compile_map(written(folder, text_of(*rows, **head)), SMALL).tables
    return {
        name: [at for at, hole in enumerate(table.holes) if not hole]
        for name, table in made.items()
    }


def test_registers_are_in_both_tables_unless_they_say_which(tmp_path: Path) -> None:
    """The same point may lie in several, at another address and in another type."""
    there = tables(
        tmp_path,
        "at: 5, point: voltage, type: u16",
        "at: 6, table: input, point: voltage, type: f32",
        "at: 6, table: holding, point: soc, type: u16",
        f"at: 0, table: discrete, {BIT}",
    )

    assert there == {HOLDING: [5, 6], INPUT: [5, 6, 7], DISCRETE: [0, 1, 2]}


def test_tables_that_are_the_same_are_one(tmp_path: Path) -> None:
    """They are encoded once; others have their own images."""
    rows = written(tmp_path, text_of("at: 5, point: voltage, type: u16", f"at: 9, {BIT}"))
    images = compile_map(rows, SMALL).encode(picture({"voltage": 700.0}))

    assert images[HOLDING] is images[INPUT]
    assert images[COIL] is images[DISCRETE]
    assert images[COIL] is not images[HOLDING]


class Counted(RegisterMap):
    """A table that counts how often it is encoded."""

    made = 0

    def encode(self, snapshot: Snapshot) -> Image:
        """As ever, and counted."""
        Counted.made += 1
        return super().encode(snapshot)


def test_a_table_that_two_functions_share_is_encoded_once(tmp_path: Path) -> None:
    """Each cycle pays for it once."""
    face = compile_map(written(tmp_path, text_of("at: 5, point: voltage, type: u16")), SMALL)
    one = face.holding
    shared = Counted(one.template, one.pack, one.panel, one.holes, one.writable)
    images = dataclasses.replace(face, tables=dict.fromkeys(face.tables, shared)).encode(
        picture({})
    )

    assert images.keys() == {HOLDING, INPUT}
    assert Counted.made == 1


def test_bits_follow_each_other_or_step(tmp_path: Path) -> None:
    """0 or 1 for each rack; what is not known reads 0, what is old as the map says."""
    rows = text_of(
        f"at: 10, {BIT}", f"at: 20, {BIT}, stride: {{rack: 4}}", f"at: 40, {BIT}, missing: hold"
    )
    made = compile_map(written(tmp_path, rows), SMALL).tables[COIL]
    fresh = made.encode(picture({"rack_connected": [1, 0, 1]}))
    old = made.encode(picture({"rack_connected": [1, 0, 1]}, {"rack_connected": Detail.OLD_DATA}))

    assert words(fresh, 10, 3) == words(fresh, 40, 3) == [1, 0, 1]
    assert words(fresh, 20, 9) == [1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert words(old, 10, 3) == [0, 0, 0]
    assert words(old, 40, 3) == [1, 0, 1]


def test_gaps_of_bits_read_0(tmp_path: Path) -> None:
    """Where a map fills its gaps; a table with no row at all does not exist."""
    made = compile_map(
        written(tmp_path, text_of(f"at: 10, table: coil, {BIT}", gaps="fill")), SMALL
    )
    image = made.encode(picture({"rack_connected": 1}))[COIL]

    assert made.tables.keys() == {COIL}
    assert words(image, 8, 6) == [0, 0, 1, 1, 1, 0]
    assert made.tables[COIL].holes == bytes(65536)


def test_a_command_can_be_a_coil(tmp_path: Path) -> None:
    """Yes and no, and one-shots whose value is nothing but an edge (R3)."""
    rows = text_of(
        "at: 0, table: coil, command: charge_enable, type: bit",
        "at: 1, table: coil, command: software_stop, type: bit",
        "at: 2, table: coil, command: rack_connect, type: bit",
    )
    places = compile_map(written(tmp_path, rows), SMALL).tables[COIL].writable.places

    assert [(place.instruction.name, place.rack) for place in places.values()] == [
        ("charge_enable", 0), ("software_stop", 0), *[("rack_connect", rack) for rack in (1, 2, 3)],
    ]  # fmt: skip


def test_a_bit_has_no_order_of_bytes(tmp_path: Path) -> None:
    """What a whole map says of its registers does not turn 1 into 256, read or written."""
    rows = text_of(
        f"at: 0, table: discrete, {BIT}",
        "at: 4, table: discrete, const: 1, type: bit",
        "at: 0, table: coil, command: charge_enable, type: bit",
        byte_order="little",
    )
    made = compile_map(written(tmp_path, rows), SMALL)
    image = made.encode(picture({"rack_connected": [1, 0, 1]}))[DISCRETE]
    coils = made.tables[COIL].writable
    (command,) = Written.of(coils.covered(0, 1) or [], b"\0\1", NOBODY).commands

    assert words(image, 0, 5) == [1, 0, 1, 0, 1]
    assert command.value == 1


@pytest.mark.parametrize("name", ["lease", "select", "mode_request", "power_setpoint", "ems_heartbeat", "clock"])  # fmt: skip
def test_a_command_with_a_number_is_no_coil(tmp_path: Path, name: str) -> None:
    """A bit cannot say it."""
    (told,) = problems(tmp_path, text_of(f"at: 0, command: {name}, type: bit"))
    assert told.endswith(f": {name} is more than a bit; choose a type that holds a number")


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("at: 0, ~table: coil, point: soc, type: u16", "the table coil has single bits: type: bit"),
        ("at: 0, ~table: discrete, point: soc, type: u16", "the table discrete has single bits: type: bit"),
        ("at: 0, ~table: input, point: rack_connected, type: bit", "the table input has registers: another type, or table: coil"),
        ("at: 0, ~table: coils, point: rack_connected, type: bit", "'table' must be 'holding', 'input', 'coil' or 'discrete'"),
        ("at: 0, point: soc, ~type: bit", "soc is more than a bit; choose a type that holds a number"),
        ("at: 0, point: rack_connected, type: bit, ~missing: {constant: 1}", "a bit that is missing reads 0, always; remove it"),
        ("at: 0, point: rack_connected, type: bit, ~words: 2", "the type bit has 1, always; remove words:"),
        ("at: 0, point: rack_connected, type: bit, ~scale: 2", "bit has neither scale nor offset; remove them"),
    ],
)  # fmt: skip
def test_a_wrong_row(tmp_path: Path, row: str, complaint: str) -> None:
    """Told at its place."""
    (told,) = problems(tmp_path, text_of(row.replace("~", "")))
    line, column, text = told.split(":", 2)

    assert (line, text.strip()) == ("4", complaint)
    key = row[row.index("~") + 1 :].partition(":")[0]
    assert int(column) - 1 in {row.index("~") + 5, row.index("~") + 5 + len(key) + 2}


def test_a_constant_bit_is_0_or_1(tmp_path: Path) -> None:
    """Anything else is refused, at its row."""
    assert problems(tmp_path, text_of("at: 0, const: 2, type: bit")) == [
        "4:5: 2 does not fit into bit"
    ]
    assert tables(tmp_path, "at: 0, const: 1, type: bit") == {COIL: [0], DISCRETE: [0]}


def test_rows_meet_only_in_the_same_table(tmp_path: Path) -> None:
    """Register 5 of two tables is two registers; of one it is taken."""
    first = "at: 5, table: input, point: voltage, type: u16"
    assert problems(tmp_path, text_of(first, "at: 5, point: soc, type: u16")) == [
        "5:5: register 5 is already taken by line 4; move one of the rows"
    ]
    assert tables(tmp_path, first, "at: 5, table: holding, point: soc, type: u16", f"at: 5, {BIT}")


def test_mirrors_are_of_registers_alone(tmp_path: Path) -> None:
    """Of both tables; bits have none."""
    there = tables(
        tmp_path,
        "at: 5, point: soc, type: u16",
        f"at: 9, {BIT}",
        mirrors="{quality: 100, age: 200}",
    )

    assert there[HOLDING] == [5, 105, 205]
    assert there[COIL] == [9, 10, 11]


def test_a_map_s_values_say_where_they_are_read(tmp_path: Path) -> None:
    """As holding registers, where they are there."""
    rows = written(
        tmp_path,
        text_of(
            "at: 5, point: soc, type: u16", "at: 5, table: discrete, " + BIT,
            "at: 6, table: input, point: soh, type: u16",
        ),
    )  # fmt: skip

    assert [entry.table for entry in entries(rows, SMALL)] == [HOLDING, *[DISCRETE] * 3, INPUT]
    assert compiled(tmp_path, "at: 5, point: soc, type: u16").holes[5] == 0
