"""A CAN interface that has all the troubles real ones have, on command."""

import queue
from collections.abc import Sequence

import can


class TroubledBus(can.BusABC):
    """Gives what a test put into its channel's script; an exception in it is raised."""

    scripts: dict[str, "queue.Queue[can.Message | Exception]"] = {}  # noqa: RUF012 - by channel, for all
    refusals: dict[str, list[Exception]] = {}  # noqa: RUF012 - what opening raises, once each

    def __init__(self, channel: str, **options: object) -> None:
        if self.refusals.get(channel):
            raise self.refusals[channel].pop(0)
        self._script = self.scripts.setdefault(channel, queue.Queue())
        self.channel_info = channel
        super().__init__(channel, **options)  # type: ignore[arg-type] # python-can's own keywords

    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        try:
            item = self._script.get(timeout=timeout)
        except queue.Empty:
            return None, True
        if isinstance(item, Exception):
            raise item
        return item, True

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        """Nothing is sent by these tests."""
        raise NotImplementedError

    @classmethod
    def script(cls, channel: str, items: Sequence[can.Message | Exception]) -> None:
        """Put frames and troubles into a channel, in order."""
        line = cls.scripts.setdefault(channel, queue.Queue())
        for item in items:
            line.put(item)
