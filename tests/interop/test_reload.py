"""SIGHUP to a gateway at work: what it takes over of a changed site file, and what not (R18); masters are pymodbus."""

import asyncio
import functools
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from interop.world import World, adopted

from gateway.app import Gateway, Runtime
from gateway.cli.kept import begin as begin_with
from gateway.cli.kept import loaded
from gateway.cli.reload import Reload
from gateway.links.journal import Journal
from gateway.mapping.library import Library
from gateway.mapping.site import Site, load_site
from gateway.mapping.source import Source

from program import Program

POWER = 61003
REJECTING = ("unit: 1}", "unit: 1, beyond_rating: reject}")


@pytest.fixture
def world(tmp_path: Path, essgw: Program) -> Iterator[World]:
    """A plant with open racks, and a gateway that has adopted it."""
    with adopted(tmp_path, essgw) as world:
        yield world


def changed(world: World, *words: tuple[str, str]) -> None:
    """Write the site file anew, and tell the gateway."""
    file = world.folder / "site.yaml"
    text = file.read_text()
    for old, new in words:
        assert text.count(old) == 1
        text = text.replace(old, new)
    file.write_text(text)
    world.gateway.send_signal(signal.SIGHUP)


def details(world: World, name: str) -> list[str]:
    """What the journal tells of events of a kind."""
    return [str(row["detail"]) for row in world.journal() if row["name"] == name]


def exception(world: World, watts: int) -> int:
    """What a power setpoint is answered with; 0 if it is taken."""
    with world.master() as client:
        answer = client.write_registers(POWER, [watts >> 16, watts & 0xFFFF], device_id=1)
        return int(answer.exception_code) if answer.isError() else 0


@pytest.mark.interop
def test_r18_settings_are_taken_over_at_zero_power_alone(world: World) -> None:
    """In run they are refused and nothing changes; below run they act, and the journal has old and new.

    Taken over, they are what the next start runs with, whatever the file says by then.
    """
    world.running()
    changed(world, REJECTING)
    world.until(lambda: details(world, "settings_refused") != [], "refused")
    assert "a mode below run, and no current" in details(world, "settings_refused")[0]
    assert exception(world, 500_000) == 0

    world.quiet()
    world.until(lambda: world.read(80, 2) == [0, 0] and world.read(3) != [4], "at rest")
    world.gateway.send_signal(signal.SIGHUP)
    world.until(lambda: exception(world, 500_000) == 3, "taken over")
    told = details(world, "settings")
    assert any(text.endswith(" 1/beyond_rating: clamp -> reject") for text in told)
    assert any("by SIGHUP" in text for text in told)

    world.until(lambda: world.read(3) != [4], "at rest")
    world.kill()
    file = world.folder / "site.yaml"
    file.write_text(file.read_text().replace("beyond_rating: reject", "beyond_rating: clamp"))
    world.start()
    world.until(lambda: exception(world, 500_000) == 3, "what was taken over")
    assert "reject -> clamp" in details(world, "settings_unlike")[-1]


@pytest.mark.interop
def test_r18_what_needs_more_is_refused_and_the_gateway_goes_on(world: World) -> None:
    """Topology, a master's role, a file that is wrong: each with its reason; the gateway serves as before."""
    changed(world, ("racks: 2", "racks: 1"))
    world.until(lambda: len(details(world, "settings_refused")) == 1, "refused")
    changed(world, ("racks: 1", "racks: 2"), ("role: operator", "role: engineer"))
    world.until(lambda: len(details(world, "settings_refused")) == 2, "refused")
    changed(world, ("topology", "topolgy"))
    world.until(lambda: len(details(world, "settings_refused")) == 3, "refused")

    topology, role, wrong = details(world, "settings_refused")
    assert "containers/C1/topology/racks needs all contactors open" in topology
    assert "masters/ems/role is taken over by the next start alone" in role
    assert "site.yaml:5:5: 'topology' is missing" in wrong
    assert world.read(30) == [2]


def settings_told(folder: Path) -> list[tuple[str, str]]:
    """Name and detail of what the journal tells of the site file."""
    lines = Program(folder)("events", "journal.db", "--json").stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    return [(row["name"], row["detail"]) for row in rows]


@pytest.fixture
def begun(tmp_path: Path) -> Callable[[], AbstractContextManager[Reload]]:
    """Starts a gateway on `site.yaml` with a journal, as far as the site file is concerned."""
    file = tmp_path / "site.yaml"
    text = (Path(__file__).parents[2] / "mappings/sites/demo.yaml").read_text()
    file.write_text(text + "journal: {file: journal.db}\n")

    @contextmanager
    def begin() -> Iterator[Reload]:
        def read(source: Source) -> tuple[Site, Library]:
            library = Library()
            return load_site(library, str(file), source=source), library

        start = begin_with(file, read)
        runtime = Runtime(Gateway(start.site))
        journal = Journal(tmp_path / "journal.db", utc=lambda: 1.7e9, synchronised=lambda: True)
        with closing(journal):
            runtime.journal = journal
            yield Reload(runtime, functools.partial(loaded, file, read), start)

    return begin


async def test_r18_a_file_that_is_not_what_runs_is_told_once(
    tmp_path: Path, begun: Callable[[], AbstractContextManager[Reload]]
) -> None:
    """Each change, and a file that is gone; line ends of another system are no change."""
    file = tmp_path / "site.yaml"
    with begun() as reload:
        file.write_bytes(file.read_text().replace("\n", "\r\n").encode())
        reload.check()
        file.write_text(file.read_text() + "\n")
        for _ in range(3):
            reload.check()
        file.unlink()
        reload.check()
    names = [name for name, _ in settings_told(tmp_path)]
    assert names == ["settings_unlike", "settings_unlike"]


async def test_r18_a_start_with_another_file_is_told(
    tmp_path: Path, begun: Callable[[], AbstractContextManager[Reload]]
) -> None:
    """The first start, and the one with a changed file; not those in between."""
    for text in ("", "", "# changed\n", ""):
        file = tmp_path / "site.yaml"
        file.write_text(file.read_text() + text)
        with begun() as reload:
            reload.started()
    first, second = [detail for name, detail in settings_told(tmp_path) if name == "settings"]
    assert "sha256 none -> " in first
    assert f"sha256 {first.split()[-4].strip(',')} -> " in second


async def test_r18_a_changed_comment_is_what_runs_once_it_is_read(
    tmp_path: Path, begun: Callable[[], AbstractContextManager[Reload]]
) -> None:
    """Nothing differs but the text: after SIGHUP the file is no stranger any more."""
    file = tmp_path / "site.yaml"
    with begun() as reload:
        file.write_text(file.read_text() + "# a comment\n")
        reload()
        async with asyncio.timeout(60):
            while reload.is_reading:
                await asyncio.sleep(0.01)
        reload.check()
    assert settings_told(tmp_path) == []
