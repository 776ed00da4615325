"""Signals that come again: in a frame, behind a selector, in a family of a database's names."""

from pathlib import Path

import pytest
from mapping.spoken import Pack, problems, spoken

SELECTED = """
    protocol: test
    messages:
      - id: 0x280
        period: 1
        signals:
          page: {bits: 0|8@1+}
          u: {bits: 8|13@1+, repeat: 4, when: {page: 0-2}, over: cell, point: cell_voltage,
              valid_when: {bad: 0}}
          bad: {bits: 60|1@1+, repeat: 4, when: {page: 0-2}}
"""


def selected(page: int, cells: list[int], flags: int = 0) -> str:
    """A frame of four cells and their flags."""
    whole = page | flags << 60
    for index, cell in enumerate(cells):
        whole |= cell << 8 + 13 * index
    return whole.to_bytes(8, "little").hex()


def test_four_cells_behind_each_selector_value(tmp_path: Path) -> None:
    """The running number goes on from value to value of the selector, through all modules."""
    pack = Pack(spoken(tmp_path, SELECTED, "{racks: 1, modules: 2, cells: 6}"))
    for page in range(3):
        pack.take(0x280, selected(page, [100 * page + cell for cell in range(4)]))

    assert pack.values("cell_voltage") == [0, 1, 2, 3, 100, 101, 102, 103, 200, 201, 202, 203]


def test_a_flag_for_each_repetition(tmp_path: Path) -> None:
    """A repeated signal has the repetition of its flag."""
    pack = Pack(spoken(tmp_path, SELECTED, "{racks: 1, modules: 2, cells: 6}"))
    pack.take(0x280, selected(1, [11, 12, 13, 14], flags=0b0110))

    assert pack.values("cell_voltage")[4:8] == [11, None, None, 14]


def test_each_selector_value_grows_old_by_itself(tmp_path: Path) -> None:
    """Cells behind a value that no longer comes are old, the others good."""
    pack = Pack(spoken(tmp_path, SELECTED, "{racks: 1, modules: 2, cells: 6}"))
    pack.take(0x280, selected(0, [1] * 4)).take(0x280, selected(1, [2] * 4), at=5.0)

    assert pack.values("cell_voltage", at=5.0)[:8] == [None] * 4 + [2] * 4


def test_selector_values_beyond_the_topology(tmp_path: Path) -> None:
    """Cells that the pack does not have are left out."""
    pack = Pack(spoken(tmp_path, SELECTED, "{racks: 1, modules: 1, cells: 5}"))
    for page in range(3):
        pack.take(0x280, selected(page, [page + 1] * 4))

    assert pack.values("cell_voltage") == [1, 1, 1, 1, 2]


@pytest.mark.parametrize(
    ("place", "payload", "expected"),
    [
        ("bytes: 0, repeat: 4", "0102030405060708", [1, 2, 3, 4]),
        ("bytes: 0, repeat: 4, step: 16", "0102030405060708", [1, 3, 5, 7]),
        ("bytes: 0-1, repeat: 4, order: big", "0102030405060708", [0x102, 0x304, 0x506, 0x708]),
        ("bytes: 0-1, repeat: 4", "0102030405060708", [0x201, 0x403, 0x605, 0x807]),
        ("bits: 0|4@1+, repeat: 4", "2143000000000000", [1, 2, 3, 4]),
        ("bits: 7|4@0+, repeat: 4", "1234000000000000", [1, 2, 3, 4]),
        ("bits: 5|10@0+, repeat: 4", "0010 0803 0100 0000", [1, 2, 3, 4]),
        ("bits: 0|12@1+, repeat: 4", "0120 0003 4000 FFFF", [1, 2, 3, 4]),
        ("bits: 7|4@0-, repeat: 4, step: 8", "7080F010 FFFFFFFF", [7, -8, -1, 1]),
    ],
)
def test_repetitions_in_a_frame(
    tmp_path: Path, place: str, payload: str, expected: list[float]
) -> None:
    """A signal comes again a step further on, in the direction of its byte order."""
    frames = f"""
        protocol: test
        messages:
          - id: 0x300
            period: 1
            length: 8
            zero: data
            signals: {{i: {{{place}, over: rack, point: rack_current}}}}
    """
    pack = Pack(spoken(tmp_path, frames, "{racks: 4}")).take(0x300, payload)

    assert pack.values("rack_current") == expected


@pytest.mark.parametrize(
    ("over", "point", "values"),
    [
        ("over: module, ", "module_voltage", [1, 2, 3]),
        ("over: cell, module: 2, ", "cell_voltage", [None] * 4 + [1, 2, 3, 4] + [None] * 4),
        ("over: sensor, ", "cell_temperature", [1, 2, 3, 4, 5, 6]),
    ],
)
def test_what_repetitions_count_through(
    tmp_path: Path, over: str, point: str, values: list[float | None]
) -> None:
    """Modules, the cells of one module, or all sensors of a rack."""
    frames = f"""
        protocol: test
        messages:
          - id: 0x300
            period: 1
            signals: {{x: {{bytes: 0, repeat: 8, {over}point: {point}}}}}
    """
    topology = "{racks: 1, modules: 3, cells: 4, sensors: 2}"
    pack = Pack(spoken(tmp_path, frames, topology)).take(0x300, "0102030405060708")

    assert pack.values(point) == values


