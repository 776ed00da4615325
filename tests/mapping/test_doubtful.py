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


@pytest.mark.parametrize("order", ["01", "10"])
def test_an_alarm_of_two_messages_of_which_one_never_came(tmp_path: Path, order: str) -> None:
    """It is incomplete, as old as what came, and then old: never unseen again."""
    first, silent = (0x100, 0x200) if order == "01" else (0x200, 0x100)
    pack = Pack(spoken(tmp_path, TWO_MESSAGES)).take(first, "00", at=1.0)
    state = pack._state

    assert pack.detail("rack_trip_safety", at=3.0) is Detail.INACCURATE
    assert state.snapshot.age[state.container.layout.element("rack_trip_safety", 1)] == 2
    assert pack.detail("rack_trip_safety", at=20.0) is Detail.OLD_DATA
    assert pack.take(silent, "01", at=20.0).value("rack_trip_safety", at=20.0) == 1


def test_the_source_of_an_alarm_is_the_message_that_sets_it(tmp_path: Path) -> None:
    """Not the one that says that there is none."""
    pack = Pack(spoken(tmp_path, TWO_MESSAGES)).take(0x100, "00").take(0x200, "01")
    state = pack._state
    state.freeze(0.0, 0)
    told = state.sources().of(state.container.layout.element("rack_trip_safety", 1))

    assert told is not None
    assert (told[0].key, told[1].hex()) == (0x200, "01")


VICTRON = """
protocol: test
messages:
  - id: 0x35A
    period: 1
    signals:
      ht: {bits: 6|2@1+, not_available: [0, 3], alarms: [{cause: overtemperature, level: alarm, code: 1}]}
      htc: {bits: 10|2@1+, not_available: [0, 3], alarms: [{cause: overtemperature, level: alarm, code: 1}]}
"""


def test_an_alarm_of_two_signals_of_which_one_is_never_supported(tmp_path: Path) -> None:
    """It comes and goes with the other one, incomplete while it is off."""
    pack = Pack(spoken(tmp_path, VICTRON))
    assert pack.take(0x35A, "8000").detail("rack_alarm_overtemperature") is Detail.INACCURATE
    assert pack.take(0x35A, "4000").value("rack_alarm_overtemperature") == 1
    assert pack.take(0x35A, "8000").detail("rack_alarm_overtemperature") is Detail.INACCURATE

    assert pack._state.snapshot["rack_alarm_overtemperature"].tolist() == [0]


def test_a_selector_that_is_mapped_is_data(tmp_path: Path) -> None:
    """A frame whose state is told is not all zeros, though nothing else is in it."""
    frames = """
        protocol: test
        messages:
          - id: 0x100
            period: 1
            signals:
              state: {bytes: 0, point: rack_state, states: {1: disconnected, 3: connected}}
              v: {bytes: 1-2, when: {state: 3}, point: rack_voltage}
    """
    pack = Pack(spoken(tmp_path, frames)).take(0x100, "010000")

    assert pack.value("rack_state") == 1


def test_a_payload_freezes_by_what_it_tells(tmp_path: Path) -> None:
    """A counter and a selector that go on do not make old values new."""
    frames = """
        protocol: test
        messages:
          - id: 0x100
            period: 1
            frozen: 5
            counter: {signal: count, modulo: 16}
            signals:
              mux: {bits: 4|2@1+}
              count: {bits: 0|4@1+}
              u: {bytes: 1, point: rack_voltage}
              i: {bytes: 2, when: {mux: [0, 1]}, point: rack_current}
    """
    pack = Pack(spoken(tmp_path, frames))
    for second in range(8):
        pack.take(0x100, f"{second % 2 << 4 | second:02X} 07 08", at=float(second))

    assert pack.detail("rack_voltage", at=7.0) is Detail.FROZEN
    assert pack.detail("rack_current", at=7.0) is Detail.FROZEN
    assert pack.take(0x100, "08 09 08", at=8.0).value("rack_voltage", at=8.0) == 9
