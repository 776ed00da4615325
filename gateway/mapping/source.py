"""YAML that remembers where everything was written.

One pass over the node graph gives plain data and, beside it, the place of each key and value. Duplicate
keys, unknown tags, undefined aliases and files that unfold beyond reason are problems, never surprises.
"""

import contextlib
import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gateway.errors import MappingError, Problem

Location = tuple[str | int, ...]
_LIMIT = 1_000_000
"Values in one file, aliases unfolded."
_DEEPEST = 100
"Levels in one file; at some ten thousand the C library ends the process."


@dataclass(slots=True)
class Source:
    """A parsed file: its data, and the line and column of each value and key."""

    file: str
    data: Any = None
    values: dict[Location, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Location, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, at: Location, text: str, remedy: str = "", *, key: bool = False) -> Problem:
        """A problem at a place, or at the nearest place around it that was written."""
        marks = self.keys if key else self.values
        while at and at not in marks:
            at = at[:-1]
            marks = self.values
        line, column = marks.get(at, (1, 1))
        return Problem(self.file, text, line, column, remedy)

    def report(self, at: Location, text: str, remedy: str = "", *, key: bool = False) -> None:
        """Note a problem; `stop` raises all that were noted."""
        self.problems.append(self.problem(at, text, remedy, key=key))

    def stop(self) -> None:
        """Raise MappingError if anything was reported."""
        if self.problems:
            raise MappingError(
                sorted(set(self.problems), key=lambda item: (item.line, item.column, item.text))
            )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy that names the nearest known word, or all of a few, or none."""
    words = sorted(known)
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    if len(words) > 20:  # noqa: PLR2004 - what fits one line
        distant = difflib.get_close_matches(word, words, n=3, cutoff=0.3)
        return f"among those known: {', '.join(distant)}" if distant else ""
    return f"known: {', '.join(words)}" if words else ""


def read_text(path: Path) -> str:
    """A text file's content; MappingError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise MappingError([Problem(str(path), f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        text = f"is not UTF-8 text (byte {error.start})"
        raise MappingError([Problem(str(path), text, remedy="save it as UTF-8")]) from None


def parse(text: str, file: str) -> Source:
    """Data and places of a YAML text; MappingError names what is no YAML at all."""
    source = Source(file)
    with contextlib.closing(_Loader(text)) as loader:
        try:
            _check_depth(text, file)
            node = loader.get_single_node()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            text = f"is not YAML: {error.problem or error.context}"
            raise MappingError([Problem(file, text, line, column)]) from None
        except yaml.reader.ReaderError as error:
            before = text.encode()[: error.position].decode(errors="replace")
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            problem = Problem(file, f"is not YAML: {error.reason}", line, column)
            raise MappingError([problem]) from None
        if node is not None:
            source.data = _Walker(source, loader).value(node, ())
    source.stop()
    return source


def _check_depth(text: str, file: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            mark = event.start_mark
            place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise MappingError([Problem(file, f"nests deeper than {_DEEPEST} levels", *place)])


class _Loader(yaml.CSafeLoader):
    """The C loader, closable by its usual name."""

    def close(self) -> None:
        self.dispose()


_POWER = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")
"A number like 1e-3."
_MERGE = "tag:yaml.org,2002:merge"
_COLLECTIONS = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}


class _Walker:
    """Turns nodes into data, noting places on the way."""

    def __init__(self, source: Source, loader: _Loader) -> None:
        self._source, self._loader = source, loader
        self._count = 0
        self._open: set[int] = set()

    def value(self, node: yaml.Node, at: Location) -> Any:  # noqa: ANN401 - YAML holds anything (T1)
        mark = node.start_mark
        self._source.values[at] = (mark.line + 1, mark.column + 1)
        self._count += 1
        if self._count > _LIMIT or id(node) in self._open or len(self._open) > _DEEPEST:
            if not self._source.problems:
                self._source.report(at, "unfolds without end", "remove the alias")
            return None
        self._open.add(id(node))
        try:
            return self._content(node, at)
        finally:
            self._open.discard(id(node))

    def _content(self, node: yaml.Node, at: Location) -> Any:  # noqa: ANN401 - as above
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, at)
        if node.tag not in _COLLECTIONS:
            self._source.report(at, f"the tag {node.tag} is not known here", "remove it")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at)
        return [self.value(item, (*at, index)) for index, item in enumerate(node.value)]

    def _scalar(self, node: yaml.ScalarNode, at: Location) -> Any:  # noqa: ANN401 - as above
        if not node.style and _POWER.fullmatch(node.value):
            return float(node.value)  # as in YAML 1.2; 1.1 takes it for text
        try:
            return self._loader.construct_object(node, deep=True)
        except yaml.YAMLError:
            self._source.report(at, f"the tag {node.tag} is not known here", "remove it")
        except ValueError as error:
            self._source.report(at, f"is not a value: {error}", "quote it")
        except (AttributeError, IndexError, KeyError):  # a tag on a text of another kind
            self._source.report(at, f"'{node.value}' is no {node.tag}", "remove the tag")
        return None

    def _mapping(self, node: yaml.MappingNode, at: Location) -> dict[Any, Any]:
        data: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key, mark = self._key(key_node, at), key_node.start_mark
            if key is None:
                continue
            place = (*at, key)
            if key in data:
                first = self._source.keys[place][0]
                self._source.problems.append(
                    Problem(
                        self._source.file, f"'{key}' was already given in line {first}",
                        mark.line + 1, mark.column + 1, "remove one of them",
                    )
                )  # fmt: skip
                continue
            self._source.keys[place] = (mark.line + 1, mark.column + 1)
            data[key] = self.value(value_node, place)
        return data

    def _key(self, node: yaml.Node, at: Location) -> str | int | None:
        """A key; None, and a problem, if it is none."""
        if node.tag == _MERGE:
            self._no_key(node, "merge keys are not read here", "write the keys out")
            return None
        reported = len(self._source.problems)
        key = self._scalar(node, at) if isinstance(node, yaml.ScalarNode) else None
        if isinstance(key, str | int) and not isinstance(key, bool):
            return key
        if len(self._source.problems) == reported:
            text = f"'{node.value}'" if isinstance(node, yaml.ScalarNode) else "this"
            remedy = "quote it" if isinstance(key, bool) else "use a word or a number"
            self._no_key(node, f"{text} cannot be a key", remedy)
        return None

    def _no_key(self, node: yaml.Node, text: str, remedy: str) -> None:
        mark = node.start_mark
        problem = Problem(self._source.file, text, mark.line + 1, mark.column + 1, remedy)
        self._source.problems.append(problem)
