"""The direction of a command: what is safe needs only the role, what is not needs everything (R1-R5)."""

import math

import pytest
from control.paper import CHIEF, EMS, PANEL, SCADA, VIEWER, Paper

from gateway.control.state import Phase
from gateway.model.command import INSTRUCTIONS, Direction, Reason, Role, Stage

SAFE = ("disconnect", "rack_disconnect", "disable", "rack_disable", "trip", "software_stop")


@pytest.mark.parametrize("name", SAFE)
def test_the_safe_way_needs_only_the_role(name: str) -> None:
    """No lease, no select, no mode, no key: even while another commands and the key is local (R1)."""
    paper = Paper().running()
    assert paper.write("local_key", 1, PANEL).refusal is None

    assert paper.write(name, 1, SCADA, rack=1 if name.startswith("rack") else 0).refusal is None


@pytest.mark.parametrize("row", INSTRUCTIONS.values(), ids=lambda row: row.name)
def test_nothing_is_done_for_who_may_not(row: object) -> None:
    """Each row refuses a viewer, and leaves nothing but the result of a refusal (R1, CMD-14)."""
    paper = Paper().connected()
    instruction = next(item for item in INSTRUCTIONS.values() if item is row)
    before = paper.state
    admission = paper.write(instruction.name, 1, VIEWER, rack=1)

    assert admission.refusal is not None
    assert admission.refusal.reason is Reason.NO_AUTHORITY
    assert paper.result.stage is Stage.REFUSED
    assert paper.state.held == before.held
    assert paper.state.written == before.written
    assert paper.state.racks == before.racks


def test_each_role_may_exactly_what_its_rows_say() -> None:
    """A dispatcher may not connect, an operator may not set clocks (R1, R2)."""
    roles = {name: row.role for name, row in INSTRUCTIONS.items()}

    assert {name for name, role in roles.items() if role is Role.ENGINEER} == {"clock"}
    assert {name for name, role in roles.items() if role is Role.OPERATOR} == {
        "connect", "rack_connect", "enable", "rack_enable", "alarm_reset", "local_key",
        "alarm_acknowledge", "alarm_shelve", "alarm_unshelve",
    }  # fmt: skip
    assert Role.VIEWER not in roles.values()


UNSAFE = [row.name for row in INSTRUCTIONS.values() if row.direction is Direction.UNSAFE]


@pytest.mark.parametrize("name", [*UNSAFE, "mode_request"])
def test_the_unsafe_way_needs_a_lease(name: str) -> None:
    """Without one, refused for want of authority; while another has it, 27 (R2, CMD-03)."""
    value, rack = (4, 0) if name == "mode_request" else (1, int(name.startswith("rack")))
    role = PANEL if name == "clock" else SCADA
    paper = Paper().adopted()
    nobody = paper.write(name, value, role, rack=rack).refusal
    paper.write("lease", 60, EMS)
    other = paper.write(name, value + 1 if name != "mode_request" else 4, role, rack=rack)
    if name == "mode_request":
        paper.write(name, 3, role)
        other = paper.write(name, 4, role)

    assert nobody is not None
    assert (nobody.reason, nobody.detail) == (Reason.NO_AUTHORITY, "no lease")
    assert other.refusal is not None
    assert (other.refusal.reason, other.refusal.detail) == (Reason.LOCKED_BY_OTHER, "ems")


def test_a_held_value_acts_once() -> None:
    """A PLC that writes the same number in every scan commands once; another number is new (R3)."""
    paper = Paper().connected()
    first = paper.write("rack_disconnect", 7, rack=1)
    again = paper.write("rack_disconnect", 7, rack=1)
    other_master = paper.write("rack_disconnect", 7, SCADA, rack=1)

    assert first.verdicts[0].acts
    assert (again.verdicts[0].accepted, again.verdicts[0].acts) == (True, False)
    assert other_master.verdicts[0].acts
    assert not paper.write("rack_disconnect", 0, rack=1).verdicts[0].acts
    assert paper.write("rack_disconnect", 7, rack=1).verdicts[0].acts


def test_a_refused_value_does_not_fire_later() -> None:
    """What was refused is no edge any more: held on, it does nothing when the way is free (R3)."""
    paper = Paper().adopted()
    refused = paper.write("rack_enable", 5, EMS, rack=1)
    paper.write("lease", 60, EMS)
    held = paper.write("rack_enable", 5, EMS, rack=1)

    assert refused.refusal is not None
    assert held.refusal is None
    assert not held.verdicts[0].acts
    assert paper.state.written.get(("rack_enable", 1)) == 5


def test_what_was_refused_is_not_read_back() -> None:
    """A refused one-shot leaves nothing but its result (CMD-13)."""
    paper = Paper().adopted()
    paper.write("connect", 9, EMS)

    assert ("connect", 0) not in paper.state.written
    assert paper.result.stage is Stage.REFUSED


