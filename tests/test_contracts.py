"""Each import contract breaks when it should: a copy of the packages, one wrong import, one broken contract."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_CHECKOUT = Path(__file__).parent.parent
_BREAKS = {
    "Layers of the gateway": ("gateway/model/quality.py", "import gateway.canbus.frame"),
    "The inside knows no clock, no loop, no bus, no socket, no log": (
        "gateway/modbus/wire.py",
        "import asyncio",
    ),
    "Only mapping opens files": ("gateway/canbus/signal.py", "import pathlib"),
    "The model knows numpy and errors alone": ("gateway/model/alarm.py", "import yaml"),
    "Modbus asks, it does not decide": ("gateway/modbus/bank.py", "import gateway.control.cycle"),
    "pydantic stays in one package": ("gateway/modbus/bank.py", "import pydantic"),
    "The gateway names no adapter and no simulator": (
        "gateway/links/log.py",
        "import conformance.sim.battery",
    ),
    "An adapter sees only the model and the frame": (
        "adapters/orion/__init__.py",
        "import gateway.mapping.site",
    ),
}


def broken_contracts(folder: Path) -> set[str]:
    """The contracts that import-linter calls broken in a copy of the project."""
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-cache"], cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Contracts: " in done.stdout, done.stdout + done.stderr
    return set(re.findall(r"^(.*) BROKEN$", done.stdout, re.MULTILINE))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and the contracts, to be spoilt."""
    for name in ("gateway", "adapters", "conformance"):
        shutil.copytree(
            _CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(_CHECKOUT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_has_a_way_to_break_it() -> None:
    """The table above names all contracts."""
    text = (_CHECKOUT / "pyproject.toml").read_text()

    assert set(re.findall(r'^name = "(.*)"\ntype = ', text, re.MULTILINE)) == set(_BREAKS)


def test_the_packages_as_they_are_break_nothing(copy: Path) -> None:
    """All contracts are kept."""
    assert broken_contracts(copy) == set()


@pytest.mark.parametrize("contract", _BREAKS)
def test_one_wrong_import_breaks_its_contract(copy: Path, contract: str) -> None:
    """And the linter names that contract."""
    file, wrong = _BREAKS[contract]
    path = copy / file
    head, quotes, rest = path.read_text().partition('"""\n')
    path.write_text(f"{head}{quotes}\n{wrong}\n{rest}")

    assert contract in broken_contracts(copy)


def test_a_package_without_a_place_breaks_the_layers(copy: Path) -> None:
    """A new package must be given its layer first."""
    (copy / "gateway" / "extra").mkdir()
    (copy / "gateway" / "extra" / "__init__.py").write_text('"""New."""\n')

    assert broken_contracts(copy) == {"Layers of the gateway"}
