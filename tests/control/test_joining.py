"""Which rack joins next, and who waits for what (R20, R29)."""

import dataclasses

import pytest
from control.paper import CYCLE, EMS, SETTINGS, Paper
from control.paper_rack import PaperRack

from gateway.control.settings import Intent
from gateway.control.state import Phase, Wait
from gateway.model.command import Reason, Stage


def asked(*volts: float, **settings: object) -> Paper:
    """Racks at these voltages, all asked to connect."""
    paper = Paper(
        racks=[PaperRack(voltage=each) for each in volts],
        settings=dataclasses.replace(SETTINGS, **settings),  # type: ignore[arg-type] # its fields
    ).adopted()
    paper.write("lease", 3600)
    paper.beating = EMS
    paper.operate("connect")
    return paper


def order(paper: Paper) -> list[int]:
    """The racks in the order in which they were told to connect."""
    paper.run(5)
    return [event.rack for event in paper.told("rack_connecting")]


@pytest.mark.parametrize(
    ("intent", "expected"),
    [
        (Intent.CHARGE, [2, 4]),
        (Intent.DISCHARGE, [3]),
        (Intent.LARGEST_GROUP, [4, 5, 1]),
    ],
)
def test_the_first_rack_is_the_one_of_the_intent(intent: Intent, expected: list[int]) -> None:
    """Lowest to charge, highest to discharge, else the largest group within the window (R29)."""
    paper = asked(1300, 1280, 1320, 1290, 1299, intent=intent, join_window=10.0)

    assert order(paper) == expected


def test_of_equals_the_first_by_number_goes_first() -> None:
    """And one at a time: the next is told only when the one before has closed (R29)."""
    paper = asked(1300, 1300, 1300)
    while paper.phases != {Phase.CLOSED}:
        paper.step()
        assert sum(rack.phase is Phase.CLOSING for rack in paper.state.racks) <= 1

    assert [event.rack for event in paper.told("rack_connecting")] == [1, 2, 3]


def test_of_equals_the_first_by_number_discharges_first() -> None:
    """Whatever the intent (R29)."""
    assert order(asked(1300, 1300, 1300, intent=Intent.DISCHARGE)) == [1, 2, 3]


@pytest.mark.parametrize("volts", [0.0, -1.0, float("nan")])
def test_a_rack_without_a_voltage_waits(volts: float) -> None:
    """It says UNKNOWN, and the command ends NOK without an order (R29)."""
    paper = asked(volts)
    paper.run(0.1)

    assert (paper.result.stage, paper.result.detail) == (Stage.NOK, "rack 1")
    assert {orders.value("rack_connect", 1) for orders in paper.history} == {0.0}
    assert "unknown" in [event.detail for event in paper.told("rack_waiting")]


@pytest.mark.parametrize(("apart", "joins"), [(10.0, True), (10.1, False)])
def test_a_rack_outside_the_window_is_left_out(apart: float, *, joins: bool) -> None:
    """It says VOLTAGE while the others close; then the command ends NOK and names it (R29, CMD-12)."""
    paper = asked(1300, 1300, 1300 + apart)
    paper.run(0.3)
    wait = paper.state.racks[2].wait
    paper.run(5)
    result = next(item for item in paper.state.results if item.number == 20)

    assert [rack.phase is Phase.CLOSED for rack in paper.state.racks] == [True, True, joins]
    if joins:
        assert result.stage is Stage.OK
    else:
        assert wait in {Wait.VOLTAGE, Wait.TURN}
        assert (result.stage, result.detail) == (Stage.NOK, "rack 3")
        paper.racks[2].voltage = 1300
        paper.run(60)
        assert paper.state.racks[2].phase is Phase.OPEN, "nothing held fires later (R3)"


def test_a_rack_alone_is_refused_at_once_outside_the_window() -> None:
    """DV above the limit: refused, no order (CMD-02)."""
    paper = asked(1300, 1300, 1320)
    paper.run(5)
    refusal = paper.operate("rack_connect", rack=3).refusal

    assert refusal is not None
    assert (refusal.reason, refusal.detail) == (Reason.BLOCKED_BY_PROCESS, "voltage")


@pytest.mark.parametrize("volts", [float("nan"), 0.0])
def test_an_unknown_voltage_is_no_match(volts: float) -> None:
    """Neither the joining rack's, nor that of one on the bus (R29)."""
    paper = asked(1300, 1300)
    paper.takes(lambda paper: paper.phases == {Phase.CLOSED})
    paper.write("rack_disconnect", 1, rack=2)
    paper.takes(lambda paper: paper.state.racks[1].phase is Phase.OPEN)
    paper.racks[1].voltage = volts
    own = paper.operate("rack_connect", rack=2).refusal
    paper.racks[1].voltage, paper.racks[0].voltage = 1300, float("nan")
    paper.step()
    bus = paper.operate("rack_connect", rack=2).refusal

    for refusal in (own, bus):
        assert refusal is not None
        assert (refusal.reason, refusal.detail) == (Reason.BLOCKED_BY_PROCESS, "voltage")


