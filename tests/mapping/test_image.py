"""A picture of a pack as registers: scale, sign, missing values, mirrors."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping.written import SMALL, Numbers, compiled, picture, text_of, words, written

from gateway.mapping.image import REGISTERS, Column
from gateway.mapping.placing import compile_map
from gateway.mapping.words import TYPES, Arrangement, from_words
from gateway.model.pack import Layout, Topology
from gateway.model.quality import QUALITIES, Detail, Quality, Validity

LONE = Layout(Topology(racks=1))
USABLE = {row.detail for row in QUALITIES if row.usable}


@pytest.mark.parametrize(
    ("row", "value", "shown"),
    [
        ("type: u16, scale: 0.1", 1364.96, [13650]),
        ("type: u16, scale: 0.1", 0.0, [0]),
        ("type: u16, scale: 0.1", 7000.0, [0xFFFE]),
        ("type: u16, scale: 0.1", -5.0, [0]),
        ("type: u16, scale: 0.1", 6553.5, [0xFFFE]),
        ("type: i16, scale: 0.1", -12.34, [0x10000 - 123]),
        ("type: i16, scale: 0.1", -4000.0, [0x8001]),
        ("type: i16, scale: 0.1, sign: charge", 12.3, [0x10000 - 123]),
        ("type: i16, scale: 0.1, offset: -40", 25.0, [650]),
        ("type: i16, scale: 0.1, offset: 1000, sign: charge", 12.3, [0x10000 - 10123]),
        ("type: i16, scale: -0.1", 12.3, [0x10000 - 123]),
        ("type: u32, scale: 0.001", 1364.9, [0x14, 0xD3A4]),
        ("type: i32, scale: 0.01", -1.0, [0xFFFF, 0xFF9C]),
        ("type: i32, scale: 0.01, word_order: little", -1.0, [0xFF9C, 0xFFFF]),
        ("type: u32, scale: 0.001, byte_order: little", 1364.9, [0x1400, 0xA4D3]),
        ("type: u64, scale: 0.001", 65536.0, [0, 0, 0x03E8, 0]),
        ("type: f32", 1234.5, [0x449A, 0x5000]),
        ("type: f32, scale: 1000", 1234500.0, [0x449A, 0x5000]),
        ("type: f64, sign: charge", -1.0, [0x3FF0, 0, 0, 0]),
        ("type: u16, missing: {constant: 65534}", 1e9, [0xFFFD]),
        ("type: i16, scale: 0.1, missing: {constant: 32767}", 99999.0, [0x7FFE]),
        ("type: i16, scale: 0.1, missing: {constant: -32767}", -99999.0, [0x8002]),
        ("type: u16, missing: {constant: 0}", 0.0, [0]),
        ("type: f32, sign: charge", 0.0, [0, 0]),
        ("type: bitfield, words: 2", 65537.0, [1, 1]),
    ],
)
def test_a_value(tmp_path: Path, row: str, value: float, shown: list[int]) -> None:
    """A register is (value - offset) / scale in the map's sign, rounded, clamped, in its order."""
    registers = compiled(tmp_path, f"at: 10, point: current, {row}", gaps="fill")
    image = registers.encode(picture({"current": value}))

    assert words(image, 9, len(shown) + 2) == [0xFFFF, *shown, 0xFFFF]


def test_the_sign_of_a_map(tmp_path: Path) -> None:
    """A map that counts charging as positive turns current and power, never voltages; a row may differ."""
    registers = compiled(
        tmp_path,
        "at: 0, point: current, type: i16",
        "at: 1, point: power, type: i16, sign: discharge",
        "at: 2, point: voltage, type: i16",
        "at: 3, point: rack_current, type: i16",
        sign="charge",
    )
    image = registers.encode(
        picture({"current": 5, "power": 6, "voltage": 7, "rack_current": [1, -2, 3]})
    )

    assert words(image, 0, 6) == [0x10000 - 5, 6, 7, 0xFFFF, 2, 0x10000 - 3]


def test_rows_of_one_type_in_different_orders(tmp_path: Path) -> None:
    """Each row keeps its own order, scale and default, whatever other rows of its type there are."""
    registers = compiled(
        tmp_path,
        "at: 0, point: voltage, type: u32",
        "at: 2, point: voltage, type: u32, word_order: big",
        "at: 4, point: voltage, type: u32, byte_order: little, scale: 0.5",
        "at: 6, point: soc, type: u32, missing: {constant: 7}",
        "at: 8, point: soc, type: u32",
        word_order="little",
    )
    image = registers.encode(picture({"voltage": 0x12345}))

    assert words(image, 0, 6) == [0x2345, 1, 1, 0x2345, 0x8A46, 0x0200]
    assert words(image, 6, 4) == [7, 0, 0xFFFF, 0xFFFF]


