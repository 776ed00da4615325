"""What a demo BMU hears that leaves precharge to the gateway: its coils, one by one.

Gateway to the BMU of rack r: extended identifier 0x190r01A4, every 100 ms, 8 bytes:

    0 bits 0-1  negative coil: 0 no order, 1 off, 2 on
      bits 2-3  precharge coil, bits 4-5 positive coil
    1-5         zero
    6 bits 0-3  rolling counter 0..15
    7           CRC-8 SAE J1850 over bytes 0-6

It tells in turn 0x180r14F4, every 100 ms: bytes 0-1 the voltage on the bus side of its contactors in 0.1 V,
little-endian; byte 7 bits 0-3 a rolling counter. Written from this layout, not from the gateway's tables.
"""

from conformance.sim.contactor import Positions
from conformance.sim.request import crc8

COILS = 0x190001A4
BUS = 0x14
"The type of the message that tells the voltage behind the contactors."
_ON = 2
_PATIENCE = 5.0  # s without a valid frame, after one
_LENGTH = 8


def addressee(identifier: int) -> int | None:
    """The rack whose coils a frame is for; None if it is for none."""
    rack = identifier >> 16 & 0xF
    return rack if rack and identifier & ~0x000F0000 == COILS else None


class Ear:
    """Keeps what coils are ordered, and when that was heard."""

    def __init__(self) -> None:
        self.wanted: Positions | None = None
        "None: nothing was ordered yet, coils stay where they are."
        self._heard, self._counter = 0.0, -1

    def take(self, data: bytes, now: float) -> None:
        """A frame to this BMU; one that is damaged, or repeats its counter, is ignored."""
        if len(data) != _LENGTH or crc8(data[:7]) != data[7] or data[6] & 0xF == self._counter:
            return
        self._heard, self._counter = now, data[6] & 0xF
        before = self.wanted or Positions()
        negative, precharge, positive = (data[0] >> shift & 3 for shift in (0, 2, 4))
        if not (negative or precharge or positive):
            return
        self.wanted = Positions(
            positive=positive == _ON if positive else before.positive,
            negative=negative == _ON if negative else before.negative,
            precharge=precharge == _ON if precharge else before.precharge,
        )

    def is_lost(self, now: float) -> bool:
        """Whether there was a valid frame once, and none for 5 s."""
        return self._counter >= 0 and now - self._heard > _PATIENCE
