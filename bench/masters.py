"""Modbus masters: the load generator `mbload`, which checks every response that it gets."""

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.programs import GENERATOR_CPU, ROOT, Program, running

_SOURCES = ROOT / "bench" / "load"
PATTERN_JS = _SOURCES / "pattern_server.js"
NODE = ("jsmodbus", "modbus-serial")
"Servers in node, where `npm install` in tests/interop/node has brought them."
_NODE_MODULES = ROOT / "tests" / "interop" / "node" / "node_modules"


@dataclass(frozen=True, slots=True)
class Tools:
    """The compiled programs."""

    mbload: Path
    mbideal: Path
    cangen: Path
    mblibmodbus: Path | None
    "None where libmodbus is not installed."
    libmodbus: str
    "Its version."
    node: Mapping[str, str]
    "The servers of `NODE` that are there, with their versions."


@dataclass(frozen=True, slots=True)
class Mode:
    """How masters ask: so many connections with so many requests outstanding, or each at a fixed rate."""

    connections: int
    outstanding: int = 1
    rate: float | None = None
    count: int = 125
    "Registers a request."

    def __str__(self) -> str:
        if self.rate is not None:
            return f"{self.connections} x {self.rate:g} Hz"
        return f"{self.connections}x{self.outstanding}"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a run of masters came to."""

    requests: int
    req_s: float
    p50: float
    p99: float
    "us."
    errors: int
    kinds: str


def build(folder: Path) -> Tools:
    """Compile everything into a folder; needs gcc."""
    for name in ("mbload", "mbideal", "cangen"):
        _compile(name, folder, ())
    libmodbus, version = None, ""
    if shutil.which("pkg-config"):
        asked = subprocess.run(
            ["pkg-config", "--modversion", "libmodbus"], capture_output=True, text=True, check=False
        )
        if not asked.returncode:
            version = asked.stdout.strip()
            flags = subprocess.run(
                ["pkg-config", "--cflags", "--libs", "libmodbus"],
                capture_output=True, text=True, check=True,
            ).stdout.split()  # fmt: skip
            libmodbus = _compile("mblibmodbus", folder, flags)
    mbload, mbideal, cangen = (folder / name for name in ("mbload", "mbideal", "cangen"))
    return Tools(mbload, mbideal, cangen, libmodbus, version, dict(_in_node()))


def _in_node() -> Iterator[tuple[str, str]]:
    for name in NODE if shutil.which("node") else ():
        about = _NODE_MODULES / name / "package.json"
        if about.is_file():
            yield name, json.loads(about.read_text())["version"]


def _compile(name: str, folder: Path, flags: Iterable[str]) -> Path:
    target, source = str(folder / name), str(_SOURCES / f"{name}.c")
    subprocess.run(["gcc", "-O2", "-o", target, source, *flags], check=True)
    return folder / name


def command(tools: Tools, port: int, mode: Mode, seconds: float, *, pattern: bool) -> list[str]:
    """How `mbload` is called for a mode."""
    words = ["127.0.0.1", port, mode.connections, mode.outstanding, 3, 0, mode.count, seconds, 1]
    words += ["--warmup", 0] + (["--pattern"] if pattern else [])
    words += ["--rate", mode.rate] if mode.rate is not None else []
    return [str(tools.mbload), *map(str, words)]


def ask(tools: Tools, port: int, mode: Mode, seconds: float, *, pattern: bool = True) -> Answered:
    """Run masters to the end."""
    with running(command(tools, port, mode, seconds, pattern=pattern), GENERATOR_CPU) as masters:
        return told(masters, seconds)


def told(masters: Program, seconds: float) -> Answered:
    """What masters report when they have finished."""
    said = json.loads(masters.finished(seconds + 10))
    kinds = ", ".join(f"{count} {kind}" for kind, count in said["error_kinds"].items())
    return Answered(
        said["requests"], said["req_s"], said["p50_us"], said["p99_us"], said["errors"], kinds
    )
