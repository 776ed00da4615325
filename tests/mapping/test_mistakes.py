"""Mistakes in a frame file: each is told with file, line, column, text and remedy, and all at once."""

from pathlib import Path

import pytest
from mapping.spoken import problems

FILE = """
protocol: test
messages:
  - id: 0x100
    period: 1
    signals:
      u: {{bytes: 0, point: rack_voltage{row}}}
"""
ROW = {
    "rang: [0, 1]": "42: 'rang' is not known here; did you mean 'range'?",
    "zzz: 1": "42: 'zzz' is not known here",
    "repeat: 0": "50: 'repeat' must be at least 1",
    "repeat: 2.5": "50: 'repeat' must be a whole number",
    "scale: high": "49: 'scale' must be a number",
    "scale: .inf": "49: the scale of 'u' is no number",
    "offset: .nan": "50: the offset of 'u' is no number",
    "absolute: 1": "52: 'absolute' must be true or false",
    "unit: 5": "48: 'unit' must be text",
    "over: cells": "48: 'over' must be 'rack', 'module', 'cell' or 'sensor'",
    "sign: 2": "48: 'sign' must be 1 or -1",
    "type: int": "48: 'type' must be 'unsigned', 'signed' or 'float'",
    "range: [0]": "49: 'range' has too few entries",
    "range: [0, 1, 2]": "49: 'range' has too many entries",
    "range: 5": "49: 'range' must be a list",
    "range: [10, 0]": "49: the range is empty; write the lower bound first",
    "range: [.nan, 5]": "49: the range is empty; write the lower bound first",
    "unit: A": "48: 'A' is no unit of 'rack_voltage'; give unit: one of V, mV",
    "unit: Volts": "48: 'Volts' is no unit of 'rack_voltage'; give unit: one of V, mV",
    "not_available: x": "57: 'x' is no number and no range of numbers",
    "not_available: 9-2": "57: '9-2' is no range of at most 65536 numbers",
    "not_available: 0-99999": "57: '0-99999' is no range of at most 65536 numbers",
    "valid_when: {ok: 1}": "54: no signal 'ok' here; known: u",
    "valid_when: {ok: yes}": "59: 'ok' must be a whole number",
    "when: {page: 1}": "10: the selector 'page' is no signal here; known: u",
    "when: {u: 1}": "10: 'u' is there only where it itself says so",
    "when: {page: x}": "10: 'x' is no number and no range of numbers",
    "type: float": "10: 'u' cannot have 8 bits; floats have 16, 32 or 64, others 1 to 64",
    "bits: 0|8@1+": "10: 'u' says both bits and bytes; say one of them",
    "scale: 0": "49: a scale of 0 makes every 'u' the same",
    "states: {1: open}": "50: rack_voltage has no states; leave them out",
    "cell: 1": "48: rack_voltage has no cell; leave it out",
    "over: cell": "48: rack_voltage has no cell to count through",
    "over: {u: rack}": "10: 'u' does not lead to 'u'",
    "valid_when: {u: 300}": "54: 'u' has 8 bits and is never 300; correct the value",
    "repeat: 2, step: -8": "10: 'u_2' does not fit into 1 bytes",
    "alarms: [{cause: fier, level: trip}]":
        "59: no cause is named 'fier'; did you mean 'fire'?",
    "alarms: [{cause: fire, level: high}]":
        "72: 'level' must be 'warning', 'alarm' or 'trip'",
    "alarms: [{cause: fire}]": "51: 'level' is missing",
    "alarms: [{cause: fire, level: trip, bit: 8}]":
        "83: 'u' has no bit 8; bits count from 0, the lowest",
    "alarms: [{cause: fire, level: trip, bit: 1, code: 2}]":
        "92: an alarm has a bit or codes, not both",
    "alarms: [{cause: fire, level: trip, bit: 64}]": "83: 'bit' must be at most 63",
    "alarms: {cause: fire}": "50: 'alarms' must be a list",
}  # fmt: skip
"What is added to the row in line 7, and where and what it is refused for."


@pytest.mark.parametrize("row", ROW)
def test_a_mistake_in_a_row(tmp_path: Path, row: str) -> None:
    """One line for one mistake, at the place where it was made."""
    assert problems(tmp_path, FILE.format(row=f", {row}")) == [f"frames.yaml:7:{ROW[row]}"]


PLACES = {
    "bits: 0|65@1+": "'u' cannot have 65 bits; floats have 16, 32 or 64, others 1 to 64",
    "bits: 0|0@1+": "'u' cannot have 0 bits; floats have 16, 32 or 64, others 1 to 64",
    "bits: 7-0": "'7-0' is not start|length@order sign, like 7|16@0+",
    "bits: 504|16@1+": "'u' does not fit into 64 bytes",
    "bytes: 2-1": "'2-1' is no range of at most 65536 numbers",
    "unit: V": "'u' says neither bits nor bytes; say one of them",
}
"Where a signal is said to be, and what that is refused for."


