"""Where the values of a row lie."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mapping.schema.registers import RegisterRow
from gateway.mapping.spread import spread, word_type
from gateway.model.pack import Layout, Topology

LAYOUT = Layout(Topology(racks=3, modules=2, cells=5, sensors=4))


def places(
    layout: Layout = LAYOUT, first: int = 0, racks: int = 64, **row: object
) -> dict[tuple[int, ...], tuple[int, ...]]:
    """For each index of a row's point its register, and its bit where it has one."""
    checked = RegisterRow.model_validate({"type": "u16", **row})
    placed = spread(checked, layout, first, racks)
    name = str(checked.point)
    indices = layout.positions(name)
    shown = [indices[element - layout.first(name)] for element in placed.elements]
    registers = (
        placed.addresses[:, None]
        if placed.bits is None
        else np.stack([placed.addresses, placed.bits], axis=1)
    )
    return dict(zip(shown, (tuple(item) for item in registers.tolist()), strict=True))


def test_a_value_of_the_container() -> None:
    """A container's point lies at one place."""
    assert places(at=10, point="voltage") == {(): (10,)}


def test_racks_follow_closely() -> None:
    """Without a stride the next rack follows after the words of the last."""
    assert places(at=10, point="rack_power") == {(1,): (10,), (2,): (11,), (3,): (12,)}
    assert places(at=10, point="rack_power", type="i32") == {(1,): (10,), (2,): (12,), (3,): (14,)}
    assert places(at=10, point="rack_power", type="f64")[3,] == (18,)


def test_racks_with_a_stride() -> None:
    """A stride is the distance from one rack to the next, whatever a value's width."""
    assert places(at=10, point="rack_power", type="i32", stride={"rack": 100}) == {
        (1,): (10,), (2,): (110,), (3,): (210,),
    }  # fmt: skip


def test_cells_without_strides() -> None:
    """Cells lie in the order rack, module, cell with nothing between."""
    registers = places(at=100, point="cell_voltage")

    assert list(registers.values()) == [(address,) for address in range(100, 130)]
    assert registers[2, 1, 3] == (100 + 10 + 2,)


@pytest.mark.parametrize(
    ("stride", "register"),
    [
        ({"rack": 50}, 100 + 50 + 5 + 2),
        ({"module": 20}, 100 + 2 * 20 + 20 + 2),
        ({"cell": 3}, 100 + 2 * 5 * 3 + 5 * 3 + 2 * 3),
        ({"rack": 50, "module": 20}, 100 + 50 + 20 + 2),
        ({"module": 1, "cell": 10}, 100 + 2 * 1 + 1 + 2 * 10),
        ({"rack": 1, "module": 50, "cell": 5}, 100 + 1 + 50 + 2 * 5),
    ],
)
def test_cells_with_strides(stride: dict[str, int], register: int) -> None:
    """An index without a stride follows closely after the inner ones; cells may lie outermost."""
    assert places(at=100, point="cell_voltage", stride=stride)[2, 2, 3] == (register,)


def test_sensors_have_a_stride_of_their_own() -> None:
    """Temperatures are counted by sensor."""
    registers = places(at=0, point="cell_temperature", stride={"rack": 100, "sensor": 10})

    assert registers[3, 2, 4] == (200 + 40 + 30,)


def test_falling_strides() -> None:
    """A map may count downwards."""
    assert places(at=50, point="rack_soc", stride={"rack": -10})[3,] == (30,)


@pytest.mark.parametrize(("unit", "racks"), [(0, [1, 2]), (1, [3]), (2, [])])
def test_racks_on_consecutive_units(unit: int, racks: list[int]) -> None:
    """Each unit shows its share of the racks at the same registers."""
    registers = places(at=100, point="cell_voltage", stride={"rack": 50}, first=2 * unit, racks=2)

    assert sorted({rack for rack, _, _ in registers}) == racks
    assert [registers[rack, 1, 1] for rack in racks] == [(100,), (150,)][: len(racks)]