def test_values_at_places_of_their_own(tmp_path: Path) -> None:
    """A row may name its module and cell."""
    frames = """
        protocol: test
        messages:
          - id: 0x300
            period: 1
            signals:
              first: {bytes: 0, point: cell_voltage, module: 1, cell: 2}
              second: {bytes: 1, point: cell_voltage, module: 2, cell: 1}
              third: {bytes: 2, point: cell_temperature, module: 2, sensor: 1}
    """
    pack = Pack(spoken(tmp_path, frames, "{racks: 1, modules: 2, cells: 2, sensors: 1}"))
    pack.take(0x300, "030405")

    assert pack.values("cell_voltage") == [None, 3, 4, None]
    assert pack.values("cell_temperature") == [None, 5]


DATABASE = """VERSION ""
NS_ :
BS_:
BU_: X
BO_ 512 Cells: 8 X
 SG_ Page M : 0|8@1+ (1,0) [0|0] "" X
 SG_ Cell_1_01 m1 : 8|8@1+ (0.1,0) [0|0] "V" X
 SG_ Cell_1_02 m1 : 16|8@1+ (0.1,0) [0|0] "V" X
 SG_ Cell_2_01 m2 : 8|8@1+ (0.1,0) [0|0] "V" X
 SG_ Cell_2_02 m2 : 16|8@1+ (0.1,0) [0|0] "V" X
 SG_ Valid_1_01 m1 : 24|1@1+ (1,0) [0|0] "" X
 SG_ Valid_1_02 m1 : 25|1@1+ (1,0) [0|0] "" X
 SG_ Valid_2_01 m2 : 24|1@1+ (1,0) [0|0] "" X
 SG_ Valid_2_02 m2 : 25|1@1+ (1,0) [0|0] "" X
 SG_ T_1_1 m3 : 8|8@1+ (1,-40) [0|0] "degC" X
 SG_ T_2_2 m3 : 16|8@1+ (1,-40) [0|0] "degC" X
 SG_ T_1_2 m3 : 24|8@1+ (1,-40) [0|0] "degC" X
"""
FAMILY = """
    protocol: test
    database: {file: cells.dbc}
    messages:
      - message: Cells
        period: 1
        signals:
          Cell_{module}_{cell}: {point: cell_voltage, valid_when: {"Valid_{module}_{cell}": 1}}
"""


def test_a_family_of_signals(tmp_path: Path) -> None:
    """Digits in the database's names are the module and the cell, of the value and of its flag."""
    (tmp_path / "cells.dbc").write_text(DATABASE)
    pack = Pack(spoken(tmp_path, FAMILY, "{racks: 1, modules: 2, cells: 2}"))
    pack.take(0x200, "01 1E 1F 03 00000000").take(0x200, "02 20 21 01 00000000")

    assert pack.values("cell_voltage") == [3, 3.1, 3.2, None]


def test_a_digit_that_comes_twice(tmp_path: Path) -> None:
    """A placeholder used twice stands for the same digits both times."""
    (tmp_path / "cells.dbc").write_text(DATABASE)
    head, _, _ = FAMILY.partition("Cell_{")
    frames = head + "T_{module}_{module}: {point: cell_temperature, sensor: 1}"
    pack = Pack(spoken(tmp_path, frames, "{racks: 1, modules: 2, cells: 2}"))
    pack.take(0x200, "03 32 33 34 00000000")

    assert pack.values("cell_temperature") == [10, None, 11, None]


def test_a_family_that_no_signal_belongs_to(tmp_path: Path) -> None:
    """A pattern that fits no name is reported with the nearest one."""
    (tmp_path / "cells.dbc").write_text(DATABASE)
    frames = FAMILY.replace("Cell_{module}_{cell}:", "Valid_{module}_{cel}:")

    assert problems(tmp_path, frames, "{racks: 1, modules: 2, cells: 2}") == [
        (
            "frames.yaml:8:7: the database has no signal 'Valid_{module}_{cel}' here; "
            "known: Cell_1_01, Cell_1_02, Cell_2_01, Cell_2_02, Page, T_1_1, T_1_2, T_2_2, "
            "Valid_1_01, Valid_1_02, Valid_2_01, Valid_2_02"
        )
    ]


def test_a_named_place_outside_the_topology_is_a_mistake(tmp_path: Path) -> None:
    """A family of names that does not fit would put cells into the wrong modules; or say so."""
    frames = """
        protocol: test
        messages:
          - id: 0x300
            period: 1
            signals: {x: {bytes: 0, module: 2, point: module_voltage%s}}
    """
    (line,) = problems(tmp_path, frames % "", "{racks: 1, modules: 1, cells: 1}")
    assert line == (
        "frames.yaml:6:47: module_voltage has no index 2: it goes from 1 to 1; "
        "correct the topology, or say outside: drop"
    )
    spoken(tmp_path, frames % ", outside: drop", "{racks: 1, modules: 1, cells: 1}")
