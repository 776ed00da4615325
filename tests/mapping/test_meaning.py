"""What rows of a frame file make of a signal: unit, sign, range, states, alarms, and when it counts."""

from pathlib import Path

import pytest
from mapping.spoken import Pack, spoken

from gateway.model.quality import Detail

MESSAGE = """
    protocol: test
    {head}
    messages:
      - id: 0x100
        period: 1
        length: 8
        zero: data
        {more}
        signals:
          {rows}
"""
VOLTS = "u: {bytes: 0-1, scale: 0.1, point: rack_voltage}"


def pack(folder: Path, *rows: str, head: str = "order: little", more: str = "bus: main") -> Pack:
    """A pack that tells one message."""
    text = MESSAGE.format(head=head, more=more, rows=("\n" + " " * 10).join(rows))
    return Pack(spoken(folder, text))


def read(folder: Path, row: str, payload: str, point: str, head: str = "order: little") -> object:
    """What a point reads after one frame: its value, or why it has none."""
    taken = pack(folder, row, head=head).take(0x100, payload.ljust(16, "0"))
    value = taken.value(point)
    return taken.detail(point) if value is None else value


@pytest.mark.parametrize(
    ("rest", "value"),
    [
        ("unit: V", 1),
        ("unit: mV", 0.001),
        ("unit: V, offset: 500", 501),
        ("unit: mV, scale: 10, offset: -5", 0.005),
        ("scale: -0.5", -0.5),
    ],
)
def test_units_and_scaling(tmp_path: Path, rest: str, value: float) -> None:
    """Scale and offset first, in the signal's unit, then the point's unit."""
    row = f"u: {{bytes: 0, point: rack_voltage, {rest}}}"

    assert read(tmp_path, row, "01", "rack_voltage") == value


@pytest.mark.parametrize(
    ("positive", "rest", "value"),
    [
        ("discharge", "", 5),
        ("charge", "", -5),
        ("charge", ", sign: 1", 5),
        ("discharge", ", sign: -1", -5),
        ("charge", ", absolute: true", 5),
    ],
)
def test_direction(tmp_path: Path, positive: str, rest: str, value: float) -> None:
    """Current counts positive for discharge, whatever the protocol says; a row may say otherwise."""
    row = f"i: {{bytes: 0, point: rack_current{rest}}}"

    assert read(tmp_path, row, "05", "rack_current", f"positive: {positive}") == value


def test_limits_have_no_direction(tmp_path: Path) -> None:
    """A protocol that counts charge positive turns currents round, never limits or voltages."""
    rows = (
        "l: {bytes: 0, point: rack_charge_current_limit}",
        "u: {bytes: 1, point: rack_voltage}",
        "p: {bytes: 2, point: rack_power, unit: kW}",
    )
    taken = pack(tmp_path, *rows, head="positive: charge").take(0x100, "0506070000000000")
    points = ("rack_charge_current_limit", "rack_voltage", "rack_power")

    assert [taken.value(point) for point in points] == [5, 6, -7000]


@pytest.mark.parametrize(
    ("place", "payload", "value"),
    [
        ("bytes: 0-1, order: big", "0102", 0x102),
        ("bytes: 0-1", "0102", 0x201),
        ("bytes: 0-1, type: signed", "FEFF", -2),
        ("bits: 0|16@1-", "FEFF", -2),
        ("bits: 7|16@0-", "FFFE", -2),
        ("bits: 4|8@1+", "300F", 0xF3),
        ("bytes: 0-3, type: float", "00004842", 50),
        ("bytes: 0-3, type: float, order: big", "42480000", 50),
        ("bytes: 0-1, type: float", "4052", 50),
        ("bytes: 0-7, type: float", "0000000000004940", 50),
        ("bytes: 0x1-0x2", "000102", 0x201),
    ],
)
def test_places_and_codings(tmp_path: Path, place: str, payload: str, value: float) -> None:
    """Bits as DBC files write them, or whole bytes; unsigned, signed or floating."""
    row = f"i: {{{place}, point: rack_current}}"

    assert read(tmp_path, row, payload, "rack_current") == value


