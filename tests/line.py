"""A serial line without wire: two pseudo-terminals, and a thread that carries bytes between them."""

import contextlib
import os
import select
import threading
import tty
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Ends:
    """The two ends, as programs open them."""

    ours: str
    theirs: str


@contextlib.contextmanager
def line() -> Iterator[Ends]:
    """Both ends, for as long as it lasts."""
    pairs = [os.openpty() for _ in range(2)]
    for _, slave in pairs:
        tty.setraw(slave)
    (first, _), (second, _) = pairs
    over_read, over_write = os.pipe()

    def carry() -> None:
        across = {first: second, second: first}
        while True:
            ready, _, _ = select.select([first, second, over_read], [], [])
            if over_read in ready:
                return
            for end in ready:
                os.write(across[end], os.read(end, 4096))

    thread = threading.Thread(target=carry)
    thread.start()
    try:
        yield Ends(*(os.ttyname(slave) for _, slave in pairs))
    finally:
        os.write(over_write, b"x")
        thread.join()
        for file in (*pairs[0], *pairs[1], over_read, over_write):
            os.close(file)
