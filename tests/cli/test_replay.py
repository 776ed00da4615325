"""`essgw replay` as a user runs it."""

import json
from pathlib import Path

import pytest

from program import Program

pytestmark = pytest.mark.corpus
Row = dict[str, object]


def rows_of(text: str) -> dict[tuple[str, int | None], Row]:
    """The points of a JSON snapshot by name and rack."""
    return {(row["point"], row["rack"]): row for row in json.loads(text)["points"]}


@pytest.fixture
def log(corpus: Path) -> Path:
    """A life cycle of a 700 V pack."""
    return corpus / "can-logs" / "redpesk-bms" / "bms-dump.log"


@pytest.fixture
def database(corpus: Path) -> Path:
    """Where its database is."""
    return corpus / "dbc" / "redpesk-bms"


def test_the_snapshot_of_a_moment_as_json(essgw: Program, log: Path, database: Path) -> None:
    """One object: site, time, points with place, value, text, unit, quality, age and source."""
    done = essgw(
        "replay", "redpesk", "--log", f"can0={log}", "--path", database, "--until", 244.97, "--json"
    )  # fmt: skip
    told = json.loads(done.stdout)

    assert list(told) == ["site", "time", "points"]
    assert (told["site"], told["time"]) == ("redpesk", 244.97)
    points = rows_of(done.stdout)
    age = points["rack_cell_voltage_max", 1].pop("age")
    assert isinstance(age, float)
    assert 0 <= age < 0.1
    assert points["rack_cell_voltage_max", 1] == {
        "container": "pack", "point": "rack_cell_voltage_max", "rack": 1, "module": None,
        "cell": None, "value": 3.688, "text": None, "unit": "V", "quality": "good", "detail": None,
        "source": {
            "bus": "can0", "id": 0x221, "name": "Main_Volt_Current", "data": "7342fc835e4abc00",
        },
    }  # fmt: skip
    current = points["current", None]
    assert (current["value"], current["source"], current["quality"]) == (-14.5, None, "good")
    closed = points["rack_contactor_positive", 1]
    assert (closed["value"], closed["text"]) == (1, "closed")


def test_what_was_never_seen_is_null(essgw: Program, corpus: Path) -> None:
    """A busy bus without the battery: null values, invalid, no age, no source."""
    silent = corpus / "can-logs" / "kona-ev" / "221217-1-2021-pcan-bcan-no-key.csv"
    done = essgw(
        "replay", "kona", "--log", f"can0={silent}", "--path", corpus / "dbc" / "kona-ev", "--json"
    )

    row = rows_of(done.stdout)["rack_voltage", 1]
    assert (row["value"], row["quality"], row["age"], row["source"]) == (
        None,
        "invalid",
        None,
        None,
    )


def test_frames_at_the_moment_asked_for_are_included(
    essgw: Program, log: Path, database: Path
) -> None:
    """The first frame of all is at 0 s; the first battery value at 0.036 s."""
    base = ("replay", "redpesk", "--log", f"can0={log}", "--path", database, "--json")
    early = rows_of(essgw(*base, "--until", 0.036289).stdout)["rack_capacity", 1]
    exact = rows_of(essgw(*base, "--until", 0.03629).stdout)["rack_capacity", 1]

    assert (early["value"], exact["value"], exact["age"]) == (None, 31.2, 0)


def test_a_moment_after_the_end_is_the_end(essgw: Program, log: Path, database: Path) -> None:
    """The capture has no later picture, and the program says so."""
    done = essgw(
        "replay", "redpesk", "--log", f"can0={log}", "--path", database, "--until", 999, "--json"
    )  # fmt: skip

    assert json.loads(done.stdout)["time"] == 321.873127
    assert "the capture ends at 321.873 s" in done.stderr


def test_a_person_reads_a_table(essgw: Program, log: Path, database: Path) -> None:
    """Without --json: points, states as words, sources."""
    done = essgw("replay", "redpesk", "--log", f"can0={log}", "--path", database, "--until", 260.5)

    assert "redpesk at 260.500 s" in done.stdout
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.split()}
    assert "fault" in lines["rack_state"]
    assert "safety" in lines["trips"]
    assert "can0 221 Main_Volt_Current" in lines["rack_voltage"]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (
            ("--log", "can0=nowhere.log"),
            1,
            "nowhere.log: cannot be read: No such file or directory",
        ),
        (("--log", "can7=x.log"), 2, "the site has no bus can7; did you mean 'can0'?"),
        (("--log", "x.log"), 2, "--log is BUS=FILE"),
        (("--log", "can0=x", "--speed", "0"), 2, "--speed is a number above 0, or max"),
        (("--log", "can0=x", "--until", "-1"), 2, "--until is a time from the first frame"),
        (("--log", "can0=x", "--until", "nan"), 2, "--until is a time from the first frame"),
        (("--log", "can0=x", "--listen", "127.0.0.1:0"), 2, "--listen goes with --serve"),
        (("--log", "can0=x", "--serve", "--json"), 2, "--json without it"),
        ((), 2, "Missing option '--log'"),
    ],
)
def test_wrong_options_are_told_in_a_line(
    essgw: Program, database: Path, arguments: tuple[str, ...], status: int, told: str
) -> None:
    """A clear message and a status that is not 0."""
    done = essgw("replay", "redpesk", "--path", database, *arguments, status=status)

    assert told in done.stderr


def test_a_database_that_is_not_here_says_where_to_get_it(essgw: Program, log: Path) -> None:
    """One line with source and sha256; status 3."""
    done = essgw("replay", "redpesk", "--log", f"can0={log}", status=3)

    (line,) = done.stderr.strip().splitlines()
    assert "the database BMS.dbc is not here; get it from https://github.com/redpesk-labs" in line
    assert "0e4ca6a14e7f29a87214774edd51d9501710af9969eac6851a187e2a606d6a13" in line
