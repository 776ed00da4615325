"""`essgw events` as a user runs it."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.links.journal import Journal
from gateway.model.event import KINDS, Event

from program import Program


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A journal of five events, written while the clock was not synchronised."""
    path = tmp_path / "journal.db"
    with closing(Journal(path, utc=lambda: 1.7e9 + 0.25, synchronised=lambda: False)) as journal:
        journal.write(
            [
                Event(KINDS["started"], 1.0, detail="77"),
                Event(KINDS["setpoint"], 2.0, "C1", 0, "power_setpoint", 5e5, "ems", "applied"),
                Event(KINDS["rack_connect_failed"], 3.0, "C1", 3, value=2),
                Event(KINDS["first_out"], 4.0, "C1", row="hvil", value=float("inf")),
                Event(KINDS["first_out"], 4.0, "C1", 12, "cell_overvoltage", 3.7),
            ]
        )
    return path


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Journal]:
    """A journal that a gateway writes."""
    journal = Journal(tmp_path / "live.db", utc=time.time, synchronised=lambda: True)
    journal.write([Event(KINDS["rack_connected"], 0.0, "C1", rack) for rack in range(1, 31)])
    yield journal
    journal.close()


def test_events_are_a_table(essgw: Program, file: Path) -> None:
    """Number, time with a ? where the clock was not synchronised, severity, container, name, text."""
    lines = essgw("events", file).stdout.splitlines()

    assert [line.split()[0] for line in lines] == ["seq", "1", "2", "3", "4", "5"]
    assert lines[3].split(maxsplit=6) == [
        "3", "2023-11-14", "22:13:20.250?", "warning", "C1", "rack_connect_failed",
        "rack 3: did not connect in time, try 2",
    ]  # fmt: skip
    assert len({line.index(word) for line, word in zip(lines[2:], ["C1"] * 4, strict=True)}) == 1


def test_severity_and_since_choose(essgw: Program, file: Path) -> None:
    """At least as severe; from that number on."""

    def numbers(*options: object) -> list[int]:
        lines = essgw("events", file, "--json", *options).stdout.splitlines()
        return [json.loads(line)["seq"] for line in lines]

    assert numbers() == [1, 2, 3, 4, 5]
    assert numbers("--severity", "warning") == [3, 4, 5]
    assert numbers("--severity", "TRIP", "--since", 5) == [5]
    assert numbers("--since", 6) == []


def test_json_is_an_object_a_line(essgw: Program, file: Path) -> None:
    """All columns; no value is null, and so is one that JSON has no number for."""
    rows = [json.loads(line) for line in essgw("events", file, "--json").stdout.splitlines()]

    boot = rows[0]["boot"]
    assert rows[4] == {
        "seq": 5, "utc": "2023-11-14T22:13:20.250000+00:00", "synchronised": False, "boot": boot,
        "monotonic": 4.0, "number": 32, "name": "first_out", "severity": "trip",
        "container": "C1", "rack": 12, "row": "cell_overvoltage", "value": 3.7, "origin": "",
        "detail": "", "text": "rack 12: first out: cell_overvoltage, 3.7",
    }  # fmt: skip
    assert (rows[0]["value"], rows[3]["value"]) == (None, None)


def test_follow_shows_the_last_and_what_comes(
    essgw: Program, live: Journal, tmp_path: Path
) -> None:
    """The newest 20, then each event once as it is written; Ctrl-C ends with status 0."""
    with essgw.serving("events", tmp_path / "live.db", "--follow") as follower:
        follower.wait_for("rack 30: is connected")
        assert "rack 10: is connected" not in follower.text
        live.write([Event(KINDS["bus_lost"], 9.0, detail="can1")])
        follower.wait_for("bus can1 is lost")
        live.write([Event(KINDS["bus_back"], 9.0, detail="can1")])
        follower.wait_for("bus can1 is back")
        assert follower.text.count("bus can1 is lost") == 1


def test_a_file_that_is_no_journal_is_told(essgw: Program, tmp_path: Path) -> None:
    """Missing, text, a folder, another program's database, a newer one, a broken one: status 1."""
    text, other, newer = tmp_path / "text", tmp_path / "other.db", tmp_path / "newer.db"
    text.write_text("site: here\n")
    for place, statement in ((other, "CREATE TABLE a (b)"), (newer, "PRAGMA user_version = 9")):
        with closing(sqlite3.connect(place)) as database:
            database.execute(statement)
    broken = tmp_path / "broken.db"
    broken.write_bytes(newer.read_bytes()[:16] + b"\x55" * 4080)

    assert "is not there; " in essgw("events", "nothing.db", status=1).stderr
    assert "is no journal and no database" in essgw("events", text, status=1).stderr
    assert "is a folder" in essgw("events", tmp_path, status=1).stderr
    assert "of another program" in essgw("events", other, status=1).stderr
    assert "newer gateway" in essgw("events", newer, status=1).stderr
    assert "cannot be read as a journal" in essgw("events", broken, status=1).stderr


def test_a_severity_that_is_none_is_told(essgw: Program, file: Path) -> None:
    """With the nearest one, as a mistake of the command line."""
    assert "alarm" in essgw("events", file, "--severity", "alarms", status=2).stderr


def test_an_empty_journal_has_a_head_only(essgw: Program, tmp_path: Path) -> None:
    """A file that a gateway has just begun is no mistake."""
    Journal(tmp_path / "j.db", utc=time.time, synchronised=lambda: None).close()

    assert essgw("events", "j.db").stdout.split()[0] == "seq"
