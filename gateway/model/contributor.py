"""Who contributes to an aggregate, and how a computed value meets a reported one.

Rules:
- a group with a usable member counts its usable members; one without counts the old numbers it still
  holds, and the result is old data;
- a result that lacks a member is inaccurate;
- a reported value wins where it is trusted, or where the computed one is incomplete, unless the
  incomplete one proves it wrong; where both are known and differ beyond the tolerance, the quality is
  inconsistent.

This runs for every aggregate of every cycle, so the plain cases (all members good, nothing that a
message could report) come first and cost little.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gateway.model.pack import Codes, Draft, Flags, Vector
from gateway.model.quality import BY_SEVERITY, SEVERITY, USABLE, Detail

HELD: Flags = np.isin(np.arange(len(USABLE)), (Detail.OLD_DATA, Detail.FROZEN))
"The details with which a value keeps its last number."


@dataclass(frozen=True, slots=True)
class Contributors:
    """The values that go into some aggregates: one row a group, one column a member."""

    values: Vector
    usable: Flags
    mask: Flags
    "Which members count."
    quality: Codes
    "For each group, the quality that the aggregate inherits."
    age: Vector
    "For each group, the age of the oldest member that counts."
    whole: bool
    "Whether all members of all groups are good."


@functools.cache
def _plain(groups: int, members: int) -> tuple[Flags, Codes]:
    """Everyone counts, and all is good."""
    everyone, good = np.ones((groups, members), np.bool_), np.zeros(groups, np.uint8)
    everyone.flags.writeable = good.flags.writeable = False
    return everyone, good


def contributors(draft: Draft, name: str, groups: int) -> Contributors:
    """The members of a point, split evenly into `groups` rows."""
    part = draft.layout.slices[name]
    values = draft.values[part].reshape(groups, -1)
    ages = draft.age[part].reshape(groups, -1)
    members = values.shape[1]
    if name in draft.flawless:
        everyone, good = _plain(groups, members)
        oldest = ages.max(axis=1) if members > 1 else ages[:, 0]
        return Contributors(values, everyone, everyone, good, oldest, whole=True)
    codes = draft.quality[part].reshape(groups, -1)
    usable = USABLE[codes]
    some, every = np.asarray(usable.any(axis=1)), usable.all(axis=1)
    quality = np.asarray(BY_SEVERITY[SEVERITY[codes].max(axis=1, initial=0)])
    quality[some & ~every] = Detail.INACCURATE
    mask, counted = usable, some
    if not some.all():
        mask = np.where(some[:, None], usable, HELD[codes] & ~np.isnan(values))
        counted = np.asarray(mask.any(axis=1))
        quality[~some & counted] = Detail.OLD_DATA
    age = ages.max(axis=1, initial=-np.inf, where=mask)
    age[~counted] = np.inf
    return Contributors(values, usable, mask, quality, age, whole=False)


@dataclass(frozen=True, slots=True)
class Result:
    """What an aggregate came to, one entry a group; NaN where there is nothing to compute from."""

    values: Vector
    quality: Codes
    age: Vector
    whole: bool = False
    "Whether all entries are known and good."


def settle(draft: Draft, name: str, result: Result) -> None:
    """Write a point that only the gateway computes."""
    part = draft.layout.slices[name]
    quality = result.quality
    if result.whole:
        draft.flawless.add(name)
    else:
        unknown = np.isnan(result.values) & USABLE[quality]
        quality = np.where(unknown, np.uint8(Detail.NOT_AVAILABLE), quality)
        if not quality.any():
            draft.flawless.add(name)
    draft.values[part] = result.values
    draft.quality[part] = quality
    draft.age[part] = result.age
    draft.computed[part] = True


def reconcile(
    draft: Draft, name: str, result: Result, tolerance: float | Vector, *, trusts_report: bool,
    beyond: Callable[[Vector, Vector], Flags] = lambda computed, _: np.zeros(len(computed), np.bool_),
) -> Flags | None:  # fmt: skip
    """Write a point that the BMU may report too; gives where the computed value won, None: everywhere.

    `beyond` says where a computed value proves the reported one wrong even though it is incomplete.
    """
    if name not in draft.carried:
        settle(draft, name, result)
        return None
    part = draft.layout.slices[name]
    if result.whole and name in draft.flawless:
        wins = _both_good(draft, part, result, tolerance, trusts_report=trusts_report)
        if wins is not None:
            return wins
    codes, reported = draft.quality[part].copy(), draft.values[part].copy()
    absent, fine = np.isnan(result.values), USABLE[codes]
    complete = (result.quality == Detail.NONE) & ~absent
    wins = ~absent & (USABLE[result.quality] | np.isnan(reported))
    with np.errstate(invalid="ignore"):
        proves = beyond(result.values, reported) & ~absent & fine & USABLE[result.quality]
    wins &= ~(fine & (trusts_report | ~complete)) | proves
    silent = absent & (codes == Detail.NEVER_SEEN)
    inherits = wins | (silent & ~USABLE[result.quality])
    quality = np.where(inherits, result.quality, codes)
    quality[silent & USABLE[result.quality]] = Detail.NOT_AVAILABLE
    with np.errstate(invalid="ignore"):
        differ = np.abs(result.values - reported) > tolerance
    quality[fine & (complete | proves) & differ] = Detail.INCONSISTENT
    draft.values[part] = np.where(wins, result.values, reported)
    draft.quality[part] = quality
    draft.age[part] = np.where(wins, result.age, draft.age[part])
    draft.computed[part] |= wins
    draft.flawless.discard(name)
    if not quality.any():
        draft.flawless.add(name)
    return wins


def _both_good(
    draft: Draft, part: slice, result: Result, tolerance: float | Vector, *, trusts_report: bool
) -> Flags | None:
    """`reconcile` where all is known and good on both sides; None where they differ."""
    reported = draft.values[part]
    if (np.abs(result.values - reported) > tolerance).any():
        return None
    if trusts_report:
        return np.zeros(len(reported), np.bool_)
    draft.values[part], draft.age[part], draft.computed[part] = result.values, result.age, True
    return np.ones(len(reported), np.bool_)