@pytest.mark.parametrize("detail", Detail)
@pytest.mark.parametrize(
    ("missing", "kept", "blocks"),
    [
        ("sentinel", {*USABLE}, False),
        ("hold", {*Detail}, False),
        ("exception", {*USABLE}, True),
        ("{constant: 0}", {*USABLE}, False),
    ],
)
def test_what_a_missing_value_shows(
    tmp_path: Path, detail: Detail, missing: str, kept: set[Detail], *, blocks: bool
) -> None:
    """Usable values show; others show the pattern, a constant, the last number or an exception."""
    registers = compiled(tmp_path, f"at: 10, point: soc, type: u16, missing: {missing}")
    image = registers.encode(picture({"soc": 55.0}, {"soc": detail}))
    instead = 0 if "constant" in missing else 0xFFFF

    assert words(image, 10) == [55 if detail in kept else instead]
    blocked = [] if image.blocked is None else [n for n in range(REGISTERS) if image.blocked[n]]
    assert blocked == ([10] if blocks and detail not in kept else [])


@pytest.mark.parametrize(
    ("missing", "shown"), [("sentinel", 0x8000), ("hold", 0x8000), ("{constant: -1}", 0xFFFF)]
)
def test_a_value_that_never_came(tmp_path: Path, missing: str, shown: int) -> None:
    """There is nothing to hold before the first value."""
    registers = compiled(tmp_path, f"at: 0, point: current, type: i16, missing: {missing}")

    assert words(registers.encode(picture({})), 0) == [shown]


def test_the_default_for_missing_values(tmp_path: Path) -> None:
    """A map declares it for all its rows, a row for itself."""
    registers = compiled(
        tmp_path,
        "at: 0, point: soc, type: u16",
        "at: 1, point: soh, type: u16, missing: sentinel",
        missing="hold",
    )
    old = {"soc": Detail.OLD_DATA, "soh": Detail.OLD_DATA}

    assert words(registers.encode(picture({"soc": 5, "soh": 6}, old)), 0, 2) == [5, 0xFFFF]


def test_an_exception_covers_every_word_of_the_lost_values(tmp_path: Path) -> None:
    """Registers of values that are there can be read beside those that are not."""
    registers = compiled(
        tmp_path, "at: 10, point: rack_power, type: i32, stride: {rack: 10}, missing: exception"
    )
    image = registers.encode(picture({"rack_power": [1.0, math.nan, 3.0]}))

    assert image.blocked is not None
    assert [n for n in range(REGISTERS) if image.blocked[n]] == [20, 21]
    assert registers.encode(picture({"rack_power": 1.0})).blocked is None


def test_bits(tmp_path: Path) -> None:
    """A bit is set where the value is 1 and usable, and clear where it is not known."""
    registers = compiled(
        tmp_path,
        "at: 0, point: rack_connected, type: bits",
        "at: 10, point: cell_balancing, type: bits, stride: {rack: 2}",
    )
    cells = np.zeros((3, 2, 5))
    cells[0, 0, 0] = cells[0, 1, 0] = cells[2, 1, 4] = 1
    told: dict[str, Numbers] = {
        "rack_connected": [1, math.nan, 1],
        "cell_balancing": cells.ravel().tolist(),
    }
    image = registers.encode(picture(told))
    old = registers.encode(picture(told, {"rack_connected": Detail.OLD_DATA}))

    assert words(image, 0) == [0b101]
    assert words(image, 10, 5) == [0b100001, 0xFFFF, 0, 0xFFFF, 1 << 9]
    assert words(old, 0) == [0]


def test_mirrors_of_values(tmp_path: Path) -> None:
    """Each word of a value has its quality (validity low, detail high) and age beside it."""
    registers = compiled(
        tmp_path,
        "at: 0, point: power, type: i32",
        "at: 2, point: rack_soc, type: u16, stride: {rack: 2}",
        "at: 3, const: 5, type: u16",
        mirrors="{quality: 100, age: 200}", gaps="fill",
    )  # fmt: skip
    image = registers.encode(
        picture(
            {"power": 1, "rack_soc": 50},
            {"power": Detail.OLD_DATA},
            {"power": 12.5, "rack_soc": [0.0, 0.019, math.inf]},
        )
    )
    old = Validity.QUESTIONABLE | Detail.OLD_DATA << 8

    assert words(image, 100, 7) == [old, old, 0, 0xFFFF, 0, 0xFFFF, 0]
    assert words(image, 200, 7) == [1250, 1250, 0, 0xFFFF, 1, 0xFFFF, 65535]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, 0), (0.011, 1), (655.335, 65533), (655.345, 65534), (1e9, 65534), (-0.5, 0)],
)
def test_ages(tmp_path: Path, seconds: float, shown: int) -> None:
    """Ages count in 10 ms, stop at 65534, and are 0 for what is newer than the picture."""
    registers = compiled(
        tmp_path, "at: 0, point: soc, type: u16", mirrors="{quality: 100, age: 200}"
    )

    assert words(registers.encode(picture({"soc": 50}, age={"soc": seconds})), 200) == [shown]