@pytest.mark.parametrize("place", PLACES)
def test_a_place_that_cannot_be(tmp_path: Path, place: str) -> None:
    """One line, at the signal's row."""
    text = FILE.format(row="").replace("bytes: 0", place)

    assert problems(tmp_path, text) == [f"frames.yaml:7:10: {PLACES[place]}"]


def test_signals_that_do_not_fit_a_classic_frame_must_mean_it(tmp_path: Path) -> None:
    """Nine bytes are CAN FD, or a mistake."""
    text = FILE.format(row="").replace("bytes: 0", "bytes: 7-8")
    wanted = (
        "the signals need 9 bytes; a classic frame has 8; say length: 9 if these are CAN FD frames"
    )

    assert problems(tmp_path, text) == [f"frames.yaml:4:5: {wanted}"]


def test_repetitions_of_the_same_bits_are_told(tmp_path: Path) -> None:
    """A step of 0 goes nowhere."""
    text = FILE.format(row="").replace(
        "bytes: 0, point: rack_voltage", "bytes: 0, repeat: 2, step: 0"
    )

    assert problems(tmp_path, text) == [
        "frames.yaml:7:38: repetitions would read the same bits; leave step: out"
    ]


def test_points_of_different_kinds_need_signals_of_their_own(tmp_path: Path) -> None:
    """One number cannot be volts, amperes and a state."""
    text = FILE.format(row="").replace("point: rack_voltage", "point: [rack_voltage, rack_breaker]")

    assert problems(tmp_path, text) == [
        "frames.yaml:7:28: these points are not of one kind and unit; give each a signal"
    ]


MESSAGE = """
protocol: test
messages:
  - {{id: 0x100, period: 1, signals: {{u: {{bytes: 0, point: rack_voltage}}}}{more}}}
"""
MORE = {
    "perod: 1": "75: 'perod' is not known here; did you mean 'period'?",
    "bus: cells": "80: the site gives no bus for 'cells'; known: main",
    "length: 65": "83: 'length' must be at most 64",
    "length: 0": "41: 'u' does not fit into 0 bytes",
    "timeout: 0": "84: 'timeout' must be greater than 0.0",
    "frozen: -1": "83: 'frozen' must be greater than 0.0",
    "zero: no": "81: 'zero' must be 'data' or 'invalid'",
    "order: small": "82: 'order' must be 'big' or 'little'",
    "name: a b": "81: 'name' must be a name of letters, digits, dots, dashes and underscores",
    "pages: 0": "82: 'pages' must be at least 1",
    "counter: {signal: u, modulo: 1}": "104: 'modulo' must be at least 2",
    "counter: {signal: v, modulo: 16}": "93: no signal 'v' here; known: u",
    "require: [v]": "84: no signal 'v' here; known: u",
    "message: Pack": "5: a message needs an id, or a database and its message's name",
}
"What is added to the message in line 4, and where and what it is refused for."


@pytest.mark.parametrize("more", MORE)
def test_a_mistake_in_a_message(tmp_path: Path, more: str) -> None:
    """One line for one mistake, at the place where it was made."""
    assert problems(tmp_path, MESSAGE.format(more=f", {more}")) == [f"frames.yaml:4:{MORE[more]}"]


FILES = {
    "": ["1:1: 'the file' must be a mapping"],
    "- a": ["1:1: 'the file' must be a mapping"],
    "protocol: test": ["1:1: 'messages' is missing"],
    "protocol: test\nmessages: []": ["2:11: 'messages' has too few entries"],
    "protocol: a/b\nmessages: [{id: 1, period: 1}]": [
        "1:11: 'protocol' must be a name of letters, digits, dots, dashes and underscores"
    ],
    "protocol: test\nmessages: [{id: 1}]": ["2:12: 'period' is missing"],
    "protocol: test\nmessages: [{period: 1}]": [
        "2:12: a message needs an id, or a database and its message's name"
    ],
    "protocol: test\nmessage: []\nmessages: [{id: 1, period: 1}]": [
        "2:1: 'message' is not known here; did you mean 'messages'?"
    ],
    "protocol: test\nmessages: [{id: {rack: 1}, period: 1}]": [
        "2:17: 'base' is missing",
        "2:17: 'id' has a form that is not known here",
    ],
    "protocol: test\nmessages: [{id: 1, period: 1, signals: {u: {point: rack_soc}}}]": [
        "2:44: 'u' says neither bits nor bytes; say one of them"
    ],
    "protocol: test\nmessages: [{id: 1, period: 1, signals: {u: {bytes: -1}}}]": [
        "2:44: '-1' does not name bytes in a row"
    ],
    "protocol: test\npositive: up\nmessages: [{id: 1, period: 1}]": [
        "2:11: 'positive' must be 'discharge' or 'charge'"
    ],
    "protocol: test\ndatabase: {fil: x}\nmessages: [{id: 1, period: 1}]": [
        "2:11: 'file' is missing",
        "2:12: 'fil' is not known here; did you mean 'file'?",
    ],
    "protocol: test\ndatabase: {file: x, sha256: abc}\nmessages: [{id: 1, period: 1}]": [
        "2:29: 'sha256' must be 64 hexadecimal digits"
    ],
}


