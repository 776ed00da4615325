"""Mutation testing of gateway/control: `python -m control.mutants` in tests/ (part of `make long`).

Each mutant is one small change to one function. The fast tests of control that reach the changed lines run
against it until the first failure; one that none of them notices has survived. Survivors must be listed in
survivors.txt, each with an argument why it is equivalent or harmless; one that is not listed, and one that is
listed and is killed, fail the run. `--sample N` takes N of them at random, `--only limit` one module; repeatable.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from control.mutation import Mutant, mutants
from control.trial import Trial
from hypothesis import settings

CONTROL = Path(__file__).resolve().parents[2] / "gateway" / "control"
LISTED = Path(__file__).parent / "survivors.txt"
MODULES = sorted(path.stem for path in CONTROL.glob("[!_]*.py"))


def chosen(only: Sequence[str], sample: int, seed: int) -> Sequence[Mutant]:
    """The mutants to try."""
    every = [
        mutant
        for path in map(CONTROL.joinpath, (f"{name}.py" for name in MODULES))
        if not only or path.stem in only
        for mutant in mutants(path.stem, str(path), path.read_text())
    ]
    return random.Random(seed).sample(every, sample) if 0 < sample < len(every) else every


def listed() -> dict[str, str]:
    """Survivors that are known, each with its argument."""
    lines = LISTED.read_text().splitlines() if LISTED.exists() else []
    rows = [line.partition(" | ") for line in lines if line and not line.startswith("#")]
    return {name: argument for name, _, argument in rows}


def main() -> int:
    """Try mutants, and say what survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", default=[], choices=MODULES)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    tried = chosen(arguments.only, arguments.sample, arguments.seed)
    survived, known = Trial(CONTROL).survivors(tried), listed()
    names = {mutant.name for mutant in tried}
    gone = set() if arguments.only or arguments.sample else known.keys() - names
    wrong = [
        *(f"not listed: {name}" for name in sorted(survived - known.keys())),
        *(f"listed, but killed: {name}" for name in sorted(names & known.keys() - survived)),
        *(f"listed, but no mutant: {name}" for name in sorted(gone)),
        *(f"no argument: {name}" for name, argument in sorted(known.items()) if not argument),
    ]
    sys.stdout.write("".join(f"{line}\n" for line in wrong))
    sys.stdout.write(
        f"{len(tried)} mutants, {len(tried) - len(survived)} killed, {len(survived)} survived\n"
    )
    return bool(wrong)


if __name__ == "__main__":
    settings.register_profile(
        "mutants", max_examples=30, deadline=None, database=None, derandomize=True
    )
    sys.exit(main())
