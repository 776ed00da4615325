"""`essgw apply`: differences and their class; installation with a trace; nothing acts by itself (R18)."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from gateway.cli.changes import CLASSES, Class, reach
from gateway.links.journal import Journal
from gateway.mapping.schema import SiteFile

from program import Program

OLD = """
site: here
title: Here
buses: {can0: {interface: virtual}}
containers:
  - name: C
    topology: {racks: 2, modules: 8, cells: 52}
    sources: [{frames: demo-bmu, bus: can0}]
    control:
      rating: {charge: 1000, discharge: 1000}
      pcs: {path: ems_relays}
      thresholds: [{row: soc_low, value: 10}, {row: soc_high, value: 90}]
faces: [{map: native, listen: '127.0.0.1:5020', read_only: [power_*, reactive_*]}]
masters: [{name: ems, from: 10.0.0.5, role: dispatcher}]
journal: {file: journal.db}
"""


def told(essgw: Program, text: str, *options: str) -> Mapping[str, object]:
    """What `apply` says of a new file against OLD."""
    (essgw.folder / "old.yaml").write_text(OLD)
    (essgw.folder / "new.yaml").write_text(text)
    shown = essgw("apply", "new.yaml", "--running", "old.yaml", "--json", *options).stdout
    found: Mapping[str, object] = json.loads(shown)
    return found


@pytest.mark.parametrize(
    ("before", "after", "key", "reached"),
    [
        ("title: Here", "title: There", "title", "cosmetic"),
        ("journal.db}", "journal.db, rows: 5000}", "journal/rows", "cosmetic"),
        ("value: 90", "value: 91", "containers/C/control/thresholds/soc_high/value", "thresholds"),
        ("{charge: 1000,", "{charge: 900,", "containers/C/control/rating/charge", "thresholds"),
        ("role: dispatcher", "role: operator", "masters/ems/role", "thresholds"),
        ("ems_relays", "polls_us", "containers/C/control/pcs/path", "topology"),
        ("racks: 2", "racks: 3", "containers/C/topology/racks", "topology"),
        ("interface: virtual", "interface: udp_multicast", "buses/can0/interface", "topology"),
        ("site: here", "site: there", "site", "topology"),
    ],
)
def test_each_change_has_its_class(
    essgw: Program, before: str, after: str, key: str, reached: str
) -> None:
    """One key, its old and new value, how far it reaches and what that needs."""
    found = told(essgw, OLD.replace(before, after))

    assert isinstance(found["changes"], list)
    (change,) = found["changes"]
    assert (change["key"], change["class"], found["class"]) == (key, reached, reached)
    assert change["old"] != change["new"]
    assert found["kept"] is None
    assert (essgw.folder / "old.yaml").read_text() == OLD


def test_a_default_that_is_written_out_is_no_change(essgw: Program) -> None:
    """Order and defaults say nothing new; another default does."""
    same = OLD.replace(
        "pcs: {path", "heartbeat_loss: 5\n      pcs: {timeout: 2, efficiency: 1, path"
    )
    other = same.replace("heartbeat_loss: 5", "heartbeat_loss: 6")

    assert told(essgw, same)["changes"] == []
    assert told(essgw, other)["changes"] == [
        {
            "key": "containers/C/control/heartbeat_loss",
            "old": "5",
            "new": "6",
            "class": "thresholds",
        }
    ]


def test_a_file_that_both_name_is_compared_too(essgw: Program, tmp_path: Path) -> None:
    """Protocol and sign live in frame files and maps: another content reaches farthest."""
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    for folder, sign in (("old", "discharge"), ("new", "charge")):
        (tmp_path / folder / "site.yaml").write_text(OLD.replace("map: native", "map: mine"))
        text = f"map: mine\nversion: 1.0.0\nsign: {sign}\nregisters: [{{at: 0, point: voltage, type: u16}}]\n"
        (tmp_path / folder / "mine.yaml").write_text(text)
    shown = essgw("apply", "new/site.yaml", "--running", "old/site.yaml").stdout

    assert "topology  file mine" in shown
    assert "needs all contactors open" in shown


def test_installing_keeps_the_old_file_and_journals_first(essgw: Program, tmp_path: Path) -> None:
    """R18, R41: who, hashes, old and new values; the old file beside; the gateway is not touched."""
    new = OLD.replace("value: 90", "value: 92")
    found = told(essgw, new, "--install")
    kept = tmp_path / str(found["kept"])
    with closing(sqlite3.connect(tmp_path / "journal.db")) as database:
        rows = list(database.execute("SELECT name, origin, detail FROM events"))

    assert (tmp_path / "old.yaml").read_text() == new
    assert kept.read_text() == OLD
    assert {name for name, _, _ in rows} == {"settings"}
    assert all(origin for _, origin, _ in rows)
    assert isinstance(found["running"], dict)
    assert isinstance(found["new"], dict)
    assert f"sha256 {found['running']['sha256']} -> {found['new']['sha256']}" in rows[0][2]
    assert rows[1][2] == "containers/C/control/thresholds/soc_high/value: 90 -> 92"
    assert sorted(path.name for path in tmp_path.glob(".*")) == []


def test_a_person_is_told_that_nothing_has_acted(essgw: Program) -> None:
    """The table, what it needs, and that nothing has acted; then there is no difference left."""
    told(essgw, OLD.replace("title: Here", "title: There"))
    shown = essgw("apply", "new.yaml", "--running", "old.yaml", "--install").stdout
    after = essgw("apply", "new.yaml", "--running", "old.yaml").stdout

    assert "cosmetic  title  Here     There" in shown
    assert "runs with it from its next start" in shown
    assert "new.yaml says the same as old.yaml" in after


def test_what_cannot_be_journalled_or_is_wrong_is_not_installed(
    essgw: Program, tmp_path: Path
) -> None:
    """A running gateway's journal, a wrong file, a file that would miss what it names."""
    new = OLD.replace("value: 90", "value: 92")
    told(essgw, new)
    install = ("apply", "new.yaml", "--running", "old.yaml", "--install")
    with closing(Journal(tmp_path / "journal.db", utc=lambda: 1.7e9, synchronised=lambda: True)):
        busy = essgw(*install, status=4).stderr
    (tmp_path / "new.yaml").write_text(new.replace("topology", "topolgy"))
    wrong = essgw(*install, status=1).stderr
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "new.yaml").write_text(new.replace("map: native", "map: mine"))
    (tmp_path / "there" / "mine.yaml").write_text(
        "map: mine\nversion: 1.0.0\nregisters: [{at: 0, point: voltage, type: u16}]\n"
    )
    missing = essgw("apply", "there/new.yaml", *install[2:], status=1).stderr

    assert "another gateway writes to this journal; stop it" in busy
    assert "did you mean 'topology'?" in wrong
    assert "no such register map once it is installed" in missing
    assert (tmp_path / "old.yaml").read_text() == OLD
    assert list(tmp_path.glob("*old.yaml*")) == [tmp_path / "old.yaml"]


def test_every_key_of_a_site_has_a_class_on_purpose() -> None:
    """X4: the table's patterns fit keys of the schema; what is new and not named reaches farthest."""
    heads = {pattern.split("/")[0] for pattern, _ in CLASSES} - {"*"}

    assert heads <= set(SiteFile.model_fields)
    assert reach("something/new") is Class.TOPOLOGY
    assert reach("containers/C/control/pcs/address") is Class.TOPOLOGY