def test_the_nearest_byte_order_counts(tmp_path: Path) -> None:
    """A signal's own order goes before its message's, and that before the file's."""
    rows = (
        "u: {bytes: 0-1, point: rack_voltage}",
        "s: {bytes: 2-3, order: little, point: rack_soc}",
    )
    taken = pack(tmp_path, *rows, more="order: big").take(0x100, "0102010200000000")

    assert (taken.value("rack_voltage"), taken.value("rack_soc")) == (0x102, 0x201)


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        ("FDFF", 6553.3), ("FEFF", Detail.NOT_AVAILABLE), ("FFFF", Detail.NOT_AVAILABLE),
        ("00FE", Detail.NOT_AVAILABLE), ("01FE", 6502.5), ("0000", 0),
    ],
)  # fmt: skip
def test_codes_and_ranges_of_codes(tmp_path: Path, payload: str, value: object) -> None:
    """Codes for "not available" are single numbers and ranges, of raw values."""
    row = f"{VOLTS[:-1]}, not_available: [0xFE00, 0xFFFE-0xFFFF]}}"

    assert read(tmp_path, row, payload, "rack_voltage") == value


@pytest.mark.parametrize(
    ("payload", "value"), [("F401", 50), ("F301", Detail.OUT_OF_RANGE), ("B80B", 300)]
)
def test_a_range_is_in_the_point_s_unit(tmp_path: Path, payload: str, value: object) -> None:
    """Bounds are compared after scaling and conversion."""
    row = f"{VOLTS[:-1]}, range: [50, 300]}}"

    assert read(tmp_path, row, payload, "rack_voltage") == value


@pytest.mark.parametrize(
    ("states", "raw", "value"),
    [
        ("", "03", 3),
        ("", "04", 4),
        ("", "07", Detail.OUT_OF_RANGE),
        (", states: {0: disconnected, 5: fault}", "05", 99),
        (", states: {0: disconnected, 5: 99}", "05", 99),
        (", states: {0: disconnected, 5: fault}", "03", Detail.OUT_OF_RANGE),
    ],
)
def test_states(tmp_path: Path, states: str, raw: str, value: object) -> None:
    """Without a table the raw numbers are the point's own; with one, only its rows are states."""
    row = f"s: {{bytes: 0, point: rack_state{states}}}"

    assert read(tmp_path, row, raw, "rack_state") == value


def test_one_signal_for_several_points(tmp_path: Path) -> None:
    """A flag may stand for both contactors."""
    row = "c: {bits: 0|1@1+, point: [rack_contactor_positive, rack_contactor_negative]}"
    taken = pack(tmp_path, row).take(0x100, "0100000000000000")

    assert taken.value("rack_contactor_positive") == 1
    assert taken.value("rack_contactor_negative") == 1


