"""A computed value meets a reported one: the short way, where all is known and good, comes to what the long one does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.contributor import Result, reconcile
from gateway.model.pack import Draft, Layout, Topology

RACKS = 4
NAME = "rack_voltage"
VOLTS = st.lists(st.sampled_from([700.0, 700.5, 701.0, 720.0]), min_size=RACKS, max_size=RACKS)


def draft(reported: list[float], *, is_known_good: bool) -> Draft:
    """Racks that report this, all of it good."""
    layout = Layout(Topology(RACKS))
    shape = layout.elements
    made = Draft(
        layout, 9.0, np.zeros(shape), np.zeros(shape, np.uint8), np.arange(shape, dtype=np.float64), np.zeros(shape, np.bool_),
        {NAME} if is_known_good else set(), frozenset({NAME}), np.zeros(RACKS, np.bool_), np.zeros(shape, np.bool_),
    )  # fmt: skip
    made.values[layout.slices[NAME]] = reported
    return made


@given(reported=VOLTS, computed=VOLTS, tolerance=st.sampled_from([0.1, 1.0, np.inf]))
@pytest.mark.parametrize("trusts_report", [False, True])
def test_both_ways_are_the_same(
    reported: list[float], computed: list[float], tolerance: float, *, trusts_report: bool
) -> None:
    """Whatever differs, and whoever is believed."""
    drafts = [draft(reported, is_known_good=known) for known in (True, False)]
    wins = [
        reconcile(one, NAME, Result(np.array(computed), np.zeros(RACKS, np.uint8), np.full(RACKS, 0.5), whole=True),
                  tolerance, trusts_report=trusts_report)
        for one in drafts
    ]  # fmt: skip
    short, long = drafts

    np.testing.assert_array_equal(wins[0], wins[1])
    for part in ("values", "quality", "age", "computed"):
        np.testing.assert_array_equal(getattr(short, part), getattr(long, part))
    assert short.flawless == long.flawless
