"""The table of units: what a database writes becomes the point's unit, or is refused."""

import pytest

from gateway.canbus.unit import ALIASES, CONVERSIONS, Conversion, conversion
from gateway.model.point import POINTS


def converted(value: float, unit: str, target: str) -> float | None:
    """A value in another unit; None where the units do not fit."""
    change = conversion(unit, target)
    if change is None:
        return None
    return value * change.multiplier / change.divisor + change.offset


@pytest.mark.parametrize(
    ("value", "unit", "target", "expected"),
    [
        (3650, "mV", "V", 3.65),
        (-15, "mA", "A", -0.015),
        (85, "kW", "W", 85_000),
        (31_200, "mAh", "Ah", 31.2),
        (1.5, "MOhm", "Ohm", 1_500_000),
        (500, "kΩ", "Ohm", 500_000),
        (25, "°C", "degC", 25),
        (25, "\ufffdC", "degC", 25),
        (273.15, "K", "degC", 0),
        (48.5, "%", "%", 48.5),
        (7, "", "V", 7),
        (7, "N/A", "A", 7),
    ],
)
def test_a_value_in_the_point_s_unit(value: float, unit: str, target: str, expected: float) -> None:
    """Decimal fractions stay exact; without a unit the value is taken to be in the point's own."""
    assert converted(value, unit, target) == expected


@pytest.mark.parametrize(
    ("unit", "target"), [("A", "V"), ("mV", "A"), ("Wh", "W"), ("K", "%"), ("volts", "V")]
)
def test_units_that_do_not_fit(unit: str, target: str) -> None:
    """Another quantity, or a word that no one knows, is no conversion."""
    assert conversion(unit, target) is None


def test_every_alias_means_a_unit() -> None:
    """Each other spelling leads to a row of the table, and is none itself."""
    assert set(ALIASES.values()) <= set(CONVERSIONS)
    assert not set(ALIASES) & set(CONVERSIONS)


def test_every_unit_becomes_a_point_s() -> None:
    """Each row leads to an SI unit that some point has, and an SI unit to itself."""
    units = {point.unit for point in POINTS.values()}

    assert {row.unit for row in CONVERSIONS.values()} == units
    assert {unit: CONVERSIONS[unit] for unit in units} == {unit: Conversion(unit) for unit in units}
