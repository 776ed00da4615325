"""The life of alarms, by the states of ISA-18.2: told, acknowledged, returned, shelved, suppressed, in a flood (R39)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from gateway.control import annunciator
from gateway.control.alarms import ALARMS, BY_NAME, FIRST_WARNING, Key, Priority, Tuning, tuned
from gateway.control.annunciator import FLOOD, FLOOD_TIME, NO_ALARMS, Annunciator, Life
from gateway.control.interlock import INTERLOCKS, Effect
from gateway.model.alarm import CAUSES
from gateway.model.event import Event

WARNING = BY_NAME["bmu_warning_cell_overvoltage"]
LOW: Key = (WARNING.number, 2)
BUS = (BY_NAME["bus_silent"].number, 0)
NEVER = BY_NAME["never_heard"]
OFF = WARNING.delay_off


@dataclass
class Panel:
    """A container's alarms, and a clock."""

    kinds: dict[int, object] = field(default_factory=lambda: dict(ALARMS))
    state: Annunciator = NO_ALARMS
    now: float = 0.0
    told: list[Event] = field(default_factory=list)

    def see(self, *causes: Key, after: float = 0.125, doubtful: Iterable[Key] = ()) -> None:
        """A cycle, so much later, with these causes there."""
        self.now += after
        self.state, events = annunciator.advance(
            self.state, dict.fromkeys(causes, 1.0), frozenset(doubtful), self.kinds, self.now  # type: ignore[arg-type] # of kinds
        )  # fmt: skip
        self.told += events

    @property
    def lives(self) -> dict[Key, Life]:
        """Where each alarm is that is shown."""
        return {line.key: line.life for line in annunciator.listed(self.state, self.kinds)}  # type: ignore[arg-type] # as above

    @property
    def floods(self) -> bool:
        """Whether there are too many."""
        return self.state.is_flood

    def acknowledge(self) -> None:
        """All of them."""
        chosen = annunciator.unknown(self.state)
        self.state = annunciator.known(self.state, chosen, "operator")

    @property
    def names(self) -> list[str]:
        """What was told."""
        return [event.kind.name for event in self.told]


def test_seen_first_and_gone_then() -> None:
    """Unacknowledged, acknowledged, no alarm any more."""
    panel = Panel()
    panel.see(LOW)
    assert panel.lives == {LOW: Life.UNACKNOWLEDGED}
    panel.acknowledge()
    assert panel.lives == {LOW: Life.ACKNOWLEDGED}
    panel.see()
    panel.see(after=OFF)

    assert panel.lives == {}
    assert panel.state.alarms == {}
    assert panel.names == ["alarm", "alarm_gone"]


def test_gone_first_and_seen_then() -> None:
    """It has returned, and waits for somebody who says that he knows."""
    panel = Panel()
    panel.see(LOW)
    panel.see()
    panel.see(after=OFF)
    assert panel.lives == {LOW: Life.RETURNED}
    panel.acknowledge()

    assert panel.lives == {}
    assert panel.state.alarms == {}


def test_one_that_comes_again_is_unacknowledged_again() -> None:
    """And counted, as long as something of it was left."""
    panel = Panel()
    panel.see(LOW)
    panel.see()
    panel.see(after=OFF)
    panel.see(LOW)
    assert panel.lives == {LOW: Life.UNACKNOWLEDGED}
    assert panel.state.alarms[LOW].count == 2
    panel.acknowledge()
    panel.see()
    panel.see(after=OFF)
    panel.see(LOW)
    assert panel.lives == {LOW: Life.UNACKNOWLEDGED}
    assert panel.state.alarms[LOW].count == 1


def test_one_that_flickers_is_one() -> None:
    """It is gone once its cause has been away for its time, and not before."""
    panel = Panel()
    for _ in range(100):
        panel.see(LOW)
        panel.see()
        panel.see(after=OFF - 0.125)
    assert panel.names == ["alarm"]
    panel.see(after=0.125)
    assert panel.names == ["alarm", "alarm_gone"]


def test_what_cannot_be_read_neither_comes_nor_goes() -> None:
    """A BMU that does not tell has taken nothing back."""
    panel = Panel()
    panel.see(doubtful=[LOW])
    assert panel.lives == {}
    panel.see(LOW)
    panel.see(after=100, doubtful=[LOW])
    assert panel.lives == {LOW: Life.UNACKNOWLEDGED}
    panel.see(after=100)
    panel.see(after=OFF)
    assert panel.lives == {LOW: Life.RETURNED}


