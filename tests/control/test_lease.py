"""Who commands: leases, heartbeats, the local key (R6-R8, R10, R36)."""

import dataclasses

import pytest
from control.paper import CHIEF, CYCLE, EMS, PANEL, SCADA, SETTINGS, Paper

from gateway.control.limit import Limiter
from gateway.control.state import Mode, Phase
from gateway.model.command import Origin, Reason, Role


def test_one_master_has_the_lease() -> None:
    """A second one of no higher priority is refused, and told who has it (R7, CMD-03)."""
    paper = Paper().adopted()
    first = paper.write("lease", 60, EMS)
    second = paper.write("lease", 60, SCADA).refusal

    assert first.refusal is None
    assert second is not None
    assert (second.reason, second.detail) == (Reason.LOCKED_BY_OTHER, "ems")
    assert paper.state.lease is not None
    assert paper.state.lease.owner == EMS


def test_an_equal_has_no_priority() -> None:
    """Only a higher priority takes over (R7)."""
    paper = Paper().adopted()
    paper.write("lease", 60, EMS)

    assert paper.write("lease", 60, Origin("twin", Role.OPERATOR, priority=1)).refusal is not None


def test_a_master_is_an_identity_not_a_socket() -> None:
    """The lease is the configured master's, through whichever connection it writes (R6)."""
    paper = Paper().adopted()
    paper.write("lease", 60, EMS)
    same = dataclasses.replace(EMS)

    assert paper.write("lease", 60, same).refusal is None
    assert paper.operate("connect", same).refusal is None


def test_a_lease_ends_to_the_cycle() -> None:
    """With no heartbeat to renew it, it is over when its term is (R7)."""
    paper = Paper().adopted()
    paper.write("lease", 3)

    assert paper.takes(lambda paper: paper.state.lease is None) == pytest.approx(3, abs=CYCLE / 2)
    assert [event.origin for event in paper.told("lease_ended")] == ["ems"]


def test_a_heartbeat_renews_the_lease_and_never_shortens_it() -> None:
    """Each change of the holder's heartbeat gives it its whole term again (R7, R8)."""
    paper = Paper().adopted()
    paper.write("lease", 3)
    paper.run(2)
    paper.beat()
    assert paper.state.lease is not None
    assert paper.state.lease.until == pytest.approx(paper.now + 3)
    paper.run(2)
    paper.write("ems_heartbeat", paper.beats)
    assert paper.takes(lambda paper: paper.state.lease is None) == pytest.approx(1, abs=CYCLE / 2)


@pytest.mark.parametrize("how", ["taken", "given back", "over", "key"])
def test_nothing_of_an_owner_outlives_its_lease(how: str) -> None:
    """Run, setpoints, enables and selects end with it, and do not come alive under the next owner (R7, R9)."""
    paper = Paper().running(200e3)
    paper.write("reactive_setpoint", 10e3)
    paper.write("charge_current_cap", 55)
    paper.write("select", 2101)
    paper.watts_asked = None
    if how == "taken":
        paper.write("lease", 60, CHIEF)
    elif how == "given back":
        paper.write("lease", 0)
    elif how == "key":
        paper.write("local_key", 1, PANEL)
    else:
        paper.beating = None
        paper.write("lease", 0.5)
        paper.takes(lambda paper: paper.state.lease is None)
        paper.write("lease", 60, SCADA)
    paper.beating = None

    assert set(paper.state.setpoints) == {"charge_current_cap"}
    assert paper.state.selection is None
    assert not paper.state.wants_run
    paper.run(0.04)
    assert paper.power == 0
    assert paper.mode is Mode.READY
    owner = {"taken": CHIEF, "given back": SCADA, "key": PANEL, "over": SCADA}[how]
    paper.write("lease", 60, owner)
    paper.run(3)
    assert paper.power == 0
    assert paper.mode is Mode.READY
    assert not paper.allowed.is_open
    assert paper.phases == {Phase.CLOSED}


