"""Trying mutants: the tests are collected and run once, then each mutant is tried in a child of its own.

A child swaps the code of the changed module's functions and runs the tests that reached the changed lines, the
quickest first. What a function did while its module was imported cannot be swapped: for such a function the child
imports everything anew.
"""

import functools
import gc
import importlib
import importlib.abc
import importlib.util
import math
import os
import signal
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Protocol

import coverage
import pytest
from _pytest.runner import runtestprotocol
from control.mutation import Mutant

from gateway.model import pack

PRELOADED = (pack,)
"Imported before the children are made: that saves each of them the time."
HERE = Path(__file__).parent
SURVIVED, KILLED, BROKEN = range(3)
"How a child ends; one that hangs is ended by its alarm, and that is a kill."
SLOWEST = 300
"s that a mutant may take while everything is imported anew: one that hangs is killed."
PATIENCE = 20
"s that a test may take with a mutant, and times what it takes without."
OPTIONS = (
    "-q", "-s", "--assert=plain", "-p", "no:randomly", "-p", "no:cacheprovider",
    "--hypothesis-profile=mutants",
)  # fmt: skip
TESTS = sorted(str(path) for path in HERE.glob("test_*.py") if path.stem != "test_any_history")
"All but the slow one."
VARIANTS, QUICK = 6, 0.05
"""Of a test with many parameters so many are tried, and all that take less than so many s: what the others alone
notice counts as survived."""


