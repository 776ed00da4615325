"""Frames of the simulated container as datagrams: `python -m bench.sender PORT FRAMES_PER_S SECONDS [WATTS [WITHOUT]]`.

A recording of the demo container, with so much power flowing, is sent over and over, in bursts of a millisecond; a
rate of 0 stands for the recording's own. WITHOUT is an identifier (hex) that somebody else sends. Prints a line when
it begins, and at the end JSON like `cangen`, with the seconds that it took; SIGTERM ends it sooner.
"""

import json
import signal
import socket
import sys
import time

from bench import datagram
from bench.cycle import SWEEP, recorded
from gateway.canbus.frame import IDENTIFIER

_BURST = 0.001  # s


def send(
    port: int, rate: float, seconds: float, watts: float = 0.0, without: int | None = None
) -> dict[str, float]:
    """Send on time; gives the number of frames, and how long it was."""
    told = list[int]()
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    frames = [frame for frame in recorded(SWEEP, watts) if frame.key & IDENTIFIER != without]
    packets = [datagram.packed(frame.key, frame.data) for frame in frames]
    frames_per_s = rate or len(packets) / SWEEP
    print("sending", flush=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.connect((datagram.HOST, port))
        begin, sent, put = time.perf_counter(), 0, link.send
        while (passed := time.perf_counter() - begin) < seconds and not told:
            due = int(passed * frames_per_s)
            for number in range(sent, due):
                put(packets[number % len(packets)])
            sent = due
            time.sleep(max(0.0, begin + passed + _BURST - time.perf_counter()))
    return {"sent": sent, "send_errors": 0, "seconds": passed}


if __name__ == "__main__":
    target, pace, duration, *more = sys.argv[1:]
    power = float(more[0]) if more else 0.0
    omitted = int(more[1], 16) if len(more) > 1 else None
    print(json.dumps(send(int(target), float(pace), float(duration), power, omitted)))
