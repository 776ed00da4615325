"""The tables of the model are tables that hold: unique, complete, within their bounds."""

import numpy as np

from gateway.model.alarm import CAUSES, Level, alarm_point
from gateway.model.pack import Layout, Topology
from gateway.model.point import AXES, POINTS, Kind, Scope
from gateway.model.quality import QUALITIES, QUALITY_REGISTER, USABLE, Detail, Validity

_PREFIX = {Scope.RACK: "rack_", Scope.MODULE: "module_", Scope.CELL: "cell_", Scope.SENSOR: "cell_"}
_ASKED_FOR = """
voltage current power soc soh cell_voltage_max cell_voltage_min cell_temperature_max
cell_temperature_min charge_current_limit discharge_current_limit charge_power_limit
discharge_power_limit racks_configured racks_connected racks_valid
rack_voltage rack_current rack_power rack_soc rack_soh rack_capacity rack_cell_voltage_max
rack_cell_voltage_min rack_cell_voltage_avg rack_cell_temperature_max rack_cell_temperature_min
rack_charge_current_limit rack_discharge_current_limit rack_charge_power_limit
rack_discharge_power_limit rack_insulation_resistance rack_contactor_positive
rack_contactor_negative rack_contactor_precharge rack_breaker rack_state
module_voltage cell_voltage cell_temperature cell_balancing
"""


def test_the_dictionary_has_the_points_of_the_trade() -> None:
    """What integrators ask for is there by name."""
    assert set(_ASKED_FOR.split()) <= POINTS.keys()


def test_a_name_carries_its_scope() -> None:
    """Rack, module and cell points say so; units are SI; states have texts."""
    for point in POINTS.values():
        assert point.name.startswith(_PREFIX.get(point.scope, "")), point.name
        assert point.unit in {"", "V", "A", "W", "Wh", "%", "degC", "Ah", "Ohm"}, point.name
        assert bool(point.states) == (point.kind is Kind.STATE), point.name
        assert point.text


def test_causes_have_bits_of_their_own_that_a_float_can_hold() -> None:
    """Bit n is row n, none is above 47; every cause tells what it is and what to do."""
    assert [cause.bit for cause in CAUSES] == list(range(len(CAUSES)))
    assert len(CAUSES) <= 48
    assert len({cause.name for cause in CAUSES}) == len(CAUSES)
    for cause in CAUSES:
        assert cause.text
        assert cause.remedy
        assert 0 <= cause.evt1_alarm <= 29
        assert 0 <= cause.evt1_warning <= 29


def test_alarm_points_lie_together_in_the_order_of_their_bits() -> None:
    """Bit fields are made of one block of the layout."""
    layout = Layout(Topology(3))
    names = [alarm_point(level, cause) for level in Level for cause in CAUSES]
    starts = [layout.first(name) for name in names]

    assert starts == list(range(starts[0], starts[0] + 3 * len(names), 3))


def test_qualities_are_one_row_a_detail() -> None:
    """In order; good is 0 in registers; no two rows share a code; only good data may be used freely."""
    assert [row.detail for row in QUALITIES] == list(Detail)
    assert QUALITY_REGISTER[Detail.NONE] == 0
    assert len(set(QUALITY_REGISTER.tolist())) == len(QUALITIES)
    for row in QUALITIES:
        assert USABLE[row.detail] == row.usable
        assert not (row.usable and row.validity is Validity.INVALID)


def test_a_layout_gives_every_value_a_place_of_its_own() -> None:
    """Elements of all points and indices are all different and fill the vector."""
    layout = Layout(Topology(2, 3, 4, 5))
    elements = [layout.element(name, *place) for name in POINTS for place in layout.positions(name)]

    assert elements == list(range(layout.elements))
    assert all(layout.name_of(layout.first(name)) == name for name in POINTS)
    assert len(AXES) == len(Scope)
    assert np.prod(layout.shape("cell_temperature")) == 30
