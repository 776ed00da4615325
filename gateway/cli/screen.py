"""What all verbs share at the terminal: options, the search path, problems, progress."""

import contextlib
import math
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from gateway.errors import GatewayError, MappingError, UsageError
from gateway.mapping.library import Library

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True, highlight=False, soft_wrap=True)

SiteArgument = Annotated[str, typer.Argument(metavar="SITE", help="Site file, or the name of one.")]
PathOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--path",
        exists=True,
        file_okay=False,
        help="Folder to look for databases, sites and maps in; repeatable.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
ListenOption = Annotated[
    str | None,
    typer.Option("--listen", metavar="HOST:PORT", help="Serve here instead of the site's address."),
]


def library(path: list[Path] | None) -> Library:
    """The search path: `--path`, then ESSGW_PATH."""
    given = os.environ.get("ESSGW_PATH", "").split(os.pathsep)
    return Library([*(path or []), *(Path(folder) for folder in given if folder)])


def tell_files(search: Library) -> None:
    """Say where the files named were found."""
    for name, found in search.found.items():
        if str(found) != name or Path(name).name == name:
            err.print(f"{name}: {found}", style="dim", markup=False)


def address(text: str) -> tuple[str, int]:
    """Host and port of HOST:PORT; UsageError if it is none."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\[\]:\s]+)):([0-9]{1,5})", text, re.ASCII)
    if found is None or int(found[3]) > 65535:  # noqa: PLR2004 - TCP
        raise UsageError(f"'{text}' is not HOST:PORT, like 127.0.0.1:5020 or [::1]:5020")
    return found[1] or found[2], int(found[3])


def positive_seconds(text: float | None, option: str) -> float | None:
    """A time of an option; UsageError unless it is a number above 0."""
    if text is not None and not 0 < text < math.inf:
        raise UsageError(f"{option} is a time in seconds, above 0; not {text:g}")
    return text


def complain(error: GatewayError) -> None:
    """Print what is wrong to standard error: for files with the line that is meant."""
    if not isinstance(error, MappingError):
        err.print(f"essgw: {error}", style="bold red", markup=False)
        return
    for problem in error.problems:
        err.print(str(problem), style="bold", markup=False)
        line = _line(problem.file, problem.line)
        if line is not None and err.is_terminal:
            err.print(f"  {line}", markup=False)
            err.print(f"  {' ' * (problem.column - 1)}^", style="green", markup=False)


def _line(file: str, number: int) -> str | None:
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
        return lines[number - 1] if number else None
    except (OSError, UnicodeDecodeError, IndexError):
        return None


@contextlib.contextmanager
def progress(what: str, total: float | None, unit: str = " s") -> Iterator[Callable[[float], None]]:
    """A bar on standard error while something takes long; nothing where no terminal is.

    It moves to and fro where the end is not known (`total` is None), and counts where `unit` is given.
    """
    if not err.is_terminal:
        yield lambda _: None
        return
    counts = "{task.completed:.0f}/{task.total:.0f}" + unit if total is not None and unit else ""
    columns = (TextColumn(what), BarColumn(), TextColumn(counts), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda value: bar.update(task, completed=value)
