"""Modbus RTU over TCP: find whole frames in a stream, which has no silence to tell where one ends.

function 1-6, 8, 11, 12, 17, 22, 24, 43...   each has one length (8 with one word of data, 43 as type 14)
function 15, 16, 20, 21, 23                  its byte count says the length
any other function                           what came in one piece is a frame if its checksum is right, else lost
wrong checksum                               lost
lost                                         all is thrown away until nothing has come for a moment, or a whole frame in one piece
a piece of a frame                           is thrown away if what follows comes much later

What is thrown away is counted as one damaged frame. Masters ask again when they are not answered: the silence is theirs.
"""

import math
from collections.abc import Callable, Iterator, Mapping

from gateway.modbus.rtu import MAX_FRAME, is_whole
from gateway.model.traffic import Counts

_QUIET = 0.1
"Seconds without a byte after which the next one begins a frame."
_STALE = 1.0
"Seconds after which the rest of a frame will not come: much more than a lost packet takes to be sent again."
_UNKNOWN = MAX_FRAME + 1
_CRC = 2
_ERROR = 0x80
"The bit in an exception's function code: nobody asks with one."
# Lengths of requests with unit id and checksum, and where their byte counts are (APP V1.1b3 clause 6).
_FIXED: Mapping[int, int] = {
    **dict.fromkeys(range(1, 7), 8), 7: 4, 8: 8, 11: 4, 12: 4, 17: 4, 22: 10, 24: 6, 43: 7,
}  # fmt: skip
_COUNTED: Mapping[int, int] = {15: 6, 16: 6, 20: 2, 21: 2, 23: 10}


class RtuReceiver:
    """Cuts a stream of bytes into frames, however it was cut before."""

    def __init__(self, clock: Callable[[], float], counts: Counts) -> None:
        """`counts` learns of what was damaged."""
        self._clock, self._counts = clock, counts
        self._rest, self._heard, self._is_lost = b"", -math.inf, False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Each whole frame in order."""
        now = self._clock()
        gap, self._heard = now - self._heard, now
        if self._is_lost and gap < _QUIET and not is_whole(data):
            return
        self._is_lost = False
        if self._rest and gap >= _STALE:
            self._counts.damaged += 1
            self._rest = b""
        data = self._rest + data
        at, window = 0, data[:_UNKNOWN]
        while (size := length_of(window)) <= len(window) and is_whole(window[:size]):
            yield window[:size]
            at += size
            window = data[at : at + _UNKNOWN]
        if len(window) < size < _UNKNOWN:
            self._rest = window
        else:
            self._counts.damaged += 1
            self._rest, self._is_lost = b"", True


def length_of(data: bytes) -> int:
    """The length of the frame that some bytes begin with, or at least one byte more than there are.

    More than a frame can have where it cannot be known.
    """
    if len(data) < 2:  # noqa: PLR2004 - unit id and function
        return len(data) + 1
    place, fixed = _COUNTED.get(data[1]), _FIXED.get(data[1])
    if fixed is not None:
        return fixed
    if place is None:
        return len(data) if is_whole(data) and data[1] < _ERROR else _UNKNOWN
    if len(data) <= place:
        return len(data) + 1
    return min(place + 1 + data[place] + _CRC, _UNKNOWN)
