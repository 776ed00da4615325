"""The life of commands: each accepted one has one result, and its end is final (R2, DESIGN 6)."""

import dataclasses
import math

import pytest
from control.paper import CYCLE, EMS, PANEL, SCADA, Paper

from gateway.control.interlock import BY_NAME
from gateway.control.state import Phase
from gateway.model.command import Reason, Stage

FINAL = {Stage.OK, Stage.NOK, Stage.TIMEOUT, Stage.REFUSED, Stage.ABORTED}


def test_a_connect_is_admitted_released_and_seen_done() -> None:
    """With its times, and an event for each change."""
    paper = Paper().adopted()
    paper.write("lease", 3600)
    paper.operate("connect")
    stages = [paper.result.stage]
    while paper.result.stage not in FINAL:
        paper.step()
        if paper.result.stage is not stages[-1]:
            stages.append(paper.result.stage)

    assert stages == [Stage.ADMITTED, Stage.RELEASED, Stage.OK]
    assert paper.result.at == paper.now
    assert [event.detail for event in paper.told("result")] == ["released", "ok"]
    assert (paper.result.origin, paper.result.number, paper.result.value) == ("ems", 20, 1)


def test_a_result_says_what_had_tripped_first() -> None:
    """A trip aborts a connect; the number stays when the row is long gone (DESIGN 6)."""
    paper = Paper().adopted()
    paper.write("lease", 3600)
    paper.operate("connect")
    before = paper.result.first_out
    paper.report("bmu_trip_fire")
    paper.run(0.1)
    aborted = paper.result
    refused = paper.operate("connect")
    paper.clear("bmu_trip_fire")
    paper.write("alarm_reset", 1)
    paper.run(3)

    fire = BY_NAME["bmu_trip_fire"].number
    assert before == 0
    assert (aborted.stage, aborted.first_out) == (Stage.ABORTED, fire)
    assert refused.refusal is not None
    assert [item.first_out for item in paper.state.results[:3]] == [0, fire, fire]


@pytest.mark.parametrize(
    "name", ["enable", "rack_enable", "trip_release", "clock", "lease", "select"]
)
def test_what_waits_for_nothing_is_done_at_once(name: str) -> None:
    """OK with its admission, or refused."""
    paper = Paper().adopted()
    paper.write("lease", 60)
    paper.write(name, 2001 if name == "select" else 5, rack=int(name.startswith("rack")))

    assert paper.result.stage in FINAL
    assert not paper.state.pending


def test_a_command_that_is_given_again_ends_the_one_before() -> None:
    """Racks carry current, so a disconnect waits: its time counts from its release; the second takes its place."""
    paper = Paper().connected()
    for rack in paper.racks:
        rack.current = 50.0
    paper.write("disconnect", paper.next_value("disconnect", EMS))
    paper.run(0.1)
    released = paper.result
    paper.run(1)
    assert paper.result == released
    paper.report("bmu_trip_soc_low", 1)
    paper.run(0.1)
    paper.write("disconnect", paper.next_value("disconnect", EMS))

    first = next(item for item in paper.state.results if item.sequence == released.sequence)
    assert (first.stage, first.reason) == (Stage.ABORTED, Reason.ABORTED_BY_CANCEL)
    assert (released.first_out, first.first_out) == (0, BY_NAME["bmu_trip_soc_low"].number)
    assert (first.detail, first.at) == ("given again", paper.now)


def test_sequence_numbers_count_and_wrap() -> None:
    """1 to 65535: 0 is nothing yet."""
    paper = Paper().adopted()
    paper.write("lease", 60)
    for number in range(1, 4):
        paper.write("trip_release", number)
    assert [item.sequence for item in paper.state.results] == [4, 3, 2, 1]
    paper.state = dataclasses.replace(paper.state, sequence=65534)
    for number in range(1, 4):
        paper.write("trip_release", number + 100)
    assert [item.sequence for item in paper.state.results] == [2, 1, 65535, 4]


def test_four_results_are_kept_and_those_in_execution() -> None:
    """Refusals do not push out what is not final (DESIGN 6)."""
    paper = Paper().connected()
    for rack in paper.racks:
        rack.current = 50.0
    for place in (1, 2, 3):
        paper.write("rack_disconnect", 1, rack=place)
    for number in range(1, 9):
        paper.write("trip_release", number)
    kept = [item.number for item in paper.state.results]
    paper.racks[1].current = 0.0
    paper.run(2)
    left = [item.rack for item in paper.state.results if item.number == 23]
    paper.run(40)
    ends = [event.detail for event in paper.told("result") if event.row == "rack_disconnect"]

    assert kept == [32, 32, 32, 32, 23, 23, 23]
    assert left == [3, 1]
    assert ends[-3:] == [
        "ok",
        *["timeout, rack 3 carries current", "timeout, rack 1 carries current"],
    ]
    assert len(paper.state.results) == 4
    assert not paper.state.pending


