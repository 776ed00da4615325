"""Containers of any size, and facts that are not numbers (R17, R19, R20)."""

import dataclasses
import math

import pytest
from control.paper import EMS, Paper
from control.paper_rack import PaperRack
from hypothesis import given
from hypothesis import strategies as st

from gateway.control.cycle import step
from gateway.control.facts import Facts
from gateway.control.state import Phase
from gateway.model.command import BY_NUMBER, SELECT_STEP


@pytest.mark.parametrize("count", [1, 2, 64])
def test_any_number_of_racks_goes_through_a_day(count: int) -> None:
    """Connect, run, power, stop, reset: one rack as well as 64."""
    paper = Paper(count=count).running(100e3)
    assert paper.phases == {Phase.CLOSED}
    paper.write("software_stop", 1)
    paper.run(1)
    assert paper.phases == {Phase.OPEN}
    paper.write("alarm_reset", 1)
    paper.run(0.1)
    assert paper.operate("rack_connect", EMS, count).refusal is None
    assert BY_NUMBER[paper.result.number].name == "rack_connect"
    assert paper.result.rack == count
    assert SELECT_STEP > 64


NUMBER = st.sampled_from([0.0, 1.0, -1.0, 1300.0, 1e9, math.nan, math.inf, -math.inf])


@given(st.data())
def test_no_fact_makes_power_of_nothing(data: st.DataObject) -> None:
    """NaN and infinities everywhere: outputs are finite, and unknown limits let nothing through (R19)."""
    paper = Paper(count=2).running(100e3)
    trio = st.tuples(NUMBER, NUMBER)
    facts = paper.facts()
    names = ("voltage", "current", "limits_age")
    changes: dict[str, object] = {name: data.draw(trio, name) for name in names}
    changes["connected"] = data.draw(st.tuples(*[st.sampled_from([0.0, 1.0, math.nan])] * 2))
    for name in ("charge_amperes", "discharge_amperes", "charge_watts", "discharge_watts"):
        changes[name] = data.draw(NUMBER, name)
    changes["bus_voltage"] = data.draw(NUMBER, "bus")
    facts: Facts = dataclasses.replace(facts, **changes)  # type: ignore[arg-type, no-redef] # its fields
    outcome = step(paper.state, facts, paper.settings, paper.now + 0.02, paper.plant)

    for side, amperes, watts in (
        (outcome.allowed.charge, facts.charge_amperes, facts.charge_watts),
        (outcome.allowed.discharge, facts.discharge_amperes, facts.discharge_watts),
    ):
        assert math.isfinite(side.watts)
        assert math.isfinite(side.amperes)
        assert side.watts >= 0
        assert side.amperes >= 0
        if (math.isnan(amperes) and math.isnan(watts)) or not facts.bus_voltage > 0:
            assert side.watts == side.amperes == 0
    assert math.isfinite(outcome.state.power.applied)
    assert all(math.isfinite(event.value) or math.isnan(event.value) for event in outcome.events)


def test_a_container_that_is_never_heard_waits() -> None:
    """Nothing is latched, nothing ordered, nothing allowed (R17)."""
    paper = Paper(racks=[PaperRack(heard=False) for _ in range(3)])
    paper.run(20)

    assert {name for name, _ in paper.tripped} == {"never_heard"}
    assert paper.state.first_out is None
    assert not paper.allowed.is_open
    assert all(math.isnan(paper.ordered(number)) for number in (1, 2, 3))
