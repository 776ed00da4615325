"""`essgw decode`, `map show` and the program itself, as people and scripts read them."""

import json
import re
from pathlib import Path

import pytest

import gateway

from program import Program


def test_the_program_tells_its_version_and_verbs(essgw: Program) -> None:
    """--version, --help; without a verb, help."""
    assert essgw("--version").stdout.strip() == gateway.__version__
    told = essgw("--help").stdout
    for verb in ("run", "check", "replay", "decode", "read", "map", "demo", "sim"):
        assert re.search(rf"^\W*{verb}\b", told, re.MULTILINE), verb


def test_a_map_is_shown_as_table_page_and_json(essgw: Program) -> None:
    """With the 0-based address and the 4xxxxx form side by side."""
    table = essgw("map", "show", "native").stdout
    page = essgw("map", "show", "native", "--markdown").stdout
    told = json.loads(essgw("map", "show", "native", "--json").stdout)

    assert re.search(r"4000\s+404001\s+cell_voltage\s+u16\s+1\s+n x 0\.001 V\s+rack 1000", table)
    assert "| 4000 | 404001 | cell_voltage | u16 | 1 | n x 0.001 V |  | rack 1000 |" in page
    assert told["map"] == "native"
    assert told["mirrors"] == {"quality": 20000, "age": 40000}
    row = {"register": 0, "4xxxxx": 400001, "point": "heartbeat", "scale": 1, "word_order": "big"}
    assert row.items() <= told["rows"][0].items()


def test_a_map_that_is_unlike_ours_is_shown_with_all_it_takes_to_read_it(essgw: Program) -> None:
    """Offset, sign, word and byte order, and what stands for a missing value."""
    row = "at: 7, point: current, type: i32, scale: 0.5, offset: -40, sign: charge, word_order: little"
    (essgw.folder / "own.yaml").write_text(
        f"map: own\nversion: 1.0.0\nbyte_order: little\nregisters:\n"
        f"  - {{{row}, missing: {{constant: 9}}}}\n"
    )
    shown = essgw("map", "show", "own.yaml").stdout
    told = json.loads(essgw("map", "show", "own.yaml", "--json").stdout)["rows"][0]

    assert "n x 0.5 - 40 A, positive charges" in shown
    assert "lowest word first, bytes swapped" in shown
    assert (told["offset"], told["positive"], told["missing"]) == (-40, "charge", 9)
    assert (told["word_order"], told["byte_order"]) == ("little", "little")


@pytest.mark.corpus
def test_a_capture_is_decoded_frame_by_frame(essgw: Program, corpus: Path) -> None:
    """Time, bus, identifier, bytes, message, and every signal with unit or label."""
    log = corpus / "can-logs" / "redpesk-bms" / "bms-dump.log"
    lines = essgw(
        "decode", "redpesk", log, "--path", corpus / "dbc" / "redpesk-bms"
    ).stdout.splitlines()
    (first,) = [line for line in lines if "Main_Volt_Current" in line][:1]

    assert re.match(r"\s+0\.0\d+  can0\s+221  \[8\] ([0-9A-F]{2} ?){8}  Main_Volt_Current: ", first)
    for value in ("BatVoltage 671 V", "BatCurrent -0.5 A", "BatSOC 1 %", "MaxCellVoltage 3000 mV"):
        assert value in first
    assert len(lines) == 15796 - 966


@pytest.mark.corpus
def test_decoding_as_json_tells_frames_that_no_one_describes(essgw: Program, corpus: Path) -> None:
    """--all --json: one object a line, also for frames without a message."""
    log = corpus / "can-logs" / "outlander-phev" / "202109061515-steering-lock-to-lock.csv"
    lines = essgw(
        "decode", "outlander", log, "--bus", "can1", "--all", "--json"
    ).stdout.splitlines()
    told = [json.loads(line) for line in lines]
    pack = [item for item in told if item["id"] == 0x373]

    assert len(told) == 8045
    assert len(pack) == 564
    assert pack[-1]["name"] == "pack"
    assert pack[-1]["signals"]["voltage"]["unit"] == "V"
    assert next(item for item in told if item["name"] is None)["signals"] == {}


@pytest.mark.corpus
def test_files_that_are_no_capture_are_told_in_a_line(essgw: Program, corpus: Path) -> None:
    """What it is, and what to do."""
    log = corpus / "can-logs" / "css-mf4" / "00000170.MF4"
    done = essgw("decode", "outlander", log, status=1)

    assert done.stderr.strip().endswith(
        "00000170.MF4: is an ASAM MF4 file, which is not read here; "
        "export it as candump log, GVRET csv, ASC, BLF or TRC"
    )


def test_a_site_that_does_not_exist_names_the_ones_that_do(essgw: Program) -> None:
    """With the nearest one first."""
    assert "no such site; did you mean 'demo'?" in essgw("run", "demos", status=1).stderr
