"""Mistakes in a PCS map: each is told with file, line, column, text and remedy, and all at once."""

from pathlib import Path

import pytest
from mapping.spoken import lines

from gateway.errors import MappingError
from gateway.mapping.library import Library
from gateway.mapping.pcs_file import load_pcs

from program import Program

FILE = """\
pcs: test
watchdog: {{seconds: 5}}
reads:
  - {{at: 1, what: power, type: i16}}
  - {{at: 2, what: running, type: u16, when: {{values: 2}}}}
  - {{{read}}}
writes:
  - {{at: 1, what: power, type: i16}}
  - {{at: 2, what: run, type: u16, codes: {{run: 1, stop: 0}}}}
  - {{{write}}}
"""
RIGHT_READ, RIGHT_WRITE = "at: 9, expect: 1, type: u16", "at: 9, const: 1, type: u16"


def problems(folder: Path, text: str) -> list[str]:
    """What a PCS map is refused for, as `line:column: text`."""
    file = folder / "pcs.yaml"
    file.write_text(text)
    with pytest.raises(MappingError) as refusal:
        load_pcs(Library(), str(file))
    return [line.removeprefix("pcs.yaml:") for line in lines(refusal.value)]


READS = {
    "at: 9, what: volts, type: u16":
        "19: 'what' must be 'power', 'reactive', 'dc_voltage', 'dc_current', 'running', 'fault', "
        "'watchdog_tripped' or 'heartbeat'",
    "at: 9, what: dc_voltage": "5: 'type' is missing",
    "at: 9, type: u16": "5: a row that is read has one of what: and expect:",
    "at: 9, what: fault, expect: 1, type: u16, when: {bits: 1}":
        "5: a row that is read has one of what: and expect:",
    "at: 70000, expect: 1, type: u16": "10: 'at' must be at most 65535",
    "at: 65535, expect: 1, type: u32": "10: reaches register 65536; the last is 65535",
    "at: 9, expect: 70000, type: u16": "21: u16 never reads 70000; correct one of them",
    "at: 9, expect: 1, type: f32": "30: f32 is no whole number; choose a whole type",
    "at: 9, what: fault, type: u16":
        "5: 'fault' needs when:; say when: {values: 2}, or when: {bits: 0}",
    "at: 9, what: fault, type: u16, when: {}":
        "5: 'fault' needs when:; say when: {values: 2}, or when: {bits: 0}",
    "at: 9, what: fault, type: u16, when: {bits: 16}":
        "50: u16 has no bit 16; bits count from 0",
    "at: 9, what: fault, type: u16, when: {values: -1}":
        "52: u16 never reads -1; correct one of them",
    "at: 9, what: fault, type: u16, when: {values: x}":
        "52: 'x' is no number and no range of numbers",
    "at: 9, what: fault, type: u16, when: {bit: 1}":
        "44: 'bit' is not known here; did you mean 'bits'?",
    "at: 9, what: dc_voltage, type: u16, when: {values: 1}":
        "48: only fault, running, watchdog_tripped may have when:; remove it",
    "at: 9, what: dc_voltage, type: u16, timeout: 1":
        "51: only heartbeat may have timeout:; remove it",
    "at: 9, what: heartbeat, type: u16, scale: 2":
        "48: only charge_current, dc_current, dc_voltage, discharge_current, power, reactive may "
        "have scale:; remove it",
    "at: 9, what: dc_voltage, type: u16, sign: charge":
        "48: only dc_current, power may have sign:; remove it",
    "at: 9, what: dc_voltage, type: u16, scale: 0":
        "49: a scale of 0 makes no value; give what one count is worth",
    "at: 9, what: dc_voltage, type: u16, offset: .nan":
        "50: an offset of nan makes no value; give a number",
    "at: 9, what: dc_current, type: u16":
        "37: dc_current has two directions, and u16 says one; choose a signed type, or give an offset",
    "at: 9, what: power, type: i16": "19: power is already in line 4; remove one",
}  # fmt: skip
"A row that is read, and where and what it is refused for."


@pytest.mark.parametrize("row", READS)
def test_a_mistake_in_a_row_that_is_read(tmp_path: Path, row: str) -> None:
    """One line for one mistake, at the place where it was made."""
    assert problems(tmp_path, FILE.format(read=row, write=RIGHT_WRITE)) == [f"6:{READS[row]}"]