def test_racks_join_at_rest() -> None:
    """Not before the current on the bus has been small for a time; the rack says REST (R29)."""
    paper = asked(1300, 1300, rest=1.0)
    paper.takes(lambda paper: paper.state.racks[0].phase is Phase.CLOSED)
    paper.racks[0].current = 5.0
    paper.run(3)
    waits = paper.state.racks[1].wait
    paper.racks[0].current = 4.9
    took = paper.takes(lambda paper: paper.state.racks[1].phase is Phase.CLOSING)

    assert waits is Wait.REST
    assert took == pytest.approx(1, abs=2 * CYCLE)


def test_a_bus_without_rest_ends_the_command() -> None:
    """Who waits for rest waits no longer than the command may take: TIMEOUT, and nothing later (R3, R29)."""
    paper = asked(1300, 1300)
    paper.takes(lambda paper: paper.state.racks[0].phase is Phase.CLOSED)
    paper.racks[0].current = 50.0
    took = paper.takes(lambda paper: paper.result.stage is Stage.TIMEOUT)
    paper.racks[0].current = 0.0
    paper.run(30)

    assert took == pytest.approx(30 + 2 * 3 * (10 + 3), abs=1)
    assert paper.result.detail == "rack 2"
    assert paper.state.racks[1].phase is Phase.OPEN


def test_a_rack_that_unloads_is_on_the_bus() -> None:
    """While its current has not fallen, nobody joins it (R29)."""
    paper = asked(1300, 1300)
    paper.takes(lambda paper: paper.phases == {Phase.CLOSED})
    paper.write("rack_disconnect", 1, rack=2)
    paper.takes(lambda paper: paper.state.racks[1].phase is Phase.OPEN)
    paper.racks[0].current = 50.0
    paper.write("rack_disconnect", 1, rack=1)
    paper.run(0.1)
    paper.operate("rack_connect", rack=2)
    paper.run(5)

    assert paper.state.racks[0].phase is Phase.UNLOADING
    assert (paper.state.racks[1].phase, paper.state.racks[1].wait) == (Phase.WAITING, Wait.REST)


def test_a_rack_that_may_be_on_the_bus_keeps_the_others_off() -> None:
    """Never heard and enabled, it counts as conducting at an unknown voltage; disabled, it is left out (R20)."""
    paper = Paper()
    paper.racks[2].heard = False
    paper.run(6)
    paper.write("lease", 3600)
    paper.beating = EMS
    paper.operate("connect")
    paper.run(5)
    phases, result = paper.phases, paper.result
    paper.write("rack_disable", 1, rack=3)
    paper.operate("connect")
    paper.run(5)

    assert Phase.CLOSED not in phases
    assert (result.stage, result.detail) == (Stage.NOK, "rack 1, 2")
    assert [rack.phase for rack in paper.state.racks[:2]] == [Phase.CLOSED] * 2
    assert paper.state.racks[2].phase is Phase.UNKNOWN


def test_a_second_connect_waits_for_the_first() -> None:
    """In execution: refused; on the bus already: refused as well (R2)."""
    paper = asked(1300, 1300)
    paper.run(0.1)
    again = paper.operate("connect").refusal
    paper.takes(lambda paper: paper.phases == {Phase.CLOSED})
    done = paper.operate("connect").refusal

    assert again is not None
    assert again.reason is Reason.IN_EXECUTION
    assert done is not None
    assert done.reason is Reason.POSITION_REACHED


@pytest.mark.parametrize(("between", "joins"), [(19.9, True), (20.1, False)])
def test_racks_may_exchange_current(between: float, *, joins: bool) -> None:
    """What flows between racks on a bus at rest keeps no other from joining, up to a bound (R29)."""
    paper = Paper(settings=dataclasses.replace(SETTINGS, rest=0.1, open_wait=3)).adopted()
    paper.write("lease", 3600)
    paper.beating = EMS
    paper.operate("connect")
    while paper.state.racks[1].phase is not Phase.CLOSED:
        paper.step()
    paper.racks[0].current, paper.racks[1].current = between, -between
    paper.run(2)

    assert (paper.state.racks[2].phase is Phase.CLOSED) is joins
    assert paper.state.racks[2].wait is (Wait.NOTHING if joins else Wait.REST)