def test_a_container_s_value_is_on_every_unit() -> None:
    """What belongs to the whole container is not split."""
    assert places(at=5, point="soc", first=2, racks=2) == {(): (5,)}


def test_bits_of_all_racks() -> None:
    """Without a stride all values share registers of 16, the first one lowest."""
    wide = Layout(Topology(racks=18))
    bits = places(wide, at=7, point="rack_connected", type="bits")

    assert [bits[rack,] for rack in (1, 2, 16, 17, 18)] == [(7, 0), (7, 1), (7, 15), (8, 0), (8, 1)]


def test_bits_of_each_rack() -> None:
    """What has no stride is packed; the stride counts registers."""
    bits = places(at=100, point="cell_balancing", type="bits", stride={"rack": 32})

    assert bits[1, 1, 1] == (100, 0)
    assert bits[1, 2, 5] == (100, 9)
    assert bits[2, 1, 2] == (132, 1)
    assert bits[3, 2, 1] == (164, 5)


def test_bits_of_each_module() -> None:
    """With a stride for modules each begins a register; racks follow closely or by their own."""
    bits = places(at=100, point="cell_balancing", type="bits", stride={"module": 4})
    spaced = places(at=100, point="cell_balancing", type="bits", stride={"rack": 50, "module": 4})

    assert [bits[place] for place in ((1, 1, 5), (1, 2, 1), (2, 1, 1), (3, 2, 2))] == [
        (100, 4), (104, 0), (108, 0), (120, 1),
    ]  # fmt: skip
    assert spaced[3, 2, 2] == (204, 1)


def test_a_topology_without_cells() -> None:
    """A point that the container does not have takes no registers."""
    assert places(Layout(Topology(racks=2)), at=0, point="cell_voltage") == {}


@pytest.mark.parametrize(
    ("kind", "words", "name", "width"),
    [
        ("bitfield", None, "bitfield1", 1),
        ("bitfield", 2, "bitfield2", 2),
        ("bitfield", 4, "bitfield4", 4),
        ("u64", None, "u64", 4),
        ("enum", None, "enum", 1),
        ("f32", None, "f32", 2),
    ],
)
def test_the_type_of_a_row(kind: str, words: int | None, name: str, width: int) -> None:
    """A bit field's width comes from its row, any other type's from the table."""
    row = RegisterRow.model_validate({"at": 0, "point": "soc", "type": kind, "words": words})

    assert word_type(row).name == name
    assert word_type(row).words == width


topologies = st.builds(
    Topology, st.integers(1, 5), st.integers(1, 4), st.integers(1, 20), st.integers(1, 3)
)


@given(
    shape=topologies,
    at=st.integers(0, 1000),
    strides=st.tuples(*[st.integers(-50, 500)] * 3),
)
def test_an_address_is_a_sum(shape: Topology, at: int, strides: tuple[int, int, int]) -> None:
    """With all strides given, a register is the first one plus each index times its stride."""
    names = ("rack", "module", "cell")
    registers = places(
        Layout(shape), at=at, point="cell_voltage", stride=dict(zip(names, strides, strict=True))
    )

    assert len(registers) == shape.racks * shape.modules * shape.cells
    for indices, (register,) in registers.items():
        steps = zip(indices, strides, strict=True)
        assert register == at + sum((index - 1) * stride for index, stride in steps)


@given(
    shape=topologies,
    kind=st.sampled_from(["u16", "i32", "f64", "bits"]),
    given_axes=st.sets(st.sampled_from(["rack", "module"])),
)
def test_close_values_do_not_overlap(shape: Topology, kind: str, given_axes: set[str]) -> None:
    """Strides that leave room give every value registers, or bits, of its own."""
    room = {"module": 100, "rack": 1000}
    stride = {axis: room[axis] for axis in given_axes}
    registers = places(Layout(shape), at=0, point="cell_voltage", type=kind, stride=stride)
    width = {"u16": 1, "i32": 2, "f64": 4}.get(kind, 1)
    taken = [
        place if kind == "bits" else (place[0] + word,)
        for place, word in itertools.product(registers.values(), range(width))
    ]

    assert len(set(taken)) == len(taken)
