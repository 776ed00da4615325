"""The page on commanding, typed as it stands there: what it shows is what programs print."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from operated import held, operated, registers

from gateway.mapping.schema import SiteFile, load
from gateway.mapping.source import parse

from program import Program

_PAGE = (Path(__file__).parents[2] / "docs" / "control.md").read_text(encoding="utf-8")
_SITE = """
site: here
buses: {can0: {interface: virtual}}
containers: [{name: C, topology: {racks: 1}, sources: [{frames: demo-bmu, bus: can0}]}]
"""


def typed(heading: str) -> Iterator[tuple[list[str], list[str]]]:
    """Each command of a part of the page, and the lines that it shows."""
    part = _PAGE.split(f"## {heading}", 1)[1].split("\n## ", 1)[0]
    lines = [line.strip() for line in re.findall(r"^    (.*)$", part, re.MULTILINE)]
    starts = [place for place, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield lines[start][2:].split(), [line for line in lines[start + 1 : end] if line != "..."]


def shapes(text: str) -> set[str]:
    """Lines without their figures."""
    return {re.sub(r"\d+(\.\d+)?", "#", line).strip() for line in text.splitlines()}


def test_the_session_at_a_terminal_is_as_printed(essgw: Program) -> None:
    """Lease, enables, connect, run, setpoint, trip, why, reset: each line of it."""
    commands = list(typed("At a terminal"))
    assert len(commands) >= 7
    assert commands[0][0][-1] == "--hold"

    with operated(essgw) as server, held(essgw, server):
        for words, lines in commands[1:]:
            arguments = [word.replace("127.0.0.1:5020", server) for word in words[1:]]
            printed = shapes(essgw(*arguments).stdout)
            missing = shapes("\n".join(lines)) - printed

            assert not missing, printed


@pytest.mark.interop
def test_the_session_with_mbpoll_connects_and_gives_power(essgw: Program) -> None:
    """The same registers from libmodbus; the result block and the power follow."""
    if shutil.which("mbpoll") is None:
        pytest.skip("mbpoll is not installed")
    commands = list(typed("With any Modbus client"))
    with operated(essgw) as server, held(essgw, server):
        port = server.rpartition(":")[2]
        for words, lines in commands[:-1]:
            done = subprocess.run(
                [port if word == "5020" else word for word in words],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert set(lines) <= set(done.stdout.splitlines())
        result = registers(server, 220, 3)
        essgw("write", server, "mode_request=run", "--wait", "30")

    assert result[1:] == [20, 0]
    assert len(commands) == 4


def test_the_example_of_masters_is_right() -> None:
    """The YAML of the page fits into a site file."""
    blocks = re.findall(r"```yaml\n(.*?)```", _PAGE, re.DOTALL)
    (block,) = [block for block in blocks if block.startswith("masters:")]

    assert len(load(parse(_SITE + block, "control.md"), SiteFile).masters) == 3
