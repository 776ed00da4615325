"""The check that fails a test which leaves a task running does fail it."""

from pathlib import Path

import pytest

_CHECK = Path(__file__).with_name("tidiness.py")

pytest_plugins = ["pytester"]

_TESTS = """
import asyncio

async def test_tidy() -> None:
    await asyncio.create_task(asyncio.sleep(0))

async def test_untidy() -> None:
    global kept
    kept = asyncio.create_task(asyncio.sleep(60), name="forgotten")
"""


def test_a_task_left_running_fails_its_test(pytester: pytest.Pytester) -> None:
    """The untidy test errs and names its task; the tidy one passes."""
    pytester.makeconftest(_CHECK.read_text())
    pytester.makepyfile(_TESTS)
    options = ("asyncio_mode=auto", "asyncio_default_fixture_loop_scope=function")
    result = pytester.runpytest_subprocess(*(part for option in options for part in ("-o", option)))

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*left running: forgotten*"])
