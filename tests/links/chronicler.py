"""A process that writes a journal and says what is settled, until it is killed.

Arguments: the file, and perhaps the greatest size in bytes that it may give any file.
"""

import asyncio
import itertools
import resource
import signal
import sys
import time
from pathlib import Path

from gateway.links.journal import Journal
from gateway.model.event import KINDS, Event


def say(line: str) -> None:
    """Tell whoever started us, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def batch(number: int) -> list[Event]:
    """One to five events that say which batch they are of."""
    return [
        Event(KINDS["command"], time.monotonic(), "C", row=f"{number}/{place}", value=number)
        for place in range(number % 5 + 1)
    ]


async def write_on(path: Path) -> None:
    """Write batch after batch; print the number of each once it is settled."""
    journal = Journal(path, utc=time.time, synchronised=lambda: True)
    start = int(journal.restored().get("batch", "0"))
    journal.on_state = lambda failed: say(f"failed: {failed}" if failed else "fine")
    say("ready")
    for number in itertools.count(start + 1):
        ticket = journal.write(batch(number), {"batch": str(number)})
        settled = asyncio.Event()
        journal.when_settled(ticket, settled.set)
        if number % 3:  # some wait for their fellows
            await settled.wait()
            if journal.settled(ticket):
                say(str(number))
            else:
                await asyncio.sleep(0.05)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        limit = int(sys.argv[2])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    asyncio.run(write_on(Path(sys.argv[1])))
