"""Fuzzing with coverage as the guide: `PYTHONPATH=.:tests python -m fuzz.explore [--seconds S] [--corpus FOLDER]`.

Needs atheris (the extra `fuzz`); says so and ends well without it. What it finds is told as a line for `found.txt`.
A corpus folder keeps what reached something new, for the next time.
"""

import argparse
import importlib
import importlib.util
import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

_INSTRUMENTED = ["gateway.modbus", "gateway.mapping.writable", "gateway.mapping.mailbox"]
_LONGEST = 1500  # bytes of an input


def _told(run: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The same; what fails is shown as it is kept."""

    def watched(data: bytes) -> None:
        try:
            run(data)
        except BaseException as error:
            print(f"\nfor tests/fuzz/found.txt:\n{data.hex()} # {error!r}", flush=True)  # noqa: T201 - a program's result
            raise

    return watched


def explore(seconds: int, corpus: Path, seeds: Path) -> None:
    """Fuzz for so long; never comes back: libFuzzer ends the process, with status 0 if nothing was found."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=_INSTRUMENTED):
        run = importlib.import_module("fuzz.targets").run
    options = [
        f"-max_total_time={seconds}", f"-max_len={_LONGEST}", "-timeout=20", "-print_final_stats=1",
        f"-artifact_prefix={corpus}/", str(corpus), str(seeds),
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options], _told(run))
    atheris.Fuzz()


def main() -> None:
    """Parse, write the seeds, fuzz."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--corpus", type=Path)
    arguments = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("skipped: atheris is not installed (pip install -e '.[fuzz]')")  # noqa: T201 - as above
        return
    with tempfile.TemporaryDirectory() as folder:
        seeds, fresh = Path(folder) / "seeds", Path(folder) / "corpus"
        seeds.mkdir()
        fresh.mkdir()
        source = importlib.import_module("fuzz.seeds")
        for number, data in enumerate([*source.seeds(), *source.found()]):
            (seeds / f"{number:03}").write_bytes(data)
        if arguments.corpus is not None:
            arguments.corpus.mkdir(parents=True, exist_ok=True)
        work = (arguments.seconds, arguments.corpus or fresh, seeds)
        process = multiprocessing.get_context("spawn").Process(target=explore, args=work)
        process.start()
        process.join()
    sys.exit(process.exitcode)


if __name__ == "__main__":
    main()
