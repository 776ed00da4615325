"""The TLS handshakes that are under way at a listener: how many, how long, and one step a turn of the loop.

A step costs a millisecond of arithmetic, and whoever can connect can ask for it; the control cycle must not wait.
"""

import asyncio
import dataclasses
from collections import deque
from collections.abc import Callable

from gateway.links.pool import Pool
from gateway.mapping.listeners import Listening
from gateway.model.traffic import Counts

PATIENCE = 10.0
"Seconds that a handshake may take."
_MOST, _OF_ONE = 128, 32
"At once at a listener, and of these from one address; the oldest makes room."


class Handshakes:
    """Those of a listener."""

    def __init__(self, rules: Listening, counts: Counts, patience: float = PATIENCE) -> None:
        self.patience = patience
        self.pool = Pool(
            dataclasses.replace(rules, most=_MOST, most_of_one=_OF_ONE, prior=()), counts
        )
        self._steps: deque[Callable[[], None]] = deque()

    def take_turn(self, step: Callable[[], None]) -> None:
        """Have a step done when it is its turn."""
        self._steps.append(step)
        if len(self._steps) == 1:
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        try:
            self._steps[0]()
        finally:
            self._steps.popleft()
            if self._steps:
                asyncio.get_running_loop().call_soon(self._turn)
