"""YAML with places: what is told of a text that is not what it should be."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping.spoken import lines

from gateway.errors import MappingError, Problem
from gateway.mapping.source import Source, did_you_mean, parse, read_text


def refused(text: str) -> list[str]:
    """The problems of a text."""
    with pytest.raises(MappingError) as refusal:
        parse(text, "f.yaml")
    return lines(refusal.value)


def test_data_and_places() -> None:
    """Plain data, and beside it where each key and value was written, from 1."""
    source = parse("a:\n  - 1\n  - {b: x,  c: [2.5, true]}\n", "f.yaml")

    assert source.data == {"a": [1, {"b": "x", "c": [2.5, True]}]}
    assert source.values["a", 1, "c", 0] == (3, 17)
    assert source.keys["a", 1, "c"] == (3, 13)
    assert source.values["a", 0] == (2, 5)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 0.001), ("-2E5", -200000.0), ("1.5e3", 1500.0), ("'1e-3'", "1e-3"), ("1e", "1e")],
)
def test_powers_of_ten_are_numbers(text: str, value: object) -> None:
    """As people write them, and as YAML 1.2 has it; in quotes they are text."""
    assert parse(f"a: {text}", "f.yaml").data == {"a": value}


def test_a_problem_at_a_place() -> None:
    """A problem is told at its value, at its key, or at the nearest place around that was written."""
    source = parse("a:\n  b: 1\n", "f.yaml")
    told = [
        source.problem(("a", "b"), "wrong"),
        source.problem(("a", "b"), "wrong", "mend it", key=True),
        source.problem(("a", "c", 0), "wrong"),
        Source("empty.yaml").problem(("a",), "wrong"),
    ]

    assert [str(problem) for problem in told] == [
        "f.yaml:2:6: wrong",
        "f.yaml:2:3: wrong; mend it",
        "f.yaml:2:3: wrong",
        "empty.yaml:1:1: wrong",
    ]


def test_an_alias_is_what_it_stands_for() -> None:
    """An alias unfolds, and its parts keep the place where they were written."""
    source = parse("a: &x {b: 1}\nc: *x\n", "f.yaml")

    assert source.data == {"a": {"b": 1}, "c": {"b": 1}}
    assert source.values["c", "b"] == (1, 11)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "\ufeff"])
def test_an_empty_text(text: str) -> None:
    """It has no data and no problem; what must be there is told by the format."""
    assert parse(text, "f.yaml").data is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "3:1: 'a' was already given in line 1; remove one of them"),
        ("x: {1: 2,\n    1: 3}", "2:5: '1' was already given in line 1; remove one of them"),
        ("a: *x", "1:4: is not YAML: found undefined alias"),
        ("a: &x [*x]", "1:4: unfolds without end; remove the alias"),
        ("a: &x {b: {c: *x}}", "1:4: unfolds without end; remove the alias"),
        ("a: !secret battery", "1:4: the tag !secret is not known here; remove it"),
        ("a: !secret {b: 1}", "1:4: the tag !secret is not known here; remove it"),
        ("a:\n  - !include [b]", "2:5: the tag !include is not known here; remove it"),
        ("!secret a: 1", "1:1: the tag !secret is not known here; remove it"),
        (
            "a: !!python/name:os.system x",
            "1:4: the tag tag:yaml.org,2002:python/name:os.system is not known here; remove it",
        ),
        ("a: !!bool maybe", "1:4: 'maybe' is no tag:yaml.org,2002:bool; remove the tag"),
        ("a: !!int ''", "1:4: '' is no tag:yaml.org,2002:int; remove the tag"),
        ("a: !!timestamp x", "1:4: 'x' is no tag:yaml.org,2002:timestamp; remove the tag"),
        ("a: 2021-13-45", "1:4: is not a value: month must be in 1..12; quote it"),
        ("a: 1\n\tb: 2", "2:1: is not YAML: found a tab character that violates indentation"),
        ("\ta: 1", "1:1: is not YAML: found character that cannot start any token"),
        ("a: [1, 2", "2:1: is not YAML: did not find expected ',' or ']'"),
        ("a: 'x", "1:6: is not YAML: found unexpected end of stream"),
        ("a: b: c", "1:5: is not YAML: mapping values are not allowed in this context"),
        ("a: 1\n---\nb: 2", "2:1: is not YAML: but found another document"),
        ("a: 1\nb: \x00", "2:4: is not YAML: control characters are not allowed"),
        ("é: \x07", "1:4: is not YAML: control characters are not allowed"),
        ("1.5: a", "1:1: '1.5' cannot be a key; use a word or a number"),
        ("a:\n  no: b", "2:3: 'no' cannot be a key; quote it"),
        ("a: &x {b: 1}\nc:\n  <<: *x", "3:3: merge keys are not read here; write the keys out"),
        ("a:\n  ~: b", "2:3: '~' cannot be a key; use a word or a number"),
        ("? [a]\n: b", "1:3: this cannot be a key; use a word or a number"),
        ("&a {? *a : b}", "1:1: this cannot be a key; use a word or a number"),
        ("[" * 101 + "]" * 101, "1:101: nests deeper than 100 levels"),
        ("[" * 200_000, "1:101: nests deeper than 100 levels"),
        ("[[[]], [[]], " + "[" * 100, "1:113: nests deeper than 100 levels"),
    ],
    ids=lambda text: repr(text[:24]),
)  # fmt: skip
def test_what_is_no_data(text: str, problem: str) -> None:
    """One line that says where and what, and what to do where that is known."""
    assert refused(text) == [f"f.yaml:{problem}"]


def test_aliases_that_nest() -> None:
    """A chain of aliases counts as deep as it unfolds."""
    chain = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 300))]

    assert refused("\n".join(chain))[0].endswith("unfolds without end; remove the alias")


def test_aliases_that_multiply() -> None:
    """A few lines that unfold to a billion values are refused in a moment."""
    lists = [
        "a0: &a0 [x]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)),
    ]

    assert refused("\n".join(lists))[0].endswith("unfolds without end; remove the alias")


def test_all_problems_at_once() -> None:
    """Every problem of a text is told, in the order of its lines."""
    assert refused("a: !x 1\nb: 2\nb: 3\nc: [!y 1, 2021-02-30]\n") == [
        "f.yaml:1:4: the tag !x is not known here; remove it",
        "f.yaml:3:1: 'b' was already given in line 2; remove one of them",
        "f.yaml:4:5: the tag !y is not known here; remove it",
        "f.yaml:4:11: is not a value: day is out of range for month; quote it",
    ]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a folder, and a file of another encoding are one line each."""
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("title: 25 °C\n".encode("cp1252"))
    told = []
    for path in (tmp_path / "none.yaml", tmp_path, latin):
        with pytest.raises(MappingError) as refusal:
            read_text(path)
        told += lines(refusal.value)

    assert told == [
        "none.yaml: cannot be read: No such file or directory",
        f"{tmp_path.name}: cannot be read: Is a directory",
        "latin.yaml: is not UTF-8 text (byte 10); save it as UTF-8",
    ]


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("modbus_sungrow.yaml", "11:11: the tag !secret is not known here; remove it"),
        ("modbus_sungrow_SBR_battery.yaml", "22:24: is not YAML: found undefined alias"),
    ],
)
def test_yaml_of_another_program(corpus: Path, file: str, expected: str) -> None:
    """Custom tags and aliases that are defined elsewhere are told at their place."""
    path = corpus / "maps" / "sungrow" / file
    with pytest.raises(MappingError) as refusal:
        parse(read_text(path), file)

    assert lines(refusal.value)[0] == f"{file}:{expected}"


@pytest.mark.parametrize(
    ("word", "known", "remedy"),
    [
        ("rack_volage", ["rack_voltage", "rack_soc"], "did you mean 'rack_voltage'?"),
        ("x", ["b", "a"], "known: a, b"),
        ("x", [str(number) for number in range(100, 121)], ""),
        ("smoke", ["smog alarm", *map(str, range(100, 121))], "among those known: smog alarm"),
        ("x", [], ""),
    ],
)
def test_did_you_mean(word: str, known: list[str], remedy: str) -> None:
    """The nearest word, or all of a few."""
    assert did_you_mean(word, known) == remedy


yaml_like = st.text("ab1:-[]{}&*!|>'\"#%@` \n\t,?.~é\x00", max_size=60)


@given(yaml_like)
def test_any_text(text: str) -> None:
    """Whatever is written, there are data or problems with places, never anything else."""
    problems: Sequence[Problem] = ()
    try:
        parse(text, "f.yaml")
    except MappingError as error:
        problems = error.problems

    assert all(problem.line and problem.column for problem in problems)
