"""Running until somebody says stop: Ctrl-C or SIGTERM end a server cleanly, with status 0."""

import asyncio
import contextlib
import gc
import importlib.util
import signal
from collections.abc import Awaitable, Callable, Coroutine

from gateway.errors import GatewayError


def fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop of uvloop where the extra `[fast]` is installed, else asyncio's own."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop  # noqa: PLC0415 - an extra

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def until_stopped(
    work: Coroutine[object, object, None],
    retire: Callable[[], Awaitable[bool]] | None = None,
    reload: Callable[[], None] | None = None,
) -> None:
    """Run to the end, or until the process is told to stop.

    `retire` comes first, and can refuse; being told twice is an order to end at once (R16). `reload` is what
    SIGHUP does.
    """

    async def guarded() -> None:
        stop, loop = _Stop(retire), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # not on Windows
                loop.add_signal_handler(number, stop)
        if reload is not None and hasattr(signal, "SIGHUP"):
            loop.add_signal_handler(signal.SIGHUP, reload)
        with contextlib.suppress(asyncio.CancelledError):
            await work

    gc.collect()
    gc.freeze()  # tables and maps live for ever: going through them again takes tens of milliseconds
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=fast_loop()) as runner:
        try:
            runner.run(guarded())
        except BaseExceptionGroup as group:
            raise _first_told(group) from None


class _Stop:
    """What a signal does: first retire, if there is anything to do; told again meanwhile, end at once."""

    def __init__(self, retire: Callable[[], Awaitable[bool]] | None) -> None:
        self._retire, self._task = retire, asyncio.current_task()
        self._retiring: asyncio.Task[None] | None = None

    def __call__(self) -> None:
        if self._retire is None or self._retiring is not None:
            self._end()
        else:
            self._retiring = asyncio.get_running_loop().create_task(self._leave(self._retire))

    async def _leave(self, retire: Callable[[], Awaitable[bool]]) -> None:
        stops = True
        try:
            stops = await retire()
        finally:
            self._retiring = None
            if stops:
                self._end()

    def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()


def _first_told(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What a group of tasks failed of: the first error made for people, if there is one."""
    told: BaseException | None = group.subgroup(GatewayError)
    while isinstance(told, BaseExceptionGroup):
        told = told.exceptions[0]
    return told or group