def test_delays_of_a_site() -> None:
    """It comes after its cause has been there for so long, exactly."""
    panel = Panel(
        dict(tuned((Tuning(WARNING.name, delay_on=3.0, delay_off=1.0, priority=Priority.HIGH),)))
    )
    panel.see(LOW)
    panel.see(LOW, after=2.5)
    assert panel.lives == {}
    panel.see(LOW, after=0.5)
    assert panel.lives == {LOW: Life.UNACKNOWLEDGED}
    panel.see()
    panel.see(after=1.0)
    assert panel.lives == {LOW: Life.RETURNED}


def test_shelved_until_its_time_is_over() -> None:
    """Then it is told, and shown where it is by then."""
    panel = Panel()
    panel.see(LOW)
    panel.state = annunciator.shelved(panel.state, LOW, panel.now + 60, "operator")
    assert panel.lives == {LOW: Life.SHELVED}
    panel.see(LOW, after=59.5)
    assert panel.lives == {LOW: Life.SHELVED}
    panel.see(LOW, after=0.5)
    assert panel.lives == {LOW: Life.UNACKNOWLEDGED}
    assert panel.names == ["alarm", "alarm_unshelved"]


def test_what_is_shelved_and_gone_is_on_the_shelf_still() -> None:
    """So that it does not come back as news before its time."""
    panel = Panel()
    panel.see(LOW)
    panel.acknowledge()
    panel.state = annunciator.shelved(panel.state, LOW, panel.now + 60, "operator")
    panel.see()
    panel.see(after=OFF)
    assert panel.lives == {LOW: Life.SHELVED}
    panel.see(LOW)
    assert panel.lives == {LOW: Life.SHELVED}
    panel.see(after=1)
    panel.see(after=60)
    assert panel.lives == {LOW: Life.RETURNED}


def test_what_a_silent_bus_explains_is_suppressed() -> None:
    """As long as that alarm is there; then each is what it was."""
    panel = Panel()
    racks = [(NEVER.number, rack) for rack in (1, 2, 3)]
    panel.see(BUS, *racks)
    assert panel.lives == {}
    panel.see(BUS, *racks, after=NEVER.delay_on)
    assert panel.lives == {BUS: Life.UNACKNOWLEDGED, **dict.fromkeys(racks, Life.SUPPRESSED)}
    panel.see(*racks)
    assert {panel.lives[key] for key in racks} == {Life.UNACKNOWLEDGED}


def test_a_flood() -> None:
    """The eleventh in ten minutes is one; low ones are listed then, and no event each; others are."""
    panel = Panel()
    keys = [(FIRST_WARNING + bit, 1) for bit in range(FLOOD + 5)]
    for number in range(FLOOD):
        panel.see(*keys[: number + 1])
    assert not panel.floods
    panel.see(*keys[: FLOOD + 1])
    assert panel.names[-2:] == ["alarm", "alarm_flood"]
    panel.see(*keys)
    assert panel.names[-1] == "alarm_flood"
    assert panel.state.untold == 4
    assert len(panel.lives) == FLOOD + 5
    panel.see(*keys, after=FLOOD_TIME)

    assert panel.names[-1] == "alarm_flood_over"
    assert panel.told[-1].value == 4


def test_the_list_begins_with_what_nobody_has_seen() -> None:
    """Then by priority, the newest first."""
    panel = Panel()
    urgent, high = (BY_NAME["bmu_trip_fire"].number, 0), (BY_NAME["pcs_lost"].number, 0)
    panel.see(LOW)
    panel.see(LOW, high)
    panel.see(LOW, high, after=5)
    panel.acknowledge()
    panel.see(LOW, high, urgent)
    other = (FIRST_WARNING + 1, 1)
    panel.see(LOW, high, urgent, other)

    assert list(panel.lives) == [urgent, other, high, LOW]


@pytest.mark.parametrize("row", INTERLOCKS, ids=lambda row: row.name)
def test_what_opens_racks_is_never_shelved(row: object) -> None:
    """Nor what a BMU trips for; and it is urgent."""
    (found,) = (one for one in INTERLOCKS if one is row)
    kind = ALARMS[found.number]
    opens = bool(found.effects & Effect.OPEN)

    assert kind.can_be_shelved is not (opens or found.number <= 32)
    assert (kind.priority is Priority.URGENT) is opens


def test_numbers_are_those_of_interlocks_and_of_bits() -> None:
    """Both are published, so these never move either."""
    expected = {row.number: row.name for row in INTERLOCKS}
    expected |= {201 + cause.bit: f"bmu_warning_{cause.name}" for cause in CAUSES}

    assert {number: kind.name for number, kind in ALARMS.items()} == expected
