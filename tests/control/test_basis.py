"""Which racks the state of charge counts, and that a change of it is told (R43)."""

import dataclasses
import math

import pytest
from control.paper import SETTINGS, Paper
from model.fleet import Fleet, told

from gateway.control.basis import counted
from gateway.control.facts import Basis, facts_of
from gateway.control.state import Mode, fresh
from gateway.model.event import Event
from gateway.model.pack import Topology
from gateway.model.quality import Detail

NAN = math.nan
ALL = Basis((1, 2, 3), is_connected=True)
RACKS = Topology(3)


def fleet(socs: list[float], contactors: list[float], *more: str) -> Fleet:
    """Three racks that tell their state of charge and their contactors."""
    racks = Fleet(RACKS, "rack_soc", "rack_contactor_positive", *more)
    racks.set("rack_soc", socs)
    racks.set("rack_contactor_positive", contactors)
    racks.hear(0.0)
    return racks


@pytest.mark.parametrize(
    ("socs", "contactors", "expected"),
    [
        ([50, 60, 70], [1, 1, 1], (1, 2, 3)),
        ([50, 60, 70], [1, 0, 1], (1, 3)),
        ([50, NAN, 70], [1, 1, 0], (1,)),
        ([50, 60, 70], [1, NAN, 0], (1,)),
        ([NAN, 60, 70], [1, 0, 0], ()),
    ],
)
def test_connected_racks_count_that_tell_their_state_of_charge(
    socs: list[float], contactors: list[float], expected: tuple[int, ...]
) -> None:
    """And no others, as the mean itself is made (R43)."""
    now = fleet(socs, contactors).at(0.1)
    counts = [soc for number, soc in enumerate(socs, 1) if number in expected]

    assert facts_of(now, SETTINGS).basis == Basis(expected, is_connected=True)
    assert told(now, "soc")[0] == pytest.approx(
        sum(counts) / len(counts) if counts else NAN, nan_ok=True
    )


def test_all_count_while_none_is_connected() -> None:
    """A basis of its own, though the same racks count (R43)."""
    apart = facts_of(fleet([50, 60, NAN], [0, 0, 0]).at(0.1), SETTINGS).basis

    assert apart == Basis((1, 2), is_connected=False)
    assert apart != Basis((1, 2), is_connected=True)


def test_what_a_bmu_says_of_the_whole_has_no_basis() -> None:
    """Nor has a state of charge that nobody tells."""
    racks = Fleet(RACKS, "rack_soc", "soc")
    racks.set("soc", 50)
    racks.hear(0.0)

    assert facts_of(racks.at(0.1), SETTINGS).basis is None
    assert facts_of(Fleet(RACKS, "rack_voltage").at(0.1), SETTINGS).basis is None


def test_a_rack_that_falls_silent_does_not_count() -> None:
    """Its last number is old (R43)."""
    racks = fleet([50, 60, 70], [1, 1, 1])
    racks.hear(5.0, 1, 3)

    assert facts_of(racks.at(5.1), SETTINGS).basis == Basis((1, 3), is_connected=True)
    racks.set("rack_soc", 60, Detail.OUT_OF_RANGE)
    assert facts_of(racks.at(5.1), SETTINGS).basis == Basis((), is_connected=True)


def changes(*bases: Basis | None) -> list[Event]:
    """What is told while the basis goes through these."""
    paper = Paper().connected()
    paper.basis = bases[0]
    paper.run(0.1)
    paper.events.clear()
    for basis in bases[1:]:
        paper.basis = basis
        paper.run(1)
    return paper.told("soc_basis")


def test_a_change_of_basis_is_told_once() -> None:
    """With the number of racks that count (R43)."""
    two, none = Basis((1, 3), is_connected=True), Basis((1, 2, 3), is_connected=False)
    events = changes(ALL, two, ALL, none)

    assert [(event.value, event.detail) for event in events] == [
        (2, "connected"), (3, "connected"), (3, "none is connected"),
    ]  # fmt: skip
    assert str(events[0]) == "the state of charge counts 2 racks"
    assert changes(ALL, Basis((1, 2), is_connected=True), Basis((1, 3), is_connected=True))[1:]


def test_what_is_found_first_is_no_change() -> None:
    """Racks that are heard one after the other at a start, or a basis that comes late (R14, R43)."""
    state = fresh(3, 0.0)
    for number in (1, 2, 3):
        facts = dataclasses.replace(Paper().facts(), basis=Basis((number,), is_connected=False))
        state, events = counted(state, facts, 0.1 * number)
        assert events == ()
    ready = dataclasses.replace(fresh(3, 0.0), mode=Mode.READY)

    assert counted(ready, facts, 1.0)[1] == ()
    assert changes(None, ALL) == []
    assert changes(ALL, None, ALL) == []
