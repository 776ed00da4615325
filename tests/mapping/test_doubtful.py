"""What must not pass for a value: alarms of several messages, limits below 0, zeros before data."""

from pathlib import Path

import pytest
from mapping.spoken import Pack, spoken

from gateway.model.quality import Detail

TWO_MESSAGES = """
protocol: test
messages:
  - {id: 0x100, period: 1, signals: {main: {bits: 0|1@1+, alarms: [{cause: safety, level: trip}]}}}
  - {id: 0x200, period: 1, signals: {sub: {bits: 0|1@1+, alarms: [{cause: safety, level: trip}]}}}
"""


def test_an_alarm_that_two_messages_carry_is_set_by_either(tmp_path: Path) -> None:
    """And cleared only by both; one that falls silent while it is set leaves it set and doubtful."""
    pack = Pack(spoken(tmp_path, TWO_MESSAGES))
    assert pack.take(0x100, "00").detail("rack_trip_safety") is Detail.INACCURATE
    assert pack.take(0x200, "01").value("rack_trip_safety") == 1
    assert pack.take(0x100, "00").value("rack_trip_safety") == 1
    assert pack.take(0x200, "00").value("rack_trip_safety") == 0
    assert pack.take(0x100, "01", at=5.0).value("rack_trip_safety", at=5.0) == 1
    pack.take(0x100, "00", at=6.0).take(0x200, "01", at=6.0).take(0x100, "00", at=20.0)

    assert pack.detail("rack_trip_safety", at=20.0) is Detail.OLD_DATA
    assert pack._state.snapshot["rack_trip_safety"].tolist() == [1]


def test_a_limit_below_0_is_none(tmp_path: Path) -> None:
    """Limits are magnitudes: a BMU that sends them with a sign needs absolute or sign."""
    frames = """
        protocol: test
        messages:
          - id: 0x100
            period: 1
            signals:
              up: {bytes: 0, type: signed, point: rack_charge_current_limit}
              down: {bytes: 1, type: signed, sign: -1, point: rack_discharge_current_limit}
    """
    pack = Pack(spoken(tmp_path, frames)).take(0x100, "9C 9C")

    assert pack.detail("rack_charge_current_limit") is Detail.OUT_OF_RANGE
    assert pack.value("rack_discharge_current_limit") == 100
    assert pack.value("charge_current_limit") is None


@pytest.mark.parametrize("head", ["mux: {bytes: 0}", "mux: {bytes: 0, unit: ''}"])
def test_zeros_on_a_page_that_has_told_nothing_are_none(tmp_path: Path, head: str) -> None:
    """Selector and counter do not make data of them; zeros after data are data."""
    frames = f"""
        protocol: test
        messages:
          - id: 0x100
            period: 1
            counter: {{signal: count, modulo: 16}}
            signals:
              {head}
              count: {{bits: 8|4@1+}}
              u: {{bytes: 2, when: {{mux: 0-1}}, over: cell, point: cell_voltage}}
    """
    pack = Pack(spoken(tmp_path, frames, "{racks: 1, modules: 1, cells: 2}"))
    pack.take(0x100, "01 01 00").take(0x100, "00 02 05").take(0x100, "01 03 00")
    assert pack.values("cell_voltage") == [5, None]
    pack.take(0x100, "01 04 07").take(0x100, "01 05 00")

    assert pack.values("cell_voltage") == [5, 0]
