"""One whole cycle on an exact state: modes at once, what asks for run, when the PCS is left alone (R3, R10, R12, R14)."""

import dataclasses

import pytest
from control.paper import EMS, SETTINGS, Paper

from gateway.control.cycle import step
from gateway.control.facts import Facts
from gateway.control.interlock import BY_NAME
from gateway.control.settings import PcsPath
from gateway.control.state import Heartbeat, Lease, Mode, Phase, Rack, Standing, State, fresh

NOW = 100.0


def told(*connected: float) -> Facts:
    """Racks that tell no more than whether they are on the bus."""
    return dataclasses.replace(Paper(count=len(connected)).facts(), connected=connected)


def after(of: State, *connected: float) -> State:
    """The state a cycle later."""
    return step(of, told(*connected), SETTINGS, NOW).state


def state(*phases: Phase, mode: Mode, **fields: object) -> State:
    """Racks in some phases, a mode, the last cycle 20 ms ago."""
    racks = tuple(Rack(phase, is_wanted=phase is Phase.CLOSED) for phase in phases)
    return dataclasses.replace(fresh(len(phases), 0.0), racks=racks, mode=mode, stepped=NOW - 0.02, **fields)  # type: ignore[arg-type] # fmt: skip # its own


@pytest.mark.parametrize(
    ("connected", "mode"),
    [((1.0, 0.0), Mode.READY), ((0.0, 0.0), Mode.STANDBY), ((1.0, float("nan")), Mode.ADOPT)],
)
def test_what_is_found_decides_the_first_mode(connected: tuple[float, ...], mode: Mode) -> None:
    """At once where all is known: ready with a closed rack, standby without (R14)."""
    begun = dataclasses.replace(fresh(2, NOW - 0.02))
    assert after(begun, *connected).mode is mode


def test_what_asks_for_run_and_does_not_get_it_asks_no_more() -> None:
    """In ready without a lease, in fault, in standby; what would come back by itself is kept in ready alone (R3, R10)."""
    latched = {(BY_NAME["bmu_trip_door"].number, 0): Standing(0.0, 1.0, tripped=0.0)}
    lost = Heartbeat(value=1, changed=NOW - 9, is_late=True, is_lost=True)

    assert not after(state(Phase.CLOSED, mode=Mode.READY, wants_run=True), 1.0).wants_run
    assert not after(state(Phase.OPEN, mode=Mode.STANDBY, resumes=True), 0.0).resumes
    assert not after(state(Phase.CLOSED, mode=Mode.READY, resumes=True, chain=latched), 1.0).resumes
    assert after(state(Phase.CLOSED, mode=Mode.READY, resumes=True, heartbeat=lost), 1.0).resumes
    granted = state(Phase.CLOSED, mode=Mode.READY, wants_run=True, lease=Lease(EMS, 60.0, NOW + 9))
    assert (after(granted, 1.0).mode, after(granted, 1.0).wants_run) == (Mode.RUN, True)


@pytest.mark.parametrize(("zero_since", "alone"), [(99.5, False), (99.0, True), (50.0, True)])
def test_the_pcs_is_left_alone_after_a_second_of_zero(zero_since: float, *, alone: bool) -> None:
    """That its own watchdog sees the loss; while the EMS lives it never is (R12)."""
    settings = dataclasses.replace(SETTINGS, path=PcsPath.WE_DRIVE)
    lost = Heartbeat(value=1, changed=NOW - 9, is_late=True, is_lost=True)
    of = state(Phase.CLOSED, mode=Mode.READY, heartbeat=lost, zero_since=zero_since)
    alive = dataclasses.replace(of, heartbeat=Heartbeat(value=1, changed=NOW))

    assert step(of, told(1.0), settings, NOW).state.left_alone is alone
    assert step(of, told(1.0), settings, NOW).pcs.access is not alone
    assert not step(alive, told(1.0), settings, NOW).state.left_alone


@pytest.mark.parametrize(("started", "adopted"), [(95.5, False), (95.0, True), (90.0, True)])
def test_a_rack_that_is_never_heard_is_declared_lost(started: float, *, adopted: bool) -> None:
    """After 5 s, to the moment (R14)."""
    after_wait = after(fresh(2, started), 0.0, float("nan"))
    assert (after_wait.mode is not Mode.ADOPT) is adopted


@pytest.mark.parametrize(("until", "stands"), [(99.5, True), (100.0, False), (101.0, False)])
def test_a_reset_works_to_its_last_moment(until: float, *, stands: bool) -> None:
    """On latches whose cause has gone; then nothing is reset any more (R24)."""
    latched = {(BY_NAME["bmu_trip_door"].number, 0): Standing(0.0, 1.0, tripped=0.0, gone=1.0)}
    of = state(Phase.OPEN, mode=Mode.FAULT, chain=latched, reset_until=until)

    assert bool(after(of, 0.0).chain) is stands
