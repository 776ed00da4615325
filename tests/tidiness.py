"""A check for tasks that a test leaves running."""

import asyncio
import inspect
from collections.abc import AsyncIterator

import pytest


@pytest.fixture
async def no_task_left_running() -> AsyncIterator[None]:
    """Fail a test that leaves a task running; every coroutine test has this."""
    yield
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if names := sorted(task.get_name() for task in left if not task.done()):
        pytest.fail("left running: " + ", ".join(names))


@pytest.fixture(autouse=True)
def tidy(request: pytest.FixtureRequest) -> None:
    """Give every coroutine test the check for leftover tasks."""
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("no_task_left_running")
