"""Rows of limits: whatever their form, a master never reads more than is allowed (R19)."""

from pathlib import Path

import pytest
from mapping.written import compiled, picture, text_of, words, written

from gateway.errors import MappingError


def test_r19_limits_round_down_and_unknown_ones_read_0_whatever_the_map_says(
    tmp_path: Path,
) -> None:
    """R19: 100.06 A reads 100.0, 100.0 A reads 100.0, nothing reads 0 although the map says sentinel."""
    row = "at: 0, point: charge_current_limit, type: u16, scale: 0.1"
    registers = compiled(tmp_path, row, missing="sentinel")

    for amperes, count in ((100.06, 1000), (100.0, 1000), (0.3, 3), (99.99999, 999)):
        assert words(registers.encode(picture({"charge_current_limit": amperes})), 0) == [count]
    assert words(registers.encode(picture({})), 0) == [0]
    forced = picture({"charge_current_limit": 50.0}).without_limits()
    assert words(registers.encode(forced), 0) == [0]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("type: u16, missing: sentinel", "an unknown limit must not read sentinel"),
        ("type: u16, missing: hold", "an unknown limit must not read hold"),
        ("type: u16, missing: {constant: 500}", "an unknown limit must not read 500"),
        ("type: u16, scale: 0.1, offset: 100", "a limit of 0 cannot be said in u16"),
        ("type: i16, scale: 0.1, offset: 0.05", "a limit of 0 cannot be said in i16"),
    ],
)
def test_r19_a_limit_row_cannot_show_more_than_is_known(
    tmp_path: Path, row: str, complaint: str
) -> None:
    """R19: neither a pattern, nor the last number, nor what 0 counts happen to mean."""
    with pytest.raises(MappingError, match=complaint):
        written(tmp_path, text_of(f"at: 0, point: charge_current_limit, {row}"))


@pytest.mark.parametrize(
    ("row", "limit", "shown"),
    [
        ("type: i16, scale: 0.1, offset: 100", None, [0x10000 - 1000]),
        ("type: i16, scale: 0.1, offset: 100", 5.07, [0x10000 - 950]),
        ("type: i16, scale: -0.1", 99.96, [0x10000 - 999]),
        ("type: i16, scale: -0.1", 99999.0, [0x8001]),
        ("type: f32", 16777219.0, [0x4B80, 0x0001]),
        ("type: f32, scale: -1", 16777219.0, [0xCB80, 0x0001]),
        ("type: f32", None, [0, 0]),
        ("type: u16, missing: {constant: 0}", None, [0]),
    ],
)
def test_r19_a_limit_never_reads_as_more_in_whatever_form(
    tmp_path: Path, row: str, limit: float | None, shown: list[int]
) -> None:
    """R19: rounded to less in the limit's own unit, also with a scale below 0 and as a float; unknown is 0 A."""
    registers = compiled(tmp_path, f"at: 0, point: charge_current_limit, {row}")
    values = {} if limit is None else {"charge_current_limit": limit}

    assert words(registers.encode(picture(values)), 0, len(shown)) == shown


def test_r19_a_map_that_refuses_missing_values_refuses_unknown_limits(tmp_path: Path) -> None:
    """R19: exception for the whole map holds for limits too."""
    row = "at: 0, point: charge_current_limit, type: u16"
    image = compiled(tmp_path, row, missing="exception").encode(picture({}))

    assert image.blocked is not None
    assert image.blocked[0] == 1
