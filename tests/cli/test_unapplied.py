"""A site file that was edited and not applied: a start goes on with what ran, and says so (R18)."""

import json
import os
import signal
import sqlite3
import struct
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from pymodbus.client import ModbusTcpClient

from gateway.cli.kept import Kept, journal_named
from gateway.links.journal import Journal

from program import Program

SITE = """
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
      thresholds: [{row: soc_high, value: 90}]
faces: [{map: mine, listen: '127.0.0.1:5020'}, {map: native, listen: '127.0.0.1:5020', unit: 2, read_only: [power_*, reactive_*]}]
masters: [{name: ems, from: 10.0.0.5, role: dispatcher}]
journal: {file: journal.db}
"""
MAP = "map: mine\nversion: 1.0.0\nregisters: [{at: 0, point: voltage, type: u16}]\n"
HIGHER = ("value: 90", "value: 95")
ALONE = ("racks: 2", "racks: 1")
TITLE = ("title: Here", "title: There")
REMEDY = "`essgw apply site.yaml --install`"
Shown = tuple[float, int, str]


@pytest.fixture
def site(tmp_path: Path, essgw: Program) -> Path:
    """The site file of a gateway that has run once."""
    file = tmp_path / "site.yaml"
    file.write_text(SITE)
    (tmp_path / "mine.yaml").write_text(MAP)
    assert begun(essgw)[:2] == (90, 2)
    return file


def begun(essgw: Program) -> Shown:
    """Start the gateway: its threshold of soc_high and its racks, as a master reads them; what it printed."""
    with (
        essgw.serving("run", "site.yaml", "--listen", "127.0.0.1:0") as served,
        ModbusTcpClient("127.0.0.1", port=served.port, timeout=20) as client,
    ):
        threshold = client.read_holding_registers(974, count=2, device_id=2).registers
        racks = client.read_holding_registers(30, count=1, device_id=2).registers
    (limit,) = struct.unpack(">f", struct.pack(">2H", *threshold))
    return limit, racks[0], served.text


def edit(file: Path, *words: tuple[str, str]) -> None:
    """Change words of a file."""
    text = file.read_text()
    for old, new in words:
        assert text.count(old) == 1
        text = text.replace(old, new)
    file.write_text(text)


def details(essgw: Program, name: str) -> Sequence[str]:
    """What the journal tells of events of a kind."""
    lines = essgw("events", "journal.db", "--json").stdout.splitlines()
    return [row["detail"] for row in map(json.loads, lines) if row["name"] == name]


def test_r18_an_edited_threshold_waits_until_it_is_applied(essgw: Program, site: Path) -> None:
    """Start after start the old one is in force, and told; then one command shows it and has it taken."""
    edit(site, HIGHER)
    for _ in range(2):
        limit, _, said = begun(essgw)
        assert limit == 90
        assert "site.yaml is not what runs: thresholds: containers/C/control/" in said
        assert (
            f"soc_high/value: 90 -> 95; the gateway goes on with what ran last; stop it and say {REMEDY}"
            in said
        )
    unlike = details(essgw, "settings_unlike")
    checked = essgw("check", "site.yaml").stdout
    shown = essgw("apply", "site.yaml").stdout
    taken = json.loads(essgw("apply", "site.yaml", "--install", "--json").stdout)
    limit, _, said = begun(essgw)

    assert len(unlike) == 2
    assert all("soc_high/value: 90 -> 95" in text and REMEDY in text for text in unlike)
    assert (
        f"not applied yet, thresholds: containers/C/control/thresholds/soc_high/value: 90 -> 95: {REMEDY}"
        in checked
    )
    assert "thresholds/soc_high/value  90       95" in shown
    assert limit == 95
    assert "is not what runs" not in said
    assert len(details(essgw, "settings_unlike")) == 2
    assert (
        details(essgw, "settings")[-1] == "containers/C/control/thresholds/soc_high/value: 90 -> 95"
    )
    assert (site.parent / Path(taken["kept"]).name).read_text() == SITE
    assert "says the same as what runs" in essgw("apply", "site.yaml").stdout


def test_r18_another_topology_waits_and_so_does_a_file_that_is_wrong(
    essgw: Program, site: Path
) -> None:
    """The gateway starts with what ran, racks and all; what is written beside it of words waits too."""
    edit(site, ALONE, TITLE)
    _, racks, said = begun(essgw)
    site.write_text(SITE.replace("site: here", "site: [here"))
    _, still, wrong = begun(essgw)

    assert (racks, still) == (2, 2)
    assert "topology: containers/C/topology/racks: 2 -> 1" in said
    assert "site.yaml is not what runs: site.yaml:3:6: is not YAML" in wrong
    assert "site.yaml:3:6: is not YAML" in essgw("apply", "site.yaml", status=1).stderr


def test_r18_words_are_taken_at_once(essgw: Program, site: Path) -> None:
    """A title and a comment act on nothing: the start takes them, and the journal has old and new."""
    edit(site, TITLE, ("\nfaces:", "\n# two faces\nfaces:"))
    _, _, said = begun(essgw)
    told = details(essgw, "settings")

    assert "is not what runs" not in said
    assert told[-1] == "title: Here -> There"
    assert "at the start" in told[-2]
    edit(site, ("# two faces\n", ""))
    assert begun(essgw)[0] == 90
    assert len(details(essgw, "settings")) == len(told) + 1