@pytest.mark.parametrize("text", FILES)
def test_a_mistake_in_a_file(tmp_path: Path, text: str) -> None:
    """What is missing is told where it should be."""
    assert problems(tmp_path, text) == [f"frames.yaml:{line}" for line in FILES[text]]


def row(place: int, rest: str) -> str:
    """A message of one signal."""
    return f"  - {{id: {place}, period: 1, signals: {{x: {{bytes: 0, {rest}}}}}}}"


def test_points(tmp_path: Path) -> None:
    """A point that no one knows, and one that lacks its place."""
    rows = [row(1, "point: rack_volage"), row(2, "point: cell_voltage"),
            row(3, "point: module_voltage, cell: 1")]  # fmt: skip
    frames = "\n".join(["protocol: test", "messages:", *rows])

    assert problems(tmp_path, frames, "{racks: 1, modules: 2, cells: 2}") == [
        "frames.yaml:3:55: no point is named 'rack_volage'; did you mean 'rack_voltage'?",
        "frames.yaml:4:55: 'cell_voltage' needs a module; give module:, or over: module",
        "frames.yaml:5:55: 'module_voltage' needs a module; give module:, or over: module",
        "frames.yaml:5:77: module_voltage has no cell; leave it out",
    ]


def test_the_same_thing_twice(tmp_path: Path) -> None:
    """An identifier described twice, a point carried by two messages, or twice by one."""
    rows = [row(1, "point: rack_voltage"), row(1, "point: rack_soc"), row(2, "point: rack_voltage")]
    twice = "  - {id: 3, period: 1, signals: {a: {bytes: 0, point: rack_soh}, b: {bytes: 1, point: rack_soh}}}"
    frames = "\n".join(["protocol: test", "messages:", *rows, twice])

    assert problems(tmp_path, frames) == [
        "frames.yaml:4:5: 001 on can0 is described twice; remove one of them",
        "frames.yaml:5:5: rack_voltage is also carried by 001; map it once",
        "frames.yaml:6:5: rack_soh is carried twice by 003; map it once",
    ]


def test_selectors_in_a_circle(tmp_path: Path) -> None:
    """Selectors that are each other's are refused, not followed for ever."""
    frames = """
protocol: test
messages:
  - id: 1
    period: 1
    signals:
      a: {bytes: 0, when: {b: 1}}
      b: {bytes: 1, when: {a: 1}}
      u: {bytes: 2, when: {a: 1}, point: rack_voltage}
"""

    assert problems(tmp_path, frames) == [
        "frames.yaml:7:10: 'a' is there only where it itself says so",
        "frames.yaml:8:10: 'b' is there only where it itself says so",
        "frames.yaml:9:10: 'a' is there only where it itself says so",
    ]


def test_all_mistakes_of_a_file(tmp_path: Path) -> None:
    """Mistakes of several kinds and messages are told together, each once for all racks."""
    frames = """
protocol: test
messages:
  - id: 0x10{rack}
    period: 1
    signals:
      u: {bytes: 0, unit: A, range: [9, 1], point: rack_voltage}
      s: {bytes: 1, point: rack_breaker, states: {0: opn}}
  - id: nonsense
    period: 1
    signals: {i: {bits: x, point: rack_current}}
"""

    assert problems(tmp_path, frames, "{racks: 3}") == [
        "frames.yaml:7:27: 'A' is no unit of 'rack_voltage'; give unit: one of V, mV",
        "frames.yaml:7:37: the range is empty; write the lower bound first",
        "frames.yaml:8:50: 'opn' is no state of 'rack_breaker'; did you mean 'open'?",
        "frames.yaml:9:9: is no identifier: 'nonsense' is no hexadecimal number",
        "frames.yaml:11:18: 'x' is not start|length@order sign, like 7|16@0+",
    ]