@pytest.mark.parametrize("stop", ["trip", "software_stop"])
@pytest.mark.parametrize("waited", [0.02, 0.3, 0.7, 1.2])
def test_a_trip_consumes_every_pending_close(stop: str, waited: float) -> None:
    """After a trip or stop, whenever it comes, no close order without a new command (R3)."""
    paper = Paper().adopted()
    paper.write("lease", 3600)
    paper.operate("connect")
    paper.run(waited)
    paper.write(stop, 1, SCADA)
    paper.run(0.02)
    closing = [rack.phase for rack in paper.state.racks]
    paper.write("trip_release", 1, SCADA)
    paper.takes(lambda paper: Phase.UNLOADING not in paper.phases, 2)
    paper.history.clear()
    paper.run(1)
    paper.write("alarm_reset", 1)
    paper.run(30)

    assert Phase.CLOSING not in closing
    assert Phase.WAITING not in closing
    assert all(
        orders.value("rack_connect", rack) == 0 for orders in paper.history for rack in (1, 2, 3)
    )
    assert paper.phases == {Phase.OPEN}
    connects = [item for item in paper.state.results if item.number == 20]
    assert [item.stage for item in connects] == [Stage.ABORTED]


def test_a_trip_of_one_rack_consumes_the_closes_of_all() -> None:
    """A latch that takes power away leaves nobody on the way to the bus (R3)."""
    paper = Paper().adopted()
    paper.write("lease", 3600)
    paper.operate("connect")
    paper.run(0.7)
    paper.report("bmu_trip_overtemperature", 3)
    paper.run(0.04)

    assert paper.state.racks[0].phase is Phase.CLOSED
    assert {rack.is_wanted for rack in paper.state.racks[1:]} == {False}
    paper.run(20)
    assert [rack.phase for rack in paper.state.racks] == [Phase.CLOSED, Phase.OPEN, Phase.OPEN]


def test_one_block_write_keeps_its_heartbeat() -> None:
    """Cyclic rows are accepted though they are not applied: the reason is told, the heartbeat counts (R4)."""
    paper = Paper().adopted()
    paper.write("lease", 60)
    rows = (("ems_heartbeat", 1, 0), ("power_setpoint", 50e3, 0), ("charge_enable", 1, 0))
    first = paper.block(EMS, *rows)
    paper.run(2)
    second = paper.block(EMS, ("ems_heartbeat", 2, 0), *rows[1:])
    other = paper.block(SCADA, ("ems_heartbeat", 3, 0), ("power_setpoint", 60e3, 0), rows[2])

    assert first.refusal is None
    assert second.refusal is None
    assert paper.state.heartbeat.changed == paper.now
    assert other.refusal is None
    assert [verdict.reason for verdict in other.verdicts] == [
        Reason.LOCKED_BY_OTHER, Reason.LOCKED_BY_OTHER, Reason.NONE,
    ]  # fmt: skip
    assert paper.state.heartbeat.value == 2
    assert paper.step().state.power.applied == 0


def test_a_refused_command_takes_its_block_with_it() -> None:
    """All commands of a write or none: what stood before the refused one is not done (R4)."""
    paper = Paper().adopted()
    admission = paper.block(SCADA, ("rack_disable", 1, 1), ("connect", 1, 0))

    assert admission.refusal is not None
    assert not admission.acts
    assert paper.state.racks[0].is_enabled
    assert ("scada", "rack_disable", 1) not in paper.state.held


@pytest.mark.parametrize("name", [row.name for row in INSTRUCTIONS.values() if not row.cyclic])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_one_shot_that_is_no_number_is_refused(name: str, value: float) -> None:
    """Whatever a face lets through: NaN and infinities do nothing."""
    paper = Paper().connected()
    before = paper.state
    admission = paper.write(name, value, PANEL, rack=int(name.startswith("rack")))

    assert admission.refusal is not None
    assert admission.refusal.reason is Reason.NOT_SUPPORTED
    assert paper.state.racks == before.racks
    assert paper.state.lease == before.lease


@pytest.mark.parametrize("key", [0, 1])
def test_a_release_needs_the_one_who_tripped_or_somebody_local(key: int) -> None:
    """Each master takes back its own trip; the trips of others stand (R1)."""
    paper = Paper().connected()
    paper.write("trip", 1, SCADA)
    paper.write("trip", 1, CHIEF)
    stranger = paper.write("trip_release", 1, EMS)
    own = paper.write("trip_release", 1, SCADA)
    left = paper.state.tripped_by
    last = paper.write("trip_release", 1, (CHIEF, PANEL)[key])

    assert stranger.refusal is not None
    assert (stranger.refusal.reason, stranger.refusal.detail) == (
        Reason.NO_AUTHORITY, "scada, chief",
    )  # fmt: skip
    assert own.refusal is None
    assert left == (CHIEF,)
    assert last.refusal is None
    nothing = paper.write("trip_release", 2, PANEL).refusal
    assert nothing is not None
    assert nothing.reason is Reason.POSITION_REACHED
