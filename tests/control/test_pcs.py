"""What the PCS is told, and what is made of what it tells (R8, R11, R12, R21, R42)."""

import dataclasses

import pytest
from control.paper import CYCLE, SETTINGS, Paper

from gateway.control.limit import Limiter
from gateway.control.settings import PcsPath
from gateway.control.state import Phase, Wait
from gateway.model.command import Reason
from gateway.model.order import PcsOrder

DRIVES = dataclasses.replace(SETTINGS, path=PcsPath.WE_DRIVE)


def driving(watts: float | None = 100e3) -> Paper:
    """A container that drives a PCS which answers."""
    paper = Paper(settings=DRIVES)
    paper.keeps_pcs = True
    return paper.running(watts)


def order(paper: Paper) -> PcsOrder:
    """What the PCS is told."""
    assert paper.outcome is not None
    return paper.outcome.pcs


def test_the_pcs_is_told_power_and_limits() -> None:
    """In run: run, P and Q, and the DC currents allowed (R12)."""
    paper = driving(100e3)
    paper.write("reactive_setpoint", 5e3)
    paper.step()
    told = order(paper)

    assert told == PcsOrder(paper.now, 100e3, 5e3, True, False, False, True, 300, 300)  # noqa: FBT003 - as it is declared


@pytest.mark.parametrize("path", [path for path in PcsPath if path is not PcsPath.WE_DRIVE])
def test_only_who_drives_tells_the_pcs(path: PcsPath) -> None:
    """On other paths nothing is written to it, and only a PCS that polls gets power from us (R11)."""
    paper = Paper(settings=dataclasses.replace(SETTINGS, path=path)).running()
    paper.write("power_setpoint", 50e3)
    paper.run(1)

    assert (order(paper).run, order(paper).access, order(paper).power) == (False, False, 0)
    polls = path is PcsPath.POLLS_US
    assert paper.power == (50e3 if polls else 0)
    assert paper.bound_by is (Limiter.NOTHING if polls else Limiter.NO_PATH)
    assert path.carries_power is polls


def test_a_pcs_is_never_kept_alive_for_a_dead_ems() -> None:
    """Ramp to zero, 1 s of zero, then no access at all, until the EMS is back (R12)."""
    paper = driving(100e3)
    paper.settings = dataclasses.replace(DRIVES, setpoint_life=60)
    paper.beat()
    paper.beating = paper.watts_asked = None
    lost = paper.takes(lambda paper: paper.state.heartbeat.is_lost)
    zero = paper.takes(lambda paper: order(paper).power == 0)
    told = (order(paper).run, order(paper).access)
    alone = paper.takes(lambda paper: not order(paper).access)
    paper.keeps_pcs = False
    paper.run(30)
    silent = ("pcs_lost", 0) in paper.tripped
    paper.beats += 5
    paper.write("ems_heartbeat", paper.beats)
    paper.step()

    assert lost == pytest.approx(5, abs=CYCLE)
    assert zero == pytest.approx(0.2, abs=2 * CYCLE)
    assert told == (False, True)
    assert alone == pytest.approx(1, abs=CYCLE)
    assert not silent, "we have left it alone: its silence is no fault"
    assert order(paper).access


def test_power_goes_on_while_it_ramps_down() -> None:
    """The PCS runs until zero is reached, though run is over (R10, R12)."""
    paper = driving(300e3)
    paper.settings = dataclasses.replace(DRIVES, setpoint_life=60)
    paper.beat()
    paper.beating = paper.watts_asked = None
    paper.takes(lambda paper: paper.mode.name == "READY")
    paper.step()

    assert order(paper).run
    assert 0 < order(paper).power < 300e3


@pytest.mark.parametrize("change", ["trip", "disconnect", "mode"])
def test_the_pcs_stops_with_what_it_runs_for(change: str) -> None:
    """A stop effect, no rack on the bus, no run: power 0, stop (R12)."""
    paper = driving(100e3)
    if change == "mode":
        paper.write("mode_request", 3)
    else:
        paper.write(change, 1)
    paper.step()

    assert (order(paper).run, order(paper).stop, order(paper).power) == (False, True, 0)
    assert order(paper).access


def test_a_pcs_that_does_not_answer_stops_power() -> None:
    """2 s; when it is back, power rises again from zero (R21)."""
    paper = driving(100e3)
    paper.keeps_pcs = False
    paper.pcs()
    took = paper.takes(lambda paper: paper.power == 0)
    paper.keeps_pcs = True
    paper.step()

    assert took == pytest.approx(2, abs=2 * CYCLE)
    assert ("pcs_lost", 0) not in paper.tripped
    assert 0 < paper.power < 100e3