def test_a_setpoint_written_before_the_lease_is_not_the_new_owners() -> None:
    """What somebody without a lease wrote is held, and stays so when another takes the lease (R4, R7)."""
    paper = Paper().connected()
    paper.write("lease", 0)
    paper.write("power_setpoint", 100e3, SCADA)
    paper.write("lease", 60, SCADA)
    paper.write("charge_enable", 1, SCADA)
    paper.write("discharge_enable", 1, SCADA)
    paper.write("mode_request", 4, SCADA)
    paper.run(1)

    assert paper.mode is Mode.RUN
    assert (paper.power, paper.bound_by) == (0, Limiter.EXPIRED)


def test_a_lease_that_is_renewed_takes_nothing_away() -> None:
    """The same master writes its lease again: run and setpoints stay."""
    paper = Paper().running(200e3)
    paper.write("lease", 60)
    paper.run(1)

    assert paper.power == 200e3
    assert paper.told("lease_ended") == []


def test_a_lease_is_given_back_by_its_owner_alone() -> None:
    """Nobody else can end it by giving it back (R7)."""
    paper = Paper().adopted()
    nobody = paper.write("lease", 0).refusal
    paper.write("lease", 60)
    other = paper.write("lease", 0, SCADA).refusal

    assert nobody is not None
    assert nobody.reason is Reason.POSITION_REACHED
    assert other is not None
    assert other.reason is Reason.LOCKED_BY_OTHER
    assert paper.write("lease", 0).refusal is None


def test_only_a_change_of_the_holders_heartbeat_counts() -> None:
    """The same number is no life, nor is another master's, nor the first one seen (R8, R15)."""
    paper = Paper().adopted()
    paper.write("lease", 60)
    begun = paper.now
    paper.run(1)
    paper.write("ems_heartbeat", 5)
    paper.write("ems_heartbeat", 6, SCADA)
    assert paper.state.heartbeat.changed == begun
    paper.write("ems_heartbeat", 5)
    assert paper.state.heartbeat.changed == begun
    paper.write("ems_heartbeat", 6)
    assert paper.state.heartbeat.changed == paper.now


def test_a_lost_ems_is_warned_of_and_ramps_to_zero() -> None:
    """3 s warn, 5 s ramp to zero within 2 s, run ends, racks stay closed (R10, CMD-04)."""
    paper = Paper().running(300e3)
    paper.settings = dataclasses.replace(SETTINGS, setpoint_life=60)
    paper.beat()
    paper.beating, begun = None, paper.now
    late = paper.takes(lambda paper: bool(paper.told("ems_late")))
    lost = paper.takes(lambda paper: bool(paper.told("ems_lost")))
    first = paper.power
    slope = first - paper.step().state.power.applied
    paper.takes(lambda paper: paper.power == 0)
    zero = paper.now - begun

    assert late == pytest.approx(3, abs=CYCLE / 2)
    assert late + lost == pytest.approx(5, abs=CYCLE / 2)
    assert slope == pytest.approx(1000e3 / 2 * CYCLE)
    assert zero == pytest.approx(5 + 2 * 0.3, abs=2 * CYCLE)
    assert paper.mode is Mode.READY
    paper.run(300)
    assert paper.phases == {Phase.CLOSED}


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_run_comes_back_by_itself_only_as_often_as_allowed(allowed: int) -> None:
    """Off by default and counted when on; a new request of run begins the count again (R10)."""
    paper = Paper(settings=dataclasses.replace(SETTINGS, restarts=allowed)).running()
    seen = []
    for _ in range(3):
        paper.beating = None
        paper.run(8)
        seen.append(paper.mode)
        paper.beating = EMS
        paper.run(2)
        seen.append(paper.mode)

    backs = [Mode.RUN] * allowed + [Mode.READY] * (3 - allowed)
    assert seen == [mode for back in backs for mode in (Mode.READY, back)]
    paper.write("mode_request", 3)
    paper.write("mode_request", 4)
    assert paper.step().state.restarts == 0