def test_a_contrary_command_aborts() -> None:
    """Disconnect while connecting: ABORTED by cancel; the disconnect is done (DESIGN 6)."""
    paper = Paper().adopted()
    paper.write("lease", 3600)
    paper.operate("connect")
    paper.run(0.7)
    paper.write("disconnect", 1, SCADA)
    paper.run(3)
    results = {item.number: item for item in paper.state.results}

    assert (results[20].stage, results[20].reason) == (Stage.ABORTED, Reason.ABORTED_BY_CANCEL)
    assert results[21].stage is Stage.OK
    assert paper.phases == {Phase.OPEN}


@pytest.mark.parametrize("row", ["bmu_alarm_door", "bmu_trip_door", "bmu_trip_fire"])
def test_an_interlock_aborts_a_connect(row: str) -> None:
    """TRIPPED, and the row is named."""
    paper = Paper(count=1).adopted()
    paper.write("lease", 3600)
    paper.operate("connect")
    paper.run(0.2)
    paper.report(row)
    paper.run(0.1)

    assert (paper.result.stage, paper.result.reason) == (Stage.ABORTED, Reason.TRIPPED)
    assert paper.result.detail == row


def test_a_disconnect_of_open_racks_is_done() -> None:
    """There is nothing to wait for."""
    paper = Paper().adopted()
    paper.write("disconnect", 1)

    assert paper.result.stage is Stage.OK
    paper.write("rack_disconnect", 1, rack=1)
    paper.step()
    assert paper.result.stage is Stage.OK


def test_a_disconnect_names_who_is_stuck_only_when_all_others_are_open() -> None:
    """One rack carries current, the others open: TIMEOUT with its number (R30)."""
    paper = Paper().connected()
    paper.racks[1].current = 50.0
    paper.write("disconnect", 1)
    paper.run(20)
    early = paper.result.stage
    paper.run(11)

    assert early is Stage.RELEASED
    assert (paper.result.stage, paper.result.detail) == (Stage.TIMEOUT, "rack 2 carries current")


def test_a_connect_is_done_when_the_last_has_closed() -> None:
    """Not before, and NOK names those that could not (R29)."""
    paper = Paper().adopted()
    paper.racks[2].stuck = True
    paper.write("lease", 3600)
    paper.beating = EMS
    paper.operate("connect")
    took = paper.takes(lambda paper: paper.result.stage in FINAL)

    assert (paper.result.stage, paper.result.detail) == (Stage.NOK, "rack 3")
    assert took > 36
    assert [rack.phase for rack in paper.state.racks[:2]] == [Phase.CLOSED] * 2


def test_a_reset_that_is_asked_again_counts_anew() -> None:
    """The second one has its whole time, both have a result (R24)."""
    paper = Paper().running()
    paper.report("bmu_trip_soc_low", 1)
    paper.run(0.1)
    paper.write("alarm_reset", 1)
    paper.run(1.5)
    paper.write("alarm_reset", 2)
    until = paper.state.reset_until
    paper.run(2.1)

    assert until == pytest.approx(paper.now - 0.1, abs=CYCLE)
    assert [item.stage for item in paper.state.results[:2]] == [Stage.NOK, Stage.ABORTED]


def test_the_clock_is_an_order_to_bmus() -> None:
    """Seconds since 1970, once asked; nothing before (R40)."""
    paper = Paper().connected()
    before = paper.step().orders.value("clock")
    paper.write("lease", 0)
    paper.write("lease", 60, PANEL)
    admission = paper.write("clock", 1_790_000_000, PANEL)

    assert math.isnan(before)
    assert admission.refusal is None
    assert paper.step().orders.value("clock") == 1_790_000_000


def test_all_racks_are_left_out_and_taken_in_again() -> None:
    """Disabled, they leave and connect is refused, whoever asks; enabled, they may come (R1, R2)."""
    paper = Paper().connected()
    paper.write("disable", 1, SCADA)
    paper.takes(lambda paper: paper.result.stage in FINAL)
    left = (paper.result.number, paper.result.stage)
    refused = paper.operate("connect").refusal
    paper.write("enable", 1)
    again = paper.operate("connect").refusal

    assert left == (27, Stage.OK)
    assert paper.told("rack_disconnected")
    assert refused is not None
    assert refused.reason is Reason.INVALID_POSITION
    assert again is None