@pytest.mark.parametrize("row", QUALITIES, ids=lambda row: row.detail.name.lower())
def test_the_quality_of_a_value(tmp_path: Path, row: Quality) -> None:
    """Every detail shows under its own number, together with the validity that it implies."""
    registers = compiled(
        tmp_path, "at: 0, point: soc, type: u16", mirrors="{quality: 100, age: 200}"
    )
    image = registers.encode(picture({"soc": 50}, {"soc": row.detail}))

    assert words(image, 100) == [row.validity | row.detail << 8]


def test_units_show_their_own_racks(tmp_path: Path) -> None:
    """Racks split over unit ids lie at the same registers; what is missing there reads as a gap."""
    rows = written(tmp_path, text_of("at: 0, point: rack_soc, type: u16", racks="2"))
    snapshot = picture({"rack_soc": [10, 20, 30]})
    images = [compile_map(rows, SMALL, unit).holding.encode(snapshot) for unit in (0, 1)]

    assert [words(image, 0, 3) for image in images] == [[10, 20, 0xFFFF], [30, 0xFFFF, 0xFFFF]]


def test_an_image_never_changes(tmp_path: Path) -> None:
    """Each picture makes an image of its own; nothing of the last one shines through."""
    registers = compiled(tmp_path, "at: 0, point: soc, type: u16")
    first = registers.encode(picture({"soc": 1}))
    second = registers.encode(picture({}))

    assert words(first, 0) == [1]
    assert words(second, 0) == [0xFFFF]


@given(data=st.data(), scale=st.floats(0.001, 1000), offset=st.floats(-1000, 1000))
def test_a_value_comes_back(data: st.DataObject, scale: float, offset: float) -> None:
    """What fits into a type reads back within half a count, whatever scale, offset, sign and order."""
    kind = data.draw(st.sampled_from([TYPES[name] for name in ("u16", "i16", "u32", "i32", "u64")]))
    order = Arrangement(*data.draw(st.tuples(*[st.sampled_from(["big", "little"])] * 2)))
    sign = data.draw(st.sampled_from([1, -1]))
    value = sign * (data.draw(st.floats(kind.low, kind.high)) * scale + offset)
    element = np.array([LONE.first("current")])
    column = Column(
        kind, order, element, np.array([7]), np.array([sign * scale]), np.array([sign * offset]),
        "sentinel", None, limits=False, packed=None,
    )  # fmt: skip
    image = np.zeros(REGISTERS, np.uint16)
    column.encode(picture({"current": value}, layout=LONE), image, np.array([False]))
    count = from_words(kind, image[7 : 7 + kind.words].tolist(), order)

    assert count is not None
    shown = sign * (count * scale + offset)
    assert abs(shown - value) <= (0.5 + 1e-6) * scale + 1e-9 * abs(value)


def test_the_mirror_of_a_register_of_bits_shows_the_worst_of_them(tmp_path: Path) -> None:
    """One bit that was never seen is enough; the oldest bit gives the age."""
    row = "at: 0, point: cell_balancing, type: bits, stride: {rack: 4}"
    registers = compiled(tmp_path, row, mirrors="{quality: 100, age: 200}")
    values = [1.0] * 30
    ages = [0.5] * 30
    ages[13] = 2.0
    snapshot = picture({"cell_balancing": values}, age={"cell_balancing": ages})
    codes = snapshot.quality.copy()
    codes[SMALL.first("cell_balancing") + 25] = Detail.NEVER_SEEN
    image = registers.encode(replace(snapshot, quality=codes))

    shown = [words(image, 100, 9)[place] for place in (0, 4, 8)]
    assert shown == [0, 0, Detail.NEVER_SEEN << 8 | 2]
    assert [words(image, 200, 9)[place] for place in (0, 4, 8)] == [50, 200, 50]


def test_missing_can_be_a_constant_for_a_whole_map(tmp_path: Path) -> None:
    """`missing: {constant: 0}` at the head counts for every row that says nothing else."""
    rows = ("at: 0, point: voltage, type: u16", "at: 1, point: soc, type: u16, missing: sentinel")
    image = compiled(tmp_path, *rows, missing="{constant: 7}").encode(picture({}))

    assert list(words(image, 0, 2)) == [7, 0xFFFF]


@pytest.mark.parametrize(("order", "shown"), [("big", 0x0001), ("little", 0x0100)])
def test_registers_of_bits_have_a_byte_order(tmp_path: Path, order: str, shown: int) -> None:
    """As every other register."""
    row = f"at: 0, point: cell_balancing, type: bits, byte_order: {order}, stride: {{rack: 4}}"
    first = SMALL.elements and [1.0] + [0.0] * (len(SMALL.positions("cell_balancing")) - 1)

    assert words(compiled(tmp_path, row).encode(picture({"cell_balancing": first})), 0) == [shown]