def test_alarms(tmp_path: Path) -> None:
    """By bit, by code and by any bit at all; causes that come twice are set by either."""
    rows = (
        "f: {bytes: 0, alarms: [{cause: fire, level: trip, bit: 0}, {cause: gas, level: alarm, bit: 1}]}",
        "g: {bytes: 1, alarms: [{cause: fire, level: trip, code: 2-3}]}",
        "h: {bytes: 2, alarms: [{cause: door, level: warning}]}",
    )
    points = ("rack_trip_fire", "rack_alarm_gas", "rack_warning_door")
    taken = pack(tmp_path, *rows)
    read = [
        [taken.take(0x100, payload.ljust(16, "0")).value(point) for point in points]
        for payload in ("000000", "010000", "020000", "000300", "000180")
    ]

    assert read == [[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_flags_and_required_signals(tmp_path: Path) -> None:
    """A flag takes away one value; a required signal without a value takes away all."""
    rows = (
        "u: {bytes: 0, point: rack_voltage, range: [1, 200]}",
        "s: {bytes: 1, point: rack_soc, valid_when: {bad: 0, ok: 1}}",
        "bad: {bits: 16|1@1+}",
        "ok: {bits: 17|1@1+}",
    )
    taken = pack(tmp_path, *rows, more="require: [u]")
    read = [
        [
            taken.take(0x100, payload.ljust(16, "0")).value(f"rack_{name}")
            for name in ("voltage", "soc")
        ]
        for payload in ("050602", "050603", "050600", "000602")
    ]

    assert read == [[5, 6], [5, None], [5, None], [None, None]]


def test_the_same_identifier_on_two_buses(tmp_path: Path) -> None:
    """It is two messages; each bus has its own."""
    frames = """
        protocol: test
        messages:
          - {id: 0x100, bus: power, period: 1, signals: {u: {bytes: 0, point: rack_voltage}}}
          - {id: 0x100, bus: cells, period: 1, signals: {s: {bytes: 0, point: rack_soc}}}
    """
    sources = "- {frames: frames, bus: {power: can1, cells: can0}}"
    taken = Pack(spoken(tmp_path, frames, sources=sources))
    taken.take(0x100, "05", "can1").take(0x100, "06", "can0")

    assert (taken.value("rack_voltage"), taken.value("rack_soc")) == (5, 6)


@pytest.mark.parametrize(
    ("more", "good", "old"),
    [
        ("period: 1", 3.0, 3.1),
        ("period: 0.01", 0.5, 0.51),
        ("period: 1, timeout: 1.5", 1.5, 1.6),
        ("period: 60", 180, 181),
    ],
)
def test_how_long_a_value_lives(tmp_path: Path, more: str, good: float, old: float) -> None:
    """Three periods and at least half a second, unless the row says otherwise."""
    frames = f"""
        protocol: test
        messages: [{{id: 0x100, {more}, signals: {{u: {{bytes: 0, point: rack_voltage}}}}}}]
    """
    taken = Pack(spoken(tmp_path, frames)).take(0x100, "05")

    assert taken.detail("rack_voltage", at=good) is Detail.NONE
    assert taken.detail("rack_voltage", at=old) is Detail.OLD_DATA


@pytest.mark.parametrize(
    ("point", "zero", "counts"),
    [
        ("rack_voltage", "", False),
        ("rack_charge_current_limit", "", False),
        ("rack_breaker", "", True),
        ("rack_voltage", ", zero: data", True),
        ("rack_breaker", ", zero: invalid", False),
    ],
)
def test_zeros_at_the_start(tmp_path: Path, point: str, zero: str, *, counts: bool) -> None:
    """They are no measured values and no limits, unless the row says otherwise."""
    frames = f"""
        protocol: test
        messages: [{{id: 0x100, period: 1{zero}, signals: {{x: {{bytes: 0, point: {point}}}}}}}]
    """
    taken = Pack(spoken(tmp_path, frames)).take(0x100, "00")

    assert taken.detail(point) is (Detail.NONE if counts else Detail.NEVER_SEEN)


def test_a_counter_and_frozen_payloads(tmp_path: Path) -> None:
    """A row may name a rolling counter, and a time after which the same payload means a frozen BMU."""
    rows = ("u: {bytes: 0, point: rack_voltage}", "k: {bytes: 1}")
    counted = pack(tmp_path, *rows, more="counter: {signal: k, modulo: 256}")
    counted.take(0x100, "0501000000000000").take(0x100, "0601000000000000", at=0.5)
    frozen = pack(tmp_path, *rows, more="frozen: 5")
    for second in range(8):
        frozen.take(0x100, "0501000000000000", at=second)

    assert counted.value("rack_voltage") == 5
    assert frozen.detail("rack_voltage", at=7) is Detail.FROZEN


def test_codes_of_signed_signals_may_be_written_as_bits(tmp_path: Path) -> None:
    """0xFFFF of a signed signal of 16 bits is what the signal reads as -1; -1 itself says the same."""
    row = "u: {{bits: 0|16@1-, point: rack_current, not_available: {code}}}"
    for code in ("0xFFFF", "-1"):
        read_by_bits = row.format(code=f"'{code}'")
        assert read(tmp_path, read_by_bits, "FFFF", "rack_current") is Detail.NOT_AVAILABLE
        assert read(tmp_path, read_by_bits, "FEFF", "rack_current") == -2
