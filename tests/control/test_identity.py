"""A rack whose serial number changes is another rack until somebody confirms it (R31)."""

import json
import math

import pytest
from control.paper import SETTINGS, Paper

from gateway.control.facts import Plant
from gateway.control.identity import noted
from gateway.control.memory import kept, restored
from gateway.control.state import Mode, Phase
from gateway.model.command import Reason, Stage

ROW = "rack_identity_changed"


def swapped(serial: float = 8.0, rack: int = 1) -> Paper:
    """Three racks, connected; one of them tells another serial number."""
    paper = Paper().connected()
    paper.racks[rack - 1].serial = serial
    paper.step()
    return paper


def test_the_first_serial_number_is_remembered() -> None:
    """Nothing stands against a rack that tells who it is for the first time, however late."""
    paper = Paper()
    paper.racks[0].serial = math.nan
    paper.adopted().run(1)
    before = paper.state.racks[0].identity.serial
    paper.racks[0].serial = 5.0
    paper.run(1)

    assert math.isnan(before)
    assert noted(paper.state, paper.facts(), paper.plant) is paper.state, "nothing new"
    assert [rack.identity.serial for rack in paper.state.racks] == [5.0, 7.0, 7.0]
    assert paper.tripped == set()


def test_a_swapped_rack_does_not_close_until_confirmed() -> None:
    """It latches, is refused by name, and closes after the reset (R31)."""
    paper = Paper().connected()
    paper.write("rack_disconnect", 1, rack=2)
    paper.takes(lambda paper: paper.state.racks[1].phase is Phase.OPEN)
    paper.racks[1].serial = 8.0
    paper.step()
    tripped, refusal = paper.tripped, paper.operate("rack_connect", rack=2).refusal
    paper.write("alarm_reset", 1)
    paper.run(0.1)
    result, serial = paper.result.stage, paper.state.racks[1].identity.serial
    paper.run(5)
    admission = paper.operate("rack_connect", rack=2)
    paper.takes(lambda paper: paper.state.racks[1].phase is Phase.CLOSED)

    assert tripped == {(ROW, 2)}
    assert refusal is not None
    assert (refusal.reason, refusal.detail) == (Reason.BLOCKED_BY_INTERLOCKING, ROW)
    assert result is Stage.OK
    assert serial == 8.0
    assert admission.refusal is None
    assert paper.tripped == set()


def test_a_closed_rack_stays_closed() -> None:
    """Power flows on: the row blocks closing and nothing else (R31)."""
    paper = Paper().running(200e3)
    paper.racks[0].serial = 8.0
    paper.run(30)

    assert paper.tripped == {(ROW, 1)}
    assert paper.phases == {Phase.CLOSED}
    assert (paper.power, paper.mode) == (200e3, Mode.RUN)
    assert paper.state.first_out is not None
    assert (paper.state.first_out.rack, paper.state.first_out.value) == (1, 8.0)


@pytest.mark.parametrize("serial", [7.0, math.nan])
def test_it_stands_though_the_old_number_comes_back(serial: float) -> None:
    """Or none is told any more: the latch waits for a person (R24)."""
    paper = swapped()
    paper.racks[0].serial = serial
    paper.run(5)

    assert paper.tripped == {(ROW, 1)}


def test_a_reset_confirms_nobody_who_is_not_heard() -> None:
    """A rack that is silent then stays who it was; if another one speaks later, that is a change again."""
    paper = swapped()
    paper.racks[0].serial = math.nan
    paper.step()
    paper.write("alarm_reset", 1)
    paper.run(3)
    cleared, known = paper.tripped, paper.state.racks[0].identity.serial
    paper.racks[0].serial = 8.0
    paper.step()

    assert cleared == set()
    assert known == 7.0
    assert paper.tripped == {(ROW, 1)}


def test_a_reset_confirms_only_what_stands() -> None:
    """A change that comes in the same moment has not been looked at: it trips after the reset."""
    paper = swapped()
    paper.racks[1].serial = 9.0
    paper.write("alarm_reset", 1)
    paper.run(3)

    assert paper.tripped == {(ROW, 2)}
    assert [rack.identity.serial for rack in paper.state.racks] == [8.0, 7.0, 7.0]


def test_a_refused_reset_confirms_nothing() -> None:
    """Another latch whose cause is still there refuses the reset, and the rack stays unconfirmed."""
    paper = swapped()
    paper.report("insulation_low")
    paper.step()
    refusal = paper.write("alarm_reset", 1).refusal
    paper.run(1)

    assert refusal is not None
    assert refusal.detail == "insulation_low"
    assert paper.state.racks[0].identity.serial == 7.0
    assert (ROW, 1) in paper.tripped


def test_identities_survive_a_restart() -> None:
    """A rack that is swapped while the gateway is off is found at the start; so is a latch (R15)."""
    paper = Paper().connected().restarted()
    paper.racks[2].serial = 8.0
    paper.run(6)
    found = paper.tripped
    paper.restarted().run(6)

    assert found == paper.tripped == {(ROW, 3)}
    assert paper.phases == {Phase.CLOSED}
    assert [rack.identity.serial for rack in paper.state.racks] == [7.0, 7.0, 7.0]


@pytest.mark.parametrize("part", ["firmware", "modules"])
def test_firmware_and_count_of_modules_are_part_of_it(part: str) -> None:
    """Each is remembered from when it is first told, and a change stands until it is confirmed (R31)."""
    paper = Paper().connected()
    setattr(paper.racks[1], part, 3.0)
    paper.step()
    before = paper.tripped
    setattr(paper.racks[1], part, 4.0)
    paper.run(0.1)
    first_out, tripped = paper.state.first_out, paper.tripped
    paper.write("alarm_reset", 1)
    paper.run(3)

    assert before == ({(ROW, 2)} if part == "firmware" else set()), (
        "the first that is told is no change"
    )
    assert tripped == {(ROW, 2)}
    assert first_out is not None
    assert first_out.value == (3.0 if part == "firmware" else 4.0)
    assert paper.tripped == set()
    assert getattr(paper.state.racks[1].identity, part) == 4.0
    assert paper.state.racks[1].identity.serial == 7.0


def test_a_memory_of_another_form_is_not_believed() -> None:
    """Power waits until a person has looked (R15)."""
    paper = Paper().connected()
    memory = json.loads(kept(paper.state, paper.now))
    state = restored(json.dumps(memory), 3, SETTINGS, 0.0)
    del memory["identities"]

    assert [rack.identity for rack in state.racks] == [
        pytest.approx((7.0, 2.0, math.nan), nan_ok=True)
    ] * 3
    assert restored(json.dumps(memory), 3, SETTINGS, 0.0).forgot


def test_what_is_replayed_is_not_remembered() -> None:
    """The racks of a recording are not those of the plant (R35)."""
    paper = Paper()
    paper.plant = Plant(is_live=False)
    paper.run(1)

    assert all(math.isnan(rack.identity.serial) for rack in paper.state.racks)