class Loader(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives a module's changed code to whoever imports it."""

    def __init__(self, name: str, code: CodeType) -> None:
        self._name, self._code = name, code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module, if it is the one."""
        del path, target
        return importlib.util.spec_from_loader(fullname, self) if fullname == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed code."""
        exec(self._code, module.__dict__)  # noqa: S102 - that is the point


def _silent() -> int:
    """Nothing is printed any more, but to what it gives."""
    nothing, heard = os.open(os.devnull, os.O_WRONLY), os.dup(2)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    return heard


def imported_anew(mutant: Mutant) -> bool:
    """Whether all tests pass, in a process that has imported nothing of control yet."""
    sys.meta_path.insert(0, Loader(f"gateway.control.{mutant.module}", mutant.code))
    return pytest.main(["-x", *OPTIONS, *TESTS]) == pytest.ExitCode.OK


def called_by_imports(control: Path) -> set[tuple[str, str]]:
    """Module and name of each function that runs while modules are imported: asked of a child."""
    read, write = os.pipe()
    if not os.fork():
        _tell_imports(control, write)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        lines = pipe.read().splitlines()
    os.wait()
    return {(module, name) for module, _, name in (line.partition(" ") for line in lines)}


def _tell_imports(control: Path, write: int) -> None:
    seen: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            seen.add(frame.f_code)

    sys.setprofile(note)
    for path in sorted(control.glob("*.py")):
        importlib.import_module(f"gateway.control.{path.stem}")
    sys.setprofile(None)
    ours = (code for code in seen if Path(_file(code)).parent == control)
    text = "\n".join(f"{Path(code.co_filename).stem} {code.co_name}" for code in ours)
    os.write(write, text.encode())


@functools.cache
def _file(code: CodeType) -> str:
    return os.path.realpath(code.co_filename)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _codes(part)


class Living:
    """What is swapped: every function of some modules that has been made so far, and what remembers results."""

    def __init__(self, control: Path) -> None:
        self._functions = defaultdict[str, list[FunctionType]](list)
        self._remember: list[functools._lru_cache_wrapper[object]] = []
        for item in gc.get_objects():
            if isinstance(item, functools._lru_cache_wrapper):
                self._remember.append(item)
            if isinstance(item, FunctionType):
                path = _file(item.__code__)
                if Path(path).parent == control:
                    self._functions[path].append(item)

    def swap(self, mutant: Mutant) -> None:
        """Give the functions of a module the code of the mutant, and forget what they have given before."""
        new = {(code.co_qualname, code.co_firstlineno): code for code in _codes(mutant.code)}
        for item in self._remember:
            item.cache_clear()
        for function in self._functions[_file(mutant.code)]:
            code = new.get((function.__qualname__, function.__code__.co_firstlineno))
            if code is not None and code.co_freevars == function.__code__.co_freevars:
                function.__code__ = code


def _forget() -> None:
    """Containers on paper are made anew: else only the first test would reach what makes them."""
    sys.modules["control.paper"]._MADE.clear()


class Trial:
    """Tries mutants of the modules in a folder."""

    def __init__(self, control: Path) -> None:
        self._control = control
        self._took: dict[str, float] = {}
        self._tried: set[str] = set()
        "The tests that mutants are tried on."
        self._reached: dict[str, dict[int, list[str]]] = {}
        self._waiting: list[Mutant] = []
        self._running: dict[int, Mutant] = {}
        self._found: set[str] = set()
        self._ended = 0

    def survivors(self, tried: Sequence[Mutant]) -> set[str]:
        """The mutants that no test notices; as many at a time as there are processors."""
        early = called_by_imports(self._control)
        tell(f"{len(tried)} mutants")
        self._waiting = [item for item in tried if (item.module, item.function) in early]
        self._try(imported_anew)
        self._waiting = [item for item in tried if (item.module, item.function) not in early]
        status = pytest.main([*OPTIONS, *TESTS], plugins=[self])
        if status != pytest.ExitCode.OK:
            raise SystemExit("the tests fail on what is not changed at all: nothing can be learnt")
        return self._found

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """All tests once as they are, then the mutants."""
        items = {item.nodeid: item for item in session.items}
        measured = coverage.Coverage(data_file=None, include=[f"{self._control}/*"])
        measured.start()
        for name, item in items.items():
            measured.switch_context(name)
            _forget()
            before = time.process_time()
            if not _passes(item, None):
                raise pytest.UsageError(f"{name} fails on what is not changed at all")
            self._took[name] = time.process_time() - before
        measured.stop()
        data = measured.get_data()
        for path in data.measured_files():
            self._reached[path] = data.contexts_by_lineno(path)
        self._tried = self._few(items)
        tell(f"{len(self._tried)} of {len(items)} tests, all in {sum(self._took.values()):.0f} s")
        living = Living(self._control)
        gc.collect()
        gc.freeze()
        self._try(lambda mutant: self._passes_all(mutant, items, living))
        return True

    def _few(self, items: Iterable[str]) -> set[str]:
        """The quickest variants of each test."""
        tests = defaultdict[str, list[str]](list)
        for name in sorted(items, key=self._took.__getitem__):
            tests[name.partition("[")[0]].append(name)
        return {
            name
            for names in tests.values()
            for place, name in enumerate(names)
            if place < VARIANTS or self._took[name] < QUICK
        }

    def _passes_all(self, mutant: Mutant, items: dict[str, pytest.Item], living: Living) -> bool:
        reached = self._reached.get(_file(mutant.code), {})
        names = {name for line in mutant.lines for name in reached.get(line, ())}
        living.swap(mutant)
        _forget()
        quickest = sorted(names & self._tried or names, key=self._took.__getitem__)
        following = [items.get(name) for name in [*quickest[1:], ""][: len(quickest)]]
        for name, after in zip(quickest, following, strict=True):
            signal.alarm(math.ceil(PATIENCE * (1 + self._took[name])))
            if not _passes(items[name], after):
                return False
        return True

    def _try(self, passes: "Passes") -> None:
        while self._waiting or self._running:
            while self._waiting and len(self._running) < (os.cpu_count() or 1):
                mutant = self._waiting.pop()
                self._running[_begun(mutant, passes)] = mutant
            self._collect()

    def _collect(self) -> None:
        child, status = os.wait()
        mutant = self._running.pop(child)
        self._ended += 1
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == BROKEN:
            raise SystemExit(f"cannot be tried: {mutant.name}")
        if status == SURVIVED:
            self._found.add(mutant.name)
            tell(f"survived: {mutant.name}")
        if self._ended % 100 == 0:
            tell(f"{self._ended} tried, {len(self._found)} survived")


class Passes(Protocol):
    """What a child does with its mutant."""

    def __call__(self, mutant: Mutant, /) -> bool:
        """Whether no test notices it."""
        ...


def _begun(mutant: Mutant, passes: Passes) -> int:
    """A child that tries a mutant."""
    if child := os.fork():
        return child
    signal.alarm(SLOWEST)
    heard, code = _silent(), BROKEN
    try:
        code = SURVIVED if passes(mutant) else KILLED
    except BaseException:  # noqa: BLE001 - a child ends in one way alone
        os.write(heard, traceback.format_exc().encode())
    os._exit(code)


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


def tell(text: str) -> None:
    """To who waits for it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