@pytest.mark.parametrize("what", ["ready", "stop", "trip", "disconnect", "never"])
def test_run_comes_back_only_where_the_loss_alone_took_it(what: str) -> None:
    """Whoever stopped it while the EMS was away, or if it never ran: it does not start by itself (R10)."""
    settings = dataclasses.replace(SETTINGS, restarts=9)
    paper = Paper(settings=settings)
    paper = paper.connected() if what == "never" else paper.running()
    paper.beating = None
    paper.run(8)
    if what == "ready":
        paper.write("mode_request", 3, SCADA)
    elif what in {"stop", "trip", "disconnect"}:
        paper.write({"stop": "software_stop"}.get(what, what), 1, SCADA)
    paper.beating = EMS
    paper.run(5)

    assert paper.mode is not Mode.RUN
    assert not paper.state.wants_run


def test_to_take_the_lease_is_no_sign_of_life() -> None:
    """A loss stays until a heartbeat of the new owner changes; run does not come back with it (R8, R10)."""
    paper = Paper(settings=dataclasses.replace(SETTINGS, restarts=9)).running()
    paper.beating = None
    paper.run(8)
    paper.write("lease", 60, CHIEF)
    paper.run(1)
    assert ("ems_lost", 0) in paper.tripped
    paper.write("ems_heartbeat", 1, CHIEF)
    paper.run(1)
    assert ("ems_lost", 0) in paper.tripped
    paper.write("ems_heartbeat", 2, CHIEF)
    paper.run(0.04)
    assert ("ems_lost", 0) not in paper.tripped
    assert paper.mode is Mode.READY


@pytest.mark.parametrize("after", [5.0, 60.0])
def test_an_ems_that_stays_away_opens_the_racks_where_the_site_says(after: float) -> None:
    """Off by default; when on, after its time, at low current, once (R10)."""
    paper = Paper(settings=dataclasses.replace(SETTINGS, open_after_loss=after)).running()
    paper.beating = None
    paper.beat()
    took = paper.takes(lambda paper: Phase.OPENING in paper.phases)
    paper.run(2)

    assert took == pytest.approx(after, abs=CYCLE / 2)
    assert paper.phases == {Phase.OPEN}


def test_an_ems_that_stays_away_opens_nothing_under_load() -> None:
    """The current does not fall: TIMEOUT, closed, and not tried again (R10, R30)."""
    paper = Paper(settings=dataclasses.replace(SETTINGS, open_after_loss=60.0)).running()
    paper.beating = None
    for rack in paper.racks:
        rack.current = 80.0
    paper.takes(lambda paper: Phase.UNLOADING in paper.phases)

    assert paper.takes(lambda paper: Phase.CLOSED in paper.phases) == pytest.approx(30, abs=CYCLE)
    paper.run(60)
    assert paper.phases == {Phase.CLOSED}
    assert len(paper.told("open_timeout")) == 3


def test_the_local_key_beats_remote_masters() -> None:
    """Turned, every unsafe command from afar is refused with 2; reads and the safe way stay (R7, R36, CMD-05)."""
    paper = Paper().running(100e3)
    turned = paper.write("local_key", 1, EMS).refusal
    paper.write("local_key", 1, PANEL)
    paper.watts_asked = None
    held = paper.write("power_setpoint", 100e3).verdicts[0]

    assert turned is not None
    assert turned.reason is Reason.SWITCHING_HIERARCHY
    assert (held.accepted, held.reason) == (True, Reason.SWITCHING_HIERARCHY)
    for name, value in (("lease", 60), ("mode_request", 4), ("alarm_reset", 1), ("connect", 1)):
        paper.write(name, 0)
        refusal = paper.write(name, value, CHIEF).refusal
        assert refusal is not None
        assert refusal.reason is Reason.SWITCHING_HIERARCHY
    assert paper.write("lease", 60, PANEL).refusal is None
    assert paper.write("local_key", 0, PANEL).refusal is None
    assert paper.write("lease", 60, CHIEF).refusal is None


def test_somebody_local_takes_over_whatever_the_priority() -> None:
    """Local beats remote (R7)."""
    paper = Paper().adopted()
    paper.write("lease", 60, CHIEF)

    assert paper.write("lease", 60, PANEL).refusal is None
    assert paper.write("lease", 60, CHIEF).refusal is not None, "and never back"
    assert [(event.kind.name, event.origin) for event in paper.events][-3:-1] == [
        ("lease_ended", "chief"), ("lease_granted", "panel"),
    ]  # fmt: skip
