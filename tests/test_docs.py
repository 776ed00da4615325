"""What the manual shows is right: its examples load, its transcripts and pages are those of the program."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gateway.control.interlock import INTERLOCKS
from gateway.control.machine import MOVES
from gateway.control.panel import PANEL
from gateway.control.state import Mode
from gateway.mapping.schema import FrameFile, MapFile, SiteFile, load
from gateway.mapping.source import parse
from gateway.model.command import INSTRUCTIONS, Reason
from gateway.model.event import KINDS
from gateway.model.traffic import TRAFFIC

_CHECKOUT = Path(__file__).parent.parent
_PAGES = ("sites.md", "frame-files.md", "register-maps.md")


@pytest.mark.parametrize("page", _PAGES)
def test_examples_of_files_are_right(page: str) -> None:
    """Every YAML block of a page is a file of its kind."""
    blocks = re.findall(r"```yaml\n(.*?)```", (_CHECKOUT / "docs" / page).read_text(), re.DOTALL)

    assert blocks
    for source in (parse(block, page) for block in blocks):
        match page:
            case "sites.md":
                load(source, SiteFile)
            case "frame-files.md":
                load(source, FrameFile)
            case _:
                load(source, MapFile)


def test_generated_pages_are_up_to_date() -> None:
    """`make docs` would change nothing."""
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=_CHECKOUT, capture_output=True, text=True, check=False
    )  # fmt: skip

    assert done.returncode == 0, done.stderr


_TABLES = {
    "commands.md": [*INSTRUCTIONS, *(reason.name.lower() for reason in Reason)],
    "interlocks.md": [row.name for row in INTERLOCKS],
    "events.md": [*KINDS],
    "points.md": [*PANEL, *TRAFFIC],
    "modes.md": [mode.name.lower() for mode in Mode],
}


@pytest.mark.parametrize("page", _TABLES)
def test_pages_from_tables_have_every_row(page: str) -> None:
    """Each command, reason, interlock, event, point and mode is named where it is to be looked up."""
    named = set(re.findall(r"`(\w+)`", (_CHECKOUT / "docs" / page).read_text()))

    assert set(_TABLES[page]) <= named


def test_an_old_page_is_told_by_name(tmp_path: Path) -> None:
    """The check covers every page, the drawing too: one that is absent is old."""
    for name in ("generate.py", "control_pages.py", "diagram.py"):
        shutil.copy(_CHECKOUT / "docs" / name, tmp_path)
    done = subprocess.run(
        [sys.executable, tmp_path / "generate.py", "--check"], cwd=_CHECKOUT, capture_output=True, text=True, check=False
    )  # fmt: skip
    told = set(re.findall(r"docs/(\S+) is old: run make docs", done.stderr))

    assert done.returncode == 1
    assert {*_TABLES, "modes.svg", "alarms.md", "native-map.md"} == told


def test_the_drawing_of_modes_has_every_move() -> None:
    """It is XML; each move is an arrow with its number, each mode with moves a box."""
    drawing = ET.parse(_CHECKOUT / "docs" / "modes.svg").getroot()  # noqa: S314 - our own
    space = "{http://www.w3.org/2000/svg}"
    texts = [element.text or "" for element in drawing.iter(f"{space}text")]
    modes = {mode for move in MOVES for mode in (move.before, move.after)}

    assert len(list(drawing.iter(f"{space}polyline"))) == len(MOVES)
    assert {str(number) for number in range(1, len(MOVES) + 1)} <= set(texts)
    assert {f"{mode.value} {mode.name.lower()}" for mode in modes} <= set(texts)
    for number, move in enumerate(MOVES, 1):
        assert any(text.startswith(f"{number} ") and move.when in text for text in texts)


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link of the README and the manual names a file."""
    for page in (_CHECKOUT / "README.md", *(_CHECKOUT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_architecture_page_names_functions_that_exist() -> None:
    """The two walks of five hops are real names in real files."""
    text = (_CHECKOUT / "docs" / "architecture.md").read_text()
    hops = [line for line in text.splitlines() if re.match(r"\| \d \|", line)]
    named = 0
    for hop in hops:
        content = ""
        for word in re.findall(r"`([\w./]+)`", hop.split("|")[2]):
            if word.endswith(".py"):
                content = (_CHECKOUT / "gateway" / word).read_text()
            else:
                for part in word.split("."):
                    assert re.search(rf"(class|def) {part}\b", content), word
                named += 1

    assert len(hops) == 2 * 5
    assert named >= 9


def test_files_have_one_subject_and_are_short() -> None:
    """No Python file has more than 300 lines."""
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=_CHECKOUT, capture_output=True, text=True, check=False
    )
    files = listed.stdout.split() or [str(path) for path in (_CHECKOUT / "gateway").rglob("*.py")]
    long = {
        name: n for name in files if (n := len((_CHECKOUT / name).read_text().splitlines())) > 300
    }

    assert long == {}
