"""Quality of a value: validity and detail, in the manner of IEC 61850-7-3 clause 6.2.

One detail says all: each row below gives the validity that it implies, so the store keeps one byte an
element. Rows are published in registers (validity in the low byte, detail in the high byte): a number
never changes its meaning. The table generates `QUALITY_REGISTER` and the quality column of the manual.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Validity(IntEnum):
    """May the value be used; the numbers are ours (IEC libraries disagree on theirs)."""

    GOOD = 0
    QUESTIONABLE = 1
    INVALID = 2
    SUBSTITUTED = 3


class Detail(IntEnum):
    """Why a value is not plainly good."""

    NONE = 0
    NEVER_SEEN = 1
    OLD_DATA = 2
    OUT_OF_RANGE = 3
    FAILURE = 4
    NOT_AVAILABLE = 5
    FROZEN = 6
    INCONSISTENT = 7
    INACCURATE = 8
    FORCED = 9


@dataclass(frozen=True, slots=True)
class Quality:
    """A row of the quality table."""

    detail: Detail
    validity: Validity
    usable: bool
    "Whether aggregates and faces may use the number."
    text: str


QUALITIES = (
    Quality(Detail.NONE, Validity.GOOD, usable=True, text="good"),
    Quality(Detail.NEVER_SEEN, Validity.INVALID, usable=False, text="never seen"),
    Quality(Detail.OLD_DATA, Validity.QUESTIONABLE, usable=False, text="old data"),
    Quality(Detail.OUT_OF_RANGE, Validity.INVALID, usable=False, text="out of range"),
    Quality(Detail.FAILURE, Validity.INVALID, usable=False, text="failure"),
    Quality(Detail.NOT_AVAILABLE, Validity.INVALID, usable=False, text="not available"),
    Quality(Detail.FROZEN, Validity.QUESTIONABLE, usable=False, text="frozen"),
    Quality(Detail.INCONSISTENT, Validity.QUESTIONABLE, usable=True, text="inconsistent"),
    Quality(Detail.INACCURATE, Validity.QUESTIONABLE, usable=True, text="not all contributors"),
    Quality(Detail.FORCED, Validity.SUBSTITUTED, usable=True, text="forced"),
)

_WORST_FIRST = (
    Detail.NEVER_SEEN, Detail.FAILURE, Detail.NOT_AVAILABLE, Detail.OUT_OF_RANGE, Detail.OLD_DATA,
    Detail.FROZEN, Detail.INACCURATE, Detail.INCONSISTENT, Detail.FORCED, Detail.NONE,
)  # fmt: skip
BY_SEVERITY: NDArray[np.uint8] = np.array(_WORST_FIRST[::-1], np.uint8)
"The details from harmless to useless; the number of a detail says nothing about that."
SEVERITY: NDArray[np.uint8] = np.argsort(BY_SEVERITY).astype(np.uint8)
"The place of each detail in `BY_SEVERITY`."
USABLE: NDArray[np.bool_] = np.array([row.usable for row in QUALITIES])
QUALITY_REGISTER: NDArray[np.uint16] = np.array(
    [row.validity | row.detail << 8 for row in QUALITIES], np.uint16
)


def worst(first: NDArray[np.uint8], *others: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Element by element, the detail that says most against the value."""
    ranks = SEVERITY[first]
    for other in others:
        ranks = np.maximum(ranks, SEVERITY[other])
    return np.asarray(BY_SEVERITY[ranks])
