"""A CAN driver whose `send` blocks, or refuses, on command."""

import threading

import can


class SlowBus(can.BusABC):
    """Takes a frame when the gate is open; receives nothing."""

    gate = threading.Event()
    sent: list[can.Message] = []  # noqa: RUF012 - for the test to look at
    refusals: list[Exception] = []  # noqa: RUF012 - what sending raises, once each

    def __init__(self, channel: str, **options: object) -> None:
        self.channel_info = channel
        super().__init__(channel, **options)  # type: ignore[arg-type] # python-can's own keywords

    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        threading.Event().wait(timeout)
        return None, True

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        """Wait, then take it."""
        assert timeout == 0
        self.gate.wait()
        if self.refusals:
            raise self.refusals.pop(0)
        self.sent.append(msg)
