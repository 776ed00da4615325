"""A plant of one rack that is told something: its message, its orders."""

import asyncio
import time
from collections.abc import Callable, Mapping

from gateway.canbus.payload import Part
from gateway.canbus.send import Send
from gateway.canbus.signal import Order, Signal
from gateway.canbus.table import Counter
from gateway.model.order import Orders

PERIOD = 0.05
_PATIENCE = 30  # s


def send(key: int = 0x210, period: float = PERIOD) -> Send:
    """Rack 1's order and a counter."""
    part = Part(Signal("x", 0, 8, Order.LITTLE), "rack_connect", rack=1)
    counter = Counter(Signal("n", 8, 8, Order.LITTLE), 256)
    return Send(key, f"m{key}", "can0", 2, period, (part,), counter)


class Plant:
    """The orders of a container, fresh whenever they are asked for."""

    connect = 1.0

    def orders(self) -> Mapping[str, Orders]:
        """As of now."""
        return {"C": Orders(time.monotonic(), {"rack_connect": (self.connect,)})}


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a state."""
    async with asyncio.timeout(_PATIENCE):
        while not holds():
            await asyncio.sleep(0.005)
