"""What the manual shows is right: its examples load, its transcripts and pages are those of the program."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.mapping.schema import FrameFile, MapFile, SiteFile, load
from gateway.mapping.source import parse

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


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link of the README and the manual names a file."""
    for page in (_CHECKOUT / "README.md", *(_CHECKOUT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_architecture_page_names_functions_that_exist() -> None:
    """The five hops from frame to register are real names in real files."""
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

    assert len(hops) == 5
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
