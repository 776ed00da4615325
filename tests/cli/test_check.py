"""`essgw check`: every kind of file, right and wrong, as its user sees it."""

import json
from pathlib import Path

import pytest

from program import Program

BROKEN_SITE = """\
site: broken
buses:
  can0: {interface: socketcan, chanel: can0}
containers:
  - name: C1
    topology: {racks: two}
    sources:
      - {frames: demo-bmu, bus: can1}
faces: []
"""


def test_what_comes_with_the_gateway_is_right(essgw: Program) -> None:
    """The sites and maps that need nothing from elsewhere."""
    done = essgw("check", "demo", "outlander", "native")

    assert "demo: site demo is right: containers 1, messages 108, faces 1" in done.stdout
    assert "outlander: site outlander is right" in done.stdout
    assert "native: register map native 0.2.0 is right" in done.stdout


def test_all_problems_are_told_at_once_at_their_places(essgw: Program) -> None:
    """Line, column, what is wrong and what to do; status 1."""
    (essgw.folder / "broken.yaml").write_text(BROKEN_SITE)
    done = essgw("check", "broken.yaml", status=1)

    assert done.stderr.splitlines() == [
        "broken.yaml:3:32: 'chanel' is not known here; did you mean 'channel'?",
        "broken.yaml:6:23: 'racks' must be a whole number",
    ]


def test_an_editor_reads_the_problems_as_json(essgw: Program) -> None:
    """One object a file, with file, line, column, text and remedy of each problem."""
    (essgw.folder / "broken.yaml").write_text(BROKEN_SITE)
    right, wrong = json.loads(essgw("check", "demo", "broken.yaml", "--json", status=1).stdout)

    assert (right["right"], right["problems"]) == (True, [])
    assert wrong["problems"][0] == {
        "file": "broken.yaml", "line": 3, "column": 32, "text": "'chanel' is not known here",
        "remedy": "did you mean 'channel'?",
    }  # fmt: skip


def test_cross_references_are_checked_too(essgw: Program) -> None:
    """A bus that is not there, a container that is not there, a port that is none."""
    site = BROKEN_SITE.replace("chanel", "channel").replace("racks: two", "racks: 2")
    faces = "faces:\n  - {map: natve, container: C2, listen: 'localhost:99999'}\n"
    (essgw.folder / "broken.yaml").write_text(site.replace("faces: []\n", faces))
    told = essgw("check", "broken.yaml", status=1).stderr

    assert "broken.yaml:8:33: no bus is named 'can1'; did you mean 'can0'?" in told
    assert "broken.yaml:10:29: no container is named 'C2'; known: C1" in told


def test_a_database_that_is_not_ours_is_named_with_its_source(essgw: Program) -> None:
    """Status 3 and one line that says where to get it."""
    done = essgw("check", "redpesk", status=3)

    (line,) = done.stderr.splitlines()
    assert line.endswith(
        "(sha256 0e4ca6a14e7f29a87214774edd51d9501710af9969eac6851a187e2a606d6a13)"
    )
    assert "https://github.com/redpesk-labs/canbus-rs" in line


@pytest.mark.corpus
def test_the_search_path_finds_it(essgw: Program, corpus: Path) -> None:
    """A folder named with --path, which is not searched below."""
    essgw("check", "redpesk", "--path", corpus / "dbc" / "redpesk-bms")
    essgw("check", "redpesk", "--path", corpus / "dbc", status=3)


@pytest.mark.corpus
def test_databases_can_be_checked_as_they_are(essgw: Program, corpus: Path) -> None:
    """What loads is counted; what is refused, empty or damaged is told in a line each."""
    fine = essgw("check", corpus / "dbc" / "redpesk-bms" / "BMS.dbc")
    assert "13 messages, 92 signals" in fine.stdout

    bad = (
        "kona-ev/pcan.dbc",
        "foxbms/overlapping-signals.dbc",
        "foxbms/invalid.dbc",
        "foxbms/foxbms.sym",
    )
    done = essgw("check", *(corpus / "dbc" / name for name in bad), status=1)
    assert len(done.stderr.splitlines()) == len(bad)


def test_messages_that_share_an_identifier_are_told(essgw: Program) -> None:
    """A database may do that; whoever binds to it should know."""
    (essgw.folder / "twice.dbc").write_text(
        'VERSION ""\nNS_ :\nBS_:\nBU_: X\n'
        'BO_ 291 First: 8 X\n SG_ A : 0|8@1+ (1,0) [0|0] "" X\n\n'
        'BO_ 291 Second: 8 X\n SG_ B : 0|8@1+ (1,0) [0|0] "" X\n'
    )

    assert "123 is shared by First, Second" in essgw("check", "twice.dbc").stdout


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("nothing.yaml", None, "nothing.yaml: no such file"),
        ("empty.yaml", b"", "empty.yaml:1:1: is neither a site, a register map nor a frame file"),
        (
            "list.yaml",
            b"- 1\n",
            "list.yaml:1:1: is neither a site, a register map nor a frame file",
        ),
        ("latin.yaml", b"site: \xe9\n", "latin.yaml: is not UTF-8 text (byte 6); save it as UTF-8"),
        ("tab.yaml", b"site:\n\tx: 1\n", "tab.yaml:2:1: is not YAML"),
    ],
)
def test_files_that_are_nothing_are_told(
    essgw: Program, name: str, content: bytes | None, told: str
) -> None:
    """Whatever it is, there is a line and a status, and no traceback."""
    if content is not None:
        (essgw.folder / name).write_bytes(content)

    assert told in essgw("check", name, status=1).stderr
