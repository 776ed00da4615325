"""Mutation testing of gateway/control: `python -m control.mutants` in tests/ (part of `make long`).

Each mutant is one small change to one function. The fast tests of control run against it, those of its own
subject first, until the first failure; one that none of them notices has survived. Survivors must be listed in
survivors.txt, each with an argument why it is equivalent or harmless; one that is not listed, and one that is
listed and is killed, fail the run. `--sample N` takes N of them at random, `--only limit` one module.
"""

import argparse
import contextlib
import importlib.abc
import importlib.util
import os
import random
import signal
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest
from control.mutation import Mutant, mutants
from hypothesis import settings, stateful

from gateway.model import pack

PRELOADED = (pack, stateful)
"Imported before the children are made: that saves each of them the time."
ROOT = Path(__file__).parents[2]
CONTROL = ROOT / "gateway" / "control"
LISTED = Path(__file__).parent / "survivors.txt"
SLOWEST = 300
"s that a mutant may take: one that hangs is killed."
FIRST = {
    "arbiter": ("lease", "select", "directions"),
    "asserted": ("interlocks", "pcs", "limits"),
    "basis": ("basis",),
    "chain": ("interlock_table", "resets", "interlocks"),
    "current": ("limits", "pcs"),
    "cycle": ("directions", "modes", "lease"),
    "cyclic": ("setpoints", "directions"),
    "facts": ("facts",),
    "identity": ("identity",),
    "interlock": ("interlock_table",),
    "join": ("joining",),
    "limit": ("limits", "setpoints"),
    "machine": ("modes",),
    "memory": ("restart",),
    "operate": ("directions", "contactors", "results", "resets"),
    "orders": ("pcs", "contactors"),
    "panel": ("panel",),
    "ramp": ("limits", "setpoints"),
    "sequence": ("contactors", "feedback", "restart", "joining"),
    "settings": ("panel",),
    "verify": ("results", "contactors"),
    "watchdog": ("lease", "setpoints"),
}
"Which tests look at a module most closely: they run first."


class Loader(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives a module's changed source to whoever imports it."""

    def __init__(self, name: str, source: str) -> None:
        self._name, self._source = name, source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module, if it is the one."""
        del path, target
        return importlib.util.spec_from_loader(fullname, self) if fullname == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed source."""
        exec(compile(self._source, f"<mutant of {self._name}>", "exec"), module.__dict__)  # noqa: S102 - that is the point


def _order(module: str) -> tuple[list[str], list[str]]:
    """The files of tests, the closest and then the rest; the slow one is left out."""
    here = Path(__file__).parent
    first = [here / f"test_{name}.py" for name in FIRST[module]]
    rest = sorted(here.glob("test_*.py"), key=lambda path: path.stat().st_size)
    left_out = {*first, here / "test_any_history.py"}
    return [*map(str, first)], [str(path) for path in rest if path not in left_out]


def begun(mutant: Mutant) -> int:
    """A child that runs the tests on a changed module: it ends with 0 if none of them fails."""
    if child := os.fork():
        return child
    signal.alarm(SLOWEST)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    sys.meta_path.insert(0, Loader(f"gateway.control.{mutant.module}", mutant.source))
    options: tuple[str, ...] = (
        "-x",
        "-q",
        "--assert=plain",
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
    )
    code: int = 1
    with contextlib.suppress(BaseException):
        close, rest = _order(mutant.module)
        options = (*options, "--hypothesis-profile=mutants")
        code = pytest.main([*options, *close]) or pytest.main([*options, *rest])
    os._exit(code != 0)


def survivors(tried: Sequence[Mutant]) -> set[str]:
    """The mutants that no test notices; as many at a time as there are processors."""
    waiting, running, found = list(tried), dict[int, Mutant](), set[str]()
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            mutant = waiting.pop()
            running[begun(mutant)] = mutant
        child, status = os.wait()
        mutant = running.pop(child)
        if status == 0:
            found.add(mutant.name)
            tell(f"survived: {mutant.name}")
        done = len(tried) - len(waiting) - len(running)
        if done % 20 == 0:
            tell(f"{done} of {len(tried)} tried, {len(found)} survived")
    return found


def chosen(only: str, sample: int, seed: int) -> Sequence[Mutant]:
    """The mutants to try."""
    every = [
        mutant
        for path in sorted(CONTROL.glob("*.py"))
        if path.stem in FIRST and only in {"", path.stem}
        for mutant in mutants(path.stem, path.read_text())
    ]
    return random.Random(seed).sample(every, sample) if 0 < sample < len(every) else every


def listed() -> dict[str, str]:
    """Survivors that are known, each with its argument."""
    lines = LISTED.read_text().splitlines() if LISTED.exists() else []
    rows = [line.partition(" | ") for line in lines if line and not line.startswith("#")]
    return {name: argument for name, _, argument in rows}


def tell(text: str) -> None:
    """To who waits for it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Try mutants, and say what survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", choices=["", *FIRST])
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    unchanged = Mutant("join", "nothing", (CONTROL / "join.py").read_text())
    if not survivors([unchanged]):
        tell("the tests fail on what is not changed at all: nothing can be learnt")
        return 1
    tried = chosen(arguments.only, arguments.sample, arguments.seed)
    survived, known = survivors(tried), listed()
    wrong = [
        *(f"not listed: {name}" for name in sorted(survived - known.keys())),
        *(
            f"listed, but killed: {mutant.name}"
            for mutant in tried
            if mutant.name in known and mutant.name not in survived
        ),
        *(f"no argument: {name}" for name, argument in sorted(known.items()) if not argument),
    ]
    tell("\n".join(wrong))
    tell(f"{len(tried)} mutants, {len(tried) - len(survived)} killed, {len(survived)} survived")
    return bool(wrong)


if __name__ == "__main__":
    settings.register_profile("mutants", max_examples=30, deadline=None, database=None)
    sys.exit(main())
