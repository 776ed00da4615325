"""Frames of the simulated container at any rate, as datagrams: `python -m bench.sender PORT FRAMES_PER_S SECONDS`.

A recording of the demo container is sent over and over, in bursts of a millisecond; a rate of 0 stands for
the recording's own. Prints a line when it begins, and at the end JSON like `cangen`.
"""

import json
import socket
import sys
import time

from bench import datagram
from bench.cycle import SWEEP, recorded

_BURST = 0.001  # s


def send(port: int, rate: float, seconds: float) -> int:
    """Send on time; gives the number of frames."""
    packets = [datagram.packed(frame.key, frame.data) for frame in recorded(SWEEP)]
    pace = rate or len(packets) / SWEEP
    print("sending", flush=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.connect((datagram.HOST, port))
        begin, sent, put = time.perf_counter(), 0, link.send
        while (passed := time.perf_counter() - begin) < seconds:
            due = int(passed * pace)
            for number in range(sent, due):
                put(packets[number % len(packets)])
            sent = due
            time.sleep(max(0.0, begin + passed + _BURST - time.perf_counter()))
    return sent


if __name__ == "__main__":
    count = send(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
    print(json.dumps({"sent": count, "send_errors": 0}))
