"""Where files are looked for by name, and in which order."""

from pathlib import Path

import pytest
from mapping.spoken import SITE, lines

from gateway.errors import MappingError
from gateway.mapping.library import Library, installed
from gateway.mapping.protocol import load_protocol
from gateway.mapping.site import load_site

NAME = "pack.dbc"


def folders(root: Path, *names: str) -> list[Path]:
    """Folders that all have a file of the name looked for."""
    made = [root / name for name in names]
    for folder in made:
        folder.mkdir()
        (folder / NAME).write_text(folder.name)
    return made


def test_the_first_folder_wins(tmp_path: Path) -> None:
    """A path, then the folders beside, then those of the search path, each in order."""
    first, second, third, fourth = folders(tmp_path, "first", "second", "third", "fourth")
    library = Library([third, fourth])
    found = [library.find(NAME, "frames", [first, second])]
    for folder in (first, second, third, fourth):
        (folder / NAME).unlink()
        found.append(library.find(NAME, "frames", [first, second]))

    assert found == [first / NAME, second / NAME, third / NAME, fourth / NAME, None]


def test_a_path_goes_before_all_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file here, or at a path, is taken before one of the same name elsewhere."""
    here, elsewhere = folders(tmp_path, "here", "elsewhere")
    monkeypatch.chdir(here)
    library = Library([elsewhere])

    assert library.find(NAME, "frames", [elsewhere]) == Path(NAME)
    assert library.find(str(elsewhere / NAME), "frames") == elsewhere / NAME
    assert library.find("../elsewhere/pack.dbc", "frames") == Path("../elsewhere/pack.dbc")


def test_no_folder_is_searched_below(tmp_path: Path) -> None:
    """A file in a folder of a folder is found by a path from the file that names it, not otherwise."""
    folders(tmp_path, "below")

    assert Library([tmp_path]).find(NAME, "frames", [tmp_path]) is None
    assert Library([tmp_path]).find(f"below/{NAME}", "frames") is None
    assert Library().find(f"below/{NAME}", "frames", [tmp_path]) == tmp_path / "below" / NAME


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A folder of that name, or a folder that is not there, does not stop the search."""
    (tmp_path / "a" / NAME).mkdir(parents=True)
    (folder,) = folders(tmp_path, "b")
    library = Library([tmp_path / "a", tmp_path / "none", folder])

    assert library.find(NAME, "frames") == folder / NAME


def test_a_name_without_suffix_is_yaml(tmp_path: Path) -> None:
    """`pack` finds `pack` or else `pack.yaml`, `sma-1.0` too; a name with `.yaml` finds itself alone."""
    (tmp_path / "pack.yaml").touch()
    (tmp_path / "sma-1.0.yaml").touch()
    library = Library([tmp_path])

    assert library.find("sma-1.0", "frames") == tmp_path / "sma-1.0.yaml"

    assert library.find("pack", "frames") == tmp_path / "pack.yaml"
    assert library.find("pack.yml", "frames") is None
    (tmp_path / "pack").touch()
    assert library.find("pack", "frames") == tmp_path / "pack"


def test_installed_mappings_come_last(tmp_path: Path) -> None:
    """What comes with the gateway is found by name, unless the search path has it too."""
    (tmp_path / "kona-ev.yaml").touch()

    assert Library().find("kona-ev", "frames") == installed() / "frames" / "kona-ev.yaml"
    assert Library().find("kona-ev", "registers") is None
    assert Library([tmp_path]).find("kona-ev", "frames") == tmp_path / "kona-ev.yaml"


def test_what_was_found_is_kept(tmp_path: Path) -> None:
    """The log can say which file a name stood for."""
    (folder,) = folders(tmp_path, "a")
    library = Library([folder])
    library.find(NAME, "frames")
    library.find("none", "frames")

    assert library.found == {NAME: folder / NAME}


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("pak", "; did you mean 'pack'?"),
        ("other", "; known: cells, pack"),
        ("packs.yml", "; did you mean 'pack'?"),
    ],
)
def test_a_name_that_no_file_has(tmp_path: Path, name: str, remedy: str) -> None:
    """The problem says what there is."""
    for known in ("pack.yaml", "cells.yaml", "pack.dbc"):
        (tmp_path / known).touch()
    with pytest.raises(MappingError) as refusal:
        Library([tmp_path]).need(name, "no such kind", "frame file")

    assert lines(refusal.value) == [f"{name}: no such frame file{remedy}"]


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "a/" * 3000, "."])
def test_names_that_no_file_can_have(name: str) -> None:
    """They are not found, and nothing else happens."""
    assert Library().find(name, "frames") is None


DATABASE = """BO_ 512 {name}: 8 X
 SG_ U : 0|16@1+ (1,0) [0|0] "V" X
"""
FRAMES = "protocol: test\ndatabase: {file: pack.dbc}\nmessages: [{id: 1, period: 1}]\n"


def test_where_a_database_is_looked_for(tmp_path: Path) -> None:
    """Beside the frame file, beside the site, in the folders of the search path, in this order."""
    beside, site, path = (tmp_path / name for name in ("frames", "site", "path"))
    for folder in (beside, site, path):
        folder.mkdir()
        (folder / NAME).write_text(DATABASE.format(name=folder.name))
    (beside / "test.yaml").write_text(FRAMES)
    found: list[str] = []
    for folder in (beside, site, path):
        database = load_protocol(Library([path]), str(beside / "test.yaml"), [site]).database
        assert database is not None
        found += database.messages
        (folder / NAME).unlink()

    assert found == ["frames", "site", "path"]


def test_where_a_site_finds_its_frame_files(tmp_path: Path) -> None:
    """Beside the site, before the search path."""
    for folder in ("site", "path"):
        (tmp_path / folder).mkdir()
        rows = f"messages: [{{id: 1, name: {folder}, period: 1}}]"
        (tmp_path / folder / "frames.yaml").write_text(f"protocol: test\n{rows}\n")
    file = tmp_path / "site" / "site.yaml"
    file.write_text(SITE.format(topology="{racks: 1}", sources="- {frames: frames, bus: can0}"))
    names = []
    for _ in range(2):
        site = load_site(Library([tmp_path / "path"]), str(file))
        names += [message.name for message in site.containers[0].messages["can0"]]
        (tmp_path / "site" / "frames.yaml").unlink(missing_ok=True)

    assert names == ["site", "path"]