def test_r18_what_a_reload_has_taken_over_is_what_runs_next(essgw: Program, site: Path) -> None:
    """Told by SIGHUP, words are taken over at once: the next start finds nothing new."""
    edit(site, TITLE)
    with essgw.serving("run", "site.yaml", "--listen", "127.0.0.1:0") as served:
        served.wait_for("serving")
        edit(site, ("title: There", "title: Elsewhere"))
        served.process.send_signal(signal.SIGHUP)
        served.wait_for("settings_taken_over")
    told = details(essgw, "settings")
    begun(essgw)

    assert told[-1] == "title: There -> Elsewhere"
    assert details(essgw, "settings") == told


def test_r18_without_what_it_names_the_kept_text_gives_way(essgw: Program, site: Path) -> None:
    """A map that is gone: the file is taken if it is right, loudly; else both are told and nothing starts."""
    edit(site, ("map: mine", "map: other"), HIGHER)
    (site.parent / "mine.yaml").rename(site.parent / "other.yaml")
    limit, _, said = begun(essgw)
    (lost,) = details(essgw, "settings_lost")
    (site.parent / "other.yaml").unlink()
    edit(site, ("map: other", "map: third"))
    refused = essgw("run", "site.yaml", status=1).stderr

    assert limit == 95
    assert (
        "what ran last cannot be used any more, and site.yaml is taken: site.yaml as it was" in said
    )
    assert "site.yaml as it was taken over last:13:15: no such register map" in lost
    assert "site.yaml:13:15: no such register map" in refused
    assert "site.yaml as it was taken over last:13:15: no such register map" in refused


def test_r18_another_content_of_a_file_that_is_named_is_told(essgw: Program, site: Path) -> None:
    """It is not kept: a start reads it as it is, and the journal says that it is another one."""
    (site.parent / "mine.yaml").write_text(MAP.replace("1.0.0", "1.0.1"))
    compared = essgw("apply", "site.yaml").stdout
    begun(essgw)

    assert "topology  file mine" in compared
    assert details(essgw, "settings")[-1].startswith("file mine: ")
    assert "says the same as what runs" in essgw("apply", "site.yaml").stdout


def test_r18_a_new_file_is_compared_with_what_runs_not_with_what_was_edited(
    essgw: Program, site: Path
) -> None:
    """Over an edited file: old values are those in force; a running gateway's journal changes nothing."""
    edit(site, HIGHER)
    new = site.with_name("new.yaml")
    new.write_text(SITE.replace("value: 90", "value: 97"))
    install = ("apply", "new.yaml", "--running", "site.yaml", "--install")
    with closing(Journal(site.with_name("journal.db"), utc=lambda: 1e9, synchronised=lambda: True)):
        essgw(*install, status=4)
    assert "value: 95" in site.read_text()
    shown = essgw(*install).stdout

    assert "soc_high/value  90       97" in shown
    assert site.read_text() == new.read_text()
    assert begun(essgw)[0] == 97


def test_r18_a_text_that_is_not_read_any_more_gives_way(essgw: Program, site: Path) -> None:
    """As after an upgrade: a key that this version does not know."""
    journal = Journal(site.with_name("journal.db"), utc=lambda: 1e9, synchronised=lambda: True)
    with closing(journal):
        journal.write((), Kept(SITE + "former: 1\n", {}).row)
    assert begun(essgw)[0] == 90
    assert begun(essgw)[0] == 90

    (lost,) = details(essgw, "settings_lost")
    assert "as it was taken over last:16:1: 'former' is not known" in lost


def test_r18_what_cannot_be_journalled_is_put_back(essgw: Program, site: Path) -> None:
    """Another program has the journal locked: the file is as it was, and nothing is left beside it."""
    edit(site, HIGHER)
    edited = site.read_text()
    site.with_name("new.yaml").write_text(SITE.replace("value: 90", "value: 97"))
    with closing(sqlite3.connect(site.with_name("journal.db"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for words in (("site.yaml",), ("new.yaml", "--running", "site.yaml")):
            told = essgw("apply", *words, "--install", status=1).stderr
            assert "cannot be journalled: another program holds its lock; nothing was inst" in told

    assert site.read_text() == edited
    assert list(site.parent.glob("*site.yaml*")) == [site]
    assert begun(essgw)[0] == 90


def test_r18_a_journal_that_was_used_before_learns_of_what_is_installed(
    essgw: Program, site: Path
) -> None:
    """NEW goes back to it: what it kept of old does not outlive what was applied."""
    journal = Journal(site.with_name("former.db"), utc=lambda: 1e9, synchronised=lambda: True)
    with closing(journal):
        journal.write((), Kept(SITE, {}).row)
    text = SITE.replace("value: 90", "value: 97").replace("journal.db", "former.db")
    site.with_name("new.yaml").write_text(text)
    essgw("apply", "new.yaml", "--running", "site.yaml", "--install")

    assert begun(essgw)[0] == 97


def test_what_no_journal_keeps_cannot_be_compared(essgw: Program) -> None:
    """A site without a journal, and one that never ran."""
    for text in (SITE, SITE.replace("journal: {file: journal.db}\n", "")):
        (essgw.folder / "site.yaml").write_text(text)
        told = essgw("apply", "site.yaml", status=2).stderr
        assert "no journal tells what runs of site.yaml; name the file that does by --run" in told


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("journal: {file: a.db}\n", "a.db"),
        ("site: [\njournal:  # here\n\n  file: /b/a.db\n  rows: x\nfaces: ]", "/b/a.db"),
        ("site: [\njournal: {file: a.db", None),
        ("site: x\n", None),
        ("journal: {file: 3}", None),
    ],
)
def test_the_journal_is_found_in_a_file_that_is_wrong(text: str, name: str | None) -> None:
    """As long as its own part can be read."""
    found = journal_named(Path("/b/site.yaml"), text)

    assert found == (None if name is None else Path(os.path.join("/b", name)))  # noqa: PTH118 - as text
