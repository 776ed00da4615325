"""Running until somebody says stop: Ctrl-C or SIGTERM end a server cleanly, with status 0."""

import asyncio
import contextlib
import importlib.util
import signal
from collections.abc import Callable, Coroutine

from gateway.errors import GatewayError


def fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop of uvloop where the extra `[fast]` is installed, else asyncio's own."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop  # noqa: PLC0415 - an extra

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def until_stopped(work: Coroutine[object, object, None]) -> None:
    """Run to the end, or until the process is told to stop."""

    async def guarded() -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # not on Windows
                loop.add_signal_handler(number, task.cancel if task else loop.stop)
        with contextlib.suppress(asyncio.CancelledError):
            await work

    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=fast_loop()) as runner:
        try:
            runner.run(guarded())
        except BaseExceptionGroup as group:
            raise _first_told(group) from None


def _first_told(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What a group of tasks failed of: the first error made for people, if there is one."""
    told: BaseException | None = group.subgroup(GatewayError)
    while isinstance(told, BaseExceptionGroup):
        told = told.exceptions[0]
    return told or group