WRITES = {
    "at: 9, what: fault, type: u16":
        "19: 'what' must be 'power', 'reactive', 'run', 'charge_current', 'discharge_current', "
        "'heartbeat' or 'reset'",
    "at: 9, type: u16": "5: a row that is written has one of what: and const:",
    "at: 9, const: 65536, type: u16":
        "20: 65536 does not fit into u16; choose a wider type",
    "at: 9, const: 1, type: u16, table: input": "34: 'table' is not known here; did you mean 'scale'?",
    "at: 2, const: 1, type: u16":
        "5: register 2 is already written by line 9; move one of the rows",
    "at: 0, const: 1, type: u32":
        "5: register 1 is already written by line 8; move one of the rows",
    "at: 9, const: 1, type: u16, codes: {run: 1}": "41: only run may have codes:; remove it",
    "at: 9, const: 1, type: u16, max: 1":
        "39: only charge_current, dc_current, dc_voltage, discharge_current, power, reactive may "
        "have max:; remove it",
    "at: 9, what: heartbeat, type: u16, wrap: 1": "47: 'wrap' must be at least 2",
    "at: 9, what: heartbeat, type: u16, wrap: 65537":
        "47: u16 does not count to 65536; choose a wider type",
    "at: 9, what: charge_current, type: u16, scale: -1":
        "41: a limit above 0 cannot be said in u16 so; change the scale",
    "at: 9, what: charge_current, type: u16, offset: 0.5":
        "5: zero charge_current cannot be said in u16 with this scale and offset",
    "at: 9, what: charge_current, type: u16, offset: 5":
        "5: zero charge_current cannot be said in u16 with this scale and offset",
    "at: 9, what: reactive, type: u16":
        "35: reactive has two directions, and u16 says one; choose a signed type, or give an offset",
    "at: 9, what: reactive, type: i16, max: 0": "45: 'max' must be greater than 0.0",
}  # fmt: skip
"A row that is written, and where and what it is refused for."


@pytest.mark.parametrize("row", WRITES)
def test_a_mistake_in_a_row_that_is_written(tmp_path: Path, row: str) -> None:
    """One line for one mistake, at the place where it was made."""
    assert problems(tmp_path, FILE.format(read=RIGHT_READ, write=row)) == [f"10:{WRITES[row]}"]


CODES = {
    "{run: 1}": ["42: there is no code for 'stop'; say codes: {run: 1, stop: 0}"],
    "{}": [
        "42: there is no code for 'run'; say codes: {run: 1, stop: 0}",
        "42: there is no code for 'stop'; say codes: {run: 1, stop: 0}",
    ],
    "{run: 1, stop: 0, idle: 2}": [
        "66: 'idle' is nothing that a PCS is told; known: run, standby, stop"
    ],
    "{run: 1, stop: 1}": ["48: run has the code of something else; correct one of them"],
    "{run: 1, stop: -1}": ["57: -1 does not fit into u16; choose a wider type"],
}
"Codes, and what they are refused for."


@pytest.mark.parametrize("codes", CODES)
def test_codes_that_cannot_be(tmp_path: Path, codes: str) -> None:
    """Run and stop must be there and differ."""
    text = FILE.format(read=RIGHT_READ, write=RIGHT_WRITE).replace("{run: 1, stop: 0}", codes)

    assert problems(tmp_path, text) == [f"9:{told}" for told in CODES[codes]]


HEADS = {
    "pcs: test\nreads: []\nwrites: []": [
        "1:1: 'watchdog' is missing",
        "2:8: 'reads' has too few entries",
        "3:9: 'writes' has too few entries",
    ],
    "pcs: test\nwatchdog: {seconds: 0}": [
        "1:1: 'reads' is missing", "1:1: 'writes' is missing",
        "2:21: 'seconds' must be greater than 0.0",
    ],
    "pcs: test\nwatchdog: {seconds: 1}\npoll: 0.6\n"
    "reads: [{at: 1, expect: 1, type: u16}]\nwrites: [{at: 1, const: 1, type: u16}]": [
        "3:7: a poll of 0.6 s does not keep a watchdog of 1 s; poll at least twice in its time (R16)",
        "4:8: no row has what: power; a PCS cannot be driven without it",
        "4:8: no row has what: running; a PCS cannot be driven without it",
        "5:9: no row has what: power; a PCS cannot be driven without it",
        "5:9: no row has what: run; a PCS cannot be driven without it",
    ],
}  # fmt: skip
"Whole files, and what they are refused for."


@pytest.mark.parametrize("text", HEADS)
def test_a_mistake_in_a_file(tmp_path: Path, text: str) -> None:
    """A PCS without a watchdog, without a stop, or without a measured power is none to drive."""
    assert problems(tmp_path, text) == HEADS[text]


def test_a_name_that_is_no_map() -> None:
    """Those that there are are named."""
    with pytest.raises(MappingError) as refusal:
        load_pcs(Library(), "sim-psc")

    assert str(refusal.value) == "sim-psc: no such PCS map; did you mean 'sim-pcs'?"


def test_essgw_check_knows_pcs_maps(essgw: Program) -> None:
    """By name and by path; whether one was tried on a device is said."""
    done = essgw("check", "sim-pcs", "sunspec-der")
    (essgw.folder / "wrong.yaml").write_text("pcs: wrong\n")

    assert "sim-pcs: PCS map sim-pcs is right: 8 rows read, 8 written, 3 requests" in done.stdout
    assert done.stdout.count("not tried on a device") == 1
    told = essgw("check", "wrong.yaml", status=1).stderr
    assert "wrong.yaml:1:1: 'watchdog' is missing" in told
