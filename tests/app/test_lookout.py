"""When a PCS is told at once, and when with its next poll (R22); what is told of buses."""

from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.app.lookout import Lookout, Urgency
from gateway.links.can_link import CanLink
from gateway.model.event import Event
from gateway.model.order import PcsOrder

from closed import loaded


def told(*orders: PcsOrder) -> list[bool]:
    """Whether each of them is told at once."""
    urgency = Urgency()
    return [urgency.is_due(order) for order in orders]


def ordered(power: float = 100e3, current: float = 100.0, *, run: bool = True) -> PcsOrder:
    """An order of one cycle."""
    return PcsOrder(0.0, power, run=run, stop=not run, discharge_current=current)


@pytest.mark.parametrize(
    ("after", "at_once"),
    [
        (ordered(), False),
        (ordered(power=99.6e3), False),
        (ordered(power=99.4e3), True),
        (ordered(power=-100e3), True),
        (ordered(power=200e3, current=200.0), False),
        (ordered(current=99.6), False),
        (ordered(current=99.4), True),
        (ordered(run=False), True),
    ],
)
def test_less_than_before_is_told_at_once(after: PcsOrder, *, at_once: bool) -> None:
    """The first order, a fall of more than 0.5 %, another direction, a stop; rises wait."""
    assert told(ordered(), after) == [True, at_once]


def test_a_slow_slide_is_told_every_half_per_cent() -> None:
    """0.2 A less each cycle: no single fall counts, together they do."""
    slide = [ordered(current=100.0 - 0.2 * cycle) for cycle in range(7)]
    assert told(*slide) == [True, False, False, True, False, False, True]


def test_a_fall_after_a_rise_counts_from_the_top() -> None:
    """What was let rise meanwhile may have been told with a poll."""
    assert told(ordered(), ordered(power=110e3), ordered(power=109e3)) == [True, False, True]


def test_a_bus_is_told_lost_and_back(tmp_path: Path) -> None:
    """Once each, with the driver's word; one that is being opened for the first time is neither."""
    site = loaded(tmp_path)
    gateway, told = Gateway(site), list[Event]()
    link = CanLink(site.buses["can0"], gateway.receive)
    lookout = Lookout(gateway, [link], [], told.append)
    for up, error in ((False, ""), (True, ""), (True, ""), (False, "no such device"), (False, "no such device"), (True, "no such device")):  # fmt: skip
        link.state.up, link.state.last_error = up, error
        lookout.look(0.0)

    assert [str(event) for event in told] == [
        "bus can0 (no such device) is lost", "bus can0 is back",
    ]  # fmt: skip
