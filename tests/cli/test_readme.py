"""The README's first session, typed as it stands there: what it shows is what the program prints."""

import re
import time
from pathlib import Path

from program import Program

_README = Path(__file__).parents[2] / "README.md"


def session() -> list[list[str]]:
    """The blocks of the session: lines as they stand there, without those left out."""
    text = _README.read_text(encoding="utf-8")
    part = text.split("## A first session", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"(?:^    .*\n)+", part, re.MULTILINE)
    return [
        [line.strip() for line in block.splitlines() if line.strip() != "..."] for block in blocks
    ]


def shape(line: str, port: int = 5020) -> str:
    """A line without its measured figures, and with the port that the demo takes by default."""
    line = re.sub(r"^ *(\.venv/bin/essgw|essgw|python[\d.]* -m gateway) read", "essgw read", line)
    line = re.sub(rf"(127\.0\.0\.1:|-p ){port}\b", r"\g<1>5020", line)
    return " ".join(re.sub(r"-?\d+(\.\d+)?(?=\s+[VAs]\b)", "#", line).split())


def test_the_first_session_is_as_printed(essgw: Program) -> None:
    """The demo's own lines, a read, and the same read once rack 3 is silent."""
    started, (command, *table), silent = session()
    with essgw.serving("demo", "--listen", "127.0.0.1:0") as served:
        port = served.port
        words = command.removeprefix("$ .venv/bin/essgw ").replace("5020", str(port)).split()

        def printed(wanted: str) -> set[str]:
            """What the command prints, once something is in it."""
            end = time.monotonic() + 60
            while not re.search(wanted, text := essgw(*words).stdout):
                assert time.monotonic() < end, text
            return {shape(line) for line in text.splitlines()}

        served.wait_for("Ctrl-C ends")
        banner = [shape(line, port) for line in served.text.splitlines()]
        before = printed("cell_voltage_min .* good ")
        served.say("stop 3")
        after = printed("old data")

    assert started[0] == "$ make demo"
    assert [shape(line) for line in started[1:]] == banner
    assert {shape(line) for line in table} <= before
    assert {shape(line) for line in silent} <= after