def test_racks_do_not_close_onto_a_running_pcs() -> None:
    """The first rack: refused while it runs (CMD-02); once one is on the bus, others may join."""
    paper = Paper(settings=DRIVES)
    paper.keeps_pcs = True
    paper.adopted().write("lease", 60)
    paper.pcs(is_running=True)
    paper.step()
    refusal = paper.operate("connect").refusal
    paper.racks[0].connected = 1.0
    paper.state = dataclasses.replace(
        paper.state,
        racks=(
            dataclasses.replace(paper.state.racks[0], phase=Phase.CLOSED, is_wanted=True),
            *paper.state.racks[1:],
        ),
    )
    paper.step()

    assert refusal is not None
    assert (refusal.reason, refusal.detail) == (Reason.BLOCKED_BY_PROCESS, "pcs_running")
    assert paper.operate("rack_connect", rack=2).refusal is None


@pytest.mark.parametrize(
    ("racks", "pcs", "contradicts"),
    [
        (0.0, 29.9, False), (0.0, 30.1, True), (100.0, 329.0, False), (100.0, 331.0, True),
        (-100.0, -269.0, True), (-100.0, -271.0, False), (200.0, 659.0, False),
        (200.0, 541.0, False), (200.0, 661.0, True), (100.0, float("nan"), False),
    ],
)  # fmt: skip
def test_currents_are_compared(racks: float, pcs: float, *, contradicts: bool) -> None:
    """The racks' sum against the PCS's: 30 A or a tenth apart, for 5 s (R42)."""
    paper = driving()
    for rack in paper.racks:
        rack.current = racks
    paper.pcs(dc_current=pcs)
    paper.run(4.9)
    early = paper.tripped
    paper.run(0.2)

    assert early == set()
    assert paper.tripped == ({("bus_inconsistent", 0)} if contradicts else set())


def test_a_contradicted_current_is_unknown() -> None:
    """And unknown counts as high: nothing opens at low current, nobody joins (R30, R42)."""
    paper = driving(None)
    paper.write("rack_disconnect", 1, rack=3)
    paper.run(2)
    paper.pcs(dc_current=100.0)
    paper.run(5.2)
    paper.write("rack_disconnect", 1, rack=1)
    paper.run(1)

    assert paper.phases == {Phase.UNLOADING, Phase.CLOSED, Phase.OPEN}
    assert paper.state.racks[2].wait is Wait.NOTHING
    assert paper.state.rest_since != paper.state.rest_since
    paper.pcs(dc_current=0.0)
    paper.run(61)
    assert paper.phases >= {Phase.CLOSED, Phase.OPEN}, "that command has timed out"
    paper.write("rack_disconnect", 2, rack=1)
    paper.run(1)
    assert paper.state.racks[0].phase is Phase.OPEN


@pytest.mark.parametrize(("amperes", "opens"), [(4.9, True), (5.1, False)])
def test_the_pcs_has_a_say_in_whether_a_silent_rack_is_idle(amperes: float, *, opens: bool) -> None:
    """What the PCS draws while all others are idle comes from the silent one (R21, R30)."""
    paper = driving(None)
    paper.pcs(dc_current=amperes)
    paper.racks[0].silent = True
    paper.run(11)

    assert (paper.state.racks[0].phase is Phase.OPENING) is opens


def test_our_heartbeat_counts_seconds_of_cycles() -> None:
    """From the start, wrapping below the pattern for no value; a stalled cycle leaves old orders (R8)."""
    paper = Paper().adopted()
    paper.history.clear()
    paper.run(3)
    beats = [orders.value("heartbeat") for orders in paper.history]
    paper.now += 65535

    assert beats == sorted(beats)
    assert beats[-1] - beats[0] == pytest.approx(3, abs=1)
    assert paper.step().orders.value("heartbeat") < 65535


def test_a_reset_takes_the_pcs_s_fault_back() -> None:
    """While a reset is passed on the PCS is told so too, also where nothing of ours is latched (R12, R24)."""
    paper = driving(None)
    paper.keeps_pcs = False
    paper.pcs(has_fault=True)
    paper.run(0.1)
    assert not order(paper).reset

    assert paper.write("alarm_reset", 1).refusal is None
    paper.step()
    assert order(paper).reset
    paper.pcs(has_fault=False)
    paper.run(SETTINGS.reset_time + 0.1)
    assert not order(paper).reset
    assert paper.write("alarm_reset", 2).refusal is not None
