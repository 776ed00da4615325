"""Which currents are known: a silent rack's is where the bus proves it, none is where currents contradict (R21, R30, R42)."""

import dataclasses
import math

import pytest
from control.paper import SETTINGS, Paper

from gateway.control.current import known_currents
from gateway.control.facts import QUIET, Numbers
from gateway.control.interlock import BY_NAME
from gateway.control.state import Standing, fresh
from gateway.model.order import PcsReport

NAN = math.nan
SILENT = (NAN, 1.0, 1.0)
"Rack 1 tells nothing, the others are on the bus."


def known(
    currents: Numbers, connected: Numbers = SILENT, *, zero_since: float = 0.0, pcs: float = NAN,
    tripped: float | None = None, doubted: float = NAN,
) -> Numbers:  # fmt: skip
    """The currents at 100 s; `tripped`: the interlock of contradicting currents; `doubted`: what rack 1 tells of itself."""
    settings = dataclasses.replace(SETTINGS, rest=1.0)
    row = {(BY_NAME["bus_inconsistent"].number, 0): Standing(0.0, 40.0, tripped)}
    if not math.isnan(doubted):
        row[BY_NAME["rack_power_inconsistent"].number, 1] = Standing(0.0, 40.0, 5.0)
        currents = (doubted, *currents[1:])
    state = dataclasses.replace(fresh(len(currents), 0.0), zero_since=zero_since, chain=row)
    facts = dataclasses.replace(Paper(count=len(currents)).facts(), current=currents, connected=connected)  # fmt: skip
    plant = dataclasses.replace(QUIET, pcs=PcsReport(dc_current=pcs))
    return known_currents(state, facts, settings, plant, 100.0)


def test_a_contradiction_makes_all_unknown() -> None:
    """Once it acts; before that, and without it, what racks tell is known (R42)."""
    told = (1.0, 2.0, 3.0)

    assert known(told, (1.0, 1.0, 1.0)) == told
    assert all(map(math.isnan, known(told, (1.0, 1.0, 1.0), tripped=5.0)))


@pytest.mark.parametrize(
    ("others", "more", "proven"),
    [
        ((0.0, 0.0), {}, True), ((4.5, -4.5), {}, True), ((5.0, 0.0), {}, False), ((0.0, -5.0), {}, False),
        ((0.0, 0.0), {"zero_since": 99.0}, True), ((0.0, 0.0), {"zero_since": 99.5}, False),
        ((0.0, 0.0), {"zero_since": NAN}, False), ((0.0, 0.0), {"pcs": 4.5}, True),
        ((0.0, 0.0), {"pcs": 5.0}, False), ((0.0, 0.0), {"pcs": -5.0}, False), ((0.0, NAN), {}, False),
        ((80.0, 0.0), {"connected": (NAN, 0.0, 1.0)}, True), ((0.0, 0.0), {"connected": (NAN, 0.0, 0.0)}, False),
        ((0.0, 0.0), {"connected": (NAN, 0.0, NAN)}, False), ((0.0, 100.0), {"connected": (NAN, 1.0, NAN)}, False),
        ((0.0, 0.0), {"connected": (NAN, 1.0, NAN)}, True), ((0.0, 0.0), {"doubted": 5.0}, False), ((0.0, 0.0), {"doubted": 4.5}, True), ((0.0, NAN), {"connected": (NAN, 1.0, 0.0)}, True),
    ],
)  # fmt: skip
def test_a_silent_rack_carries_none_where_the_bus_proves_it(
    others: tuple[float, float], more: dict[str, object], *, proven: bool
) -> None:
    """All others on the bus tell of no current, power has been zero for its time, the PCS does not say otherwise (R21)."""
    currents = known((NAN, *others), **more)  # type: ignore[arg-type] # by name

    assert currents[0] == 0.0 if proven else math.isnan(currents[0])
    assert currents[1:] == pytest.approx(others, nan_ok=True)


def test_a_silent_rack_that_is_off_needs_no_proof() -> None:
    """Its current stays unknown, and matters to nobody."""
    assert math.isnan(known((NAN, 0.0, 0.0), (0.0, 1.0, 1.0))[0])
